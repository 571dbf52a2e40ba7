//! What is answered while Pub/Sub is away, and after.

use serde_json::json;

use super::{ONE_JSON, create, start, start_alone};
use crate::support::{Broker, eventually};

const AWAY: &str = r#"{"error":"the message broker is not available now, try again"}"#;

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    if !crate::support::broker("pubsub") || !crate::support::broker("clients") {
        return;
    }
    let broker = Broker::start("pubsub", "outages").await;
    let emulator = broker.variable("PUBSUB_EMULATOR_HOST");
    create(emulator, &["shared"]).await;
    let gateway = start(emulator).await;
    assert_eq!(gateway.post("/shared", ONE_JSON).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));

    broker.kill().await;
    // And one that has never seen it.
    let later = start_alone(emulator).await;
    for gateway in [&gateway, &later] {
        eventually(async || {
            let answer = gateway.post("/shared", "{}").await;
            // The connection was lost while it was in use.
            assert!(matches!(answer.status, 503 | 504), "{answer:?}");
            answer.brief() == (503, "false", AWAY) && answer.header("retry-after") == Some("1")
        })
        .await;
        eventually(async || gateway.get("/shared").await.brief() == (503, "false", AWAY)).await;
        eventually(async || gateway.get("/__ready").await.json()["brokers"]["gcp_pubsub"]["state"] != "connected")
            .await;
        assert_eq!(gateway.get("/__health").await.status, 200);
    }

    broker.restart().await;
    // What it had went with it.
    create(emulator, &["shared"]).await;
    let restarted = std::time::Instant::now();
    for (gateway, n) in [(&gateway, 2), (&later, 3)] {
        let body = json!({ "n": n }).to_string();
        eventually(async || gateway.post("/shared", &body).await.status == 200).await;
        println!("gcp_pubsub: confirmed {:.2} s after the server was back", restarted.elapsed().as_secs_f64());
        eventually(async || gateway.get("/shared").await.brief() == (200, "true", body.as_str())).await;
    }
    gateway.stop().await;
    later.stop().await;
    broker.stop().await;
}
