//! Consumer groups that nothing happens to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use sluicegate_drivers::{Broker as _, Delivery as _, ReceiveError, SettleError, Settlement, Subscriber as _};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::common::{self, far, unique};
use super::groups::{
    ack, body, client, commit, committed, consume, expect_nothing, make_topic, members, publish, receive, receive_soon,
    subscribe, subscriber, until_committed,
};
use super::server::Server;

/// What is settled is committed, as an independent client sees it, and no further than the first that is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_watermark_is_committed() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    publish(&broker, &topic, ["0", "1", "2", "3"]).await;
    let subscriber = subscribe(&broker, &group, &topic);
    let first = receive(&subscriber).await;
    let second = receive(&subscriber).await;
    assert_eq!((body(&first), body(&second)), ("0".to_owned(), "1".to_owned()));
    // Nothing to commit yet, which is not waited for.
    ack(&second).await;
    assert_eq!(committed(&server, &group, &topic, 1).await, [-1]);
    ack(&first).await;
    until_committed(&server, &group, &topic, &[2]).await;
    assert_eq!(consume(&subscriber).await, "2");
    until_committed(&server, &group, &topic, &[3]).await;
    // What was fetched and not handed out is not committed.
    broker.close().await;
    assert_eq!(committed(&server, &group, &topic, 1).await, [3]);
    let broker = client(&server).await;
    let subscriber = subscribe(&broker, &group, &topic);
    assert_eq!(consume(&subscriber).await, "3");
    expect_nothing(&subscriber).await;
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_commits_and_gives_back() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    publish(&broker, &topic, ["settled", "held"]).await;
    let subscriber = subscribe(&broker, &group, &topic);
    let settled = receive(&subscriber).await;
    let held = receive(&subscriber).await;
    // Not waited for.
    let settling = settled.settle(Settlement::Ack);
    broker.close().await;
    settling.await.expect("committed by closing");
    assert_eq!(committed(&server, &group, &topic, 1).await, [1]);
    assert!(matches!(held.settle(Settlement::Ack).await, Err(SettleError::Expired)));
    let received = subscriber.receive(Instant::now()).await;
    assert!(matches!(received, Err(ReceiveError::Closed)), "{received:?}");
    let broker = client(&server).await;
    let subscriber = subscribe(&broker, &group, &topic);
    assert_eq!(consume(&subscriber).await, "held");
    broker.close().await;
}

/// A gateway that ends has dropped its subscribers before: closing waits for what they have acknowledged all the same.
#[tokio::test(flavor = "multi_thread")]
async fn closing_commits_for_those_that_are_gone() {
    let Some(server) = Server::shared() else { return };
    for _ in 0..5 {
        let (topic, group) = make_topic(&server, 1).await;
        let broker = client(&server).await;
        publish(&broker, &topic, ["first", "second"]).await;
        let subscriber = subscribe(&broker, &group, &topic);
        assert_eq!(consume(&subscriber).await, "first");
        let last = receive(&subscriber).await;
        drop(subscriber);
        ack(&last).await;
        broker.close().await;
        assert_eq!(committed(&server, &group, &topic, 1).await, [2]);
        assert_eq!(members(&server, &group).await, 0, "the group is left");
    }
}

/// Whoever waits for a message that was given back gets it, also when another one who waited for it has gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_reaches_who_still_waits() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    publish(&broker, &topic, ["again"]).await;
    let subscriber = Arc::new(subscribe(&broker, &group, &topic));
    let delivery = receive(&subscriber).await;
    let wait = || {
        let subscriber = Arc::clone(&subscriber);
        tokio::spawn(async move { subscriber.receive(far()).await })
    };
    let waiting = [wait(), wait(), wait()];
    tokio::time::sleep(Duration::from_millis(200)).await;
    delivery.settle(Settlement::Nack { delay: Duration::from_secs(2) }).await.expect("given back");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let [first, second, third] = waiting;
    first.abort();
    second.abort();
    let again =
        timeout(Duration::from_secs(60), third).await.expect("it is due").expect("no panic").expect("a message");
    assert_eq!(body(&again), "again");
    ack(&again).await;
    broker.close().await;
}

/// A group whose offset is of a message that is gone goes on at the first that is there, also where a new group would begin
/// at the newest.
#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_is_gone_skips_nothing() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    publish(&broker, &topic, ["0", "1", "2"]).await;
    commit(&server, &group, &topic, 1_000).await;
    let subscriber = subscriber(&broker, &format!("kafka://{group}?topic={topic}"));
    for expected in ["0", "1", "2"] {
        assert_eq!(consume(&subscriber).await, expected);
    }
    until_committed(&server, &group, &topic, &[3]).await;
    broker.close().await;
}

