//! A message that is not JSON, where JSON is wanted: it ends as the config says, and the next one is delivered.

use lapin::BasicProperties;

use super::Stage;
use crate::support::{eventually, poison};

/// Publishes a message that is no JSON, and then one that is.
async fn publish_both(stage: &Stage, exchange: &str) {
    let properties = || BasicProperties::default().with_delivery_mode(2).with_message_id("poisoned".into());
    stage.client.publish(exchange, "", properties(), b"{broken").await;
    stage.client.publish(exchange, "", properties().with_message_id("fine".into()), br#"{"n":1}"#).await;
}

/// The same as of every driver, and nothing is left.
async fn failures(stage: &Stage, path: &str, wanted: usize) -> usize {
    let failures = poison::failures(&stage.gateway, path, wanted).await;
    assert_eq!(stage.gateway.get(path).await.status, 204, "{path}: nothing is left");
    failures
}

#[tokio::test]
async fn after_too_many_deliveries_it_goes_to_the_dead_letter_exchange_of_the_config() {
    let Some(stage) = Stage::set().await else { return };
    publish_both(&stage, "poison").await;
    assert_eq!(failures(&stage, "/poison", 2).await, 2);
    let grave = stage.client.next("graves").await;
    assert_eq!(grave.data, b"{broken");
    let headers = grave.properties.headers().clone().expect("headers");
    let header =
        |name: &str| headers.inner().get(name).and_then(|value| value.as_long_string()).map(ToString::to_string);
    assert!(header("Dead-Letter-Reason").is_some_and(|reason| reason.contains("invalid JSON")), "{headers:?}");
    assert_eq!(header("Dead-Letter-Subscription").as_deref(), Some("rabbit://poison"));
    assert_eq!(header("Dead-Letter-Deliveries").as_deref(), Some("2"));
    assert_eq!(grave.properties.message_id().as_ref().map(|id| id.as_str()), Some("poisoned"));
    stage.gateway.stop().await;
    eventually(async || stage.client.waiting("poison").await == 0).await;
}

#[tokio::test]
async fn rejected_it_goes_to_the_dead_letter_exchange_of_its_queue() {
    let Some(stage) = Stage::set().await else { return };
    publish_both(&stage, "poison.rejected").await;
    assert_eq!(failures(&stage, "/poison-rejected", 1).await, 1);
    let grave = stage.client.next("graves.rejected").await;
    assert_eq!(grave.data, b"{broken");
    let headers = grave.properties.headers().clone().expect("headers");
    assert!(headers.contains_key("x-death"), "{headers:?}");
    stage.gateway.stop().await;
    eventually(async || stage.client.waiting("poison.rejected").await == 0).await;
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let Some(stage) = Stage::set().await else { return };
    publish_both(&stage, "poison.dropped").await;
    assert_eq!(failures(&stage, "/poison-dropped", 1).await, 1);
    stage.gateway.stop().await;
    eventually(async || stage.client.waiting("poison.dropped").await == 0).await;
}
