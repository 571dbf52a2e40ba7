//! The gateway first, its broker later.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Broker, Program, eventually, nats};

const AWAY: &str = r#"{"error":"the message broker is not available now, try again"}"#;

async fn start(broker: &Broker) -> Program {
    let mut command = Program::command("broker_later");
    command.args(["--listen", "127.0.0.1:0"]).env("LATER_SERVERS", format!("127.0.0.1:{}", broker.port));
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    gateway
}

async fn post(gateway: &Program, path: &str, body: &str) -> Answer {
    gateway.client().await.request("POST", path, &[], body).await
}

#[tokio::test]
async fn a_gateway_serves_without_its_brokers_and_finds_them_when_they_come() {
    if !crate::support::broker("nats") {
        return;
    }
    // It keeps its port and its stream, and is gone before the gateway starts.
    let broker = Broker::start("nats", "later").await;
    nats::create_stream(broker.port, "ORDERS", "orders").await;
    broker.kill().await;
    let gateway = start(&broker).await;

    for path in ["/events", "/orders"] {
        for answer in [post(&gateway, path, "{}").await, gateway.get(path).await] {
            assert_eq!(answer.brief(), (503, "false", AWAY), "{path}");
            assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{path}");
        }
    }
    assert_eq!(post(&gateway, "/here", r#"{"n":1}"#).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/here").await.brief(), (200, "true", r#"{"n":1}"#));
    assert_eq!(gateway.get("/__health").await.status, 200);
    let ready = gateway.get("/__ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("not ready")));
    for name in ["events", "orders"] {
        let state = &ready.json()["brokers"][name]["state"];
        assert!(state == "connecting" || state == "disconnected", "{ready:?}");
    }

    broker.restart().await;
    let started = Instant::now();
    for path in ["/events", "/orders"] {
        eventually(async || post(&gateway, path, r#"{"n":2}"#).await.status == 200).await;
        println!("{path}: confirmed {:.2} s after the broker had started", since(started));
        assert_eq!(gateway.get(path).await.brief(), (200, "true", r#"{"n":2}"#), "{path}");
    }
    let ready = gateway.get("/__ready").await;
    let connected = json!({"state": "connected", "required": true});
    let brokers = json!({"events": connected, "orders": connected, "mem": {"state": "connected"}});
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ready", "brokers": brokers})));
    broker.stop().await;
}

fn since(started: Instant) -> f64 {
    Duration::as_secs_f64(&started.elapsed())
}
