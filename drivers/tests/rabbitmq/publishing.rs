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
async fn what_a_full_queue_refuses_may_be_in_another_one() {
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
    let mut refused = 0;
    for _ in 0..5 {
        if let Err(error) = publish(&topic, keyed(&name, "x")).await {
            assert_eq!(error.kind, PublishErrorKind::Unknown, "{error}");
            assert!(error.source.to_string().contains("it is full and refuses more"), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 0);
    // Why nobody can know more: the other queue of an exchange has it.
    let (exchange, other) = (format!("{name}-both"), format!("{name}-other"));
    admin.make_exchange(&exchange, ExchangeKind::Fanout).await;
    admin.make_queue(&other, &[]).await;
    for queue in [&name, &other] {
        admin.bind(queue, &exchange, "").await;
    }
    let both = publisher(&broker, &format!("rabbit://{exchange}")).await;
    assert_eq!(failure(&both, keyed("", "x")).await.0, PublishErrorKind::Unknown);
    assert_eq!(admin.count(&other).await, 1);
    admin.delete_exchange(&exchange).await;
    admin.delete_queue(&other).await;
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
    for (attribute, value) in [("Amqp-Priority", "high"), ("CC", "elsewhere"), ("Amqp-Expiration", "-1")] {
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
    for number in 0..100 {
        let exchange = format!("{name}-{number}");
        admin.make_exchange(&exchange, ExchangeKind::Fanout).await;
        admin.bind(&name, &exchange, "").await;
        topics.push(publisher(&broker, &format!("rabbit://{exchange}")).await);
    }
    let all = topics.iter().map(|topic| publish(topic, keyed("k", "x")));
    for published in futures_util::future::join_all(all).await {
        published.expect("confirmed");
    }
    assert_eq!(admin.count(&name).await, 100);
    let connections = server.control(&["list_connections", "client_properties", "channels"]);
    let own: Vec<_> = connections.lines().filter(|line| line.contains(&format!("{name} (publishing)"))).collect();
    assert!(matches!(&*own, [line] if line.ends_with("\t80")), "{own:?}");
    for number in 0..100 {
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

fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Before anybody publishes, and again on another server's connection.
#[tokio::test]
async fn exchanges_are_declared_at_each_connect() {
    static TOPIC: Declaration = Declaration::new();
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("early"));
    server.control(&["add_user", &name, "secret"]);
    server.control(&["set_permissions", "-p", "/", &name, ".*", ".*", ".*"]);
    let broker = server.broker(&[("user", &name), ("password", "secret")]);
    let options = PublisherOptions { declare: Some(&TOPIC), ..PublisherOptions::default() };
    // Before there is a connection, and when there is one.
    for exchange in [format!("{name}-1"), format!("{name}-2")] {
        let _topic = broker.publisher(&format!("rabbit://{exchange}"), &options).expect("a topic");
        super::server::until_connected(&broker).await;
        until("it is there", || server.control(&["list_exchanges", "name"]).lines().any(|line| line == exchange)).await;
        admin.delete_exchange(&exchange).await;
    }
    server.control(&["close_all_user_connections", &name, "a test"]);
    until("it is there again", || {
        let exchanges = server.control(&["list_exchanges", "name"]);
        (1..3).all(|number| exchanges.lines().any(|line| line == format!("{name}-{number}")))
    })
    .await;
    for number in 1..3 {
        admin.delete_exchange(&format!("{name}-{number}")).await;
    }
    broker.close().await;
    server.control(&["delete_user", &name]);
}

#[tokio::test]
async fn an_exchange_is_declared_in_one_way() {
    static TOPIC: Declaration = Declaration::new();
    static FANOUT: Declaration = Declaration::new().kind("fanout");
    static DELAYED: Declaration = Declaration::new().kind("x-delayed-message");
    let Some(server) = Server::shared() else { return };
    let (broker, name) = (server.broker(&[]), unique("twice"));
    let open = |url: String, declaration| {
        let options = PublisherOptions { declare: Some(declaration), ..PublisherOptions::default() };
        broker.publisher(&url, &options).map(drop).map_err(|error| error.to_string())
    };
    open(format!("rabbit://{name}"), &TOPIC).expect("a topic");
    open(format!("rabbit://{name}?key_name=K"), &TOPIC).expect("a topic");
    let error = open(format!("rabbit://{name}"), &FANOUT).expect_err("another one");
    assert!(error.contains("declared as something else by another publisher"), "{error}");
    let error = open(format!("rabbit://{name}-delayed"), &DELAYED).expect_err("not supported");
    assert!(error.contains("delayed messages are not supported"), "{error}");
    super::server::until_connected(&broker).await;
    until("it is there", || server.control(&["list_exchanges", "name"]).lines().any(|line| line == name)).await;
    server.admin().await.delete_exchange(&name).await;
    broker.close().await;
}

/// One whose declaration does not fit is refused, and the others of its channel are not.
#[tokio::test]
async fn exchanges_that_share_a_channel_are_refused_one_by_one() {
    static DIRECT: Declaration = Declaration::new().kind("direct");
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("shared"));
    admin.make_queue(&name, &[]).await;
    let exchange = |number: usize| format!("{name}-{number}");
    // Of the 16 on one channel, the last but one.
    for wrong in [exchange(80), exchange(96)] {
        admin.make_exchange(&wrong, ExchangeKind::Fanout).await;
    }
    let broker = server.broker(&[]);
    let options = PublisherOptions { declare: Some(keep(DIRECT)), ..PublisherOptions::default() };
    let open = |number| broker.publisher(&format!("rabbit://{}", exchange(number)), &options).expect("a topic");
    let topics: Vec<_> = (0..120).map(open).collect();
    super::server::until_connected(&broker).await;
    until("they are there", || {
        let exchanges = server.control(&["list_exchanges", "name"]);
        (0..120).all(|number| exchanges.lines().any(|line| line == exchange(number)))
    })
    .await;
    for number in 0..120 {
        if number != 80 && number != 96 {
            admin.bind(&name, &exchange(number), "k").await;
        }
    }
    for _ in 0..3 {
        let all = topics.iter().map(|topic| publish(topic, keyed("k", "x")));
        for (number, published) in futures_util::future::join_all(all).await.into_iter().enumerate() {
            match (number, published) {
                (80 | 96, published) => {
                    let error = published.expect_err("another type");
                    assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");
                    assert!(error.source.to_string().contains("inequivalent arg 'type'"), "{error}");
                }
                (_, published) => drop(published.unwrap_or_else(|error| panic!("{number}: {error}"))),
            }
        }
        // A refusal holds for a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    assert_eq!(admin.count(&name).await, 3 * 118);
    for number in 0..120 {
        admin.delete_exchange(&exchange(number)).await;
    }
    admin.delete_queue(&name).await;
    broker.close().await;
}

/// Who has the tag `impersonator` may, and nobody else, which is found out without harm to others.
#[tokio::test]
async fn messages_in_the_name_of_another_user() {
    let Some(server) = Server::shared() else { return };
    let (admin, name) = (server.admin().await, unique("names"));
    admin.make_exchange(&name, ExchangeKind::Fanout).await;
    admin.make_queue(&name, &[]).await;
    admin.bind(&name, &name, "").await;
    server.control(&["add_user", &name, "secret"]);
    server.control(&["set_permissions", "-p", "/", &name, ".*", ".*", ".*"]);
    for (tag, may) in [("", false), ("impersonator", true)] {
        server
            .control(&[&["set_user_tags", &*name], tag.split_terminator(' ').collect::<Vec<_>>().as_slice()].concat());
        let broker = server.broker(&[("user", &name), ("password", "secret")]);
        let topic = Arc::new(publisher(&broker, &format!("rabbit://{name}")).await);
        let from = |user: &str| {
            let mut message = keyed("k", "x");
            message.set_attribute("Amqp-User-Id", user);
            let topic = Arc::clone(&topic);
            async move { publish(&topic, message).await.map(drop) }
        };
        let own = futures_util::future::join_all((0..50).map(|_| from(&name)));
        let others = futures_util::future::join_all((0..50).map(|_| from("somebody")));
        let (own, others) = tokio::join!(own, others);
        own.into_iter().for_each(|published| published.expect("confirmed"));
        for published in others {
            match published {
                Ok(()) => assert!(may),
                Err(error) => {
                    assert_eq!(error.kind, PublishErrorKind::Invalid, "{error}");
                    assert!(!may, "{error}");
                }
            }
        }
        assert_eq!(admin.count(&name).await, if may { 150 } else { 50 });
        broker.close().await;
    }
    server.control(&["delete_user", &name]);
    admin.delete_exchange(&name).await;
    admin.delete_queue(&name).await;
}
