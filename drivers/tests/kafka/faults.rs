//! A server that is killed, started again, and paused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sluicegate_drivers::kafka::{Broker, Publisher};
use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind};

use super::common::{
    connected, far, make_topic, open, publish, publisher, read, ready, try_publish, unique, until, until_connected,
};
use super::server::Server;

/// A server of a test's own, and a publisher that is connected to it.
struct Stage {
    topic: Publisher,
    broker: Broker,
    /// The topic's.
    name: String,
    server: Server,
}

impl Stage {
    async fn set(partitions: i32) -> Option<Self> {
        let server = Server::start()?;
        let name = unique();
        make_topic(&server.plaintext, &name, partitions, &[]).await;
        let broker = connected(&[("servers", &server.plaintext)]).await;
        let topic = publisher(&broker, &format!("kafka://{name}"));
        ready(&topic).await;
        Some(Self { topic, broker, name, server })
    }
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back() {
    let Some(Stage { server, name, broker, topic }) = Stage::set(1).await else { return };
    let mut confirmed = 1;
    for round in 0..2 {
        server.kill().await;
        until("it is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
        let since = Instant::now();
        let failed = join_all((0..100).map(|_| try_publish(&topic, Message::new("lost")))).await;
        // One that was handed over would be unknown.
        println!("told after {:?}", since.elapsed());
        for error in failed {
            assert_eq!(error.expect_err("nobody is there").kind, PublishErrorKind::Unreachable);
        }
        server.restart().await;
        until_connected(&broker).await;
        for number in 0..100 {
            publish(&topic, Message::new(format!("{round}-{number}"))).await;
            confirmed += 1;
        }
    }
    let records = read(&server.plaintext, &name, confirmed).await;
    assert_eq!(records.len(), confirmed);
    assert!(records.iter().all(|record| record.value.as_deref() != Some(b"lost")));
    broker.close().await;
}

/// Each that was confirmed is there, each that was told to be unreachable is not, and none is there twice.
#[tokio::test]
async fn a_server_that_is_killed_under_load() {
    let Some(Stage { server, name, broker, topic }) = Stage::set(3).await else { return };
    let is_over = AtomicBool::new(false);
    let is_over = &is_over;
    let clients = (0..20).map(|client| {
        let topic = &topic;
        async move {
            let mut said = Vec::new();
            for number in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let body = format!("{client}-{number}");
                let published = try_publish(topic, Message::new(body.clone())).await;
                if published.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                said.push((body, published.map_err(|error| error.kind)));
            }
            said
        }
    });
    let (said, ()) = tokio::join!(join_all(clients), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.kill().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.restart().await;
        let since = Instant::now();
        publish_again(&topic).await;
        println!("confirmed again {:?} after its start", since.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
        is_over.store(true, Ordering::Relaxed);
    });
    let said: Vec<_> = said.into_iter().flatten().collect();
    let confirmed = said.iter().filter(|(_, published)| published.is_ok()).count();
    let unknown = said.iter().filter(|(_, published)| *published == Err(PublishErrorKind::Unknown)).count();
    let records = read(&server.plaintext, &name, confirmed + 1).await;
    let mut stored: HashMap<Vec<u8>, usize> = HashMap::new();
    for record in records {
        *stored.entry(record.value.unwrap_or_default()).or_default() += 1;
    }
    for (body, published) in &said {
        let times = stored.get(body.as_bytes()).copied().unwrap_or_default();
        match published {
            Ok(_) => assert_eq!(times, 1, "confirmed: {body}"),
            Err(PublishErrorKind::Unreachable) => assert_eq!(times, 0, "not sent: {body}"),
            Err(PublishErrorKind::Unknown) => assert!(times <= 1, "unknown: {body}"),
            Err(other) => panic!("{other:?}"),
        }
    }
    println!("{} published, {confirmed} confirmed, {unknown} unknown", said.len());
    broker.close().await;
}

#[tokio::test]
async fn a_server_that_is_paused() {
    let Some(Stage { server, name, broker, topic }) = Stage::set(1).await else { return };
    server.signal("STOP");
    let since = Instant::now();
    let error = try_publish(&topic, Message::new("paused")).await.expect_err("nobody answers");
    assert_eq!(error.kind, PublishErrorKind::Unknown, "{error}");
    println!("told after {:?}", since.elapsed());
    server.signal("CONT");
    until_connected(&broker).await;
    publish_again(&topic).await;
    let records = read(&server.plaintext, &name, 2).await;
    assert!(records.iter().filter(|record| record.value.as_deref() == Some(b"paused")).count() <= 1);
    broker.close().await;
}

async fn publish_again(publisher: &Publisher) {
    let end = far();
    while let Err(error) = try_publish(publisher, Message::new("again")).await {
        assert!(Instant::now() < end, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_client_starts_before_its_server() {
    let Some(server) = Server::start() else { return };
    server.kill().await;
    let broker = open(&[("servers", &server.plaintext)]);
    let topic = publisher(&broker, &format!("kafka://{}", unique()));
    until("it has tried", || broker.counters().expect("Kafka counts").connect_failures() > 1).await;
    assert_eq!(broker.state(), BrokerState::Connecting);
    let error = try_publish(&topic, Message::new("x")).await.expect_err("nobody is there");
    assert_eq!(error.kind, PublishErrorKind::Unreachable);
    assert!(error.to_string().contains("Connection refused"), "{error}");
    server.restart().await;
    until_connected(&broker).await;
    publish(&topic, Message::new("x")).await;
    broker.close().await;
}
