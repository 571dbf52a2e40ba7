//! What becomes of messages that are published, as another client sees it.

use std::sync::Arc;
use std::time::Duration;

use lapin::ExchangeKind;
use lapin::types::{AMQPValue, ShortString};
use sluicegate_drivers::{
    Broker as _, Confirm, Declaration, Message, PublishErrorKind, Publisher as _, PublisherOptions,
};

use super::server::{Server, failure, keyed, publish, publisher, until};
use crate::rabbitmq_admin::unique;

#[tokio::test]
async fn properties_are_seen_by_another_client() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("properties"));
    admin.make_exchange(&name, ExchangeKind::Topic).await;
    admin.make_queue(&name, &[("x-max-priority", AMQPValue::ShortShortUInt(10))]).await;
    admin.bind(&name, &name, "eu.#").await;
    let broker = server.broker(&[]);
    let topic = publisher(&broker, &format!("rabbit://{name}?key_name=X-Region")).await;
    let mut message = Message { id: Some("id-1".to_owned()), ..Message::new(&b"\xff\x00\xfe"[..]) };
    for (name, value) in [
        ("Content-Type", "application/octet-stream"),
        ("Content-Encoding", "x"),
        ("x-region", "eu.west"),
        ("X-Über", "größe"),
        ("Amqp-Expiration", "60000"),
        ("Amqp-Priority", "7"),
        ("Amqp-Timestamp", "1700000000"),
        ("Amqp-Correlation-Id", "c-1"),
        ("Amqp-Reply-To", "answers"),
        ("Amqp-Type", "order"),
        ("Amqp-App-Id", "shop"),
        ("Amqp-User-Id", "guest"),
    ] {
        message.set_attribute(name, value);
    }
    publish(&topic, message).await.expect("confirmed");
    let got = admin.get(&name).await.expect("a message");
    assert_eq!(got.data, b"\xff\x00\xfe");
    assert_eq!(got.routing_key.as_str(), "eu.west");
    let properties = &got.properties;
    let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!(text(properties.content_type()), "application/octet-stream");
    assert_eq!(text(properties.content_encoding()), "x");
    assert_eq!(text(properties.message_id()), "id-1");
    assert_eq!(text(properties.expiration()), "60000");
    assert_eq!(text(properties.correlation_id()), "c-1");
    assert_eq!(text(properties.reply_to()), "answers");
    assert_eq!(text(properties.kind()), "order");
    assert_eq!(text(properties.app_id()), "shop");
    assert_eq!(text(properties.user_id()), "guest");
    assert_eq!(*properties.priority(), Some(7));
    assert_eq!(*properties.timestamp(), Some(1_700_000_000));
    assert_eq!(*properties.delivery_mode(), Some(2));
    let headers = properties.headers().as_ref().expect("headers").inner();
    assert_eq!(headers.len(), 1, "{headers:?}");
    assert_eq!(headers.get("X-Über"), Some(&AMQPValue::LongString("größe".into())));
    broker.close().await;
}

#[tokio::test]
async fn what_reaches_no_queue_is_refused_and_nothing_else() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("routes"));
    admin.make_exchange(&name, ExchangeKind::Direct).await;
    admin.make_queue(&name, &[]).await;
    admin.bind(&name, &name, "yes").await;
    let broker = server.broker(&[]);
    let topic = Arc::new(publisher(&broker, &format!("rabbit://{name}")).await);
    let (kind, why) = failure(&topic, keyed("no", "alone")).await;
    assert_eq!((kind, &*why), (PublishErrorKind::Refused, "no queue takes it: NO_ROUTE (312)"));
    // Together: each is told of its own end, though the server confirms several at once.
    let all: Vec<_> = (0..2_000_u32)
        .map(|number| {
            let topic = Arc::clone(&topic);
            let is_routed = number % 3 != 0;
            let message = keyed(if is_routed { "yes" } else { "no" }, &number.to_string());
            tokio::spawn(async move { (is_routed, publish(&topic, message).await) })
        })
        .collect();
    let mut routed = 0;
    for published in all {
        match published.await.expect("no panic") {
            (true, published) => {
                published.expect("confirmed");
                routed += 1;
            }
            (false, published) => assert_eq!(published.expect_err("refused").kind, PublishErrorKind::Refused),
        }
    }
    assert_eq!(admin.count(&name).await, routed);
    admin.delete_queue(&name).await;
    broker.close().await;
}