/// One that is given back does not block those after it, and keeps its place in the offsets.
#[tokio::test(flavor = "multi_thread")]
async fn poison_does_not_block() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    publish(&broker, &topic, ["poison", "next", "last"]).await;
    let subscriber = subscribe(&broker, &group, &topic);
    let delay = Duration::from_secs(5);
    let mut seen = Vec::new();
    let start = Instant::now();
    for _ in 0..3 {
        let delivery = receive(&subscriber).await;
        seen.push(body(&delivery));
        match body(&delivery) == "poison" {
            true => delivery.settle(Settlement::Nack { delay }).await.expect("given back"),
            false => ack(&delivery).await,
        }
    }
    assert_eq!(seen, ["poison", "next", "last"]);
    assert_eq!(committed(&server, &group, &topic, 1).await, [-1]);
    let again = receive(&subscriber).await;
    assert_eq!(body(&again), "poison");
    assert!(start.elapsed() >= delay);
    again.settle(Settlement::DeadLetter { reason: "not JSON".to_owned() }).await.expect("skipped");
    until_committed(&server, &group, &topic, &[3]).await;
    expect_nothing(&subscriber).await;
    broker.close().await;
}

/// A partition runs ahead of an unsettled message only so far.
#[tokio::test(flavor = "multi_thread")]
async fn the_gap_is_limited() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    publish(&broker, &topic, ["0", "1", "2", "3", "4", "5"]).await;
    let url = format!("kafka://{group}?topic={topic}&offset=oldest&max_unsettled=3");
    let subscriber = subscriber(&broker, &url);
    let first = receive(&subscriber).await;
    assert_eq!([consume(&subscriber).await, consume(&subscriber).await], ["1", "2"]);
    expect_nothing(&subscriber).await;
    let (settled, next) = tokio::join!(first.settle(Settlement::Ack), receive(&subscriber));
    settled.expect("acknowledged");
    assert_eq!(body(&next), "3");
    ack(&next).await;
    assert_eq!(consume(&subscriber).await, "4");
    broker.close().await;
}

/// Each group begins where it says, whatever others of the same client say.
#[tokio::test(flavor = "multi_thread")]
async fn newest_and_oldest_side_by_side() {
    let Some(server) = Server::shared() else { return };
    let ((topic, oldest), newest) = (make_topic(&server, 2).await, unique());
    let broker = client(&server).await;
    publish(&broker, &topic, ["before"]).await;
    let oldest = subscribe(&broker, &oldest, &topic);
    let from_newest = subscriber(&broker, &format!("kafka://{newest}?topic={topic}"));
    assert_eq!(consume(&oldest).await, "before");
    // Where it begins is committed once it has joined.
    let end = far();
    while committed(&server, &newest, &topic, 2).await.contains(&-1) {
        assert!(Instant::now() < end, "the group does not begin");
    }
    publish(&broker, &topic, ["after"]).await;
    assert_eq!(consume(&from_newest).await, "after");
    assert_eq!(consume(&oldest).await, "after");
    expect_nothing(&from_newest).await;
    broker.close().await;
}

/// A group that begins at the newest has a place from the moment it has joined: what comes while nobody is there waits.
#[tokio::test(flavor = "multi_thread")]
async fn newest_begins_once() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    let url = format!("kafka://{group}?topic={topic}");
    let before = subscriber(&broker, &url);
    until_committed(&server, &group, &topic, &[0]).await;
    broker.close().await;
    drop(before);
    let broker = client(&server).await;
    publish(&broker, &topic, ["meanwhile"]).await;
    let subscriber = subscriber(&broker, &url);
    assert_eq!(consume(&subscriber).await, "meanwhile");
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_topics() {
    let Some(server) = Server::shared() else { return };
    let ((one, group), (other, _)) = (make_topic(&server, 2).await, make_topic(&server, 1).await);
    let broker = client(&server).await;
    publish(&broker, &one, (0..10).map(|number| format!("one {number}"))).await;
    publish(&broker, &other, (0..10).map(|number| format!("other {number}"))).await;
    let url = format!("kafka://{group}?topic={one}&topic={other}&offset=oldest");
    let subscriber = subscriber(&broker, &url);
    let mut bodies = BTreeSet::new();
    for _ in 0..20 {
        let delivery = receive(&subscriber).await;
        let origin = delivery.origin().topic.map(str::to_owned);
        let expected = if body(&delivery).starts_with("one ") { &one } else { &other };
        assert_eq!(origin.as_ref(), Some(expected));
        assert!(bodies.insert(body(&delivery)), "received twice");
        ack(&delivery).await;
    }
    expect_nothing(&subscriber).await;
    broker.close().await;
}

