//! Files of the settings that change while a client runs.

use std::fs;

use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind};

use super::common::{connected, open, publish, publisher, ready, try_publish, unique, until, until_connected};
use super::server::Server;

#[tokio::test]
async fn a_password_that_changes() {
    let Some(server) = Server::shared() else { return };
    let file = std::env::temp_dir().join(format!("sluicegate-kafka-password-{}", unique()));
    let write = |password: &str| fs::write(&file, password).expect("the file can be written");
    let values = [
        ("servers", &*server.sasl),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.user", "alice"),
        ("sasl.password", &format!("file:{}", file.display())),
    ];
    write("wrong");
    let broker = open(&values);
    let topic = publisher(&broker, &format!("kafka://{}", unique()));
    until("it fails", || broker.counters().expect("Kafka counts").connect_failures() > 0).await;
    write("alice-secret\n");
    until_connected(&broker).await;
    ready(&topic).await;
    // One that does not work is not taken while there is a connection.
    let failures = || broker.counters().expect("Kafka counts").connect_failures();
    let (connects, before) = (broker.counters().expect("Kafka counts").connects(), failures());
    write("wrong again");
    until("it is tried", || failures() > before).await;
    assert_eq!(broker.state(), BrokerState::Connected);
    publish(&topic, Message::new("over the old one")).await;
    assert_eq!(broker.counters().expect("Kafka counts").connects(), connects);
    broker.close().await;
    fs::remove_file(file).expect("the file can be removed");
}

#[tokio::test]
async fn a_password_that_is_written_anew() {
    let Some(server) = Server::shared() else { return };
    let file = std::env::temp_dir().join(format!("sluicegate-kafka-password-{}", unique()));
    fs::write(&file, "alice-secret").expect("the file can be written");
    let password = format!("file:{}", file.display());
    let values =
        [("servers", &*server.sasl), ("sasl.mechanism", "PLAIN"), ("sasl.user", "alice"), ("sasl.password", &password)];
    let broker = connected(&values).await;
    let topic = publisher(&broker, &format!("kafka://{}", unique()));
    ready(&topic).await;
    let connects = || broker.counters().expect("Kafka counts").connects();
    let before = connects();
    fs::write(&file, "alice-secret\n").expect("the file can be written");
    let mut published = 0;
    let end = super::common::far();
    while connects() == before {
        assert!(std::time::Instant::now() < end, "no new client");
        // None of those is lost to the change.
        match try_publish(&topic, Message::new("x")).await {
            Ok(_) => published += 1,
            Err(error) => panic!("{:?}: {error}", (error.kind, PublishErrorKind::Unreachable)),
        }
    }
    for _ in 0..100 {
        publish(&topic, Message::new("x")).await;
    }
    assert!(published > 0);
    broker.close().await;
    fs::remove_file(file).expect("the file can be removed");
}
