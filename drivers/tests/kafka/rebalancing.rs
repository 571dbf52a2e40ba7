//! Groups whose members come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sluicegate_drivers::kafka::{Broker, Subscriber};
use sluicegate_drivers::{Broker as _, Delivery as _, ReceiveError, SettleError, Settlement, Subscriber as _};
use tokio::task::JoinHandle;

use super::common::{self, far, unique, until};
use super::groups::{
    ack, body, client, committed, expect_nothing, make_topic, publish, receive, receive_soon, subscribe, subscriber,
};
use super::server::Server;

/// What a member has acknowledged: bodies, each with how often.
type Seen = Arc<Mutex<BTreeMap<String, usize>>>;

/// Receives and acknowledges until its broker is closed.
fn work(subscriber: Subscriber, seen: &Seen) -> JoinHandle<()> {
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        loop {
            let delivery = match subscriber.receive(far()).await {
                Ok(delivery) => delivery,
                Err(ReceiveError::Closed) => return,
                Err(error) => panic!("{error}"),
            };
            let seen = Arc::clone(&seen);
            // As the gateway does: the next request need not wait for it.
            tokio::spawn(async move {
                if delivery.settle(Settlement::Ack).await.is_ok() {
                    *seen.lock().expect("no panic").entry(body(&delivery)).or_default() += 1;
                }
            });
        }
    })
}

fn count(seen: &[&Seen]) -> usize {
    let bodies = seen.iter().flat_map(|seen| seen.lock().expect("no panic").keys().cloned().collect::<Vec<_>>());
    bodies.collect::<BTreeSet<_>>().len()
}

/// How many were acknowledged more than once.
fn twice(seen: &[&Seen]) -> usize {
    let mut all = BTreeMap::<_, usize>::new();
    for seen in seen {
        for (body, times) in &*seen.lock().expect("no panic") {
            *all.entry(body.clone()).or_default() += times;
        }
    }
    all.values().filter(|times| **times > 1).count()
}

fn bodies(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| number.to_string()).collect()
}

/// One comes, and one goes, in the middle of the work: nothing is lost, and what was acknowledged does not come again.
async fn members_come_and_go(server: &Server, assignor: &str) {
    let (topic, group) = make_topic(server, 4).await;
    let url = format!("kafka://{group}?topic={topic}&offset=oldest&assignor={assignor}");
    let (one, other, sender) = (client(server).await, client(server).await, client(server).await);
    let (by_one, by_other) = (Seen::default(), Seen::default());
    let first = work(subscriber(&one, &url), &by_one);
    publish(&sender, &topic, bodies(0, 200)).await;
    let second = work(subscriber(&other, &url), &by_other);
    let mut sent = 200;
    let end = far();
    while count(&[&by_other]) < 50 {
        publish(&sender, &topic, bodies(sent, sent + 50)).await;
        sent += 50;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(Instant::now() < end, "the second member gets nothing");
    }
    until("all are received by both", || count(&[&by_one, &by_other]) == sent).await;
    assert!(count(&[&by_one]) < sent);
    other.close().await;
    second.abort();
    publish(&sender, &topic, bodies(sent, sent + 200)).await;
    sent += 200;
    until("all are received by the first", || count(&[&by_one, &by_other]) == sent).await;
    first.abort();
    one.close().await;
    let total: i64 = committed(server, &group, &topic, 4).await.into_iter().map(|offset| offset.max(0)).sum();
    assert_eq!(total, i64::try_from(sent).expect("few"));
    assert_eq!(twice(&[&by_one, &by_other]), 0);
    sender.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_cooperatively() {
    let Some(server) = Server::shared() else { return };
    members_come_and_go(&server, "cooperative-sticky").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_eagerly() {
    let Some(server) = Server::shared() else { return };
    members_come_and_go(&server, "range").await;
}

/// A message that is held while its partition goes to another member is the other's.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_not_committed() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 2).await;
    let (one, other) = (client(&server).await, client(&server).await);
    // Enough that both partitions have some.
    publish(&one, &topic, bodies(0, 40)).await;
    let first = subscribe(&one, &group, &topic);
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(receive(&first).await);
    }
    let second = subscribe(&other, &group, &topic);
    let again = receive(&second).await;
    let partition: usize = again.origin().partition.and_then(|text| text.parse().ok()).expect("a partition");
    let before = committed(&server, &group, &topic, 2).await;
    assert_eq!(before, [-1, -1]);
    for delivery in &held {
        let is_revoked = delivery.origin().partition == again.origin().partition;
        let settled = delivery.settle(Settlement::Ack).await;
        assert_eq!(is_revoked, matches!(settled, Err(SettleError::Expired)), "{settled:?}");
    }
    one.close().await;
    let after = committed(&server, &group, &topic, 2).await;
    assert_eq!(after[partition], -1);
    assert!(after[1 - partition] > 0);
    ack(&again).await;
    other.close().await;
}

