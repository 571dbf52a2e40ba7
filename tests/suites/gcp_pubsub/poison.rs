//! A message that is not JSON, where JSON is wanted: it ends as the config says, and the next one is delivered.

use data_encoding::BASE64;
use serde_json::json;

use super::{ONE_JSON, Stage};
use crate::support::poison;

/// Publishes a message that is no JSON, and then one that is.
async fn publish_both(stage: &Stage, place: &str) {
    for body in ["{broken", ONE_JSON] {
        let message = json!({"attributes": {"X-Order-Id": "0042"}, "body": BASE64.encode(body.as_bytes())});
        stage.publish(place, &message).await;
    }
}

#[tokio::test]
async fn after_too_many_deliveries_it_goes_to_the_dead_letter_topic() {
    let Some(stage) = Stage::set(&["poison", "graves"]).await else { return };
    publish_both(&stage, "poison").await;
    assert_eq!(poison::failures(&stage.gateway, "/poison", 2).await, 2);
    let grave = stage.receive("graves").await;
    assert_eq!(grave["body"], BASE64.encode(b"{broken"));
    let attribute = |name: &str| grave["attributes"][name].as_str().unwrap_or_default();
    assert!(attribute("Dead-Letter-Reason").contains("invalid JSON"), "{grave:?}");
    assert_eq!(attribute("Dead-Letter-Subscription"), "gcppubsub://suites/poison");
    assert_eq!(attribute("Dead-Letter-Deliveries"), "2");
    assert_eq!(attribute("X-Order-Id"), "0042");
    assert_eq!(stage.gateway.get("/poison").await.status, 204, "both are settled");
    stage.gateway.stop().await;
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let Some(stage) = Stage::set(&["poison-dropped"]).await else { return };
    publish_both(&stage, "poison-dropped").await;
    assert_eq!(poison::failures(&stage.gateway, "/poison-dropped", 1).await, 1);
    assert_eq!(stage.gateway.get("/poison-dropped").await.status, 204, "both are settled");
    stage.gateway.stop().await;
}
