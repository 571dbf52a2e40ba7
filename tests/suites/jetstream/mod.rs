//! What JetStream adds to publishing and consuming: receipts, duplicates, metadata, a dead-letter subject.

use serde_json::json;

use crate::support::{Answer, Broker, Program, eventually, nats};

async fn start(test: &str) -> Option<(Broker, Program)> {
    if !crate::support::broker("nats") {
        return None;
    }
    let broker = Broker::start("nats", &format!("jetstream-{test}")).await;
    nats::create_stream(broker.port, "SHOP", "shop.*").await;
    let mut command = Program::command("jetstream");
    command.args(["--listen", "127.0.0.1:0"]).env("NATS_SERVER_URL", format!("nats://127.0.0.1:{}", broker.port));
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    let connected = async || gateway.get("/__ready").await.json()["brokers"]["jetstream"]["state"] == "connected";
    eventually(connected).await;
    Some((broker, gateway))
}

async fn post(gateway: &Program, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    gateway.client().await.request("POST", path, headers, body).await
}

#[tokio::test]
async fn a_receipt_says_where_and_the_same_id_is_stored_once() {
    let Some((broker, gateway)) = start("receipt").await else { return };
    let headers = [("Content-Type", "application/json"), ("X-Trace", "t-1")];
    for (path, offset, duplicate) in
        [("/orders/7", 1, json!(null)), ("/orders/7", 1, json!(true)), ("/orders/8", 2, json!(null))]
    {
        let answer = post(&gateway, path, &headers, r#"{"n":7}"#).await;
        assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("true")), "{answer:?}");
        let receipt = answer.json();
        assert_eq!(receipt["partition"], "SHOP", "{receipt}");
        assert_eq!((&receipt["offset"], &receipt["duplicate"]), (&json!(offset), &duplicate), "{receipt}");
    }
    for (id, offset) in [("order-7", "1"), ("order-8", "2")] {
        let answer = gateway.get("/orders").await;
        assert_eq!(answer.brief(), (200, "true", r#"{"n":7}"#));
        for (name, expected) in [
            ("x-id", id),
            ("x-source", "web"),
            ("x-trace", "t-1"),
            ("x-topic", "shop.orders"),
            ("x-stream", "SHOP"),
            ("x-offset", offset),
            ("x-deliveries", "1"),
        ] {
            assert_eq!(answer.header(name), Some(expected), "{name}: {answer:?}");
        }
        assert!(answer.header("x-timestamp").is_some_and(|time| time.ends_with('Z')), "{answer:?}");
    }
    assert_eq!(gateway.get("/orders").await.status, 204, "each is stored once and delivered once");
    broker.stop().await;
}

#[tokio::test]
async fn a_message_that_fails_too_often_goes_to_the_dead_letter_subject() {
    let Some((broker, gateway)) = start("dead").await else { return };
    assert_eq!(post(&gateway, "/orders/9", &[], "{broken").await.status, 200);
    for _ in 0..2 {
        eventually(async || gateway.get("/orders").await.status == 502).await;
    }
    // The stream knows the id from the original, and has the copy all the same.
    let mut dead = None;
    eventually(async || {
        dead = Some(gateway.get("/dead").await).filter(|answer| answer.status == 200);
        dead.is_some()
    })
    .await;
    let dead = dead.expect("a message");
    assert_eq!((dead.text(), dead.header("x-source")), ("{broken", Some("web")));
    assert_eq!((dead.header("x-deliveries"), dead.header("x-topic")), (Some("2"), Some("shop.orders")));
    assert_eq!(dead.header("x-from"), Some("jetstream://shop.orders?durable=orders"));
    assert!(dead.header("x-reason").is_some_and(|reason| reason.contains("invalid JSON")), "{dead:?}");
    for path in ["/orders", "/dead"] {
        assert_eq!(gateway.get(path).await.status, 204, "{path}: acknowledged");
    }
    broker.stop().await;
}

#[tokio::test]
async fn clients_do_not_tell_the_server_what_to_do_unless_the_config_lets_them() {
    let Some((broker, gateway)) = start("reserved").await else { return };
    // The server would refuse either.
    for header in [("Nats-Expected-Last-Sequence", "999"), ("Nats-Rollup", "all")] {
        assert_eq!(post(&gateway, "/all", &[header], "{}").await.status, 200, "{header:?}");
    }
    let expects = |last| [("Nats-Expected-Last-Sequence", last)];
    assert_eq!(post(&gateway, "/listed", &expects("999"), "{}").await.status, 502);
    assert_eq!(post(&gateway, "/listed", &expects("2"), "{}").await.status, 200);
    broker.stop().await;
}
