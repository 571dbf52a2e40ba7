//! What a message is when it has been stored.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use sluicegate_drivers::{Broker as _, Confirm, Message, PublisherOptions};

use super::common::{Record, connected, make_topic, open, publish, publisher, read, ready, unique};
use super::server::Server;

#[tokio::test]
async fn a_message_is_stored_with_all_it_has() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[]).await;
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let topic = publisher(&broker, &format!("kafka://{name}?key_name=X-Customer&tombstones"));

    let mut message = Message::new(vec![0, 255, 10]);
    message.set_attribute("X-Customer", "ann");
    message.set_attribute("Content-Type", "application/octet-stream");
    message.set_attribute("X-Empty", "");
    message.set_attribute("Kafka-Timestamp", "2023-11-14T22:13:20.5Z");
    let receipt = publish(&topic, message).await;
    assert_eq!((receipt.partition.as_deref(), receipt.offset, receipt.duplicate), (Some("0"), Some(0), false));

    let keyed = Message { key: Some("bob".to_owned()), ..Message::new("") };
    assert_eq!(publish(&topic, keyed).await.offset, Some(1));
    let plain = publisher(&broker, &format!("kafka://{name}"));
    publish(&plain, Message::new("")).await;
    let mut deleted = Message { key: Some(String::new()), ..Message::default() };
    deleted.set_attribute("Kafka-Tombstone", "true");
    publish(&plain, deleted).await;

    let records = read(&server.plaintext, &name, 4).await;
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    let first = Record {
        key: Some(b"ann".to_vec()),
        value: Some(vec![0, 255, 10]),
        headers: vec![header("Content-Type", "application/octet-stream"), header("X-Empty", "")],
        timestamp: 1_700_000_000_500,
        ..Record::default()
    };
    assert_eq!(records[0], first);
    assert_eq!((&records[1].key, &records[1].value), (&Some(b"bob".to_vec()), &None), "a tombstone");
    assert_eq!((&records[2].key, &records[2].value), (&None, &Some(Vec::new())), "empty, and not nothing");
    assert_eq!((&records[3].key, &records[3].value), (&Some(Vec::new()), &None));
    assert!(records[2].timestamp > first.timestamp && records[2].headers.is_empty());
    broker.close().await;
}

/// The partitions that KrakenD's client chooses for these keys, its hash (FNV-1a) being taken as a signed number whose sign
/// is left out.
#[tokio::test]
async fn keys_choose_the_partitions_that_a_krakend_chooses() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 7, &[]).await;
    let broker = connected(&[("servers", &server.plaintext)]).await;
    // librdkafka's own list for sarama, from Go: the hash without its sign.
    let sarama: [(&str, u32); 6] = [
        ("kafka", 0x0d33_c4e1),
        ("giberish123456789", 0x77a5_8295),
        ("1234", 0x023b_dd03),
        ("234", 0x2dea_3cd2),
        ("PreAmbleWillBeRemoved,ThePrePartThatIs", 0x65cb_d69c),
        ("", 0x7ee3_623b),
    ];
    let topic = publisher(&broker, &format!("kafka://{name}"));
    for (key, hash) in sarama {
        let receipt = publish(&topic, Message { key: Some(key.to_owned()), ..Message::new("x") }).await;
        assert_eq!(receipt.partition, Some((hash % 7).to_string()), "{key}");
    }
    // Kafka's own client: murmur2 without the sign bit. Its list of keys is in Kafka's UtilsTest.
    let java: [(&str, i32); 4] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("abc", 479_470_107),
    ];
    let topic = publisher(&broker, &format!("kafka://{name}?partitioner=murmur2_random"));
    ready(&topic).await;
    for (key, hash) in java {
        let receipt = publish(&topic, Message { key: Some(key.to_owned()), ..Message::new("x") }).await;
        assert_eq!(receipt.partition, Some(((hash & 0x7fff_ffff) % 7).to_string()), "{key}");
    }
    broker.close().await;
}

