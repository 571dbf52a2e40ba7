//! Consumer groups whose server is killed, paused, or not there yet.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sluicegate_drivers::{Broker as _, Delivery as _, ReceiveError, SettleError, Settlement, Subscriber as _};
use tokio::time::timeout;

use super::common::{self, far, unique};
use super::groups::{ack, body, client, consume, make_topic, publish, receive, subscribe, subscriber};
use super::server::Server;

/// Whoever wants a message while the server is away is told; and soon after it is back, all goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed() {
    let Some(server) = Server::start() else { return };
    let (topic, group) = make_topic(&server, 2).await;
    let broker = client(&server).await;
    let subscriber = subscribe(&broker, &group, &topic);
    publish(&broker, &topic, ["before"]).await;
    assert_eq!(consume(&subscriber).await, "before");
    publish(&broker, &topic, ["held"]).await;
    let held = receive(&subscriber).await;
    server.kill().await;
    let told = until_unreachable(&subscriber).await;
    println!("told after {told:?}");
    let error = timeout(Duration::from_secs(60), subscriber.receive(far())).await.expect("it does not wait");
    assert!(matches!(error, Err(ReceiveError::Unreachable(_))), "{error:?}");
    // Committed once that is possible; where it is another member's by then, it is received again.
    let settling = tokio::spawn(held.settle(Settlement::Ack));
    server.restart().await;
    let since = Instant::now();
    publish(&broker, &topic, ["after"]).await;
    let mut settling = Some(settling);
    let mut seen = BTreeSet::new();
    let mut expected = BTreeSet::from(["after".to_owned()]);
    while settling.is_some() || !seen.is_superset(&expected) {
        if let Some(settling) = settling.take_if(|settling| settling.is_finished()) {
            match settling.await.expect("no panic") {
                Ok(()) => println!("committed"),
                // Its offset is kept, and committed later.
                Err(SettleError::Unreachable(error)) => println!("not committed: {error}"),
                Err(SettleError::Expired) => {
                    expected.insert("held".to_owned());
                }
            }
        }
        assert!(since.elapsed() < Duration::from_secs(60), "nothing comes");
        match timeout(Duration::from_millis(500), subscriber.receive(far())).await {
            Ok(Ok(delivery)) => {
                if delivery.settle(Settlement::Ack).await.is_ok() {
                    seen.insert(body(&delivery));
                }
            }
            Ok(Err(ReceiveError::Unreachable(_))) => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => {}
        }
    }
    println!("received again {:?} after its start", since.elapsed());
    broker.close().await;
    super::groups::until_committed_in_all(&server, &group, &topic, 2, 3).await;
}

/// Librdkafka waits for a commit without an answer as long as the session lasts. Who acknowledges meanwhile is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_while_the_server_does_not_answer() {
    let Some(server) = Server::start() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    publish(&broker, &topic, ["first", "second"]).await;
    let subscriber = subscriber(&broker, &format!("kafka://{group}?topic={topic}&offset=oldest&session_timeout=2m"));
    let (first, second) = (receive(&subscriber).await, receive(&subscriber).await);
    server.signal("STOP");
    ack(&first).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let settled = timeout(Duration::from_secs(60), second.settle(Settlement::Ack)).await.expect("it is told");
    assert!(matches!(settled, Err(SettleError::Unreachable(_))), "{settled:?}");
    server.signal("CONT");
    // It is committed all the same, once that is possible.
    super::groups::until_committed(&server, &group, &topic, &[2]).await;
    broker.close().await;
}

async fn until_unreachable(subscriber: &sluicegate_drivers::kafka::Subscriber) -> Duration {
    let since = Instant::now();
    loop {
        if let Ok(Err(error)) = timeout(Duration::from_millis(100), subscriber.receive(far())).await {
            assert!(matches!(error, ReceiveError::Unreachable(_)), "{error}");
            return since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(60), "it is not told");
    }
}

