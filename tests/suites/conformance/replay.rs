//! Runs the cases of a suite and gathers what is not as it should be.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sluicegate_runtime::description::Description;

use super::broker::{self, Broker};
use super::client::send;
use super::differences::{self, Context};
use super::observation::{Mismatch, compare, recorded, request, response};
use super::rules;
use super::suite::{Suite, array, text};
use super::upstream::Upstream;
use crate::support::{Running, eventually};

/// A case that waits for something is asked again when the machine was busy.
const ATTEMPTS: usize = 3;

/// What came of a suite.
pub(super) struct Report {
    name: String,
    cases: usize,
    as_recorded: usize,
    refused: usize,
    not_yet: usize,
    gaps: usize,
    /// Cases by the differences that were applied to them.
    different: BTreeMap<&'static str, usize>,
    pub(super) problems: Vec<String>,
}

/// A gateway with what is around it.
struct Stage<'a> {
    suite: &'a Suite,
    gateway: Running,
    upstream: Arc<Upstream>,
    broker: Option<Broker>,
}

enum Verdict {
    /// With the differences that were applied.
    Passed(Vec<&'static str>),
    Failed(Vec<String>),
    Refused,
    NotYet,
}

pub(super) async fn run(suite: &Suite, gateway: &'static Description) -> Report {
    let mut report = Report {
        name: suite.name.clone(),
        cases: 0,
        as_recorded: 0,
        refused: 0,
        not_yet: 0,
        gaps: 0,
        different: BTreeMap::new(),
        problems: rules::check(suite),
    };
    if !suite.broker.as_deref().is_none_or(broker::started) {
        return report;
    }
    let mut stage = Stage::set(suite, gateway).await;
    let wanted = |variable: &str| env::var(variable).ok().filter(|value| !value.is_empty());
    let (only, behaviour) = (wanted("CONFORMANCE_ONLY"), wanted("CONFORMANCE_BEHAVIOUR"));
    for case in &suite.cases {
        let id = text(&case["id"]);
        if only.as_deref().is_some_and(|only| !only.split(',').any(|wanted| wanted == id))
            || behaviour.as_deref().is_some_and(|behaviour| behaviour != text(&case["behaviour"]))
        {
            continue;
        }
        report.cases += 1;
        let mut verdict = stage.run_case(case).await;
        for _ in 1..ATTEMPTS {
            if matches!(verdict, Verdict::Failed(_)) && !suite.gaps.contains(id) && depends_on_time(case) {
                verdict = stage.run_case(case).await;
            }
        }
        report.note(suite, case, verdict);
    }
    stage.gateway.stop().await;
    report
}

fn depends_on_time(case: &Value) -> bool {
    case.get("settle_ms").is_some() || array(&case["steps"]).iter().any(|step| step.get("time_ms").is_some())
}

impl<'a> Stage<'a> {
    async fn set(suite: &'a Suite, gateway: &'static Description) -> Self {
        let upstream = Upstream::start(&suite.upstream, suite.ports);
        let broker = Broker::connect(suite).await;
        let gateway = Running::start(gateway);
        if let Some(broker) = &broker {
            eventually(async || gateway.get("/__ready").await.text().contains("\"connected\"")).await;
            broker.ready(suite).await;
        }
        Self { suite, gateway, upstream, broker }
    }

    async fn run_case(&mut self, case: &Value) -> Verdict {
        let suite = self.suite;
        self.upstream.take();
        if let Some(broker) = &mut self.broker {
            broker.drain(case).await;
        }
        let (mut applied, mut problems) = (Vec::new(), Vec::new());
        let (mut asked, mut refused, mut not_yet) = (0, 0, 0);
        // What a message is expected of.
        let mut request = &Value::Null;
        for (index, step) in array(&case["steps"]).iter().enumerate() {
            if let Some(wait) = step["sleep_ms"].as_u64() {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                continue;
            }
            if let Some(publish) = step.get("publish") {
                self.broker().publish(publish).await;
                continue;
            }
            request = step.get("request").unwrap_or(request);
            let endpoint = suite.endpoint_of(request);
            if let Some(left_out) = endpoint.and_then(|endpoint| suite.refused(endpoint)) {
                match left_out.codes().first() {
                    None => not_yet += 1,
                    Some(_) if endpoint.is_some_and(|endpoint| rules::explain(endpoint, left_out)) => refused += 1,
                    Some(code) => problems.push(format!("step {index}: the build refuses the endpoint: {code}")),
                }
                continue;
            }
            asked += 1;
            let mut found = match step.get("expect_message") {
                Some(expected) => json!({"message": self.broker().receive(expected).await.map(|it| it.seen())}),
                None => self.run_request(case, step).await,
            };
            recorded(&mut found, suite);
            let mut wanted = step["expect"].clone();
            let context = Context { suite, case, step, request, endpoint, found: &found };
            applied.extend(differences::apply(&context, &mut wanted));
            if case["upstream_ordered"] != true {
                for side in [&mut wanted, &mut found] {
                    if let Some(requests) = side["upstream"].as_array_mut() {
                        requests.sort_by_cached_key(sorted);
                    }
                }
            }
            let mut mismatches = Vec::new();
            compare(&wanted, &found, "", &mut mismatches);
            let ignored = array(&step["unstable"]).iter().chain(array(&step["soft"])).map(text);
            let ignored: Vec<_> = ignored.collect();
            let counts = |it: &&Mismatch| {
                !ignored.iter().any(|path| it.path == *path || it.path.starts_with(&format!("{path}/")))
            };
            problems.extend(mismatches.iter().filter(counts).map(|it| format!("step {index}: {it}")));
        }
        applied.sort_unstable();
        applied.dedup();
        match (problems.is_empty(), asked, refused, not_yet) {
            (false, ..) => Verdict::Failed(problems),
            (true, 0, _, 1..) => Verdict::NotYet,
            (true, 0, 1.., _) => Verdict::Refused,
            _ => Verdict::Passed(applied),
        }
    }