#[tokio::test]
async fn what_is_compressed_is_stored_compressed() {
    let Some(server) = Server::shared() else { return };
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let body = "abcdefgh".repeat(12_500);
    let mut stored = BTreeMap::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let name = unique();
        make_topic(&server.plaintext, &name, 1, &[]).await;
        let topic = publisher(&broker, &format!("kafka://{name}?compression={codec}"));
        ready(&topic).await;
        publish(&topic, Message::new(body.clone())).await;
        let records = read(&server.plaintext, &name, 2).await;
        assert_eq!(records[1].value.as_deref(), Some(body.as_bytes()), "{codec}");
        let log = server.folder.join(format!("data/{name}-0/00000000000000000000.log"));
        stored.insert(codec, std::fs::metadata(log).expect("the log of the partition").len());
    }
    let plain = stored.remove("none").expect("it was stored");
    assert!(plain > 100_000, "{plain}");
    assert!(stored.values().all(|bytes| *bytes < plain / 5), "{stored:?}");
    broker.close().await;
}

#[tokio::test]
async fn thousands_at_once_are_confirmed_each_with_its_place() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[]).await;
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let topic = publisher(&broker, &format!("kafka://{name}"));
    let count = 5_000;
    let receipts = join_all((0..count).map(|number| publish(&topic, Message::new(number.to_string())))).await;
    let records = read(&server.plaintext, &name, count).await;
    assert_eq!(records.len(), count);
    for (number, receipt) in receipts.iter().enumerate() {
        let offset = usize::try_from(receipt.offset.expect("an offset")).expect("a small one");
        assert_eq!(records[offset].value.as_deref(), Some(number.to_string().as_bytes()));
        assert_eq!(offset, number, "in the order they were published");
    }
    broker.close().await;
}

#[tokio::test]
async fn less_is_waited_for_where_less_is_asked_for() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[]).await;
    let broker = open(&[("servers", &server.plaintext)]);
    for (confirm, offset) in [(Confirm::Leader, true), (Confirm::None, false)] {
        let topic = broker
            .publisher(&format!("kafka://{name}"), &PublisherOptions { confirm, declare: None })
            .expect("a topic");
        ready(&topic).await;
        let receipt = publish(&topic, Message::new("second")).await;
        assert_eq!(receipt.offset.is_some(), offset, "{confirm:?}");
    }
    assert_eq!(read(&server.plaintext, &name, 4).await.len(), 4);
    assert_eq!(broker.counters().expect("Kafka counts").unsent(), 0);
    assert_eq!(broker.figures().len(), 2, "a producer for each way to confirm");
    broker.close().await;
}

/// What is handed over before the end is stored, and those that publish then are told.
#[tokio::test]
async fn closing_waits_for_what_is_on_its_way() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[]).await;
    let broker = connected(&[("servers", &server.plaintext)]).await;
    let topic = broker
        .publisher(&format!("kafka://{name}"), &PublisherOptions { confirm: Confirm::None, declare: None })
        .expect("a topic");
    ready(&topic).await;
    join_all((0..1_000).map(|number| publish(&topic, Message::new(number.to_string())))).await;
    broker.close().await;
    assert_eq!(read(&server.plaintext, &name, 1_001).await.len(), 1_001);
    let after = super::common::try_publish(&topic, Message::new("after")).await;
    assert_eq!(super::common::kind(after), sluicegate_drivers::PublishErrorKind::Unreachable);
}

/// Though the connection that the state is about may be another client's, as that of a group; and without having waited for
/// anything.
#[tokio::test]
async fn the_first_message_of_a_client_is_stored() {
    let Some(server) = Server::shared() else { return };
    let name = unique();
    make_topic(&server.plaintext, &name, 1, &[]).await;
    for is_waited_for in [true, false, true, false, true] {
        let broker = open(&[("servers", &server.plaintext)]);
        let url = format!("kafka://{}?topic={name}", unique());
        let _subscriber = is_waited_for.then(|| {
            let options = sluicegate_drivers::SubscriberOptions::default();
            broker.subscriber(&url, &options).expect("a subscription")
        });
        let mut topic = (!is_waited_for).then(|| publisher(&broker, &format!("kafka://{name}")));
        if is_waited_for {
            super::common::until_connected(&broker).await;
        }
        let topic = topic.get_or_insert_with(|| publisher(&broker, &format!("kafka://{name}")));
        publish(topic, Message::new("first")).await;
        broker.close().await;
    }
    assert_eq!(read(&server.plaintext, &name, 5).await.len(), 5);
}
