//! What comes, and what is known of it.

use std::time::{Duration, SystemTime};

use sluicegate_drivers::{Broker as _, Delivery as _, Message, ReceiveError, Subscriber as _, SubscriberOptions};

use super::common::{NACK, ack, body, far, nothing, publish, publisher, receive, settle, start, subscriber, until};
use crate::log::Log;

#[tokio::test]
async fn a_message_comes_with_what_the_service_knows_of_it() {
    let Some(server) = start(&["queue orders"]) else { return };
    let broker = server.broker();
    let (topic, queue) = (publisher(&broker, "azuresb://orders").await, "azuresb://orders?queue=true");
    let subscriber = subscriber(&broker, queue).await;
    let mut message =
        Message { id: Some("id-7".to_owned()), key: Some("customer".to_owned()), ..Message::new("hello") };
    for (name, value) in [
        ("Content-Type", "application/json"),
        ("Servicebus-Subject", "paid"),
        ("Servicebus-To", "somebody"),
        ("Servicebus-Reply-To", "answers"),
        ("Servicebus-Reply-To-Session-Id", "a session"),
        ("Servicebus-Correlation-Id", "c"),
        ("Servicebus-Time-To-Live", "60000ms"),
        ("X-Order-Id", "0042"),
    ] {
        message.set_attribute(name, value);
    }
    publish(&topic, message.clone()).await;
    publish(&topic, Message::new("second")).await;
    let first = receive(&subscriber).await;
    let sorted = |message: &Message| {
        let mut attributes = message.attributes.clone();
        attributes.sort_by(|one, other| one.name.cmp(&other.name));
        attributes
    };
    assert_eq!(sorted(first.message()), sorted(&message));
    assert_eq!((&first.message().id, &first.message().key), (&message.id, &message.key));
    assert_eq!(first.delivery_count(), Some(1));
    let origin = first.origin();
    assert_eq!(origin.topic, Some("orders"));
    let age = SystemTime::now().duration_since(origin.timestamp.expect("a time")).unwrap_or_default();
    assert!(age < Duration::from_secs(60), "{age:?}");
    let second = receive(&subscriber).await;
    assert!(second.origin().offset > origin.offset && origin.offset.is_some());
    settle(&first, NACK).await;
    let again = receive(&subscriber).await;
    assert_eq!((body(&again), again.delivery_count()), ("hello", Some(2)));
    assert_eq!(again.origin().offset, origin.offset);
    ack(&again).await;
    ack(&second).await;
    broker.close().await;
}

#[tokio::test]
async fn subscriptions_of_a_topic_and_bodies_of_many_frames() {
    let Some(server) = start(&["topic events one two max-size=8388608"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://events").await;
    let one = subscriber(&broker, "azuresb://events?subscription=one").await;
    let two = subscriber(&broker, "azuresb://events?subscription=two").await;
    let large: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect();
    publish(&topic, Message::new(large.clone())).await;
    for subscriber in [&one, &two] {
        let delivery = receive(subscriber).await;
        assert!(delivery.message().body == large, "the body has changed");
        ack(&delivery).await;
        nothing(subscriber, Duration::from_millis(50)).await;
    }
    broker.close().await;
}

/// It is an error of its own subscription, in the service's words, and over as soon as the queue is there.
#[tokio::test]
async fn a_queue_that_is_not_there_yet() {
    let Some(server) = start(&["queue there"]) else { return };
    let log = Log::start();
    let broker = server.broker();
    let missing = subscriber(&broker, "azuresb://missing?queue=true").await;
    let there = subscriber(&broker, "azuresb://there?queue=true").await;
    until("the line is there", || !log.lines("the service refuses the subscription").is_empty()).await;
    let refused = missing.receive(far()).await.map(drop);
    assert!(
        matches!(&refused, Err(ReceiveError::Refused(reason)) if reason.to_string().contains("amqp:not-found")),
        "{refused:?}"
    );
    let line = log.error("the service refuses the subscription");
    assert!(line.contains("missing") && line.contains("could not be found"), "{line}");
    nothing(&there, Duration::from_millis(100)).await;
    server.entities.add("queue missing");
    let topic = publisher(&broker, "azuresb://missing").await;
    until("it is accepted", || !log.lines("accepts the subscription again").is_empty()).await;
    publish(&topic, Message::new("late")).await;
    ack(&receive(&missing).await).await;
    broker.close().await;
}

/// Two requests of one gateway share a queue with another client of it.
#[tokio::test]
async fn opening_does_not_wait_and_unknown_urls_are_refused() {
    let Some(server) = start(&["queue orders"]) else { return };
    let broker = server.broker();
    let opened = broker.subscriber("azuresb://orders", &SubscriberOptions::default());
    assert!(opened.is_err(), "neither a queue nor a subscription");
    let subscriber = broker.subscriber("azuresb://orders?queue=true", &SubscriberOptions::default()).expect("a queue");
    let early = subscriber.receive(far()).await.map(drop);
    assert!(matches!(early, Err(ReceiveError::Unreachable(_))), "{early:?}");
    broker.close().await;
    let late = subscriber.receive(far()).await.map(drop);
    assert!(matches!(late, Err(ReceiveError::Closed)), "{late:?}");
}
