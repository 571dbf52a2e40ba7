//! What becomes of messages when the service goes away, stops, or ends links.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, PublisherOptions};
use tokio::time::timeout;

use super::server::{Proxy, Server, failure, open, publish, publisher, string, until, until_connected};
use crate::load::Load;
use crate::log::Log;

#[tokio::test]
async fn a_service_that_is_not_there_yet() {
    let Some(mut server) = Server::start() else { return };
    server.kill().await;
    let broker = server.broker();
    let topic = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect("a topic");
    let (kind, _) = failure(&topic, Message::new("x")).await;
    assert_eq!((kind, broker.state()), (PublishErrorKind::Unreachable, BrokerState::Connecting));
    server.run();
    until_connected(&broker).await;
    publish(&topic, Message::new("x")).await.expect("confirmed");
    server.kill().await;
    until("the loss is seen", || broker.state() != BrokerState::Connected).await;
    let (kind, text) = failure(&topic, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    server.run();
    until_connected(&broker).await;
    publish(&topic, Message::new("x")).await.expect("confirmed");
    broker.close().await;
    assert_eq!(broker.state(), BrokerState::Closed);
}

/// What is confirmed is there, and what is said not to be sent is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_under_load() {
    let Some(server) = Server::start() else { return };
    server.entities.add("queue cut");
    let proxy = Proxy::start(&server.address).await;
    let broker = open(&[("connection_string", &string(&proxy.address))]);
    let topic = Arc::new(publisher(&broker, "azuresb://cut").await);
    let load = Load::start(move |text| {
        let topic = Arc::clone(&topic);
        async move { publish(&topic, Message::new(text)).await }
    });
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.cut();
        until_connected(&broker).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = load.stop().await;
    broker.close().await;
    let stored = super::stored::all(&server, "cut").await;
    told.check(&stored);
}

#[tokio::test]
async fn a_service_that_stops_to_answer_is_found_out() {
    let Some(server) = Server::start() else { return };
    let log = Log::start();
    let broker = open(&[("connection_string", &server.string()), ("heartbeat", "10s"), ("max_pending", "2")]);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    publish(&topic, Message::new("before")).await.expect("confirmed");
    server.signal("STOP");
    // It may have them: nobody can know. No more than two may be on their way.
    let (one, other) = tokio::join!(
        async {
            let both = (failure(&topic, Message::new("a")), failure(&topic, Message::new("b")));
            tokio::join!(both.0, both.1)
        },
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            failure(&topic, Message::new("c")).await
        }
    );
    assert_eq!(other.0, PublishErrorKind::Full, "{}", other.1);
    for (kind, text) in [one.0, one.1] {
        assert_eq!(kind, PublishErrorKind::Unknown, "{text}");
        assert!(text.contains("nothing was heard of it for 10s"), "{text}");
    }
    let (kind, _) = failure(&topic, Message::new("later")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    server.signal("CONT");
    until_connected(&broker).await;
    publish(&topic, Message::new("after")).await.expect("confirmed");
    assert_eq!((log.lines("connection lost").len(), log.lines("connected again").len()), (1, 1), "{:?}", log.lines(""));
    // It is alive for much longer than that without a message.
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(broker.counters().expect("it counts").disconnects(), 1);
    broker.close().await;
}

#[tokio::test]
async fn links_that_the_service_ends_are_made_again() {
    let Some(server) = Server::start() else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://myqueue").await;
    for _ in 0..5 {
        publish(&topic, Message::new("x")).await.expect("confirmed");
        server.entities.add("detach myqueue");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    publish(&topic, Message::new("x")).await.expect("confirmed");
    let counters = broker.counters().expect("it counts");
    assert_eq!((counters.connects(), counters.disconnects()), (1, 0));
    server.entities.add("disconnect");
    until("the loss is seen", || counters.disconnects() == 1).await;
    until_connected(&broker).await;
    publish(&topic, Message::new("x")).await.expect("confirmed");
    broker.close().await;
}

/// Whoever does not wait any more takes no place, and others are not disturbed.
#[tokio::test]
async fn who_goes_away_leaves_nothing() {
    let Some(server) = Server::start() else { return };
    let broker = open(&[("connection_string", &server.string()), ("max_pending", "100")]);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    for round in 0..50_u64 {
        for _ in 0..20 {
            let _ = timeout(Duration::from_micros(round * 20), publish(&topic, Message::new("x"))).await;
        }
        // Until what is on its way has arrived.
        while publish(&topic, Message::new("y")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let all = (0..100).map(|_| publish(&topic, Message::new("z")));
    for receipt in futures_util::future::join_all(all).await {
        receipt.expect("confirmed");
    }
    broker.close().await;
    let error = publish(&topic, Message::new("late")).await.expect_err("it is closed");
    assert_eq!(error.kind, PublishErrorKind::Unreachable);
}

/// What is on its way when it is closed is still confirmed.
#[tokio::test]
async fn closing_waits_for_what_is_on_its_way() {
    let Some(server) = Server::start() else { return };
    let broker = server.broker();
    let topic = Arc::new(publisher(&broker, "azuresb://myqueue").await);
    publish(&topic, Message::new("x")).await.expect("confirmed");
    let all: Vec<_> = (0..200)
        .map(|_| {
            let topic = Arc::clone(&topic);
            tokio::spawn(async move { publish(&topic, Message::new("x")).await.map_err(|error| error.kind) })
        })
        .collect();
    tokio::task::yield_now().await;
    broker.close().await;
    for published in all {
        let published = published.await.expect("no panic");
        assert!(matches!(published, Ok(_) | Err(PublishErrorKind::Unreachable)), "{published:?}");
    }
}
