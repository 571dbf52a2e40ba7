//! What is not stored, and what its publisher is told.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sluicegate_drivers::kafka::Publisher;
use sluicegate_drivers::{Broker as _, Confirm, Message, PublishErrorKind, PublisherOptions};

use super::common::{
    connected, delete_topic, far, kind, make_topic, publish, publisher, read, ready, set_limit, try_publish, unique,
};
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

/// Bytes that no compression makes fewer of.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// A broker refuses a whole batch that is over the limit: those are stored that are not too large themselves.
#[tokio::test]
async fn many_at_once_under_a_limit_that_a_batch_is_over() {
    let Some(server) = Server::shared() else { return };
    // Compressed messages are refused by the broker only.
    for (compression, clients) in [("none", 2), ("lz4", 3)] {
        let name = unique();
        make_topic(&server.plaintext, &name, 1, &[("max.message.bytes", "20000")]).await;
        let broker = connected(&[("servers", &server.plaintext)]).await;
        let topic = publisher(&broker, &format!("kafka://{name}?compression={compression}"));
        ready(&topic).await;
        let mut stored = 1;
        for round in 0..3_u64 {
            let published = join_all((0..60).map(|number| {
                let size = if number % 20 == 7 { 30_000 } else { 9_000 };
                let mut message = Message::new(noise(round * 100 + number, size));
                message.key = Some(format!("{round}-{number}"));
                message.set_attribute("number", number.to_string());
                try_publish(&topic, message)
            }))
            .await;
            for (number, published) in published.into_iter().enumerate() {
                match number % 20 {
                    7 => assert_eq!(kind(published), PublishErrorKind::TooLarge, "{compression} {round}-{number}"),
                    _ => {
                        published.unwrap_or_else(|error| panic!("{compression} {round}-{number}: {error}"));
                        stored += 1;
                    }
                }
            }
        }
        let records = read(&server.plaintext, &name, stored).await;
        assert_eq!(records.len(), stored);
        for record in &records[1..] {
            let key = String::from_utf8(record.key.clone().expect("a key")).expect("text");
            let (round, number) = key.split_once('-').expect("a round and a number");
            let seed = round.parse::<u64>().expect("a number") * 100 + number.parse::<u64>().expect("a number");
            assert_eq!(record.value.as_deref(), Some(&*noise(seed, 9_000)), "{key}");
            assert_eq!(record.headers, [("number".to_owned(), Some(number.as_bytes().to_vec()))], "{key}");
        }
        assert_eq!(broker.figures().len(), clients, "one of them is for messages alone");
        broker.close().await;
    }
}

/// A broker refuses a whole batch for one message in it: the others are stored.
#[tokio::test]
async fn a_message_that_its_topic_does_not_take_among_others() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[("cleanup.policy", "compact")]).await;
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let topic = publisher(&broker, &format!("kafka://{name}"));
    let published = join_all((0..300).map(|number| {
        let key = (number % 50 != 7).then(|| number.to_string());
        try_publish(&topic, Message { key, ..Message::new("x") })
    }))
    .await;
    for (number, published) in published.into_iter().enumerate() {
        match number % 50 {
            7 => assert_eq!(kind(published), PublishErrorKind::Refused, "{number}"),
            _ => drop(published.unwrap_or_else(|error| panic!("{number}: {error}"))),
        }
    }
    assert_eq!(read(&server.plaintext, &name, 294).await.len(), 294);
    broker.close().await;
}

/// Known where several publish to one topic, and asked for anew once it has refused a message.
#[tokio::test]
async fn a_limit_that_is_raised() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[("max.message.bytes", "20000")]).await;
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let topics = [(); 2].map(|()| publisher(&broker, &format!("kafka://{name}")));
    for topic in &topics {
        ready(topic).await;
        let end = far();
        loop {
            let error = try_publish(topic, Message::new(vec![b'x'; 70_000])).await.expect_err("it is too large");
            assert_eq!(error.kind, PublishErrorKind::TooLarge, "{error}");
            if error.to_string().contains("at most 20000 bytes") {
                break;
            }
            assert!(Instant::now() < end, "the limit is never known: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    set_limit(&server.plaintext, &name, "100000").await;
    for topic in &topics {
        let end = far();
        while let Err(error) = try_publish(topic, Message::new(vec![b'x'; 70_000])).await {
            assert!(error.kind == PublishErrorKind::TooLarge && Instant::now() < end, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    broker.close().await;
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

/// Refused within seconds, and found once it is there.
#[tokio::test]
async fn a_topic_that_is_not_there() {
    let Some(server) = Server::start_with("auto.create.topics.enable=false\n") else { return };
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let name = unique();
    let topic = publisher(&broker, &format!("kafka://{name}"));
    for _ in 0..3 {
        let since = Instant::now();
        let error = try_publish(&topic, Message::new("x")).await.expect_err("refused");
        assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
        println!("refused after {:?}: {error}", since.elapsed());
    }
    make_topic(&server.plaintext, &name, 1, &[]).await;
    publish_at_last(&topic).await;
    // Deleted, and made again.
    delete_topic(&server.plaintext, &name).await;
    let end = far();
    while try_publish(&topic, Message::new("x")).await.is_ok() {
        assert!(Instant::now() < end, "never refused");
    }
    make_topic(&server.plaintext, &name, 1, &[]).await;
    publish_at_last(&topic).await;
}

async fn publish_at_last(topic: &Publisher) {
    let (since, end) = (Instant::now(), far());
    while let Err(error) = try_publish(topic, Message::new("x")).await {
        assert!(Instant::now() < end, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("found after {:?}", since.elapsed());
}

/// By a user who may publish to nothing, and by one who may to something else.
#[tokio::test]
async fn a_topic_that_one_may_not_publish_to() {
    let extra = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                 super.users=User:ANONYMOUS;User:server\n";
    let Some(server) = Server::start_with(extra) else { return };
    let (denied, allowed) = (unique(), unique());
    make_topic(&server.plaintext, &denied, 1, &[]).await;
    make_topic(&server.plaintext, &allowed, 1, &[]).await;
    let login = [("sasl.mechanism", "PLAIN"), ("sasl.user", "alice"), ("sasl.password", "alice-secret")];
    let broker = connected(&[&[("servers", &*server.sasl)], &login[..]].concat()).await;
    let topic = publisher(&broker, &format!("kafka://{denied}"));
    for _ in 0..3 {
        let error = try_publish(&topic, Message::new("x")).await.expect_err("refused");
        assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
        assert!(error.to_string().contains("uthorization failed"), "{error}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for confirm in [Confirm::Leader, Confirm::All] {
        let options = PublisherOptions { confirm, declare: None };
        let topic = broker.publisher(&format!("kafka://{denied}"), &options).expect("a topic");
        let end = far();
        loop {
            let error = try_publish(&topic, Message::new("x")).await.expect_err("refused");
            if error.kind == PublishErrorKind::Refused {
                break;
            }
            assert!(Instant::now() < end, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    broker.close().await;
}
