//! What the service does not take, and who is not let in.

use std::time::Duration;

use sluicegate_drivers::{
    Broker as _, BrokerState, Message, OpenError, PublishErrorKind, PublisherOptions, SubscriberOptions,
};

use super::server::{Server, failure, open, publish, publisher, string, until, until_connected};
use crate::azure_service_bus_admin::unique;
use crate::log::Log;

#[tokio::test]
async fn a_wrong_key_is_told_and_not_tried_all_the_time() {
    let Some(server) = Server::start() else { return };
    let log = Log::start();
    let file = std::env::temp_dir().join(unique("sluicegate-servicebus-key"));
    std::fs::write(&file, server.string().replace("=secret", "=hunter2")).expect("a file");
    let broker = open(&[("connection_string", &format!("file:{}", file.display()))]);
    let topic = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect("a topic");
    let failures = || broker.counters().expect("it counts").connect_failures();
    let started = std::time::Instant::now();
    until("it has tried again and again", || failures() > 3).await;
    // Waits of 0.1, 0.2, 0.4 ... seconds, or half of that, up to several.
    let (tries, most) = (failures(), 10 + started.elapsed().as_secs());
    assert!(tries <= most, "{tries} tries in {:?}", started.elapsed());
    let (kind, text) = failure(&topic, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    assert!(text.contains("InvalidSignature") && text.contains("myqueue"), "{text}");
    let lines = log.lines("cannot connect");
    assert!(!lines.is_empty() && (lines.len() as u64) < tries, "one for many tries: {lines:?}");
    assert!(log.lines("hunter2").is_empty() && !text.contains("hunter2"));
    // The right one comes into the file.
    std::fs::write(&file, server.string()).expect("a file");
    until_connected(&broker).await;
    publish(&topic, Message::new("x")).await.expect("confirmed");
    broker.close().await;
    std::fs::remove_file(file).expect("the file can be removed");
}

#[tokio::test]
async fn what_is_not_there_is_refused_until_it_is() {
    let Some(server) = Server::start() else { return };
    let log = Log::start();
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://nowhere").await;
    for _ in 0..3 {
        let (kind, text) = failure(&topic, Message::new("x")).await;
        assert_eq!(kind, PublishErrorKind::Refused, "{text}");
        assert!(text.contains("could not be found") && text.contains("amqp:not-found"), "{text}");
    }
    assert_eq!(log.error("nothing can be published to it").matches("nowhere").count(), 2);
    // Others are not disturbed.
    let other = publisher(&broker, "azuresb://myqueue").await;
    publish(&other, Message::new("x")).await.expect("confirmed");
    server.entities.add("queue nowhere");
    let mut confirmed = false;
    for _ in 0..100 {
        confirmed = publish(&topic, Message::new("x")).await.is_ok();
        if confirmed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(confirmed);
    assert_eq!(broker.counters().expect("it counts").connects(), 1);
    broker.close().await;
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let Some(server) = Server::start() else { return };
    server.entities.add("queue small max-size=1000");
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://small").await;
    publish(&topic, Message::new("x".repeat(900))).await.expect("confirmed");
    let (kind, text) = failure(&topic, Message::new("x".repeat(1000))).await;
    assert_eq!(kind, PublishErrorKind::TooLarge, "{text}");
    assert!(text.contains("takes 1000"), "{text}");
    let mut with_attributes = Message::new("x".repeat(500));
    with_attributes.set_attribute("A", "y".repeat(500));
    assert_eq!(failure(&topic, with_attributes).await.0, PublishErrorKind::TooLarge);
    publish(&topic, Message::new("x")).await.expect("confirmed");
    // The usual limit.
    let other = publisher(&broker, "azuresb://myqueue").await;
    publish(&other, Message::new(vec![7; 262_000])).await.expect("confirmed");
    assert_eq!(failure(&other, Message::new(vec![7; 262_144])).await.0, PublishErrorKind::TooLarge);
    assert_eq!(broker.counters().expect("it counts").connects(), 1);
    broker.close().await;
}

/// A queue with sessions says no to a message without one.
#[tokio::test]
async fn what_the_service_rejects_is_refused_with_its_words() {
    let Some(server) = Server::start() else { return };
    server.entities.add("queue ordered sessions=yes");
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://ordered").await;
    let (kind, text) = failure(&topic, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Refused, "{text}");
    assert!(text.contains("amqp:not-allowed"), "{text}");
    let with_key = Message { key: Some("a".to_owned()), ..Message::new("x") };
    publish(&topic, with_key).await.expect("confirmed");
    broker.close().await;
}

#[tokio::test]
async fn what_a_broker_cannot_open_with() {
    let wrong = |values: &[(&'static str, &str)]| {
        let settings = super::server::settings(values);
        sluicegate_drivers::azure_service_bus::Broker::open(&settings).expect_err("an error").to_string()
    };
    let text = wrong(&[("connection_string", "Endpoint=sb://h;SharedAccessKeyName=x;SharedAccesKey=hunter2")]);
    assert!(text.contains("did you mean `SharedAccessKey`?") && !text.contains("hunter2"), "{text}");
    assert!(wrong(&[]).contains("`connection_string` of the broker `test` is missing"));
    let of_one = format!("{};EntityPath=orders", string("127.0.0.1:9"));
    let broker = open(&[("connection_string", &of_one)]);
    broker.publisher("azuresb://orders", &PublisherOptions::default()).expect("its own");
    let error = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect_err("another");
    assert!(matches!(&error, OpenError::Url(error) if error.message.contains("for `orders` alone")), "{error}");
    let options = SubscriberOptions::default();
    assert!(broker.subscriber("azuresb://mytopic?subscription=s", &options).is_err());
    assert_eq!(broker.state(), BrokerState::Connecting);
    broker.close().await;
}