/// A member that is asked for nothing stays a member, and loses nothing to what was fetched ahead.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_member_keeps_nothing() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 2).await;
    let (one, other) = (client(&server).await, client(&server).await);
    publish(&one, &topic, bodies(0, 20)).await;
    let idle = subscribe(&one, &group, &topic);
    drop(receive(&idle).await);
    let seen = Seen::default();
    let work = work(subscribe(&other, &group, &topic), &seen);
    until("the other has its share", || count(&[&seen]) > 0).await;
    one.close().await;
    until("the other has all", || count(&[&seen]) == 20).await;
    work.abort();
    other.close().await;
}

/// A process that is killed leaves its partitions to the others, with what it has not acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_killed() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 4).await;
    let broker = client(&server).await;
    let url = format!("kafka://{group}?topic={topic}&offset=oldest&session_timeout=6s");
    let by_one = Seen::default();
    let first = work(subscriber(&broker, &url), &by_one);
    let (mut child, by_child) = start_member(&server, &url);
    let mut sent = 0;
    let end = far();
    while count(&[&by_child]) < 50 {
        publish(&broker, &topic, bodies(sent, sent + 20)).await;
        sent += 20;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(Instant::now() < end, "the process gets nothing");
    }
    child.kill().expect("it runs");
    let since = Instant::now();
    child.wait().expect("it ends");
    publish(&broker, &topic, bodies(sent, sent + 200)).await;
    sent += 200;
    until("all are received", || count(&[&by_one, &by_child]) == sent).await;
    println!("taken over after {:?}; {} were received twice", since.elapsed(), twice(&[&by_one, &by_child]));
    broker.close().await;
    first.await.expect("no panic");
    let total: i64 = committed(&server, &group, &topic, 4).await.into_iter().map(|offset| offset.max(0)).sum();
    assert_eq!(total, i64::try_from(sent).expect("few"));
}

const MEMBER: &str = "SLUICEGATE_KAFKA_MEMBER";

/// Starts another process, which receives from `url`, and says what it has acknowledged.
fn start_member(server: &Server, url: &str) -> (Child, Seen) {
    let mut child = Command::new(std::env::current_exe().expect("a test"))
        .args(["--exact", "kafka::rebalancing::a_member", "--ignored", "--nocapture"])
        .env(MEMBER, format!("{} {url}", server.plaintext))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let seen = Seen::default();
    let seen_there = Arc::clone(&seen);
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(body) = line.strip_prefix("acknowledged ") {
                *seen_there.lock().expect("no panic").entry(body.to_owned()).or_default() += 1;
            }
        }
    });
    (child, seen)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that another test starts"]
async fn a_member() {
    let Ok(member) = std::env::var(MEMBER) else { return };
    let (servers, url) = member.split_once(' ').expect("servers and a URL");
    let broker = common::connected(&[("servers", servers)]).await;
    let subscriber = subscriber(&broker, url);
    loop {
        let delivery = receive(&subscriber).await;
        tokio::spawn(async move {
            // Before: it may be killed in between.
            println!("acknowledged {}", body(&delivery));
            ack(&delivery).await;
        });
    }
}

