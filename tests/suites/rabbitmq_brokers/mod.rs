//! Named brokers of RabbitMQ: TLS with a client's certificate, which may be all that it takes to log in, another virtual
//! host, and those that are refused.

use std::collections::BTreeSet;
use std::env;

use lapin::ExchangeKind;
use serde_json::{Value, json};

use crate::support::{Program, Rabbitmq, eventually};

const FAILED: &str = "cannot connect, will try again";

#[tokio::test]
async fn logins_of_all_kinds_and_those_that_are_refused() {
    if !crate::support::broker("rabbitmq") {
        return;
    }
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is set beside the server"));
    let url = variable("RABBIT_SERVER_URL");
    let client = Rabbitmq::connect(&url).await;
    client.declare("secure", ExchangeKind::Fanout, "secure", "").await;
    let other = Rabbitmq::connect(&format!("{}/other", url.trim_end_matches('/'))).await;
    other.declare("secure", ExchangeKind::Fanout, "secure", "").await;
    let address = |url: &str| url.rsplit('@').next().unwrap_or_default().trim_end_matches('/').to_owned();
    let mut command = Program::command("rabbitmq_brokers");
    command.args(["--listen", "127.0.0.1:0"]).env("GATEWAY_BASE", variable("RABBIT_DIR"));
    command.env("RABBIT_ADDRESS", address(&url)).env("RABBIT_TLS_ADDRESS", address(&variable("RABBIT_TLS_URL")));
    command.env("GUEST_PASSWORD", "guest").env("WRONG_PASSWORD", "hunter2");
    let gateway = Program::spawn(command).await;
    for name in ["password", "certificate", "other"] {
        eventually(async || gateway.get("/__ready").await.json()["brokers"][name]["state"] == "connected").await;
    }
    assert_eq!(gateway.post("/password", r#"{"n":1}"#).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/certificate").await.brief(), (200, "true", r#"{"n":1}"#));
    assert_eq!(gateway.post("/other", r#"{"n":2}"#).await.brief(), (200, "true", "{}"));
    assert_eq!(other.next("secure").await.data, br#"{"n":2}"#);
    for answer in
        [gateway.post("/wrong", "{}").await, gateway.get("/wrong").await, gateway.post("/anonymous", "{}").await]
    {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    let ready = gateway.get("/__ready").await;
    assert_eq!(ready.json()["brokers"]["password"], json!({"state": "connected", "required": true}), "{ready:?}");
    assert_eq!(client.waiting("secure").await, 0);
    let events = gateway.stop_and_tell().await;
    let failed = |broker: &str| {
        let of_broker = |event: &&Value| event["message"] == FAILED && event["broker"] == broker;
        let reasons =
            events.iter().filter(of_broker).map(|event| format!("{}: {}", event["connection"], event["reason"]));
        reasons.collect::<Vec<_>>()
    };
    let said = events.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    // One line of each connection, and not again and again.
    // Whether the server's alert comes before the end of the connection is a matter of luck.
    for (name, reasons) in
        [("wrong", &["ACCESS_REFUSED"][..]), ("anonymous", &["CertificateRequired", "reset", "closed"])]
    {
        let lines = failed(name);
        assert!(
            !lines.is_empty() && lines.iter().all(|line| reasons.iter().any(|reason| line.contains(reason))),
            "{name}: {said}"
        );
        assert_eq!(lines.len(), lines.iter().collect::<BTreeSet<_>>().len(), "{name}: {said}");
    }
    for name in ["password", "certificate", "other"] {
        assert_eq!(failed(name), [""; 0], "{name}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}
