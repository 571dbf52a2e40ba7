//! A message that is not JSON, where JSON is wanted: it ends as the config says, and the next one is delivered.

use data_encoding::BASE64;
use serde_json::json;

use super::{ONE_JSON, Stage};
use crate::support::poison;

/// Sends a message that is no JSON, and then one that is.
async fn send_both(stage: &Stage, topic: &str) {
    for body in ["{broken", ONE_JSON] {
        let message = json!({"attributes": {"X-Order-Id": "0042"}, "body": BASE64.encode(body.as_bytes())});
        stage.send(topic, &message).await;
    }
}

/// The same as of every driver, and nothing is left.
async fn failures(stage: &Stage, path: &str, wanted: usize) -> usize {
    let failures = poison::failures(&stage.gateway, path, wanted).await;
    assert_eq!(stage.gateway.get(path).await.status, 204, "{path}: nothing is left");
    failures
}

#[tokio::test]
async fn after_too_many_deliveries_it_goes_to_the_dead_letter_queue_of_its_subscription() {
    let Some(stage) = Stage::set().await else { return };
    send_both(&stage, "suite/poison").await;
    assert_eq!(failures(&stage, "/poison", 2).await, 2);
    let grave = stage.other(&["receive-dead", "suite/poison:gateway"]).says().await;
    assert_eq!(
        (&grave["body"], &grave["attributes"]["X-Order-Id"]),
        (&json!(BASE64.encode(b"{broken")), &json!("0042"))
    );
    let why = format!(
        "{} {}",
        grave["properties"]["dead_letter_reason"], grave["properties"]["dead_letter_error_description"]
    );
    assert!(why.contains("invalid JSON"), "{grave:?}");
    stage.gateway.stop().await;
}

#[tokio::test]
async fn or_to_the_topic_of_the_config() {
    let Some(stage) = Stage::set().await else { return };
    send_both(&stage, "suite/poison-topic").await;
    assert_eq!(failures(&stage, "/poison-topic", 2).await, 2);
    let grave = stage.other(&["receive", "suite/graves:other"]).says().await;
    assert_eq!(grave["body"], BASE64.encode(b"{broken"));
    let attribute = |name: &str| grave["attributes"][name].as_str().unwrap_or_default();
    assert!(attribute("Dead-Letter-Reason").contains("invalid JSON"), "{grave:?}");
    assert_eq!(attribute("Dead-Letter-Subscription"), "azuresb://suite/poison-topic?subscription=gateway");
    assert_eq!((attribute("Dead-Letter-Deliveries"), attribute("X-Order-Id")), ("2", "0042"));
    stage.gateway.stop().await;
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let Some(stage) = Stage::set().await else { return };
    send_both(&stage, "suite/poison-dropped").await;
    assert_eq!(failures(&stage, "/poison-dropped", 1).await, 1);
    stage.gateway.stop().await;
}
