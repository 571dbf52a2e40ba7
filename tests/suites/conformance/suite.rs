use std::path::PathBuf;
use std::{env, fs};

use serde_json::Value;

use super::lists::List;

/// A recorded suite, and what the build said about its gateway.
pub(super) struct Suite {
    pub(super) name: String,
    pub(super) gateway: Value,
    pub(super) upstream: Value,
    pub(super) cases: Vec<Value>,
    /// The broker that the gateway and the cases use.
    pub(super) broker: Option<String>,
    /// What has to be in the broker before the gateway starts.
    pub(super) broker_setup: Value,
    /// The ports that stand for 18081 and those after it.
    pub(super) ports: [u16; 3],
    pub(super) left_out: Vec<LeftOut>,
    /// Names and values of `substitutions`.
    pub(super) products: Vec<(String, String)>,
    /// Features that endpoints need and that do not exist.
    pub(super) not_yet: List,
    /// Cases that do not pass.
    pub(super) gaps: List,
}

/// What the build did not take.
pub(super) struct LeftOut {
    /// Null for keys of the service.
    pub(super) endpoint: Value,
    pub(super) errors: Vec<(String, String)>,
}

pub(super) const NOT_YET: &str = "not-supported-yet";

impl Suite {
    pub(super) fn load(name: &str, ports: [u16; 3], left_out: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance").join(name);
        let read = |file: &str| -> Value {
            let mut text =
                fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
            if file == "upstream.json" {
                // A redirect may name another port of the upstream.
                for (recorded, port) in (18081..).zip(ports) {
                    text = text.replace(&format!("127.0.0.1:{recorded}/"), &format!("127.0.0.1:{port}/"));
                }
            }
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/{file}: {error}"))
        };
        let cases = read("cases.json");
        let left_out: Value = serde_json::from_str(left_out).expect("build.rs wrote it");
        Self {
            name: name.to_owned(),
            gateway: read("gateway.json"),
            upstream: read("upstream.json"),
            products: array(&cases["substitutions"])
                .iter()
                .map(|it| (text(&it["name"]).to_owned(), text(&it["value"]).to_owned()))
                .collect(),
            cases: array(&cases["cases"]).to_vec(),
            broker: cases["broker"].as_str().map(str::to_owned),
            broker_setup: cases["broker_setup"].clone(),
            ports,
            left_out: array(&left_out).iter().map(LeftOut::of).collect(),
            not_yet: List::load(&folder.join("not-yet.txt")),
            gaps: List::load(&folder.join("gaps.txt")),
        }
    }

    pub(super) fn endpoints(&self) -> &[Value] {
        array(&self.gateway["endpoints"])
    }

    /// The endpoint that a request is for, as the recorded config has it.
    pub(super) fn endpoint_of(&self, request: &Value) -> Option<&Value> {
        let method = request["method"].as_str().unwrap_or("GET");
        let path = text(&request["path"]).split(['?', '#']).next().unwrap_or_default().to_owned();
        let fits = |endpoint: &&Value| method_of(endpoint) == method && matches(text(&endpoint["endpoint"]), &path);
        // An endpoint without parameters is the better one.
        let mut fitting: Vec<_> = self.endpoints().iter().filter(fits).collect();
        fitting.sort_by_key(|endpoint| text(&endpoint["endpoint"]).matches('{').count());
        fitting.first().copied()
    }

    /// What the build said about an endpoint, when it did not take it.
    pub(super) fn refused(&self, endpoint: &Value) -> Option<&LeftOut> {
        self.left_out.iter().find(|it| same(&it.endpoint, endpoint))
    }

    /// The canned answer of a backend: the first route whose path and method fit.
    pub(super) fn route_of(&self, path: &str) -> Option<&Value> {
        array(&self.upstream["routes"]).iter().find(|route| text(&route["path"]) == path)
    }
}

impl LeftOut {
    fn of(value: &Value) -> Self {
        let errors = array(&value["errors"]).iter();
        let errors = errors.map(|it| (text(&it["code"]).to_owned(), text(&it["message"]).to_owned())).collect();
        Self { endpoint: value["endpoint"].clone(), errors }
    }

    /// The codes of what is wrong, other than that a feature is missing.
    pub(super) fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<_> = self.errors.iter().map(|(code, _)| &**code).filter(|code| *code != NOT_YET).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// The features that are missing.
    pub(super) fn features(&self) -> Vec<String> {
        let missing = self.errors.iter().filter(|(code, _)| code == NOT_YET);
        missing.map(|(_, message)| feature(message)).collect()
    }
}

/// `flatmap_filter of proxy`, from the message that says it.
fn feature(message: &str) -> String {
    let what = message.strip_suffix(" is not supported yet").unwrap_or(message);
    // What varies from place to place comes first.
    let what = what.split_once("}`, ").map_or(what, |(_, what)| what);
    what.trim_end_matches(',').replace('`', "")
}

fn same(one: &Value, other: &Value) -> bool {
    !one.is_null() && one["endpoint"] == other["endpoint"] && method_of(one) == method_of(other)
}

pub(super) fn method_of(endpoint: &Value) -> &str {
    endpoint["method"].as_str().unwrap_or("GET")
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => return true,
            (Some(pattern), Some(segment)) if pattern == segment || pattern.starts_with('{') => {}
            _ => return false,
        }
    }
}

pub(super) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], |array| array)
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