    fn broker(&mut self) -> &mut Broker {
        self.broker.as_mut().expect("a suite with messages names its broker")
    }

    async fn run_request(&self, case: &Value, step: &Value) -> Value {
        let times = step["repeat"].as_u64().unwrap_or(1);
        let (mut responses, mut took) = (Vec::new(), Vec::new());
        let mode = step["body"].as_str().or_else(|| case["body"].as_str());
        for _ in 0..times {
            let received = send(self.gateway.address, &step["request"]).await;
            took.push(received.took.as_millis());
            responses.push(response(&received, mode));
        }
        if let Some(settle) = step["settle_ms"].as_u64().or_else(|| case["settle_ms"].as_u64()) {
            tokio::time::sleep(Duration::from_millis(settle)).await;
        }
        let seen: Vec<_> = self.upstream.take().iter().map(|it| request(it, case["exact_query"] == true)).collect();
        let mut found = Map::new();
        if step["summary"] == true {
            found.insert("summary".to_owned(), summary(step, &responses, &seen));
        } else {
            match times {
                1 => found.insert("response".to_owned(), responses.remove(0)),
                _ => found.insert("responses".to_owned(), Value::from(responses)),
            };
            if case["no_upstream"] != true {
                found.insert("upstream".to_owned(), Value::from(seen));
            }
        }
        if let Some([least, most]) = step["time_ms"].as_array().map(|range| [&range[0], &range[1]]) {
            let bound = |value: &Value| u128::from(value.as_u64().unwrap_or_default());
            // How much longer it may take says nothing on a busy machine.
            let fits = |took: &&u128| (bound(least)..=bound(most) + 2000).contains(*took);
            let fits = took.iter().filter(fits).count() == took.len();
            found.insert("time_ok".to_owned(), if fits { json!(true) } else { json!(format!("{took:?} ms")) });
        }
        Value::Object(found)
    }
}

fn summary(step: &Value, responses: &[Value], seen: &[Value]) -> Value {
    let mut statuses = BTreeMap::new();
    for response in responses {
        *statuses.entry(response["status"].to_string()).or_insert(0) += 1;
    }
    let mut ports: Vec<_> = seen.iter().filter_map(|it| it["port"].as_u64()).collect();
    ports.sort_unstable();
    ports.dedup();
    let mut summary = json!({"statuses": statuses, "upstream_ports": ports, "upstream_calls": seen.len()});
    for name in array(&step["summary_ignore"]) {
        summary.as_object_mut().expect("an object").remove(text(name));
    }
    summary
}

/// The order of the recordings: that of `json.dumps(_, sort_keys=True)`.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            let members = members.iter().map(|(key, value)| format!("{}: {}", json!(key), sorted(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

impl Report {
    fn note(&mut self, suite: &Suite, case: &Value, verdict: Verdict) {
        let id = text(&case["id"]);
        match (verdict, suite.gaps.contains(id)) {
            (Verdict::Failed(_), true) => self.gaps += 1,
            (_, true) => self.problems.push(format!("{id}: passes, so it is no gap any more: take it out of gaps.txt")),
            (Verdict::Failed(problems), false) => {
                self.problems.push(format!("{id} [{}]:\n    {}", text(&case["behaviour"]), problems.join("\n    ")));
            }
            (Verdict::Passed(applied), false) if applied.is_empty() => self.as_recorded += 1,
            (Verdict::Passed(applied), false) => {
                for name in applied {
                    *self.different.entry(name).or_default() += 1;
                }
            }
            (Verdict::Refused, false) => self.refused += 1,
            (Verdict::NotYet, false) => self.not_yet += 1,
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
        write!(f, "{}: wanted {}, found {}", self.path, short(&self.wanted), short(&self.found))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, cases, as_recorded, refused, not_yet, gaps, .. } = self;
        write!(f, "{name}: {as_recorded} of {cases} as recorded")?;
        for (name, count) in &self.different {
            write!(f, ", {count} by \"{name}\"")?;
        }
        for (count, what) in [(refused, "refused by the build"), (not_yet, "not supported yet"), (gaps, "known gaps")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}
