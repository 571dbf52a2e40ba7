//! Google's own client for Rust on the other side.

use std::time::Duration;

use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client;
use google_cloud_pubsub::model::Message as Theirs;
use sluicegate_drivers::{Broker as _, Delivery as _, Message, Settlement, Subscriber as _, SubscriberOptions};
use tokio::time::timeout;

use super::server::{Server, far, publish, publisher};
use crate::gcp_pubsub_admin::{Subscription, unique, url};

fn any_bytes() -> Vec<u8> {
    (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect()
}

/// What we publish, theirs receives.
#[tokio::test]
async fn it_receives_what_is_published() {
    let Some(server) = Server::start() else { return };
    let admin = server.admin().await;
    let topic = admin.make_topic(&unique("topic")).await;
    let subscription = admin.make_subscription(&unique("sub"), &topic, Subscription::default()).await;
    let broker = server.broker();
    let publisher = publisher(&broker, &url(&topic)).await;
    let mut message = Message { key: Some("customer-7".to_owned()), ..Message::new(any_bytes()) };
    message.set_attribute("Content-Type", "application/json");
    message.set_attribute("n\u{e4}me", "\u{1f980}\r\n");
    let receipt = publish(&publisher, message).await.expect("it is confirmed");
    let theirs = client::Subscriber::builder()
        .with_endpoint(format!("http://{}", server.address))
        .with_credentials(anonymous::Builder::new().build())
        .build();
    let mut stream = theirs.await.expect("a subscriber").subscribe(&subscription).build();
    let received = timeout(Duration::from_secs(60), stream.next()).await.expect("a message within a minute");
    let (received, handler) = received.expect("a stream").expect("a message");
    handler.ack();
    assert_eq!(received.data, any_bytes());
    assert_eq!(received.ordering_key, "customer-7");
    assert_eq!(Some(received.message_id), receipt.id);
    let mut attributes: Vec<_> = received.attributes.into_iter().collect();
    attributes.sort();
    let expected = [("Content-Type", "application/json"), ("n\u{e4}me", "\u{1f980}\r\n")];
    assert_eq!(attributes, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    broker.close().await;
}

/// What theirs publishes, we receive.
#[tokio::test]
async fn what_it_publishes_is_received() {
    let Some(server) = Server::start() else { return };
    let admin = server.admin().await;
    let topic = admin.make_topic(&unique("topic")).await;
    let subscription = admin.make_subscription(&unique("sub"), &topic, Subscription::default()).await;
    let theirs = client::Publisher::builder(&topic)
        .with_endpoint(format!("http://{}", server.address))
        .with_credentials(anonymous::Builder::new().build())
        .build();
    let message = Theirs::new()
        .set_data(any_bytes())
        .set_ordering_key("customer-7")
        .set_attributes([("Content-Type", "application/json"), ("empty", "")]);
    let id = theirs.await.expect("a publisher").publish(message).await.expect("it is confirmed");
    let broker = server.broker();
    let subscriber = broker.subscriber(&url(&subscription), &SubscriberOptions::default()).expect("a subscription");
    super::server::until_connected(&broker).await;
    let delivery = subscriber.receive(far()).await.expect("a message");
    let message = delivery.message();
    assert_eq!(message.body, any_bytes());
    assert_eq!(message.key.as_deref(), Some("customer-7"));
    assert_eq!(message.id.as_deref(), Some(&*id));
    assert_eq!(message.attribute("Content-Type"), Some("application/json"));
    assert_eq!(message.attribute("empty"), Some(""));
    delivery.settle(Settlement::Ack).await.expect("it is acknowledged");
    broker.close().await;
    assert!(admin.take_all(&subscription).await.is_empty());
}
