//! Every key and namespace that KrakenD's open edition knows is known here.

use std::collections::HashSet;

use super::kind::{Kind, Record, Scope};
use super::namespaces::{ALIASES, NAMESPACES, canonical};
use super::service::SERVICE;
use super::walk;
use crate::diagnostic::Sink;
use crate::json;

const SERVICE_KEYS: &str = "version name port listen_ip host timeout cache_ttl output_encoding endpoints async_agent \
    extra_config debug_endpoint echo_endpoint disable_rest sequential_start plugin tls client_tls \
    allow_insecure_connections use_h2c read_timeout write_timeout idle_timeout read_header_timeout max_header_bytes \
    disable_keep_alives disable_compression max_idle_connections max_idle_connections_per_host \
    idle_connection_timeout response_header_timeout expect_continue_timeout dialer_timeout dialer_fallback_delay \
    dialer_keep_alive dns_cache_ttl max_shutdown_wait_time";
const ENDPOINT_KEYS: &str = "endpoint method backend timeout cache_ttl output_encoding concurrent_calls input_headers \
    input_query_strings extra_config";
const BACKEND_KEYS: &str = "url_pattern host disable_host_sanitize method encoding is_collection target allow deny \
    mapping group sd sd_scheme input_headers input_query_strings extra_config";
const SERVICE_NAMESPACES: &str = "router auth/validator auth/revoker modifier/lua-endpoint plugin/http-server \
    security/cors security/http security/bot-detector telemetry/logging telemetry/gelf telemetry/logstash \
    telemetry/metrics telemetry/influx telemetry/opencensus telemetry/opentelemetry documentation/openapi";
const ENDPOINT_NAMESPACES: &str = "proxy auth/validator auth/signer validation/cel validation/json-schema \
    modifier/lua-endpoint modifier/lua-proxy plugin/req-resp-modifier qos/ratelimit/router security/bot-detector";
const BACKEND_NAMESPACES: &str = "proxy backend/http backend/http/client backend/graphql backend/lambda \
    backend/amqp/consumer backend/amqp/producer backend/pubsub/publisher backend/pubsub/subscriber \
    auth/client-credentials validation/cel modifier/lua-backend modifier/martian plugin/http-client \
    plugin/req-resp-modifier qos/ratelimit/proxy qos/circuit-breaker qos/http-cache";

/// The codes that a config gives without looking at meaning.
fn codes(text: &str) -> HashSet<&'static str> {
    let sink = Sink::default();
    let root = json::parse(text, 0, &sink).expect("JSON");
    walk(&root, &Kind::Record(&SERVICE), "the config", &sink);
    sink.finish(None).into_iter().map(|found| found.code).collect()
}

fn assert_known(text: &str) {
    let found = codes(text);
    for unknown in ["unknown-key", "unknown-namespace", "misplaced-namespace"] {
        assert!(!found.contains(unknown), "{text}: {found:?}");
    }
}

#[test]
fn every_key_is_known() {
    for key in SERVICE_KEYS.split_whitespace() {
        assert_known(&format!(r#"{{"{key}": null}}"#));
    }
    for key in ENDPOINT_KEYS.split_whitespace() {
        assert_known(&format!(r#"{{"endpoints": [{{"{key}": null}}]}}"#));
    }
    for key in BACKEND_KEYS.split_whitespace() {
        assert_known(&format!(r#"{{"endpoints": [{{"backend": [{{"{key}": null}}]}}]}}"#));
    }
    for key in "name connection consumer encoding backend extra_config".split_whitespace() {
        assert_known(&format!(r#"{{"async_agent": [{{"{key}": null}}]}}"#));
    }
}

#[test]
fn every_namespace_is_known_in_its_place() {
    for name in SERVICE_NAMESPACES.split_whitespace() {
        assert_known(&format!(r#"{{"extra_config": {{"{name}": {{}}}}}}"#));
    }
    for name in ENDPOINT_NAMESPACES.split_whitespace() {
        assert_known(&format!(r#"{{"endpoints": [{{"extra_config": {{"{name}": {{}}}}}}]}}"#));
    }
    for name in BACKEND_NAMESPACES.split_whitespace() {
        assert_known(&format!(r#"{{"endpoints": [{{"backend": [{{"extra_config": {{"{name}": {{}}}}}}]}}]}}"#));
    }
    assert_known(r#"{"async_agent": [{"extra_config": {"async/amqp": {}}}]}"#);
}

#[test]
fn every_long_name_leads_to_a_namespace() {
    assert_eq!(ALIASES.len(), 38);
    for (alias, name) in ALIASES {
        assert_eq!(canonical(alias), *name);
        assert_eq!(canonical(&alias.replacen("github_com", "github.com", 1)), *name);
        assert!(NAMESPACES.iter().any(|namespace| namespace.name == *name), "{name}");
    }
    assert_eq!(canonical("github.com/someone/else"), "github.com/someone/else");
}

#[test]
fn what_asks_for_nothing_is_accepted() {
    for text in [
        r#""debug_endpoint": false"#,
        r#""disable_rest": false"#,
        r#""async_agent": []"#,
        r#""dns_cache_ttl": "30s""#,
        r#""extra_config": {"router": {"trusted_proxies": []}}"#,
        r#""endpoints": [{"endpoint": "/", "backend": [], "extra_config": {"proxy": {"sequential": false}}}]"#,
        r#""endpoints": [{"endpoint": "/", "backend": [{"sd": "static", "sd_scheme": "http"}], "concurrent_calls": 1}]"#,
        r##""@a": 1, "@a": 2, "$b": 1, "_c": 1, "#d": 1, "extra_config": {"_e": 1, "documentation/x": 1}"##,
    ] {
        let text = format!("{{{text}}}");
        assert_eq!(codes(&text), HashSet::new(), "{text}");
    }
}

#[test]
fn tables_have_no_key_twice() {
    fn visit(record: &'static Record, open: &mut Vec<*const Record>) {
        // A Martian modifier holds others.
        if open.contains(&std::ptr::from_ref(record)) {
            return;
        }
        open.push(record);
        let mut seen = HashSet::new();
        for key in record.keys {
            assert!(seen.insert(key.name), "{} twice in {}", key.name, record.what);
            inside(&key.kind, open);
        }
        for name in record.required {
            assert!(seen.contains(name), "{name} is required in {} and unknown", record.what);
        }
        for (former, present) in record.former {
            assert!(!seen.contains(former) && seen.contains(present), "{former}, {present} in {}", record.what);
        }
    }
    fn inside(kind: &'static Kind, open: &mut Vec<*const Record>) {
        match kind {
            Kind::List(kind) | Kind::Map(kind) => inside(kind, open),
            Kind::Record(record) | Kind::OneOf(record) => visit(record, open),
            _ => {}
        }
    }
    let mut open = Vec::new();
    visit(&SERVICE, &mut open);
    for namespace in NAMESPACES {
        inside(&namespace.kind, &mut open);
        for scope in [Scope::Service, Scope::Endpoint, Scope::Backend, Scope::Agent] {
            let same =
                |other: &&super::namespaces::Namespace| other.name == namespace.name && other.scopes.contains(&scope);
            assert!(NAMESPACES.iter().filter(same).count() <= 1, "{} twice in {}", namespace.name, scope.owner());
        }
    }
}