#[tokio::test]
async fn a_missing_exchange_is_refused_and_hurts_no_other() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("exchange"));
    admin.make_queue(&name, &[]).await;
    let broker = server.broker(&[]);
    let queue = Arc::new(publisher(&broker, "rabbit://?key_name=Queue").await);
    let missing = Arc::new(publisher(&broker, &format!("rabbit://{name}-missing")).await);
    let mut all = Vec::new();
    for _ in 0..100 {
        let (queue, missing, name) = (Arc::clone(&queue), Arc::clone(&missing), name.clone());
        all.push(tokio::spawn(async move {
            let mut message = Message::new("x");
            message.set_attribute("queue", name);
            publish(&queue, message).await.expect("confirmed");
            let (kind, why) = failure(&missing, keyed("k", "x")).await;
            assert_eq!(kind, PublishErrorKind::Refused, "{why}");
            assert!(why.contains("NOT_FOUND - no exchange"), "{why}");
        }));
    }
    for one in all {
        one.await.expect("no panic");
    }
    assert_eq!(admin.count(&name).await, 100);
    // It is found as soon as it is there.
    let exchange = format!("{name}-missing");
    admin.make_exchange(&exchange, ExchangeKind::Fanout).await;
    admin.bind(&name, &exchange, "").await;
    let mut published = publish(&missing, keyed("k", "x")).await;
    for _ in 0..50 {
        if published.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        published = publish(&missing, keyed("k", "x")).await;
    }
    published.expect("confirmed");
    // And gone, though the channel is open.
    admin.delete_exchange(&exchange).await;
    let (kind, why) = failure(&missing, keyed("k", "x")).await;
    assert_eq!(kind, PublishErrorKind::Refused, "{why}");
    admin.delete_queue(&name).await;
    broker.close().await;
}

#[tokio::test]
async fn a_full_queue_is_told_as_that() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("full"));
    let arguments =
        [("x-max-length", AMQPValue::LongInt(3)), ("x-overflow", AMQPValue::LongString("reject-publish".into()))];
    admin.make_queue(&name, &arguments).await;
    let broker = server.broker(&[]);
    let topic = publisher(&broker, "rabbit://?key_name=Q").await;
    for _ in 0..3 {
        publish(&topic, keyed(&name, "x")).await.expect("confirmed");
    }
    let mut ends = Vec::new();
    for _ in 0..5 {
        ends.push(publish(&topic, keyed(&name, "x")).await.map_err(|error| error.kind));
    }
    assert!(ends.contains(&Err(PublishErrorKind::Full)), "{ends:?}");
    assert!(!ends.iter().any(|end| matches!(end, Err(kind) if *kind != PublishErrorKind::Full)), "{ends:?}");
    admin.delete_queue(&name).await;
    broker.close().await;
}

#[tokio::test]
async fn too_large_and_invalid_messages() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("sizes"));
    admin.make_queue(&name, &[]).await;
    let broker = server.broker(&[]);
    let topic = publisher(&broker, "rabbit://?key_name=Q").await;
    // Many frames.
    let large: String = std::iter::repeat_n('x', 1_000_000).collect();
    publish(&topic, keyed(&name, &large)).await.expect("confirmed");
    assert_eq!(admin.get(&name).await.expect("a message").data.len(), 1_000_000);
    let mut message = keyed(&name, "x");
    message.set_attribute("X-Large", large.get(..200_000).expect("ASCII"));
    assert_eq!(failure(&topic, message).await.0, PublishErrorKind::TooLarge);
    for (attribute, value) in [("Amqp-Priority", "high"), ("Amqp-User-Id", "somebody"), ("Amqp-Expiration", "-1")] {
        let mut message = keyed(&name, "x");
        message.set_attribute(attribute, value);
        assert_eq!(failure(&topic, message).await.0, PublishErrorKind::Invalid, "{attribute}");
    }
    assert_eq!(failure(&topic, keyed(&"k".repeat(256), "x")).await.0, PublishErrorKind::Invalid);
    // An empty body is a body.
    publish(&topic, keyed(&name, "")).await.expect("confirmed");
    assert!(admin.get(&name).await.expect("a message").data.is_empty());
    admin.delete_queue(&name).await;
    broker.close().await;
}

#[tokio::test]
async fn messages_that_nobody_waits_for() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("unawaited"));
    admin.make_queue(&name, &[]).await;
    let broker = server.broker(&[]);
    let options = PublisherOptions { confirm: Confirm::None, ..PublisherOptions::default() };
    let topic = broker.publisher("rabbit://?key_name=Q", &options).expect("a topic");
    super::server::until_connected(&broker).await;
    for _ in 0..100 {
        topic.publish(keyed(&name, "x")).await.expect("handed over");
    }
    topic.publish(keyed("nowhere", "x")).await.expect("handed over");
    let unsent = || broker.counters().expect("it counts").unsent();
    until("what reached no queue is counted", || unsent() == 1).await;
    broker.close().await;
    assert_eq!(admin.count(&name).await, 100);
    admin.delete_queue(&name).await;
}

/// However many exchanges there are, they share a bounded number of channels, and one connection.
#[tokio::test]
async fn many_exchanges() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("many"));
    admin.make_queue(&name, &[]).await;
    let broker = server.broker(&[("connection_name", &name)]);
    let mut topics = Vec::new();
    for number in 0..80 {
        let exchange = format!("{name}-{number}");
        admin.make_exchange(&exchange, ExchangeKind::Fanout).await;
        admin.bind(&name, &exchange, "").await;
        topics.push(publisher(&broker, &format!("rabbit://{exchange}")).await);
    }
    let all = topics.iter().map(|topic| publish(topic, keyed("k", "x")));
    for published in futures_util::future::join_all(all).await {
        published.expect("confirmed");
    }
    assert_eq!(admin.count(&name).await, 80);
    let connections = server.control(&["list_connections", "client_properties", "channels"]);
    let own: Vec<_> = connections.lines().filter(|line| line.contains(&format!("{name} (publishing)"))).collect();
    assert!(matches!(&*own, [line] if line.ends_with("\t64")), "{own:?}");
    for number in 0..80 {
        admin.delete_exchange(&format!("{name}-{number}")).await;
    }
    admin.delete_queue(&name).await;
    broker.close().await;
}

