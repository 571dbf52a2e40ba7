//! Named brokers of Kafka: TLS with SCRAM, PLAIN and a client's certificate, and a password that is wrong.

use std::env;

use serde_json::json;

use crate::support::{Kafka, Program, eventually};

const FAILED: &str = "cannot connect, will try again";

#[tokio::test]
async fn logins_of_all_kinds_and_one_that_is_refused() {
    if !crate::support::broker("kafka") {
        return;
    }
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is set beside the server"));
    Kafka::connect(&variable("KAFKA_BROKERS")).create(&["secure"], 1).await;
    let mut command = Program::command("kafka_brokers");
    command.args(["--listen", "127.0.0.1:0"]).env("GATEWAY_BASE", variable("KAFKA_DIR"));
    command.env("ALICE_PASSWORD", "alice-secret").env("WRONG_PASSWORD", "hunter2");
    let gateway = Program::spawn(command).await;
    for name in ["scram", "plain", "certificate"] {
        eventually(async || gateway.get("/__ready").await.json()["brokers"][name]["state"] == "connected").await;
    }
    assert_eq!(gateway.post("/scram", r#"{"n":1}"#).await.brief(), (200, "true", "{}"));
    for path in ["/plain", "/certificate"] {
        eventually(async || gateway.get(path).await.brief() == (200, "true", r#"{"n":1}"#)).await;
    }
    for answer in [gateway.post("/wrong", "{}").await, gateway.get("/wrong").await] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    let ready = gateway.get("/__ready").await;
    assert_eq!(
        (ready.status, &ready.json()["brokers"]["scram"]),
        (200, &json!({"state": "connected", "required": true}))
    );
    let events = gateway.stop_and_tell().await;
    let failed = |broker: &str| events.iter().filter(|it| it["message"] == FAILED && it["broker"] == broker).count();
    let said = events.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(failed("wrong"), 1, "once, and not again and again: {said}");
    for name in ["scram", "plain", "certificate"] {
        assert_eq!(failed(name), 0, "{name}: {said}");
    }
    assert!(said.to_lowercase().contains("authentication"), "{said}");
    assert!(!said.contains("hunter2") && !said.contains("alice-secret"), "{said}");
}
