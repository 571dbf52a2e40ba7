//! Links that the service ends, connections that are cut, and a service that stops or is started again.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluicegate_drivers::azure_service_bus::{Delivery, Subscriber};
use sluicegate_drivers::{Broker as _, BrokerState, Delivery as _, Message, ReceiveError, Settlement, Subscriber as _};
use tokio::time::{sleep, timeout};

use super::common::{MOMENT, ack, body, far, nothing, publish, publisher, receive, start, subscriber, until};
use super::server::{Proxy, open, string, until_connected};
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

/// Whoever waits does not wait for ever for what is not said.
#[tokio::test]
async fn a_service_that_does_not_answer_is_an_error() {
    let Some(server) = start(&["queue orders lock-seconds=60"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://orders").await;
    let subscriber = subscriber(&broker, "azuresb://orders?queue=true").await;
    nothing(&subscriber, MOMENT).await;
    server.signal("STOP");
    nothing(&subscriber, MOMENT).await;
    sleep(MOMENT).await;
    // The other one has gone, and nobody knows whether its message comes.
    let waited = timeout(Duration::from_secs(40), subscriber.receive(far())).await.expect("an end").map(drop);
    assert!(matches!(waited, Err(ReceiveError::Unreachable(_))), "{waited:?}");
    server.signal("CONT");
    publish(&topic, Message::new("after")).await;
    let delivery = received(&subscriber).await;
    assert_eq!(body(&delivery), "after");
    ack(&delivery).await;
    nothing(&subscriber, MOMENT).await;
    broker.close().await;
}

/// Without a word, in the middle of what is asked and settled: nothing is lost, and nothing is called settled that is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_lose_nothing() {
    const MESSAGES: usize = 200;
    let Some(server) = start(&["queue orders lock-seconds=5 max-delivery=1000"]) else { return };
    let publishing = server.broker();
    let topic = publisher(&publishing, "azuresb://orders").await;
    for number in 0..MESSAGES {
        publish(&topic, Message::new(number.to_string())).await;
    }
    let proxy = Proxy::start(&server.address).await;
    let broker = open(&[("connection_string", &string(&proxy.address))]);
    let subscriber = subscriber(&broker, "azuresb://orders?queue=true").await;
    // What is settled, and what may be.
    let (settled, unknown) = (Mutex::new(HashSet::new()), Mutex::new(HashSet::new()));
    let seen = AtomicUsize::new(0);
    let count = || {
        let settled = settled.lock().expect("no panic");
        settled.len() + unknown.lock().expect("no panic").difference(&settled).count()
    };
    let take = async || {
        while count() < MESSAGES {
            let Ok(waited) = timeout(Duration::from_secs(10), subscriber.receive(far())).await else { continue };
            let Ok(delivery) = waited else {
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            if seen.fetch_add(1, Ordering::Relaxed) % 50 == 20 {
                proxy.cut();
            }
            let body = body(&delivery).to_owned();
            assert!(!settled.lock().expect("no panic").contains(&body), "{body} came again after it was settled");
            match delivery.settle(Settlement::Ack).await {
                Ok(()) => assert!(settled.lock().expect("no panic").insert(body)),
                Err(_) => drop(unknown.lock().expect("no panic").insert(body)),
            }
        }
    };
    let all = async { tokio::join!(take(), take(), take(), take()) };
    timeout(Duration::from_secs(120), all).await.expect("all messages");
    assert!(broker.counters().is_some_and(|counters| counters.disconnects() > 1));
    broker.close().await;
    publishing.close().await;
}
