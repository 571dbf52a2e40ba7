//! Receipts and refusals.

use serde_json::json;
use sluicegate_drivers::jetstream::Broker;
use sluicegate_drivers::{Broker as _, Message, PublishErrorKind, Publisher as _, PublisherOptions, Receipt};

use super::support::{Place, publish, refusal, try_receive, until_connected};
use crate::server::settings;

#[tokio::test]
async fn receipts() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let publisher = place.publisher(&broker, "a");
    let stored = |offset| Receipt { partition: Some(place.stream.clone()), offset: Some(offset), ..Receipt::default() };
    assert_eq!(publish(&publisher, "x").await.expect("confirmed"), stored(1));
    let identified = || Message { id: Some("id-1".to_owned()), ..Message::new("x") };
    assert_eq!(publisher.publish(identified()).await.expect("confirmed"), stored(2));
    let again = publisher.publish(identified()).await.expect("confirmed");
    assert_eq!(again, Receipt { duplicate: true, ..stored(2) });
    assert_eq!(place.stored(), 2);
}

#[tokio::test]
async fn refusals() {
    let Some(place) = Place::with_stream(&json!({ "max_msg_size": 100, "max_msgs": 2, "discard": "new" })) else {
        return;
    };
    let broker = place.broker().await;
    let publisher = place.publisher(&broker, "a");
    let kind = async |body: &str| publish(&publisher, body).await.map_err(|error| error.kind);
    // The stream's limit, and the server's.
    assert_eq!(kind(&"x".repeat(200)).await, Err(PublishErrorKind::TooLarge));
    assert_eq!(kind(&"x".repeat((1 << 20) + 1)).await, Err(PublishErrorKind::TooLarge));
    for _ in 0..2 {
        kind("x").await.expect("confirmed");
    }
    assert_eq!(kind("x").await, Err(PublishErrorKind::Full));
    let nowhere = broker.publisher("jetstream://nobody.has.this", &PublisherOptions::default()).expect("a topic");
    let error = publish(&nowhere, "x").await.expect_err("refused");
    assert_eq!(error.kind, PublishErrorKind::Refused);
    assert!(error.to_string().contains("no stream has the subject"), "{error}");
    let mut wrong = Message::new("x");
    wrong.set_attribute("Nats-Expected-Last-Sequence", "7");
    let error = publisher.publish(wrong).await.expect_err("refused");
    assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
    assert_eq!(place.stored(), 2);
}

#[tokio::test]
async fn what_the_user_may_not_do() {
    const EXTRA: &str = r#"
        no_auth_user: admin
        authorization { users: [
            { user: admin, password: a }
            { user: deaf, password: d, permissions: { subscribe: { deny: ["_INBOX.>"] } } }
            { user: eve, password: e, permissions: { publish: { deny: ["*.secret", "$JS.API.CONSUMER.MSG.NEXT.>"] } } }
        ] }
    "#;
    let Some(place) = Place::start(EXTRA) else { return };
    place.make_stream(&json!({}));
    let login = async |login: &str| {
        let servers = format!("{login}@{}", place.server.address);
        let broker = Broker::open(&settings(&[("servers", &servers)])).expect("an address");
        until_connected(&broker).await;
        broker
    };
    let broker = login("deaf:d").await;
    let error = publish(&place.publisher(&broker, "open"), "x").await.expect_err("refused");
    assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
    let error = try_receive(&place.subscriber(&broker, "open")).await.expect_err("refused");
    let reason = refusal(&error);
    assert!(reason.contains("Permissions Violation for Subscription"), "{reason}");
    let broker = login("eve:e").await;
    let error = publish(&place.publisher(&broker, "secret"), "x").await.expect_err("refused");
    assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
    publish(&place.publisher(&broker, "open"), "x").await.expect("confirmed");
    let error = try_receive(&place.subscriber(&broker, "open")).await.expect_err("refused");
    let reason = refusal(&error);
    assert!(reason.contains("Permissions Violation for Publish"), "{reason}");
}
