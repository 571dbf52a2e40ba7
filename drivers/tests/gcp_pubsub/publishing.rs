//! Publishing beside a fake that is there, paused, killed and started again, or cut off.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::{Attribute, Broker as _, BrokerState, Message, PublishErrorKind, PublisherOptions};

use super::server::{Server, failure, open, publish, publisher, until, until_connected};
use crate::gcp_pubsub_admin::{Subscription, unique, url};
use crate::load::Load;
use crate::log::Log;

#[tokio::test]
async fn many_at_once_are_confirmed_each_with_its_id() {
    let Some(server) = Server::start() else { return };
    let admin = server.admin().await;
    let topic = admin.make_topic(&unique("topic")).await;
    let subscription = admin.make_subscription(&unique("sub"), &topic, Subscription::default()).await;
    let broker = server.broker();
    let publisher = Arc::new(publisher(&broker, &format!("{}?max_send_batch_size=50", url(&topic))).await);
    let publishes: Vec<_> = (0..2_000)
        .map(|number| {
            let publisher = Arc::clone(&publisher);
            tokio::spawn(async move {
                let receipt = publish(&publisher, Message::new(number.to_string())).await.expect("it is confirmed");
                (receipt.id.expect("an id"), number.to_string())
            })
        })
        .collect();
    let mut confirmed = HashSet::new();
    for publish in publishes {
        confirmed.insert(publish.await.expect("no panic"));
    }
    let received = admin.take(&subscription, 2_000).await;
    let received: HashSet<_> = received
        .into_iter()
        .map(|message| (message.message_id, String::from_utf8(message.data.clone()).expect("text")))
        .collect();
    assert!(received == confirmed, "what is confirmed is there under its id");
    broker.close().await;
}

#[tokio::test]
async fn a_topic_that_is_missing_refuses_in_the_services_words() {
    let Some(server) = Server::start() else { return };
    let broker = server.broker();
    let publisher = publisher(&broker, "gcppubsub://sluicegate-tests/missing").await;
    let (kind, text) = failure(&publisher, Message::new("lost")).await;
    assert_eq!(kind, PublishErrorKind::Refused, "{text}");
    assert!(text.contains("NotFound"), "{text}");
    // It is looked for each time.
    server.admin().await.make_topic("missing").await;
    publish(&publisher, Message::new("found")).await.expect("it is confirmed");
    assert_eq!(broker.state(), BrokerState::Connected);
    broker.close().await;
}

#[tokio::test]
async fn limits_are_checked_before_anything_is_sent() {
    let Some(server) = Server::start() else { return };
    let admin = server.admin().await;
    let topic = admin.make_topic(&unique("topic")).await;
    let subscription = admin.make_subscription(&unique("sub"), &topic, Subscription::default()).await;
    let broker = server.broker();
    let publisher = publisher(&broker, &url(&topic)).await;
    let with = |name: String, value: String| Message {
        attributes: vec![Attribute { name: name.into(), value }],
        ..Message::new("hello")
    };
    for (message, expected) in [
        (Message::new(vec![b'a'; 10_000_001]), PublishErrorKind::TooLarge),
        (Message::default(), PublishErrorKind::Invalid),
        (Message { key: Some("k".repeat(1_025)), ..Message::new("hello") }, PublishErrorKind::Invalid),
        (with("n".repeat(257), "v".to_owned()), PublishErrorKind::Invalid),
        (with("n".to_owned(), "v".repeat(1_025)), PublishErrorKind::Invalid),
        (with("googclient_schemaencoding".to_owned(), "JSON".to_owned()), PublishErrorKind::Invalid),
    ] {
        let (kind, text) = failure(&publisher, message).await;
        assert_eq!(kind, expected, "{text}");
    }
    let fits = Message { key: Some("k".repeat(1_024)), ..with("n".repeat(256), "v".repeat(1_024)) };
    publish(&publisher, fits).await.expect("it is confirmed");
    publish(&publisher, Message { body: "".into(), ..with("n".to_owned(), "v".to_owned()) }).await.expect("confirmed");
    assert_eq!(admin.take_all(&subscription).await.len(), 2);
    broker.close().await;
}

