//! NATS' own client (async-nats), on JetStream and without it.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, AckKind};
use async_nats::{Client, HeaderMap, HeaderValue};
use futures_util::StreamExt as _;
use serde_json::json;
use sluicegate_drivers::{
    Broker as _, Delivery as _, Message, Publisher as _, PublisherOptions, Settlement, SubscriberOptions, nats,
};
use tokio::time::timeout;

use super::interop::{assert_is_ours, body, message};
use super::support::{Place, ack, expect_nothing, receive};
use crate::server::{connected, publisher, receive as receive_core};

async fn client(place: &Place) -> Client {
    async_nats::connect(&place.server.address).await.expect("a connection")
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("X-Order-Id", "0042");
    headers.insert("Content-Type", "application/octet-stream");
    headers
}

/// What comes within a minute.
async fn next<T>(mut messages: impl futures_util::Stream<Item = T> + Unpin) -> T {
    timeout(Duration::from_secs(60), messages.next()).await.expect("within a minute").expect("a message")
}

fn assert_is_the_same(received: &async_nats::Message, subject: &str, headers: &HeaderMap) {
    assert_eq!(received.subject.as_str(), subject);
    assert_eq!(received.headers.as_ref(), Some(headers));
    assert_eq!(received.payload, body());
}

async fn ack_core(delivery: &nats::Delivery) {
    delivery.settle(Settlement::Ack).await.expect("acknowledged");
}

#[tokio::test]
async fn core_both_ways() {
    let Some(place) = Place::start("") else { return };
    let broker: nats::Broker = connected(&place.server, &[]).await;
    let client = client(&place).await;
    let subscriber = broker.subscriber("nats://in", &SubscriberOptions::default()).expect("a subscription");
    // The server has the subscription before it confirms this.
    publisher(&broker, "nats://nobody").publish(Message::new("x")).await.expect("confirmed");
    client.publish_with_headers("in", headers(), body().into()).await.expect("sent");
    let with_headers = receive_core(&subscriber).await;
    assert_is_ours(with_headers.message());
    ack_core(&with_headers).await;
    client.publish("in", body().into()).await.expect("sent");
    let without_headers = receive_core(&subscriber).await;
    assert_eq!(without_headers.message().body, body());
    assert_eq!(without_headers.message().attributes, []);
    ack_core(&without_headers).await;

    let mut messages = client.subscribe("out").await.expect("a subscription");
    // Its `flush` waits for no answer: what it is sent back, the server has read after the subscription.
    let mut probe = client.subscribe("probe").await.expect("a subscription");
    client.publish("probe", "x".into()).await.expect("sent");
    next(&mut probe).await;
    publisher(&broker, "nats://out").publish(message()).await.expect("confirmed");
    assert_is_the_same(&next(&mut messages).await, "out", &headers());
    publisher(&broker, "nats://out").publish(Message::new(body())).await.expect("confirmed");
    let without_headers = next(&mut messages).await;
    assert_eq!(without_headers.payload, body());
    assert_eq!(without_headers.headers, None);
}

#[tokio::test]
async fn jetstream_both_ways() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let context = jetstream::new(client(&place).await);
    let (inward, outward) = (format!("{}.in", place.stream), format!("{}.out", place.stream));
    let subscriber = place.subscriber(&broker, "in");
    let mut identified = headers();
    identified.insert("Nats-Msg-Id", "id-6");
    for duplicate in [false, true] {
        let sent = context.publish_with_headers(inward.clone(), identified.clone(), body().into()).await.expect("sent");
        let stored = sent.await.expect("stored");
        assert_eq!((&*stored.stream, stored.sequence, stored.duplicate), (&*place.stream, 1, duplicate));
    }
    let delivery = receive(&subscriber).await;
    assert_is_ours(delivery.message());
    assert_eq!(delivery.message().id.as_deref(), Some("id-6"));
    ack(&delivery).await;
    expect_nothing(&subscriber).await;

    let publisher = broker.publisher(&place.topic("out"), &PublisherOptions::default()).expect("a topic");
    for duplicate in [false, true] {
        let identified = Message { id: Some("id-7".to_owned()), ..message() };
        let receipt = publisher.publish(identified).await.expect("confirmed");
        assert_eq!((receipt.offset, receipt.duplicate), (Some(2), duplicate));
    }
    let stream = context.get_stream(&place.stream).await.expect("the stream");
    let config =
        pull::Config { filter_subject: outward.clone(), ack_policy: AckPolicy::Explicit, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let received = next(consumer.messages().await.expect("messages")).await.expect("a message");
    let mut expected = headers();
    expected.insert("Nats-Msg-Id", HeaderValue::from("id-7"));
    assert_is_the_same(&received.message, &outward, &expected);
    received.double_ack().await.expect("acknowledged");
}

/// The consumer of one serves the other, and what one gives back the other gets.
#[tokio::test]
async fn a_consumer_is_shared() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let subscriber = place.subscriber(&broker, "a");
    place.publisher(&broker, "a").publish(message()).await.expect("confirmed");
    let context = jetstream::new(client(&place).await);
    // Made as soon as there is a connection: once this has come, it is there.
    drop(receive(&subscriber).await);
    let consumer =
        context.get_consumer_from_stream::<pull::Config, _, _>("d", &place.stream).await.expect("it is there");
    let config = &consumer.cached_info().config;
    assert_eq!((config.durable_name.as_deref(), config.ack_policy), (Some("d"), AckPolicy::Explicit));
    let given_back = next(consumer.messages().await.expect("messages")).await.expect("a message");
    assert_eq!(given_back.info().expect("of JetStream").delivered, 2);
    assert_eq!(given_back.payload, body());
    given_back.ack_with(AckKind::Nak(None)).await.expect("sent");
    let delivery = receive(&subscriber).await;
    assert_eq!(delivery.delivery_count(), Some(3));
    assert_is_ours(delivery.message());
    ack(&delivery).await;
}
