//! Links that the service ends, connections that are cut, and a service that stops or is started again.

use std::time::Duration;

use sluicegate_drivers::azure_service_bus::{Delivery, Subscriber};
use sluicegate_drivers::{Broker as _, BrokerState, Delivery as _, Message, ReceiveError, Subscriber as _};
use tokio::time::{sleep, timeout};

use super::common::{MOMENT, ack, body, far, nothing, publish, publisher, receive, start, subscriber, until};
use super::server::until_connected;
use crate::log::Log;

/// Receives, and asks again where that fails.
async fn received(subscriber: &Subscriber) -> Delivery {
    let trying = async {
        loop {
            match subscriber.receive(far()).await {
                Ok(delivery) => return delivery,
                Err(ReceiveError::Closed) => panic!("it is closed"),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(Duration::from_secs(60), trying).await.expect("a message within a minute")
}

/// As the service does when nothing was received for ten minutes: whoever waits goes on waiting.
#[tokio::test]
async fn a_link_that_the_service_ends_is_made_anew() {
    let Some(server) = start(&["queue orders"]) else { return };
    let log = Log::start();
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://orders").await;
    let subscriber = subscriber(&broker, "azuresb://orders?queue=true").await;
    nothing(&subscriber, MOMENT).await;
    server.entities.add("detach orders");
    sleep(MOMENT).await;
    publish(&topic, Message::new("after")).await;
    ack(&received(&subscriber).await).await;
    let waiting = async {
        let delivery = receive(&subscriber).await;
        assert_eq!(body(&delivery), "awaited");
        ack(&delivery).await;
    };
    let ending = async {
        sleep(MOMENT).await;
        server.entities.add("detach orders");
        sleep(MOMENT).await;
        publish(&topic, Message::new("awaited")).await;
    };
    tokio::join!(waiting, ending);
    assert!(log.lines("refuses").is_empty(), "{:?}", log.lines("refuses"));
    // Something that is said to be wrong is a line.
    server.entities.add("detach orders amqp:internal-error");
    until("the line is there", || !log.lines("the service ended the link").is_empty()).await;
    publish(&topic, Message::new("again")).await;
    ack(&received(&subscriber).await).await;
    broker.close().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_anew() {
    let Some(server) = start(&["queue orders"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://orders").await;
    let subscriber = subscriber(&broker, "azuresb://orders?queue=true").await;
    for round in 0..3 {
        nothing(&subscriber, Duration::from_millis(50)).await;
        server.entities.add("disconnect");
        until("the loss is seen", || broker.counters().is_some_and(|counters| counters.disconnects() > round)).await;
        until_connected(&broker).await;
        let other = server.broker();
        let other_topic = publisher(&other, "azuresb://orders").await;
        publish(&other_topic, Message::new("after")).await;
        ack(&received(&subscriber).await).await;
        other.close().await;
    }
    drop(topic);
    broker.close().await;
}

/// What waits hears that there is no connection, and so does who comes.
#[tokio::test]
async fn a_service_that_is_started_again() {
    let Some(mut server) = start(&["queue orders"]) else { return };
    let broker = server.broker();
    let subscriber = subscriber(&broker, "azuresb://orders?queue=true").await;
    let waiting = subscriber.receive(far());
    let killing = async {
        sleep(MOMENT).await;
        server.kill().await;
    };
    let (waited, ()) = tokio::join!(timeout(Duration::from_secs(30), waiting), killing);
    let waited = waited.expect("an end").map(drop);
    assert!(matches!(waited, Err(ReceiveError::Unreachable(_))), "{waited:?}");
    until("it is seen", || broker.state() != BrokerState::Connected).await;
    let refused = subscriber.receive(far()).await.map(drop);
    assert!(matches!(refused, Err(ReceiveError::Unreachable(_))), "{refused:?}");
    server.run();
    until_connected(&broker).await;
    let topic = publisher(&broker, "azuresb://orders").await;
    publish(&topic, Message::new("after")).await;
    ack(&received(&subscriber).await).await;
    broker.close().await;
}

/// It is found out by what it does not answer, and what it says later is not lost.
#[tokio::test]
async fn a_service_that_stops_for_a_while() {
    let Some(server) = start(&["queue orders lock-seconds=60"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://orders").await;
    let subscriber = subscriber(&broker, "azuresb://orders?queue=true").await;
    publish(&topic, Message::new("held")).await;
    let held = receive(&subscriber).await;
    server.signal("STOP");
    let settling = held.settle(sluicegate_drivers::Settlement::Ack);
    // Those who wait go away.
    nothing(&subscriber, MOMENT).await;
    sleep(Duration::from_secs(2)).await;
    server.signal("CONT");
    settling.await.expect("acknowledged, later");
    publish(&topic, Message::new("after")).await;
    let delivery = received(&subscriber).await;
    assert_eq!((body(&delivery), delivery.delivery_count()), ("after", Some(1)));
    ack(&delivery).await;
    nothing(&subscriber, MOMENT).await;
    broker.close().await;
}