/// Killed in the middle of the work: what was acknowledged may come once more, but all come.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load() {
    let Some(server) = Server::start() else { return };
    let (topic, group) = make_topic(&server, 2).await;
    let broker = client(&server).await;
    let subscriber = subscribe(&broker, &group, &topic);
    publish(&broker, &topic, (0..300).map(|number| number.to_string())).await;
    let (mut seen, mut twice) = (BTreeSet::new(), 0);
    let mut is_killed = false;
    let end = far();
    while seen.len() < 300 {
        assert!(Instant::now() < end, "{} of 300 are received", seen.len());
        match timeout(Duration::from_millis(500), subscriber.receive(far())).await {
            Ok(Ok(delivery)) => {
                if !seen.insert(body(&delivery)) {
                    twice += 1;
                }
                if seen.len() == 100 && !is_killed {
                    server.kill().await;
                    server.restart().await;
                    is_killed = true;
                }
                drop(tokio::spawn(delivery.settle(Settlement::Ack)));
            }
            Ok(Err(ReceiveError::Unreachable(_))) => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => {}
        }
    }
    println!("{twice} came twice");
    broker.close().await;
    drop(subscriber);
    // What was acknowledged is committed in the end.
    super::groups::until_committed_in_all(&server, &group, &topic, 2, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_paused() {
    let Some(server) = Server::start() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let broker = client(&server).await;
    let subscriber = subscribe(&broker, &group, &topic);
    publish(&broker, &topic, ["before"]).await;
    assert_eq!(consume(&subscriber).await, "before");
    // Or it may come again.
    super::groups::until_committed(&server, &group, &topic, &[1]).await;
    server.signal("STOP");
    let told = until_unreachable(&subscriber).await;
    println!("told after {told:?}");
    server.signal("CONT");
    let since = Instant::now();
    publish(&broker, &topic, ["after"]).await;
    loop {
        match subscriber.receive(far()).await {
            Ok(delivery) => {
                assert_eq!(body(&delivery), "after");
                break;
            }
            Err(ReceiveError::Unreachable(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
    println!("received again after {:?}", since.elapsed());
    broker.close().await;
}

/// The group is joined once the server is there; closing before that does not take long.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_before_its_server() {
    let Some(server) = Server::start() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    server.kill().await;
    let broker = common::open(&[("servers", &server.plaintext)]);
    let subscriber = subscribe(&broker, &group, &topic);
    let error = timeout(Duration::from_secs(10), subscriber.receive(far())).await.expect("an answer");
    assert!(matches!(error, Err(ReceiveError::Unreachable(_))), "{error:?}");
    let other = common::open(&[("servers", &server.plaintext)]);
    let never = subscribe(&other, &unique(), &topic);
    let since = Instant::now();
    other.close().await;
    assert!(since.elapsed() < Duration::from_secs(60), "{:?}", since.elapsed());
    drop(never);
    server.restart().await;
    publish(&broker, &topic, ["first"]).await;
    let delivery = loop {
        match subscriber.receive(far()).await {
            Ok(delivery) => break delivery,
            Err(ReceiveError::Unreachable(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(body(&delivery), "first");
    ack(&delivery).await;
    broker.close().await;
}

/// A group that cannot be joined for a wrong password is joined with the right one, and keeps its place when a wrong one
/// follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = make_topic(&server, 1).await;
    let file = std::env::temp_dir().join(format!("sluicegate-kafka-group-{}", unique()));
    let write = |password: &str| std::fs::write(&file, password).expect("the file can be written");
    write("wrong");
    let broker = common::open(&[
        ("servers", &server.sasl),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.user", "alice"),
        ("sasl.password", &format!("file:{}", file.display())),
    ]);
    let subscriber = subscribe(&broker, &group, &topic);
    let told = until_unreachable(&subscriber).await;
    println!("told after {told:?}");
    write("alice-secret");
    let sender = client(&server).await;
    publish(&sender, &topic, ["first"]).await;
    let end = far();
    let delivery = loop {
        match timeout(Duration::from_secs(1), subscriber.receive(far())).await {
            Ok(Ok(delivery)) => break delivery,
            Ok(Err(ReceiveError::Unreachable(_))) => tokio::time::sleep(Duration::from_millis(50)).await,
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => {}
        }
        assert!(Instant::now() < end, "the group is not joined");
    };
    ack(&delivery).await;
    write("wrong again");
    tokio::time::sleep(Duration::from_secs(10)).await;
    publish(&sender, &topic, ["second"]).await;
    assert_eq!(consume(&subscriber).await, "second");
    broker.close().await;
    std::fs::remove_file(file).expect("the file can be removed");
}
