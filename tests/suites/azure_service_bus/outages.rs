//! What is answered while Service Bus is away, and after.

use serde_json::json;

use super::{ENTITIES, ONE_JSON, start, start_alone, state};
use crate::support::{Broker, eventually, standins};

const AWAY: &str = r#"{"error":"the message broker is not available now, try again"}"#;

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    if !crate::support::broker("servicebus") {
        return;
    }
    let broker = Broker::start_with("servicebus", "outages", ENTITIES).await;
    let connection = broker.variable("SERVICEBUS_CONNECTION_STRING");
    let gateway = start(connection).await;
    assert_eq!(gateway.post("/shared", ONE_JSON).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));

    // The service ends links and connections when it likes.
    let file = broker.folder.join("extra.conf");
    for command in ["detach suite/shared\n", "disconnect\n"] {
        standins::add_entities(&file, command);
        eventually(async || gateway.post("/shared", ONE_JSON).await.status == 200).await;
        eventually(async || gateway.get("/shared").await.brief() == (200, "true", ONE_JSON)).await;
    }
    while gateway.get("/shared").await.status != 204 {}

    broker.kill().await;
    // And one that has never seen it.
    let later = start_alone(connection).await;
    for gateway in [&gateway, &later] {
        eventually(async || {
            let answer = gateway.post("/shared", "{}").await;
            // The connection was lost while it was in use.
            assert!(matches!(answer.status, 503 | 504), "{answer:?}");
            answer.brief() == (503, "false", AWAY) && answer.header("retry-after") == Some("1")
        })
        .await;
        eventually(async || gateway.get("/shared").await.brief() == (503, "false", AWAY)).await;
        eventually(async || state(gateway).await != "connected").await;
        assert_eq!(gateway.get("/__health").await.status, 200);
    }

    broker.restart().await;
    let restarted = std::time::Instant::now();
    for (gateway, n) in [(&gateway, 2), (&later, 3)] {
        let body = json!({ "n": n }).to_string();
        eventually(async || gateway.post("/shared", &body).await.status == 200).await;
        println!("azure_service_bus: confirmed {:.2} s after the server was back", restarted.elapsed().as_secs_f64());
        eventually(async || gateway.get("/shared").await.brief() == (200, "true", body.as_str())).await;
    }
    gateway.stop().await;
    later.stop().await;
    broker.stop().await;
}
