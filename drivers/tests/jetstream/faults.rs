//! Servers that are killed and paused.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sluicegate_drivers::jetstream::Broker;
use sluicegate_drivers::{
    Broker as _, BrokerState, Delivery as _, Message, PublishErrorKind, Publisher as _, PublisherOptions, ReceiveError,
    Settlement, Subscriber as _,
};
use tokio::task::JoinSet;

use super::support::{Place, ack, expect_nothing, publish, receive, try_receive, until_connected};
use crate::server::{far, settings, until};

#[tokio::test]
async fn who_waits_receives_after_the_server_is_back() {
    let Some(mut place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let (publisher, subscriber) = (place.publisher(&broker, "a"), place.subscriber(&broker, "a"));
    let subscriber = Arc::new(subscriber);
    let waiting = tokio::spawn({
        let subscriber = Arc::clone(&subscriber);
        async move { subscriber.receive(far()).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    place.server.kill().await;
    until("it is disconnected", || broker.state() != BrokerState::Connected).await;
    // A new one is told at once, and nothing is kept for later.
    let error = try_receive(&subscriber).await.expect_err("there is no server");
    assert!(matches!(error, ReceiveError::Unreachable(_)), "{error:?}");
    let error = publish(&publisher, "not sent").await.expect_err("there is no server");
    assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
    place.server.run();
    until_connected(&broker).await;
    publish(&publisher, "x").await.expect("confirmed");
    let delivery = waiting.await.expect("no panic").expect("a message");
    assert_eq!(delivery.message().body, "x");
    ack(&delivery).await;
    expect_nothing(&subscriber).await;
    assert_eq!(place.stored(), 1);
}

#[tokio::test]
async fn what_is_held_is_acknowledged_or_comes_back() {
    let Some(mut place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let (publisher, subscriber) = (place.publisher(&broker, "a"), place.subscriber(&broker, "a"));
    for body in ["before", "while"] {
        publish(&publisher, body).await.expect("confirmed");
    }
    let (first, second) = (receive(&subscriber).await, receive(&subscriber).await);
    // The server writes down what it delivered a little later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.server.kill().await;
    // Settled while there is no server, and after it is back.
    let settling = tokio::spawn(first.settle(Settlement::Ack));
    drop(first);
    tokio::time::sleep(Duration::from_millis(200)).await;
    place.server.run();
    let settled = [settling.await.expect("no panic"), second.settle(Settlement::Ack).await];
    drop(second);
    // A server that is killed may forget that it delivered something: then it does not answer, and delivers it again.
    for (body, settled) in ["before", "while"].into_iter().zip(settled) {
        match settled {
            Ok(()) => {}
            Err(error) => {
                println!("{body}: {error}");
                let again = receive(&subscriber).await;
                assert_eq!(again.message().body, body);
                ack(&again).await;
            }
        }
    }
    expect_nothing(&subscriber).await;
    assert_eq!(place.admin().consumer(&place.stream, "d")["num_ack_pending"], 0);
}

#[tokio::test]
async fn a_paused_server_is_noticed() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let (publisher, subscriber) = (place.publisher(&broker, "a"), place.subscriber(&broker, "a"));
    publish(&publisher, "held").await.expect("confirmed");
    let held = receive(&subscriber).await;
    place.server.signal("STOP");
    // Not all of its threads stop at once.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let error = publish(&publisher, "x").await.expect_err("nobody answers");
    assert_eq!(error.kind, PublishErrorKind::Unknown, "{error}");
    assert_ne!(broker.state(), BrokerState::Connected);
    let error = publish(&publisher, "y").await.expect_err("there is no connection");
    assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
    place.server.signal("CONT");
    until_connected(&broker).await;
    ack(&held).await;
    publish(&publisher, "z").await.expect("confirmed");
    // The one of which nothing was known may be there, the one that was not sent is not.
    let mut bodies = Vec::new();
    while bodies.last().is_none_or(|last| last != "z") {
        let delivery = receive(&subscriber).await;
        ack(&delivery).await;
        bodies.push(String::from_utf8(delivery.message().body.to_vec()).expect("text"));
    }
    assert!(bodies == ["x", "z"] || bodies == ["z"], "{bodies:?}");
}

/// A server that is about to end is left for another one, without an error.
#[tokio::test]
async fn a_server_that_shuts_down_is_left() {
    let (Some(one), Some(other)) = (Place::start(""), Place::start("")) else { return };
    for place in [&one, &other] {
        place.admin().make_stream(&place.stream, "orders", &json!({}));
    }
    let servers = format!("{},{}", one.server.address, other.server.address);
    let broker = Broker::open(&settings(&[("servers", &servers)])).expect("addresses");
    until_connected(&broker).await;
    let publisher = broker.publisher("jetstream://orders", &PublisherOptions::default()).expect("a topic");
    let first = publish(&publisher, "x").await.expect("confirmed").partition.expect("a stream");
    let leaving = if first == one.stream { &one } else { &other };
    leaving.server.signal("USR2");
    let end = far();
    loop {
        assert!(std::time::Instant::now() < end, "the server is not left");
        match publish(&publisher, "x").await {
            Ok(receipt) if receipt.partition.as_deref() != Some(&first) => break,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What was confirmed is stored, whatever happens to the server meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_is_not_lost() {
    const MESSAGES: usize = 4_000;
    const TASKS: usize = 8;
    let Some(mut place) = Place::with_stream(&json!({})) else { return };
    let broker = Arc::new(place.broker().await);
    let url = place.topic("a");
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let publisher = broker.publisher(&url, &PublisherOptions::default()).expect("a topic");
        tasks.spawn(async move {
            let mut confirmed = Vec::new();
            for number in (task..MESSAGES).step_by(TASKS) {
                match publisher.publish(Message::new(number.to_string())).await {
                    Ok(receipt) => confirmed.push((receipt.offset.expect("a sequence"), number)),
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
            confirmed
        });
    }
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        place.server.kill().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        place.server.run();
        until_connected(&broker).await;
    }
    let mut confirmed = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        confirmed.extend(ended.expect("no panic"));
    }
    until_connected(&broker).await;
    let subscriber = place.subscriber(&broker, "a");
    let mut stored = std::collections::HashMap::new();
    for _ in 0..place.stored() {
        let delivery = receive(&subscriber).await;
        let number: usize = std::str::from_utf8(&delivery.message().body).expect("text").parse().expect("a number");
        stored.insert(delivery.origin().offset.expect("a sequence"), number);
        ack(&delivery).await;
    }
    assert!(!confirmed.is_empty());
    for (sequence, number) in &confirmed {
        assert_eq!(stored.get(sequence), Some(number), "confirmed and lost");
    }
    println!("published {MESSAGES}, confirmed {}, stored {}", confirmed.len(), stored.len());
}
