//! What is answered when a message is not taken, and when the server is away.

use serde_json::json;

use super::{start, start_alone};
use crate::support::{Broker, Kafka, eventually};

const AWAY: &str = r#"{"error":"the message broker is not available now, try again"}"#;

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    if !crate::support::broker("kafka") {
        return;
    }
    let extra = "message.max.bytes=65536\nauto.create.topics.enable=false\n";
    let broker = Broker::start_with("kafka", "outages", extra).await;
    let servers = broker.variable("KAFKA_BROKERS");
    Kafka::connect(servers).create(&["shared", "large"], 2).await;
    let gateway = start(servers).await;
    // Its topic is not there.
    let answer = gateway.post("/orders", "{}").await;
    assert_eq!((answer.status, answer.header("retry-after")), (400, None), "no key: {answer:?}");
    let mut client = gateway.client().await;
    let unknown = client.request("POST", "/orders", &[("X-Customer", "7")], "{}").await;
    assert_eq!((unknown.status, unknown.header("retry-after")), (502, None), "{unknown:?}");
    assert_eq!(gateway.post("/large", vec![b'x'; 65537]).await.status, 413);
    assert_eq!(gateway.post("/large", "{}").await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.post("/shared", r#"{"n":1}"#).await.brief(), (200, "true", "{}"));
    eventually(async || gateway.get("/shared").await.status == 200).await;
    assert_eq!(gateway.post("/shared", r#"{"n":2}"#).await.brief(), (200, "true", "{}"));

    broker.kill().await;
    // And one that has never seen it.
    let later = start_alone(servers).await;
    for gateway in [&gateway, &later] {
        // Whatever the first had received before may still be there; what is sent is not stored.
        eventually(async || gateway.get("/shared").await.status == 503).await;
        eventually(async || {
            let answer = gateway.post("/shared", r#"{"n":0}"#).await;
            assert!(matches!(answer.status, 503 | 504), "{answer:?}");
            answer.brief() == (503, "false", AWAY) && answer.header("retry-after") == Some("1")
        })
        .await;
        let ready = gateway.get("/__ready").await;
        assert_ne!(ready.json()["brokers"]["kafka"]["state"], "connected", "{ready:?}");
        assert_eq!(gateway.get("/__health").await.status, 200);
    }

    broker.restart().await;
    let restarted = std::time::Instant::now();
    for (gateway, n) in [(&gateway, 3), (&later, 4)] {
        let body = json!({ "n": n }).to_string();
        eventually(async || gateway.post("/shared", &body).await.status == 200).await;
        println!("kafka: confirmed {:.2} s after the server was back", restarted.elapsed().as_secs_f64());
    }
    // The two gateways share the group, so either may get it.
    let mut got = Vec::new();
    eventually(async || {
        for gateway in [&gateway, &later] {
            let answer = gateway.get("/shared").await;
            if answer.status == 200 {
                println!("kafka: received {:.2} s after the server was back", restarted.elapsed().as_secs_f64());
                got.push(answer.json()["n"].as_u64().expect("a number"));
            }
        }
        [3, 4].iter().all(|n| got.contains(n))
    })
    .await;
    gateway.stop().await;
    later.stop().await;
    broker.stop().await;
}