/// A start without the service, its coming, its end and its coming back.
#[tokio::test]
async fn it_comes_up_after_the_client_and_comes_back() {
    let Some(mut server) = Server::start() else { return };
    server.kill().await;
    let log = Log::start();
    let broker = server.broker();
    let publisher =
        broker.publisher("gcppubsub://sluicegate-tests/topic", &PublisherOptions::default()).expect("a topic");
    until("a try has failed", || !log.lines("cannot connect").is_empty()).await;
    assert_eq!(broker.state(), BrokerState::Connecting);
    let (kind, text) = failure(&publisher, Message::new("early")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    assert!(text.contains("refused"), "{text}");
    for _ in 0..2 {
        server.run();
        server.admin().await.make_topic("topic").await;
        until_connected(&broker).await;
        publish(&publisher, Message::new("there")).await.expect("it is confirmed");
        server.kill().await;
        until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
        let (kind, text) = failure(&publisher, Message::new("gone")).await;
        assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    }
    broker.close().await;
    assert_eq!(broker.state(), BrokerState::Closed);
}

/// What is confirmed is there, once; what is said not to be sent is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut() {
    let Some(server) = Server::start() else { return };
    let admin = server.admin().await;
    let topic = admin.make_topic(&unique("topic")).await;
    let subscription = admin.make_subscription(&unique("sub"), &topic, Subscription::default()).await;
    let proxy = super::proxy::Proxy::start(&server.address).await;
    let broker = open(&[("emulator", &proxy.address)]);
    let publisher = Arc::new(publisher(&broker, &url(&topic)).await);
    let load = Load::start(move |text| {
        let publisher = Arc::clone(&publisher);
        async move { publish(&publisher, Message::new(text)).await }
    });
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.cut();
    }
    until_connected(&broker).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = load.stop().await;
    broker.close().await;
    let received = admin.take_all(&subscription).await;
    let received: Vec<_> =
        received.iter().map(|message| String::from_utf8(message.data.clone()).expect("text")).collect();
    let once: HashSet<_> = received.iter().cloned().collect();
    assert_eq!(once.len(), received.len(), "none is sent twice");
    told.check(&once);
}

/// A service that does not answer is noticed, and nothing waits for it.
#[tokio::test]
async fn a_service_that_is_paused() {
    let Some(server) = Server::start() else { return };
    let admin = server.admin().await;
    let topic = admin.make_topic(&unique("topic")).await;
    let broker = server.broker();
    let publisher = publisher(&broker, &url(&topic)).await;
    publish(&publisher, Message::new("before")).await.expect("it is confirmed");
    server.signal("STOP");
    let (kind, text) = failure(&publisher, Message::new("meanwhile")).await;
    // It was sent, and may be stored when the service goes on.
    assert_eq!(kind, PublishErrorKind::Unknown, "{text}");
    until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    let (kind, text) = failure(&publisher, Message::new("later")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    server.signal("CONT");
    until_connected(&broker).await;
    publish(&publisher, Message::new("after")).await.expect("it is confirmed");
    broker.close().await;
}

/// No line about what a request is, and no span around it.
#[tokio::test]
async fn the_log_is_of_the_connection_alone() {
    let Some(server) = Server::start() else { return };
    let topic = server.admin().await.make_topic(&unique("topic")).await;
    let log = Log::start();
    let broker = server.broker();
    let publisher = publisher(&broker, &url(&topic)).await;
    for _ in 0..10 {
        publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
    }
    broker.close().await;
    let lines = log.lines("");
    assert!(matches!(&*lines, [line] if line.contains("connected")), "{lines:?}");
}
