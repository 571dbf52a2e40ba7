//! What others have sent, and what is given back.

use std::time::{Duration, Instant, SystemTime};

use aws_sdk_sqs::types::MessageAttributeValue as Value;
use sluicegate_drivers::{Broker as _, Delivery as _, Message, Settlement, Subscriber as _};
use tokio::time::timeout;

use super::server::{Server, ack, body, expect_nothing, publish, publisher, receive, settle, subscriber};
use crate::support::far;

/// What another client has sent, the way a KrakenD sends it or in its own.
#[tokio::test]
async fn what_another_client_sends() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let from = subscriber(&broker, &queue, "").await;
    let text = |text: &str| Value::builder().data_type("String").string_value(text).build().expect("whole");
    let number = Value::builder().data_type("Number").string_value("42").build().expect("whole");
    let bytes = Value::builder().data_type("Binary").binary_value(vec![0_u8, 255].into()).build().expect("whole");
    let sends = server.admin.sqs.send_message().queue_url(&queue);

    let plain = sends.clone().message_body("plain").message_attributes("X.Y", text("100%25"));
    plain.message_attributes("N", number).message_attributes("B", bytes).send().await.expect("sent");
    let delivery = receive(&from).await;
    let message = delivery.message();
    assert_eq!(body(&delivery), "plain");
    let attributes = (message.attribute("X.Y"), message.attribute("N"), message.attribute("B"));
    assert_eq!(attributes, (Some("100%25"), Some("42"), Some("AP8=")));
    assert_eq!(delivery.delivery_count(), Some(1));
    let sent = delivery.origin().timestamp.expect("a time").elapsed().unwrap_or_default();
    assert!(sent < Duration::from_secs(600), "{sent:?} before {:?}", SystemTime::now());
    ack(&delivery).await;

    let escaped = sends.clone().message_body("/w==").message_attributes("base64encoded", text("true"));
    let escaped = escaped.message_attributes("Content-Type", text("application%2Fjson"));
    escaped.message_attributes("X__0x20__Y", text("caf%C3%A9")).send().await.expect("sent");
    let delivery = receive(&from).await;
    let message = delivery.message();
    assert_eq!(&message.body[..], [255]);
    let attributes = (message.attribute("Content-Type"), message.attribute("X Y"));
    assert_eq!(attributes, (Some("application/json"), Some("caf\u{e9}")));
    assert_eq!(message.attributes.len(), 2);
    ack(&delivery).await;
    broker.close().await;
}

/// A queue that SNS delivers to, with an envelope and without.
#[tokio::test]
async fn what_comes_by_sns() {
    use aws_sdk_sns::types::MessageAttributeValue;
    let Some(server) = Server::start() else { return };
    let broker = server.broker();
    for raw in [false, true] {
        let topic = server.admin.topic(&format!("orders-{raw}"), false, raw).await;
        let value = MessageAttributeValue::builder().data_type("String").string_value("1").build().expect("whole");
        let publish = || async {
            let sent = server.admin.sns.publish().topic_arn(&topic.arn).message("hello");
            sent.message_attributes("X", value.clone()).send().await.expect("published");
        };
        let known = subscriber(&broker, &topic.queue, &format!("?snstopicarn={}", topic.arn)).await;
        publish().await;
        let delivery = receive(&known).await;
        assert_eq!((&*body(&delivery), delivery.message().attribute("X")), ("hello", Some("1")), "{raw}");
        ack(&delivery).await;
        drop(known);
        // Whoever can choose a body can write an envelope: its attributes are believed where the topic is known.
        let unknown = subscriber(&broker, &topic.queue, "").await;
        publish().await;
        let delivery = receive(&unknown).await;
        assert_eq!((&*body(&delivery), delivery.message().attribute("X")), ("hello", raw.then_some("1")), "{raw}");
        ack(&delivery).await;
        drop(unknown);
        if !raw {
            let untouched = subscriber(&broker, &topic.queue, "?raw=true").await;
            publish().await;
            let delivery = receive(&untouched).await;
            assert!(body(&delivery).starts_with('{') && body(&delivery).contains(&topic.arn), "{}", body(&delivery));
            ack(&delivery).await;
        }
    }
    broker.close().await;
}

/// SQS would hide it for a minute.
#[tokio::test]
async fn what_nobody_waits_for_is_given_back_at_once() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    // Who waited has left, and the poll is still under way.
    assert!(timeout(Duration::from_millis(500), from.receive(far())).await.is_err());
    publish(&to, Message::new("left")).await.expect("confirmed");
    let since = Instant::now();
    let end = far();
    let seen = loop {
        if let Some(seen) = server.admin.receive(&queue).await {
            break seen;
        }
        assert!(Instant::now() < end, "not given back");
    };
    assert_eq!(seen.body(), Some("left"));
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    broker.close().await;
}

#[tokio::test]
async fn closing_gives_back_what_is_held() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 600).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    publish(&to, Message::new("held")).await.expect("confirmed");
    let held = receive(&from).await;
    broker.close().await;
    assert_eq!(server.admin.receive(&queue).await.expect("given back").body(), Some("held"));
    drop(held);
}

#[tokio::test]
async fn giving_back_can_be_left_to_the_queue() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 5).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "?nacklazy=true").await);
    publish(&to, Message::new("again")).await.expect("confirmed");
    let since = Instant::now();
    let delivery = receive(&from).await;
    settle(&delivery, Settlement::Nack { delay: Duration::ZERO }).await.expect("left");
    expect_nothing(&from).await;
    let again = receive(&from).await;
    assert!(since.elapsed() >= Duration::from_secs(4), "{:?}", since.elapsed());
    assert_eq!(again.delivery_count(), Some(2));
    ack(&again).await;
    broker.close().await;
}
