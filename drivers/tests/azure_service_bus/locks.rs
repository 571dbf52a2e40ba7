//! Locks are kept for as long as a delivery is held, and not longer.

use std::time::Duration;

use sluicegate_drivers::{
    Broker as _, BrokerState, Delivery as _, Message, ReceiveError, SettleError, Settlement, Subscriber as _,
};
use tokio::time::sleep;

use super::common::{ack, body, far, nothing, publish, publisher, receive, start, subscriber, until};

#[tokio::test]
async fn a_delivery_that_is_held_keeps_its_lock() {
    let Some(server) = start(&["queue slow lock-seconds=6"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://slow").await;
    let subscriber = subscriber(&broker, "azuresb://slow?queue=true").await;
    for body in ["one", "two", "three"] {
        publish(&topic, Message::new(body)).await;
    }
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(receive(&subscriber).await);
    }
    // Twice as long as the lock lasts, with others that look for what comes back.
    nothing(&subscriber, Duration::from_secs(13)).await;
    for delivery in &held {
        ack(delivery).await;
    }
    nothing(&subscriber, Duration::from_secs(7)).await;
    broker.close().await;
}

/// Whatever ends meanwhile: the links, that which locks are renewed over among them, or the connection.
#[tokio::test]
async fn a_lock_is_kept_over_what_ends() {
    let Some(server) = start(&["queue kept lock-seconds=5"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://kept").await;
    let subscriber = subscriber(&broker, "azuresb://kept?queue=true").await;
    publish(&topic, Message::new("held")).await;
    let held = receive(&subscriber).await;
    let other = server.broker();
    let others = super::common::subscriber(&other, "azuresb://kept?queue=true").await;
    for end in ["detach kept", "detach kept", "disconnect"] {
        sleep(Duration::from_secs(2)).await;
        server.entities.add(end);
        // Both clients connect again where the connection was it.
        sleep(Duration::from_secs(1)).await;
        until("it is connected", || other.state() == BrokerState::Connected).await;
        match tokio::time::timeout(Duration::from_secs(2), others.receive(far())).await {
            Err(_) | Ok(Err(_)) => {}
            Ok(Ok(delivery)) => panic!("the lock was lost: {delivery:?}"),
        }
    }
    ack(&held).await;
    broker.close().await;
    other.close().await;
}

/// A service that was stopped for longer than the lock has given the message to nobody, and does so once it goes on.
#[tokio::test]
async fn a_lock_that_is_lost_is_an_expired_delivery() {
    let Some(server) = start(&["queue lost lock-seconds=1"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://lost").await;
    let subscriber = subscriber(&broker, "azuresb://lost?queue=true").await;
    publish(&topic, Message::new("held")).await;
    let held = receive(&subscriber).await;
    assert_eq!(held.delivery_count(), Some(1));
    server.signal("STOP");
    sleep(Duration::from_secs(2)).await;
    server.signal("CONT");
    let again = receive(&subscriber).await;
    assert_eq!((body(&again), again.delivery_count()), ("held", Some(2)));
    let late = held.settle(Settlement::Ack).await;
    assert!(matches!(late, Err(SettleError::Expired)), "{late:?}");
    drop(held);
    ack(&again).await;
    nothing(&subscriber, Duration::from_secs(2)).await;
    broker.close().await;
}

/// Nobody renews what nobody holds.
#[tokio::test]
async fn what_is_not_held_any_more_is_not_kept() {
    let Some(server) = start(&["queue dropped lock-seconds=2"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://dropped").await;
    let subscriber = subscriber(&broker, "azuresb://dropped?queue=true").await;
    publish(&topic, Message::new("dropped")).await;
    drop(receive(&subscriber).await);
    let again = receive(&subscriber).await;
    assert_eq!(again.delivery_count(), Some(2));
    // The client is gone without a word: the lock ends by itself.
    server.entities.add("disconnect");
    drop(broker);
    let other = server.broker();
    let subscriber = super::common::subscriber(&other, "azuresb://dropped?queue=true").await;
    // The other's connection may be among those that are ended.
    let third = loop {
        match subscriber.receive(far()).await {
            Err(ReceiveError::Unreachable(_)) => sleep(Duration::from_millis(100)).await,
            received => break received.expect("a message"),
        }
    };
    assert_eq!(third.delivery_count(), Some(3));
    ack(&third).await;
    drop(again);
    other.close().await;
}
