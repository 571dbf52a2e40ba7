//! What is not stored, and what its publisher is told.

use sluicegate_drivers::{Message, PublishErrorKind};

use super::common::{connected, kind, make_topic, publish, publisher, read, try_publish, unique, until};
use super::server::Server;

#[tokio::test]
async fn a_topic_that_makes_itself_works() {
    let Some(server) = Server::shared() else { return };
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let name = unique();
    let topic = publisher(&broker, &format!("kafka://{name}"));
    assert_eq!(publish(&topic, Message::new("first")).await.offset, Some(0));
    assert_eq!(read(&server.plaintext, &name, 1).await.len(), 1);
}

#[tokio::test]
async fn a_message_over_the_limit_of_its_topic() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[("max.message.bytes", "20000")]).await;
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let topic = publisher(&broker, &format!("kafka://{name}"));
    // Whether the limit is known yet or not.
    assert_eq!(kind(try_publish(&topic, Message::new(vec![b'x'; 20_001])).await), PublishErrorKind::TooLarge);
    publish(&topic, Message::new(vec![b'x'; 19_000])).await;
    for _ in 0..5 {
        assert_eq!(kind(try_publish(&topic, Message::new(vec![b'x'; 21_000])).await), PublishErrorKind::TooLarge);
    }
    publish(&topic, Message::new("small")).await;
    // More than Kafka takes unless it is told otherwise.
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[("max.message.bytes", "3000000")]).await;
    let topic = publisher(&broker, &format!("kafka://{name}"));
    publish(&topic, Message::new(vec![b'x'; 2_900_000])).await;
    assert_eq!(read(&server.plaintext, &name, 1).await.len(), 1);
}

#[tokio::test]
async fn messages_that_kafka_cannot_carry() {
    let Some(server) = Server::shared() else { return };
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let topic = publisher(&broker, &format!("kafka://{}", unique()));
    let with = |name: &'static str, value: &str| {
        let mut message = Message::new("x");
        message.set_attribute(name, value);
        message
    };
    for message in [
        Message { id: Some("1".to_owned()), ..Message::new("x") },
        with("", "x"),
        with("a\0b", "x"),
        with("Kafka-Timestamp", "yesterday"),
        with("Kafka-Timestamp", "-1"),
        with("Kafka-Tombstone", "true"),
        with("Kafka-Tombstone", "yes"),
    ] {
        let error = try_publish(&topic, message.clone()).await.expect_err("invalid");
        assert_eq!(error.kind, PublishErrorKind::Invalid, "{message:?}: {error}");
    }
}

/// A broker that makes no topics: refused within seconds, and found once it is there.
#[tokio::test]
async fn a_topic_that_is_not_there() {
    let Some(server) = Server::shared() else { return };
    let broker = connected(&[("servers", &server.plaintext)]).await;
    // A name that the grammar and librdkafka take and the broker does not make by itself: its own topic is not made twice.
    let name = "__cluster_metadata";
    let topic = publisher(&broker, &format!("kafka://{name}"));
    let mut last = None;
    until("an answer", || {
        last.is_some() || {
            last = Some(());
            true
        }
    })
    .await;
    let error = try_publish(&topic, Message::new("x")).await.expect_err("refused");
    assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
}