async fn static_client(server: &Server, id: &str) -> Broker {
    common::connected(&[("servers", &server.plaintext), ("group_instance_id", id)]).await
}

/// A static member that comes back has its partitions again, while the others notice nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_comes_back() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 2).await;
    let url = format!("kafka://{group}?topic={topic}&offset=oldest&session_timeout=20s");
    let (one, other, sender) =
        (static_client(&server, "one").await, static_client(&server, "other").await, client(&server).await);
    let (first, second) = (subscriber(&one, &url), subscriber(&other, &url));
    let end = far();
    // Until each has a partition.
    let (mut of_first, mut of_second) = (None, None);
    while of_first.is_none() || of_second.is_none() {
        publish(&sender, &topic, bodies(0, 10)).await;
        of_first = None;
        of_second = None;
        while let Some(delivery) = receive_soon(&first).await {
            of_first = delivery.origin().partition.map(str::to_owned);
            let _ = delivery.settle(Settlement::Ack).await;
        }
        while let Some(delivery) = receive_soon(&second).await {
            of_second = delivery.origin().partition.map(str::to_owned);
            let _ = delivery.settle(Settlement::Ack).await;
        }
        assert!(Instant::now() < end, "they do not share the topic: {of_first:?} {of_second:?}");
    }
    assert_ne!(of_first, of_second);
    // Held by the one over the other's absence: a rebalance would take it.
    publish(&sender, &topic, bodies(10, 30)).await;
    let held = receive(&first).await;
    other.close().await;
    drop(second);
    let other = static_client(&server, "other").await;
    let second = subscriber(&other, &url);
    let delivery = receive(&second).await;
    assert_eq!(delivery.origin().partition.map(str::to_owned), of_second);
    ack(&delivery).await;
    ack(&held).await;
    one.close().await;
    other.close().await;
}

/// Two that are called the same: the one that came first is told, and does not fight.
#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_that_is_fenced_off() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let url = format!("kafka://{group}?topic={topic}&offset=oldest");
    let (one, other) = (static_client(&server, "same").await, static_client(&server, "same").await);
    publish(&one, &topic, bodies(0, 3)).await;
    let first = subscriber(&one, &url);
    let _held = receive(&first).await;
    let second = subscriber(&other, &url);
    assert_eq!(body(&receive(&second).await), "0");
    let end = far();
    loop {
        match tokio::time::timeout(Duration::from_secs(1), first.receive(far())).await {
            Ok(Err(ReceiveError::Refused(reason))) => {
                println!("{reason}");
                break;
            }
            Ok(Ok(_)) | Err(_) => assert!(Instant::now() < end, "it is not told"),
            Ok(Err(error)) => panic!("{error}"),
        }
    }
    expect_nothing_but(&second).await;
    one.close().await;
    other.close().await;
}

/// The member goes on.
async fn expect_nothing_but(subscriber: &Subscriber) {
    for _ in 0..3 {
        ack(&receive(subscriber).await).await;
    }
    expect_nothing(subscriber).await;
}

/// Of one group, a process has one static member.
#[tokio::test]
async fn static_members_of_one_process() {
    let broker = common::open(&[("servers", "127.0.0.1:1"), ("group_instance_id", "one")]);
    let options = sluicegate_drivers::SubscriberOptions::default();
    let group = unique();
    let first = broker.subscriber(&format!("kafka://{group}?topic=a"), &options).expect("a subscription");
    let same = broker.subscriber(&format!("kafka://{group}?topic=a"), &options).expect("a subscription");
    let error = broker.subscriber(&format!("kafka://{group}?topic=b"), &options).expect_err("another of the group");
    assert!(error.to_string().contains("group_instance_id"), "{error}");
    drop((first, same));
    broker.close().await;
}
