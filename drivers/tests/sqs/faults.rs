//! A service that is not there yet, is killed, paused, or cut off.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishErrorKind, ReceiveError, Settlement, Subscriber as _,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::proxy::Proxy;
use super::server::{
    Server, ack, body, broker, failure, publish, publisher, receive, settle, subscriber, until_connected,
};
use crate::support::{self, far, until};

#[tokio::test]
async fn a_client_starts_before_its_service() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    support::kill(&server.folder, server.address()).await;
    let broker = server.broker();
    let to = broker.publisher(&super::server::in_config(&queue), &Default::default()).expect("a topic");
    let from = broker.subscriber(&super::server::in_config(&queue), &Default::default()).expect("a subscription");
    until("an attempt has failed", || broker.counters().is_some_and(|counters| counters.connect_failures() > 0)).await;
    assert_eq!(broker.state(), BrokerState::Connecting);
    let (kind, reason) = failure(&to, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{reason}");
    let received = timeout(Duration::from_secs(60), from.receive(far())).await.expect("it does not wait");
    assert!(matches!(received, Err(ReceiveError::Unreachable(_))), "{received:?}");
    server.run();
    // It has forgotten all that it had.
    server.queue("orders", 60).await;
    until_connected(&broker).await;
    publish(&to, Message::new("x")).await.expect("confirmed");
    ack(&receive(&from).await).await;
    broker.close().await;
}

#[tokio::test]
async fn a_service_that_is_killed() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    publish(&to, Message::new("before")).await.expect("confirmed");
    let held = receive(&from).await;
    let waiting = async {
        let received = timeout(Duration::from_secs(60), from.receive(far())).await.expect("it is told");
        assert!(matches!(received, Err(ReceiveError::Unreachable(_))), "{received:?}");
    };
    let killing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        support::kill(&server.folder, server.address()).await;
    };
    tokio::join!(waiting, killing);
    let settled = settle(&held, Settlement::Ack).await;
    assert!(settled.is_err());
    until("it is noticed", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    let (kind, reason) = failure(&to, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{reason}");
    server.run();
    server.queue("orders", 60).await;
    until_connected(&broker).await;
    publish(&to, Message::new("after")).await.expect("confirmed");
    let delivery = receive(&from).await;
    assert_eq!(body(&delivery), "after");
    ack(&delivery).await;
    broker.close().await;
}

/// What was sent meanwhile may have been stored, and is.
#[tokio::test]
async fn a_service_that_is_paused() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    publish(&to, Message::new("before")).await.expect("confirmed");
    ack(&receive(&from).await).await;
    support::signal(&server.folder, "STOP");
    let (kind, reason) = failure(&to, Message::new("meanwhile")).await;
    assert_eq!(kind, PublishErrorKind::Unknown, "{reason}");
    until("it is noticed", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    support::signal(&server.folder, "CONT");
    until_connected(&broker).await;
    publish(&to, Message::new("after")).await.expect("confirmed");
    let mut seen = BTreeSet::new();
    while !seen.contains("after") {
        let delivery = receive(&from).await;
        seen.insert(body(&delivery));
        ack(&delivery).await;
    }
    broker.close().await;
}

/// Nothing that was confirmed is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_under_load() {
    const MESSAGES: usize = 200;
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 5).await;
    let proxy = Proxy::start(server.port()).await;
    let broker = Arc::new(broker(&proxy.url()));
    let to = Arc::new(publisher(&broker, &queue).await);
    let from = Arc::new(subscriber(&broker, &queue, "").await);
    let confirmed = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let (to, confirmed) = (Arc::clone(&to), Arc::clone(&confirmed));
        tasks.spawn(async move {
            for number in (task..MESSAGES).step_by(4) {
                match publish(&to, Message::new(number.to_string())).await {
                    Ok(_) => drop(confirmed.lock().expect("no panic").insert(number)),
                    Err(error) => {
                        let may_be = matches!(error.kind, PublishErrorKind::Unknown | PublishErrorKind::Unreachable);
                        assert!(may_be, "{error}");
                    }
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
    for _ in 0..4 {
        let (from, seen) = (Arc::clone(&from), Arc::clone(&seen));
        tasks.spawn(async move {
            let end = far();
            let mut quiet = Instant::now();
            // Longer than a delivery is hidden that nobody knows of.
            while quiet.elapsed() < Duration::from_secs(12) && Instant::now() < end {
                match timeout(Duration::from_secs(2), from.receive(far())).await {
                    Ok(Ok(delivery)) => {
                        quiet = Instant::now();
                        let number: usize = body(&delivery).parse().expect("a number");
                        seen.lock().expect("no panic").insert(number);
                        // One that is not told of is made again.
                        let _ = settle(&delivery, Settlement::Ack).await;
                    }
                    Ok(Err(ReceiveError::Unreachable(_))) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Ok(Err(error)) => panic!("{error}"),
                    Err(_) => {}
                }
            }
        });
    }
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.cut();
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    broker.close().await;
    let (confirmed, seen) = (confirmed.lock().expect("no panic"), seen.lock().expect("no panic"));
    assert!(confirmed.len() > MESSAGES / 2, "{} confirmed", confirmed.len());
    let lost: Vec<_> = confirmed.difference(&seen).collect();
    assert!(lost.is_empty(), "confirmed and not seen: {lost:?}");
}