/// Everything that a record of another client may have.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_others() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &server.plaintext).create().expect("a client");
    let headers = OwnedHeaders::new()
        .insert(Header { key: "Content-Type", value: Some("text/plain") })
        .insert(Header { key: "twice", value: Some("a") })
        .insert(Header { key: "twice", value: Some("b") })
        .insert(Header { key: "binary", value: Some(&b"\xff"[..]) })
        .insert(Header { key: "nothing", value: None::<&[u8]> });
    let record =
        FutureRecord::to(&topic).key("key").payload(&b"\0\xff"[..]).headers(headers).timestamp(1_500_000_000_123);
    producer.send(record, Duration::from_secs(60)).await.expect("stored");
    let tombstone = FutureRecord::<[u8], [u8]>::to(&topic).key(&b"k\xff"[..]);
    producer.send(tombstone, Duration::from_secs(60)).await.expect("stored");
    let empty = FutureRecord::<[u8], [u8]>::to(&topic).payload(&b""[..]);
    producer.send(empty, Duration::from_secs(60)).await.expect("stored");

    let broker = client(&server).await;
    let subscriber = subscribe(&broker, &group, &topic);
    let delivery = receive(&subscriber).await;
    let message = delivery.message();
    assert_eq!(message.body, &b"\0\xff"[..]);
    assert_eq!(message.key.as_deref(), Some("key"));
    assert_eq!(message.id, Some(format!("{topic}-0@0")));
    let attributes: Vec<_> = message.attributes.iter().map(|it| (&*it.name, &*it.value)).collect();
    let expected = [("Content-Type", "text/plain"), ("twice", "a, b"), ("binary", "\u{fffd}"), ("nothing", "")];
    assert_eq!(attributes, expected);
    let origin = delivery.origin();
    assert_eq!((origin.topic, origin.partition, origin.offset), (Some(&*topic), Some("0"), Some(0)));
    let timestamp = origin.timestamp.expect("a timestamp").duration_since(UNIX_EPOCH).expect("after 1970");
    assert_eq!(timestamp, Duration::from_millis(1_500_000_000_123));
    assert_eq!(delivery.delivery_count(), None);
    ack(&delivery).await;

    let delivery = receive(&subscriber).await;
    assert!(delivery.message().body.is_empty());
    assert_eq!(delivery.message().key.as_deref(), Some("k\u{fffd}"));
    assert_eq!(delivery.message().attribute("Kafka-Tombstone"), Some("true"));
    ack(&delivery).await;
    let delivery = receive(&subscriber).await;
    assert!(delivery.message().body.is_empty());
    assert_eq!((&delivery.message().key, delivery.message().attribute("Kafka-Tombstone")), (&None, None));
    ack(&delivery).await;
    broker.close().await;
}

/// Nothing is received of a topic that is not there, which is said, until it is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_refused_until_it_is_there() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = (unique(), unique());
    let broker = client(&server).await;
    let subscriber = subscribe(&broker, &group, &topic);
    let refused = timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("an answer");
    let Err(ReceiveError::Refused(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.to_string().contains("Unknown topic"), "{reason}");
    common::make_topic(&server.plaintext, &topic, 1, &[]).await;
    publish(&broker, &topic, ["first"]).await;
    let end = far();
    loop {
        match timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("an answer") {
            Ok(delivery) => {
                assert_eq!(body(&delivery), "first");
                break ack(&delivery).await;
            }
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    broker.close().await;
}

/// Many at once: each message is received, and none twice.
#[tokio::test(flavor = "multi_thread")]
async fn many_receivers() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 4).await;
    let broker = Arc::new(client(&server).await);
    const MANY: usize = 2_000;
    let subscriber = Arc::new(subscribe(&broker, &group, &topic));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let mut receivers = JoinSet::new();
    for _ in 0..16 {
        let (subscriber, seen) = (subscriber.clone(), seen.clone());
        receivers.spawn(async move {
            while seen.lock().expect("no panic").len() < MANY {
                let Some(delivery) = receive_soon(&subscriber).await else { continue };
                assert!(seen.lock().expect("no panic").insert(body(&delivery)), "received twice");
                ack(&delivery).await;
            }
        });
    }
    let mut publishers = JoinSet::new();
    for part in 0..4 {
        let (broker, topic) = (broker.clone(), topic.clone());
        publishers.spawn(async move {
            publish(&broker, &topic, (0..MANY / 4).map(|number| format!("{part} {number}"))).await;
        });
    }
    publishers.join_all().await;
    timeout(Duration::from_secs(60), receivers.join_all()).await.expect("all in time");
    broker.close().await;
    let total: i64 = committed(&server, &group, &topic, 4).await.into_iter().map(|offset| offset.max(0)).sum();
    assert_eq!(total, MANY as i64);
}
