//! What is lost with a subscription or a connection is counted, and an error in the log.

use std::time::Duration;

use sluicegate_drivers::{
    Broker as _, Confirm, Delivery as _, Message, Publisher as _, PublisherOptions, SettleError, Settlement,
    SubscriberOptions,
};

use super::log::Log;
use super::server::{Server, connected, counters, open, publisher, receive, until};

const LOST: &str = "messages received and not consumed are lost";

#[tokio::test]
async fn what_is_left_when_a_broker_is_closed() {
    let Some(server) = Server::start("") else { return };
    let log = Log::start();
    let broker = connected(&server, &[]).await;
    let subscriber = broker.subscriber("nats://left", &SubscriberOptions::default()).expect("a subscription");
    let publisher = publisher(&broker, "nats://left");
    for number in 0..5 {
        publisher.publish(Message::new(number.to_string())).await.expect("confirmed");
    }
    let (acked, back, kept) = (receive(&subscriber).await, receive(&subscriber).await, receive(&subscriber).await);
    // A request that ends while the broker is being closed settles its message.
    server.pause().await;
    let settling = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        acked.settle(Settlement::Ack).await.expect("it was consumed");
        back.settle(Settlement::Nack { delay: Duration::ZERO }).await.expect("it is counted");
    };
    tokio::join!(settling, broker.close());
    server.signal("CONT");
    let line = log.error(LOST);
    assert!(line.contains("waiting=3") && line.contains("unsettled=1"), "{line}");
    let settled = kept.settle(Settlement::Ack).await;
    assert!(matches!(settled, Err(SettleError::Expired)), "the log had it as lost: {settled:?}");
    assert_eq!(counters(&broker).dropped(), 4);
}

/// As a gateway does it: its endpoints end before its brokers.
#[tokio::test]
async fn what_is_left_when_a_subscription_is_dropped() {
    let Some(server) = Server::start("") else { return };
    let log = Log::start();
    let broker = connected(&server, &[]).await;
    let subscriber = broker.subscriber("nats://left?queue=q", &SubscriberOptions::default()).expect("a subscription");
    let same = broker.subscriber("nats://left?queue=q", &SubscriberOptions::default()).expect("a subscription");
    let publisher = publisher(&broker, "nats://left");
    for number in 0..3 {
        publisher.publish(Message::new(number.to_string())).await.expect("confirmed");
    }
    drop(subscriber);
    publisher.publish(Message::new("there is another")).await.expect("confirmed");
    assert_eq!(log.lines(LOST), [""; 0]);
    drop(same);
    until("its end is confirmed", || counters(&broker).dropped() == 4).await;
    assert!(log.error(LOST).contains("waiting=4"));
    let another = broker.subscriber("nats://left", &SubscriberOptions::default()).expect("a subscription");
    publisher.publish(Message::new("at the end")).await.expect("confirmed");
    drop(another);
    broker.close().await;
    assert_eq!((counters(&broker).dropped(), log.lines(LOST).len()), (5, 2));
}

#[tokio::test]
async fn a_message_given_up_is_counted_and_left_to_the_caller_to_log() {
    let Some(server) = Server::start("") else { return };
    let log = Log::start();
    let broker = connected(&server, &[]).await;
    let subscriber = broker.subscriber("nats://given.up", &SubscriberOptions::default()).expect("a subscription");
    publisher(&broker, "nats://given.up").publish(Message::new("x")).await.expect("confirmed");
    let reason = "cannot be read".to_owned();
    receive(&subscriber).await.settle(Settlement::DeadLetter { reason }).await.expect("dropped");
    assert_eq!(counters(&broker).dropped(), 1);
    broker.close().await;
    assert_eq!(log.lines("cannot be read"), [""; 0]);
    assert_eq!(log.lines(LOST), [""; 0]);
}

#[tokio::test]
async fn messages_that_nobody_waits_for_are_lost_with_a_connection() {
    let Some(server) = Server::start("") else { return };
    let log = Log::start();
    let broker = open(&[("servers", &server.address)]);
    until("it is connected", || counters(&broker).connects() == 1).await;
    let publisher = broker
        .publisher("nats://unawaited", &PublisherOptions { confirm: Confirm::None, ..PublisherOptions::default() })
        .expect("a topic");
    publisher.publish(Message::new("small")).await.expect("handed over");
    server.pause().await;
    // More than the system takes.
    let mut handed_over = 0;
    while publisher.publish(Message::new(vec![0; 1 << 20])).await.is_ok() && handed_over < 100 {
        handed_over += 1;
        tokio::task::yield_now().await;
    }
    server.kill().await;
    until("the loss is seen", || counters(&broker).disconnects() == 1).await;
    let line = log.error("messages that nobody waits for were lost with the connection");
    let unsent = counters(&broker).unsent();
    assert!(line.contains(&format!("messages={unsent}")), "{line}");
    assert!((1..=handed_over).contains(&unsent), "{unsent} of {handed_over}");
    broker.close().await;
}
