//! What a config with every supported key becomes, as a whole.

use std::fs;

use proptest::prelude::*;
use sluicegate_codegen::model::{BrokerSetting, Secret, Source};
use sluicegate_codegen::{Checked, SourceFile, check, generate};

/// The options of what is not supported yet: CEL, Lua and Martian among them.
const OPTIONS: &str = include_str!("model/options.json");

fn everything() -> String {
    fs::read_to_string("tests/model/everything.json").expect("a readable config")
}

fn checked(text: &str) -> Checked {
    check(&SourceFile::new("gateway.json", "tests/model", text))
}

#[test]
fn every_supported_key_reaches_the_model() {
    let checked = checked(&everything());
    assert_eq!(checked.diagnostics, []);
    let gateway = checked.gateway.expect("no errors");
    expectorate::assert_contents("tests/model/everything.txt", &format!("{gateway:#?}\n"));
    assert_eq!(
        gateway.features().into_iter().collect::<Vec<_>>(),
        ["dns", "json-schema", "mem", "rabbitmq", "rate-limit", "tls", "xml"]
    );
}

#[test]
fn secrets_are_in_what_is_built_and_nowhere_else() {
    let mut gateway = checked(&everything()).gateway.expect("no errors");
    let secret = Source::Secret(Secret("hunter2".to_owned()));
    gateway.brokers[0].settings.push(BrokerSetting { name: "password", values: vec![secret] });
    assert!(generate(&gateway).contains(r#"("password", &[Literal("hunter2")])"#));
    assert!(generate(&gateway.without_secrets()).contains(r#"("password", &[Literal("(a secret, not shown)")])"#));
    assert!(!generate(&gateway.without_secrets()).contains("hunter2"));
    assert!(!format!("{gateway:?}").contains("hunter2"));
}

/// What a variable will hold is not known: it may be `https://`.
#[test]
fn a_host_of_the_environment_needs_tls() {
    for (host, expected) in [("http://users", &[][..]), ("https://users", &["tls"]), ("env:USERS_HOST", &["tls"])] {
        let text = format!(
            r#"{{"version": 3, "host": ["{host}"], "endpoints": [{{"endpoint": "/", "backend": [{{"url_pattern": "/"}}]}}]}}"#
        );
        let features = checked(&text).gateway.expect("no errors").features();
        assert_eq!(features.into_iter().collect::<Vec<_>>(), expected, "{host}");
    }
}

/// TLS and most logins to Kafka need an OpenSSL, which is built only for those.
#[test]
fn settings_of_kafka_need_its_tls() {
    let login = |mechanism: &str| {
        format!(r#", "sasl": {{"mechanism": "{mechanism}", "user": "bob", "password": "env:KAFKA_PASSWORD"}}"#)
    };
    let tokens = r#", "sasl": {"mechanism": "OAUTHBEARER", "token_endpoint": "https://id.example.com/token",
        "client_id": "gateway", "client_secret": "env:KAFKA_SECRET", "client_auth": "post", "scope": "kafka"}"#;
    for (settings, expected) in [
        (String::new(), &["kafka"][..]),
        (r#", "tls": {"enabled": false}"#.to_owned(), &["kafka"]),
        (r#", "tls": {"enabled": true}"#.to_owned(), &["kafka", "kafka-tls"]),
        (r#", "tls": {"ca_certs": ["ca.pem"]}"#.to_owned(), &["kafka", "kafka-tls"]),
        (login("PLAIN"), &["kafka"]),
        (login("SCRAM-SHA-512"), &["kafka", "kafka-tls"]),
        (login("env:KAFKA_MECHANISM"), &["kafka", "kafka-tls"]),
        (tokens.to_owned(), &["kafka", "kafka-tls"]),
    ] {
        let text = format!(
            r#"{{"version": 3, "extra_config": {{"pubsub/brokers": {{"a": {{"driver": "kafka", "servers": ["b"]{settings}}}}}}},
            "endpoints": [{{"endpoint": "/", "method": "POST", "backend": [{{"extra_config":
            {{"backend/pubsub/publisher": {{"broker": "a", "topic_url": "t"}}}}}}]}}]}}"#
        );
        let features = checked(&text).gateway.expect("no errors").features();
        assert_eq!(features.into_iter().collect::<Vec<_>>(), expected, "{settings}");
    }
}

/// On the stack of a test's thread, a quarter of a build script's.
#[test]
fn the_deepest_path_can_be_written() {
    for key in ["allow", "deny"] {
        let path = ["a"; 32].join(".");
        let text = format!(
            r#"{{"version": 3, "host": ["http://users"], "endpoints": [{{"endpoint": "/", "backend": [
                {{"url_pattern": "/", "{key}": ["{path}"]}}]}}]}}"#
        );
        let gateway = checked(&text).gateway.expect("no errors");
        assert_eq!(generate(&gateway).matches("Field::inside(").count(), 31, "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is cut out, changed or put in: no panic, and every span lies in the file.
    #[test]
    fn no_change_breaks_the_checks(options: bool, at in 0.0..1.0f64, length in 0..40usize, put in r#"[\[\]{}",:0-9a-z /*'\\\n\t]{0,6}"#) {
        let mut text = if options { OPTIONS.to_owned() } else { everything() };
        let floor = |mut offset: usize| {
            while !text.is_char_boundary(offset) {
                offset -= 1;
            }
            offset
        };
        let start = floor((text.len() as f64 * at) as usize);
        let end = floor((start + length).min(text.len())).max(start);
        text.replace_range(start..end, &put);
        let checked = checked(&text);
        for found in checked.diagnostics {
            prop_assert!(found.span.start <= found.span.end && found.span.end <= text.len(), "{found:?}");
            prop_assert!(text.is_char_boundary(found.span.start) && text.is_char_boundary(found.span.end), "{found:?}");
        }
    }
}
