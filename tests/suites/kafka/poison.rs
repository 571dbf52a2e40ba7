//! A message that is not JSON, where JSON is wanted: it ends as the config says, and the next one is delivered.

use rdkafka::Message;

use super::Stage;
use crate::support::kafka::header;
use crate::support::poison::failures;

/// Publishes a message that is no JSON, and then one that is.
async fn publish_both(stage: &Stage, topic: &str) {
    stage.client.publish(topic, Some(b"key"), &[("X-Order-Id", b"0042")], Some(b"{broken")).await;
    stage.client.publish(topic, Some(b"key"), &[], Some(br#"{"n":1}"#)).await;
}

#[tokio::test]
async fn after_too_many_deliveries_it_goes_to_the_dead_letter_topic() {
    let Some(stage) = Stage::set().await else { return };
    publish_both(&stage, "poison").await;
    assert_eq!(failures(&stage.gateway, "/poison", 2).await, 2);
    // Ends once the copy is confirmed and the original settled.
    stage.gateway.stop().await;
    let graves = stage.client.read("graves").await;
    assert_eq!(graves.len(), 1, "{graves:?}");
    let grave = &graves[0];
    assert_eq!((grave.payload(), grave.key()), (Some(&b"{broken"[..]), Some(&b"key"[..])));
    let header = |name| header(grave, name).map(String::from_utf8_lossy);
    assert!(header("Dead-Letter-Reason").is_some_and(|reason| reason.contains("invalid JSON")), "{grave:?}");
    assert_eq!(header("Dead-Letter-Subscription").as_deref(), Some("kafka://poison?topic=poison&offset=oldest"));
    assert_eq!(header("Dead-Letter-Topic").as_deref(), Some("poison"));
    assert_eq!(header("Dead-Letter-Deliveries").as_deref(), Some("2"));
    assert_eq!(header("X-Order-Id").as_deref(), Some("0042"));
    assert_eq!(stage.client.committed("poison", "poison").await, [(0, 2)].into(), "both are settled");
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let Some(stage) = Stage::set().await else { return };
    publish_both(&stage, "poison.dropped").await;
    assert_eq!(failures(&stage.gateway, "/poison-dropped", 1).await, 1);
    stage.gateway.stop().await;
    assert_eq!(stage.client.committed("poison.dropped", "poison.dropped").await, [(0, 2)].into(), "both are settled");
}
