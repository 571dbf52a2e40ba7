//! What becomes of deliveries, by the service's own word.

use std::time::Duration;

use sluicegate_drivers::{Broker as _, Delivery as _, Message, SettleError, Settlement};

use super::common::{MOMENT, NACK, ack, body, nothing, publish, publisher, receive, settle, start, subscriber};

#[tokio::test]
async fn each_delivery_is_settled_once() {
    let Some(server) = start(&["queue once"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://once").await;
    let subscriber = subscriber(&broker, "azuresb://once?queue=true").await;
    publish(&topic, Message::new("once")).await;
    let delivery = receive(&subscriber).await;
    ack(&delivery).await;
    for settlement in [Settlement::Ack, NACK, Settlement::DeadLetter { reason: "late".to_owned() }] {
        let again = delivery.settle(settlement).await;
        assert!(matches!(again, Err(SettleError::Expired)), "{again:?}");
    }
    drop(delivery);
    nothing(&subscriber, MOMENT).await;
    broker.close().await;
}

#[tokio::test]
async fn dead_letters_have_their_reason() {
    let Some(server) = start(&["topic events one"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://events").await;
    let messages = subscriber(&broker, "azuresb://events?subscription=one").await;
    let dead = subscriber(&broker, "azuresb://events?subscription=one&dead_letter=true").await;
    let mut message = Message::new("poison");
    message.set_attribute("X-Kept", "yes");
    publish(&topic, message).await;
    let reason = "not JSON\nat line 7".to_owned();
    settle(&receive(&messages).await, Settlement::DeadLetter { reason: reason.clone() }).await;
    let letter = receive(&dead).await;
    assert_eq!(body(&letter), "poison");
    let attribute = |name: &str| letter.message().attribute(name);
    assert_eq!(attribute("X-Kept"), Some("yes"));
    assert_eq!(attribute("DeadLetterReason"), Some("not JSON"));
    assert_eq!(attribute("DeadLetterErrorDescription"), Some(&*reason));
    ack(&letter).await;
    nothing(&messages, MOMENT).await;
    nothing(&dead, MOMENT).await;
    broker.close().await;
}

/// Its limit is the queue's own.
#[tokio::test]
async fn what_is_given_back_too_often_is_dead_lettered_by_the_service() {
    let Some(server) = start(&["queue tried max-delivery=3"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://tried").await;
    let subscriber = subscriber(&broker, "azuresb://tried?queue=true").await;
    publish(&topic, Message::new("tried")).await;
    for count in 1..=3 {
        let delivery = receive(&subscriber).await;
        assert_eq!(delivery.delivery_count(), Some(count));
        settle(&delivery, NACK).await;
    }
    nothing(&subscriber, MOMENT).await;
    let dead = super::common::subscriber(&broker, "azuresb://tried?queue=true&dead_letter=true").await;
    let letter = receive(&dead).await;
    assert_eq!(letter.message().attribute("DeadLetterReason"), Some("MaxDeliveryCountExceeded"));
    ack(&letter).await;
    broker.close().await;
}

/// The link that a message came over is gone; its lock is not.
#[tokio::test]
async fn a_message_is_settled_after_its_link_has_ended() {
    let Some(server) = start(&["queue detached lock-seconds=30"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://detached").await;
    let subscriber = subscriber(&broker, "azuresb://detached?queue=true").await;
    for body in ["completed", "abandoned", "dead"] {
        publish(&topic, Message::new(body)).await;
    }
    let (first, second, third) = (receive(&subscriber).await, receive(&subscriber).await, receive(&subscriber).await);
    server.entities.add("detach detached");
    tokio::time::sleep(MOMENT).await;
    ack(&first).await;
    settle(&second, NACK).await;
    settle(&third, Settlement::DeadLetter { reason: "poison".to_owned() }).await;
    let again = receive(&subscriber).await;
    assert_eq!((body(&again), again.delivery_count()), ("abandoned", Some(2)));
    ack(&again).await;
    let dead = super::common::subscriber(&broker, "azuresb://detached?queue=true&dead_letter=true").await;
    ack(&receive(&dead).await).await;
    nothing(&subscriber, MOMENT).await;
    broker.close().await;
}

/// So is a message whose whole connection is gone.
#[tokio::test]
async fn a_message_is_settled_after_its_connection_was_lost() {
    let Some(server) = start(&["queue cut lock-seconds=30"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://cut").await;
    let subscriber = subscriber(&broker, "azuresb://cut?queue=true").await;
    publish(&topic, Message::new("held")).await;
    let held = receive(&subscriber).await;
    server.entities.add("disconnect");
    tokio::time::sleep(MOMENT).await;
    ack(&held).await;
    let other = server.broker();
    let again = super::common::subscriber(&other, "azuresb://cut?queue=true").await;
    nothing(&again, Duration::from_secs(1)).await;
    broker.close().await;
    other.close().await;
}

/// What is not known is not called settled.
#[tokio::test]
async fn a_service_that_has_forgotten_the_message_is_an_error() {
    let Some(mut server) = start(&["queue gone lock-seconds=2"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://gone").await;
    let subscriber = subscriber(&broker, "azuresb://gone?queue=true").await;
    publish(&topic, Message::new("held")).await;
    let held = receive(&subscriber).await;
    server.kill().await;
    server.run();
    let settled = held.settle(Settlement::Ack).await;
    assert!(settled.is_err(), "the stand-in has lost all of its messages");
    broker.close().await;
}

#[tokio::test]
async fn closing_gives_back_what_is_held() {
    let Some(server) = start(&["queue closed"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://closed").await;
    let first = subscriber(&broker, "azuresb://closed?queue=true").await;
    publish(&topic, Message::new("held")).await;
    let held = receive(&first).await;
    broker.close().await;
    let late = held.settle(Settlement::Ack).await;
    assert!(matches!(late, Err(SettleError::Expired | SettleError::Unreachable(_))), "{late:?}");
    // At once, and not after the half minute of its lock.
    let other = server.broker();
    let second = subscriber(&other, "azuresb://closed?queue=true").await;
    let again = tokio::time::timeout(Duration::from_secs(10), receive(&second)).await.expect("at once");
    assert_eq!(again.delivery_count(), Some(2));
    ack(&again).await;
    other.close().await;
}
