//! What is answered when a message is not taken, and when the server is away.

use serde_json::json;

use super::{Stage, declare, start, start_alone};
use crate::support::{Broker, Rabbitmq, eventually};

const ONE: &str = r#"{"n":1}"#;
const AWAY: &str = r#"{"error":"the message broker is not available now, try again"}"#;

#[tokio::test]
async fn a_message_for_nobody_is_502_and_the_next_one_is_taken() {
    let Some(stage) = Stage::set().await else { return };
    for _ in 0..2 {
        for path in ["/nowhere", "/missing"] {
            let answer = stage.gateway.post(path, "{}").await;
            assert_eq!((answer.status, answer.header("retry-after")), (502, None), "{path}: {answer:?}");
        }
        assert_eq!(stage.gateway.post("/shared", ONE).await.brief(), (200, "true", "{}"));
        assert_eq!(stage.gateway.get("/shared").await.brief(), (200, "true", ONE));
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_missing_is_an_error_of_its_endpoint_alone() {
    let Some(stage) = Stage::set().await else { return };
    let answer = stage.gateway.get("/missing").await;
    assert_eq!((answer.status, answer.header("retry-after")), (502, None), "{answer:?}");
    assert_eq!(stage.gateway.post("/shared", ONE).await.brief(), (200, "true", "{}"));
    assert_eq!(stage.gateway.get("/shared").await.brief(), (200, "true", ONE));
    let ready = stage.gateway.get("/__ready").await;
    assert_eq!(ready.json()["brokers"]["rabbitmq"]["state"], "connected", "{ready:?}");
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    if !crate::support::broker("rabbitmq") {
        return;
    }
    let broker = Broker::start_with("rabbitmq", "outages", "max_message_size = 65536\n").await;
    let url = broker.variable("RABBIT_SERVER_URL");
    declare(&Rabbitmq::connect(url).await).await;
    broker.write_down().await;
    let gateway = start(url).await;
    assert_eq!(gateway.post("/shared", vec![b'x'; 65537]).await.status, 413);
    assert_eq!(gateway.post("/shared", ONE).await.brief(), (200, "true", "{}"));

    broker.kill().await;
    // And one that has never seen it.
    let later = start_alone(url).await;
    for gateway in [&gateway, &later] {
        for answer in [gateway.post("/shared", "{}").await, gateway.get("/shared").await] {
            assert_eq!((answer.brief(), answer.header("retry-after")), ((503, "false", AWAY), Some("1")));
        }
        let ready = gateway.get("/__ready").await;
        assert_ne!(ready.json()["brokers"]["rabbitmq"]["state"], "connected", "{ready:?}");
        assert_eq!(gateway.get("/__health").await.status, 200);
    }

    broker.restart().await;
    let restarted = std::time::Instant::now();
    // What was confirmed before is there.
    eventually(async || gateway.get("/shared").await.brief() == (200, "true", ONE)).await;
    for (gateway, n) in [(&gateway, 2), (&later, 3)] {
        let body = json!({ "n": n }).to_string();
        eventually(async || gateway.post("/shared", &body).await.status == 200).await;
        println!("rabbitmq: confirmed {:.2} s after the server was back", restarted.elapsed().as_secs_f64());
        // Messages are received over a connection of their own, which comes back by itself.
        eventually(async || gateway.get("/shared").await.brief() == (200, "true", body.as_str())).await;
    }
    gateway.stop().await;
    later.stop().await;
    broker.stop().await;
}
