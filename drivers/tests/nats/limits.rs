//! What a server does not allow, and what finds no room.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::{
    Broker as _, Confirm, Delivery as _, Message, PublishErrorKind, Publisher as _, PublisherOptions, ReceiveError,
    Settlement, Subscriber as _, SubscriberOptions,
};
use tokio::task::JoinSet;

use super::log::Log;
use super::server::{Server, connected, counters, far, publisher, receive, receive_text, until};

#[tokio::test]
async fn a_denied_subject_is_refused_and_no_other() {
    const USER: &str = r#"authorization { users: [ { user: u, password: p, permissions: {
        publish: { deny: ["secret.>"] }, subscribe: { deny: ["secret.>", "closed queue"] } } } ] }"#;
    let Some(server) = Server::start(USER) else { return };
    let log = Log::start();
    let broker = connected(&server, &[("user", "u"), ("password", "p")]).await;
    let denied = Arc::new(publisher(&broker, "nats://secret.plans"));
    let allowed = Arc::new(publisher(&broker, "nats://open.plans"));
    // In the same batches.
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let is_denied = number % 3 == 0;
        let publisher = Arc::clone(if is_denied { &denied } else { &allowed });
        tasks.spawn(async move { (is_denied, publisher.publish(Message::new(number.to_string())).await) });
    }
    while let Some(ended) = tasks.join_next().await {
        match ended.expect("no panic") {
            (false, published) => drop(published.expect("confirmed")),
            (true, published) => {
                let error = published.unwrap_err();
                assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
                assert!(error.to_string().contains("secret.plans"), "{error}");
            }
        }
    }
    // Nobody waits: the log has it, and the connection goes on.
    let unconfirmed = broker
        .publisher("nats://secret.plans", &PublisherOptions { confirm: Confirm::None, ..PublisherOptions::default() })
        .expect("a topic");
    unconfirmed.publish(Message::new("lost")).await.expect("handed over");
    allowed.publish(Message::new("after")).await.expect("confirmed");
    let line = log.error("message refused, which nobody waits for");
    assert!(line.contains("secret.plans"), "{line}");
    assert_eq!(counters(&broker).unsent(), 1);

    for url in ["nats://secret.plans", "nats://closed?queue=queue"] {
        let subscriber = broker.subscriber(url, &SubscriberOptions::default()).expect("a subscription");
        let error = subscriber.receive(far()).await.unwrap_err();
        assert!(matches!(error, ReceiveError::Refused(_)), "{url}: {error}");
    }
    let open = broker.subscriber("nats://closed?queue=other", &SubscriberOptions::default()).expect("a subscription");
    publisher(&broker, "nats://closed").publish(Message::new("open")).await.expect("confirmed");
    assert_eq!(receive_text(&open).await, "open");
    assert_eq!(counters(&broker).disconnects(), 0);
    broker.close().await;
}

#[tokio::test]
async fn a_message_over_the_servers_limit_is_not_sent() {
    let Some(server) = Server::start("max_payload: 1024") else { return };
    let broker = connected(&server, &[]).await;
    let publisher = publisher(&broker, "nats://limited");
    let error = publisher.publish(Message::new(vec![b'a'; 1025])).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::TooLarge, "{error}");
    publisher.publish(Message::new(vec![b'a'; 1024])).await.expect("as large as it may be");
    // Headers count.
    let mut message = Message::new(vec![b'a'; 1000]);
    message.set_attribute("X-Name", "a value");
    let error = publisher.publish(message).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::TooLarge, "{error}");
    assert_eq!(counters(&broker).disconnects(), 0);
    broker.close().await;
}

#[tokio::test]
async fn a_full_buffer_drops_the_oldest_and_counts_them() {
    let Some(server) = Server::start("") else { return };
    let log = Log::start();
    let broker = connected(&server, &[("buffer", "3")]).await;
    let subscriber = broker.subscriber("nats://many.*", &SubscriberOptions::default()).expect("a subscription");
    let held = publisher(&broker, "nats://many.held");
    held.publish(Message::new("held")).await.expect("confirmed");
    let delivery = receive(&subscriber).await;
    assert_eq!(delivery.origin().topic, Some("many.held"));
    for number in 0..10 {
        held.publish(Message::new(number.to_string())).await.expect("confirmed");
    }
    until("the oldest are dropped", || counters(&broker).dropped() == 7).await;
    // What is given back is older than all of them, and still the next one.
    delivery.settle(Settlement::Nack { delay: Duration::ZERO }).await.expect("given back");
    for expected in ["held", "7", "8", "9"] {
        assert_eq!(receive_text(&subscriber).await, expected);
    }
    held.publish(Message::new("goes on")).await.expect("confirmed");
    assert_eq!(receive_text(&subscriber).await, "goes on");
    broker.close().await;
    let lines = log.lines("the oldest messages were dropped");
    let number = |line: &String| {
        let number = line.split_once("dropped=").expect("how many").1;
        number.split(' ').next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
    };
    assert_eq!(lines.iter().map(number).sum::<u64>(), 7, "{lines:?}");
    assert_eq!(log.lines("not consumed"), [""; 0]);
}

#[tokio::test]
async fn too_many_unconfirmed_are_refused_at_once() {
    let Some(server) = Server::start("") else { return };
    let broker = connected(&server, &[("max_pending", "2")]).await;
    let publisher = Arc::new(publisher(&broker, "nats://pending"));
    server.pause().await;
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let publisher = Arc::clone(&publisher);
        tasks.spawn(async move { publisher.publish(Message::new("waits")).await });
    }
    tokio::task::yield_now().await;
    let error = publisher.publish(Message::new("over")).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Full, "{error}");
    server.signal("CONT");
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic").expect("confirmed");
    }
    publisher.publish(Message::new("room")).await.expect("confirmed");
    broker.close().await;
}

#[tokio::test]
async fn what_is_given_back_keeps_its_place() {
    let Some(server) = Server::start("") else { return };
    let broker = connected(&server, &[]).await;
    let subscriber = broker.subscriber("nats://order", &SubscriberOptions::default()).expect("a subscription");
    let publisher = publisher(&broker, "nats://order");
    for number in 1..=4 {
        publisher.publish(Message::new(number.to_string())).await.expect("confirmed");
    }
    let (first, second, third) = (receive(&subscriber).await, receive(&subscriber).await, receive(&subscriber).await);
    second.settle(Settlement::Nack { delay: Duration::ZERO }).await.expect("given back");
    drop(third);
    drop(first);
    for expected in ["1", "2", "3", "4"] {
        assert_eq!(receive_text(&subscriber).await, expected);
    }
    broker.close().await;
}