#[tokio::test]
async fn a_declared_exchange_is_made_and_another_of_its_name_is_refused() {
    static TOPIC: Declaration = Declaration::new();
    static FANOUT: Declaration = Declaration::new().kind("fanout");
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("declared"));
    admin.make_queue(&name, &[]).await;
    let broker = server.broker(&[]);
    let url = format!("rabbit://{name}");
    let options = PublisherOptions { declare: Some(&TOPIC), ..PublisherOptions::default() };
    let topic = broker.publisher(&url, &options).expect("a topic");
    super::server::until_connected(&broker).await;
    let (kind, why) = failure(&topic, keyed("eu.1", "x")).await;
    assert_eq!((kind, &*why), (PublishErrorKind::Refused, "no queue takes it: NO_ROUTE (312)"));
    admin.bind(&name, &name, "eu.*").await;
    publish(&topic, keyed("eu.1", "x")).await.expect("confirmed");
    let other = server.broker(&[]);
    let options = PublisherOptions { declare: Some(&FANOUT), ..PublisherOptions::default() };
    let topic = other.publisher(&url, &options).expect("a topic");
    super::server::until_connected(&other).await;
    let (kind, why) = failure(&topic, keyed("eu.1", "x")).await;
    assert_eq!(kind, PublishErrorKind::Refused, "{why}");
    assert!(why.contains("PRECONDITION_FAILED - inequivalent arg 'type'"), "{why}");
    assert_eq!(admin.count(&name).await, 1);
    admin.delete_exchange(&name).await;
    admin.delete_queue(&name).await;
    tokio::join!(broker.close(), other.close());
}

/// Who does not wait for the end leaves nothing behind, and takes nothing back.
#[tokio::test]
async fn futures_that_are_dropped() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("dropped"));
    admin.make_queue(&name, &[]).await;
    let broker = server.broker(&[("max_pending", "50")]);
    let topic = publisher(&broker, "rabbit://?key_name=Q").await;
    for round in 0..500_u64 {
        let key = if round % 2 == 0 { &*name } else { "nowhere" };
        let published = publish(&topic, keyed(key, "x"));
        let _ = tokio::time::timeout(Duration::from_micros(round % 7 * 100), published).await;
    }
    for _ in 0..50 {
        publish(&topic, keyed(&name, "x")).await.expect("confirmed");
    }
    assert_eq!(failure(&topic, keyed("nowhere", "x")).await.0, PublishErrorKind::Refused);
    // As many at once as are allowed, and the others are told.
    let all = futures_util::future::join_all((0..200).map(|_| publish(&topic, keyed(&name, "x")))).await;
    let full = all.iter().filter(|published| matches!(published, Err(error) if error.kind == PublishErrorKind::Full));
    let confirmed = all.iter().filter(|published| published.is_ok()).count();
    assert!(confirmed >= 50 && confirmed + full.count() == 200, "{confirmed}");
    broker.close().await;
    admin.delete_queue(&name).await;
}

/// Each is told, and none is left in doubt; who may write to its exchange does not notice.
#[tokio::test]
async fn who_may_not_write_is_refused() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("forbidden"));
    admin.make_exchange(&name, ExchangeKind::Fanout).await;
    admin.make_queue(&name, &[]).await;
    admin.bind(&name, &name, "").await;
    server.control(&["add_user", &name, "secret"]);
    server.control(&["set_permissions", "-p", "/", &name, "^$", "^amq\\.default$", "^$"]);
    let broker = server.broker(&[("user", &name), ("password", "secret")]);
    let forbidden = publisher(&broker, &format!("rabbit://{name}")).await;
    let allowed = publisher(&broker, "rabbit://?key_name=Q").await;
    let refused = futures_util::future::join_all((0..20).map(|_| failure(&forbidden, keyed("k", "x"))));
    let taken = futures_util::future::join_all((0..20).map(|_| publish(&allowed, keyed(&name, "x"))));
    let (refused, taken) = tokio::join!(refused, taken);
    for (kind, text) in refused {
        assert_eq!(kind, PublishErrorKind::Refused, "{text}");
        assert!(text.contains("ACCESS_REFUSED"), "{text}");
    }
    for published in taken {
        published.expect("confirmed");
    }
    assert_eq!(admin.count(&name).await, 20);
    assert_eq!(broker.counters().expect("it counts").disconnects(), 0);
    broker.close().await;
    server.control(&["delete_user", &name]);
    admin.delete_exchange(&name).await;
    admin.delete_queue(&name).await;
}
