//! A message that is not JSON, where JSON is wanted: it ends as the config says, and the next one is delivered.

use serde_json::{Value, json};

use super::{ONE_JSON, Stage};
use crate::support::{eventually, poison};

/// Sends a message that is no JSON, and then one that is.
async fn send_both(stage: &Stage, queue: &str) {
    for body in ["{broken", ONE_JSON] {
        let message = json!({"attributes": {"X-Order-Id": "0042"}, "body": body});
        stage.other(&["send", queue, &message.to_string()]).says().await;
    }
}

async fn ended(stage: Stage, queue: &str) {
    let client = stage.client;
    stage.gateway.stop().await;
    eventually(async || client.messages(queue).await == (0, 0)).await;
}

fn attribute<'a>(message: &'a Value, name: &str) -> &'a str {
    message["attributes"][name].as_str().unwrap_or_else(|| panic!("{name}: {message:?}"))
}

#[tokio::test]
async fn after_too_many_deliveries_it_goes_to_the_dead_letter_queue_of_the_config() {
    let Some(stage) = Stage::set().await else { return };
    send_both(&stage, "poison").await;
    assert_eq!(poison::failures(&stage.gateway, "/poison", 2).await, 2);
    let grave = stage.other(&["receive", "graves"]).says().await;
    assert_eq!(grave["body"], "{broken");
    assert!(attribute(&grave, "Dead-Letter-Reason").contains("invalid JSON"), "{grave:?}");
    let subscription = "awssqs://sqs.us-east-2.amazonaws.com/123456789012/poison";
    assert_eq!(attribute(&grave, "Dead-Letter-Subscription"), subscription);
    assert_eq!(attribute(&grave, "Dead-Letter-Deliveries"), "2");
    assert_eq!(attribute(&grave, "X-Order-Id"), "0042");
    ended(stage, "poison").await;
}

#[tokio::test]
async fn rejected_it_goes_where_the_redrive_policy_of_its_queue_says() {
    let Some(stage) = Stage::set().await else { return };
    send_both(&stage, "poison-redriven").await;
    assert_eq!(poison::failures(&stage.gateway, "/poison-redriven", 1).await, 1);
    let grave = stage.other(&["receive", "graves"]).says().await;
    assert_eq!((&grave["body"], attribute(&grave, "X-Order-Id")), (&json!("{broken"), "0042"));
    ended(stage, "poison-redriven").await;
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let Some(stage) = Stage::set().await else { return };
    send_both(&stage, "poison-dropped").await;
    assert_eq!(poison::failures(&stage.gateway, "/poison-dropped", 1).await, 1);
    ended(stage, "poison-dropped").await;
}
