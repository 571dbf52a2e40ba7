//! What becomes of messages when a server is killed, stops, or has no memory.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::{Broker as _, BrokerState, PublishErrorKind, PublisherOptions, SubscriberOptions};
use tokio::time::timeout;

use super::server::{Server, failure, keyed, open, publish, publisher, until, until_connected};
use crate::load::Load;
use crate::log::Log;
use crate::rabbitmq_admin::unique;

/// What is confirmed is there after a restart, and what is said not to be sent is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed() {
    let Some(mut server) = Server::start("") else { return };
    server.admin().await.make_queue("killed", &[]).await;
    server.write_down();
    let broker = server.broker(&[]);
    let topic = Arc::new(publisher(&broker, "rabbit://?key_name=Q").await);
    let load = Load::start(move |text| {
        let topic = Arc::clone(&topic);
        async move { publish(&topic, keyed("killed", &text)).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.kill().await;
    until("the loss is seen", || broker.state() != BrokerState::Connected).await;
    server.run();
    until_connected(&broker).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let told = load.stop().await;
    broker.close().await;
    let admin = server.admin().await;
    let mut stored = std::collections::HashSet::new();
    while let Some(message) = admin.get("killed").await {
        let text = String::from_utf8(message.data.clone()).expect("text");
        assert!(stored.insert(text.clone()), "{text} is there twice");
    }
    told.check(&stored);
}

#[tokio::test]
async fn a_server_that_stops_to_answer_is_found_out() {
    let Some(server) = Server::start("") else { return };
    let log = Log::start();
    server.admin().await.make_queue("stopped", &[]).await;
    let broker = server.broker(&[("heartbeat", "2s")]);
    let _subscriber = broker.subscriber("rabbit://stopped", &SubscriberOptions::default()).expect("a subscription");
    let topic = publisher(&broker, "rabbit://?key_name=Q").await;
    publish(&topic, keyed("stopped", "before")).await.expect("confirmed");
    let disconnects = || broker.counters().expect("it counts").disconnects();
    server.signal("STOP");
    let (kind, text) = failure(&topic, keyed("stopped", "meanwhile")).await;
    assert_eq!(kind, PublishErrorKind::Unknown, "{text}");
    assert!(text.contains("was not heard for 2s"), "{text}");
    let (kind, _) = failure(&topic, keyed("stopped", "later")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    until("both are lost", || disconnects() == 2).await;
    server.signal("CONT");
    until_connected(&broker).await;
    publish(&topic, keyed("stopped", "after")).await.expect("confirmed");
    let lines = (log.lines("connection lost").len(), log.lines("connected again").len());
    assert_eq!(lines, (2, 2), "{:?}", log.lines(""));
    assert_eq!(log.lines("was not heard for 2s").len(), 2);
    // It is alive for much longer than that without a message.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(disconnects(), 2);
    broker.close().await;
}

#[tokio::test]
async fn a_server_without_memory_takes_no_messages_and_says_so() {
    let Some(server) = Server::start("") else { return };
    let log = Log::start();
    let admin = server.admin().await;
    admin.make_queue("blocked", &[]).await;
    let broker = server.broker(&[("heartbeat", "2s")]);
    let topic = publisher(&broker, "rabbit://?key_name=Q").await;
    publish(&topic, keyed("blocked", "before")).await.expect("confirmed");
    server.control(&["set_vm_memory_high_watermark", "0"]);
    // It says so once somebody publishes; and may have taken that.
    let first = timeout(Duration::from_secs(2), publish(&topic, keyed("blocked", "first"))).await;
    println!("the first ends as {first:?}");
    until("the line is there", || !log.lines("takes no messages").is_empty()).await;
    for _ in 0..10 {
        let (kind, text) = failure(&topic, keyed("blocked", "x")).await;
        assert_eq!(kind, PublishErrorKind::Full, "{text}");
        assert!(text.contains("low on memory"), "{text}");
    }
    // Longer than the server may be silent.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((broker.state(), log.lines("takes no messages").len()), (BrokerState::Connected, 1));
    server.control(&["set_vm_memory_high_watermark", "0.8"]);
    until("the line is there", || !log.lines("takes messages again").is_empty()).await;
    publish(&topic, keyed("blocked", "after")).await.expect("confirmed");
    broker.close().await;
}

/// The message after the limit was learned is not sent at all.
#[tokio::test]
async fn the_limit_on_a_message_is_learned() {
    let Some(server) = Server::start("max_message_size = 1000\n") else { return };
    server.admin().await.make_queue("sized", &[]).await;
    let broker = server.broker(&[]);
    let options = PublisherOptions::default();
    let topic = broker.publisher("rabbit://?key_name=Q", &options).expect("a topic");
    until_connected(&broker).await;
    publish(&topic, keyed("sized", &"x".repeat(1000))).await.expect("confirmed");
    for _ in 0..3 {
        let (kind, text) = failure(&topic, keyed("sized", &"x".repeat(1001))).await;
        assert_eq!(kind, PublishErrorKind::TooLarge, "{text}");
    }
    publish(&topic, keyed("sized", "x")).await.expect("confirmed");
    broker.close().await;
}

#[tokio::test]
async fn when_one_of_two_servers_is_killed_the_other_one_is_used() {
    let (Some(first), Some(second)) = (Server::start(""), Server::shared()) else { return };
    let queue = unique("two");
    for server in [&first, &second] {
        server.admin().await.make_queue(&queue, &[]).await;
    }
    let list = format!("{},{}", first.address, second.address);
    // Each begins with a random one.
    let brokers: Vec<_> = (0..6).map(|_| open(&[("servers", &list)])).collect();
    let mut topics = Vec::new();
    for broker in &brokers {
        topics.push(publisher(broker, "rabbit://?key_name=Q").await);
    }
    for topic in &topics {
        publish(topic, keyed(&queue, "before")).await.expect("confirmed");
    }
    first.kill().await;
    for (broker, topic) in brokers.iter().zip(&topics) {
        while publish(topic, keyed(&queue, "after")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        broker.close().await;
    }
    let admin = second.admin().await;
    let count = admin.count(&queue).await;
    assert!((6..=12).contains(&count), "{count}");
    admin.delete_queue(&queue).await;
}
