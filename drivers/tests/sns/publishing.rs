//! What is published arrives at the queue that is subscribed.

use std::collections::BTreeSet;

use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind};

use super::server::{Server, failure, publish, publisher};
use crate::aws_admin::unique;
use crate::support::{kill, until};

#[tokio::test]
async fn a_message_with_all_it_can_have() {
    let Some(server) = Server::start() else { return };
    let (admin, broker) = (&server.admin, server.broker());
    let topic = admin.topic(&unique("whole"), false, true).await;
    let to = publisher(&broker, &topic.arn).await;
    let mut message = Message::new("caf\u{e9} \"quoted\" <b>&amp;</b>\r\n\t");
    message.set_attribute("Content-Type", "text/plain; charset=utf-8");
    message.set_attribute("X-Order-Id", "  0042 \u{1f980}");
    let receipt = publish(&to, message.clone()).await.expect("it is confirmed");
    assert!(receipt.id.is_some_and(|id| !id.is_empty()));
    let received = admin.receive(&topic.queue).await.expect("a message");
    assert_eq!(received.body().map(str::as_bytes), Some(&*message.body));
    let attributes = received.message_attributes().expect("attributes");
    let found: BTreeSet<_> =
        attributes.iter().map(|(name, value)| (&**name, value.string_value().unwrap_or_default())).collect();
    let sent = message.attributes.iter().map(|attribute| (&*attribute.name, &*attribute.value)).collect();
    assert_eq!(found, sent);

    // As go-cloud has it, which KrakenD's consumers read.
    publish(&to, Message::new(&b"\xff\0"[..])).await.expect("it is confirmed");
    let received = admin.receive(&topic.queue).await.expect("a message");
    assert_eq!(received.body(), Some("/wA="));
    let attributes = received.message_attributes().expect("attributes");
    assert_eq!(attributes["base64encoded"].string_value(), Some("true"));
    broker.close().await;
}

#[tokio::test]
async fn an_envelope_has_the_subject() {
    let Some(server) = Server::start() else { return };
    let (admin, broker) = (&server.admin, server.broker());
    let topic = admin.topic(&unique("envelope"), false, false).await;
    let to = publisher(&broker, &topic.arn).await;
    let mut message = Message::new("{\"id\": 1}");
    message.set_attribute("sns-subject", "Your order");
    message.set_attribute("X-Order-Id", "7");
    let receipt = publish(&to, message).await.expect("it is confirmed");
    let received = admin.receive(&topic.queue).await.expect("a message");
    let envelope: serde_json::Value = serde_json::from_str(received.body().expect("a body")).expect("an envelope");
    assert_eq!(envelope["Message"], "{\"id\": 1}");
    assert_eq!(envelope["Subject"], "Your order");
    assert_eq!(envelope["MessageId"].as_str(), receipt.id.as_deref());
    assert_eq!(envelope["MessageAttributes"]["X-Order-Id"]["Value"], "7");
    broker.close().await;
}

#[tokio::test]
async fn a_fifo_topic_keeps_order_and_drops_duplicates() {
    let Some(server) = Server::start() else { return };
    let (admin, broker) = (&server.admin, server.broker());
    let topic = admin.topic(&unique("fifo"), true, true).await;
    let to = publisher(&broker, &topic.arn).await;
    let message = |body: &str, id: &str| Message {
        key: Some("customer-7".to_owned()),
        id: Some(id.to_owned()),
        ..Message::new(body.to_owned())
    };
    let mut last = None;
    for number in 0..5 {
        let receipt = publish(&to, message(&number.to_string(), &format!("id-{number}"))).await.expect("confirmed");
        assert_eq!(receipt.partition.as_deref(), receipt.offset.map(|_| "customer-7"));
        assert!(receipt.offset >= last, "{receipt:?} after {last:?}");
        last = receipt.offset;
    }
    publish(&to, message("again", "id-4")).await.expect("it is confirmed, and not stored");
    for number in 0..5 {
        let received = admin.receive(&topic.queue).await.expect("a message");
        assert_eq!(received.body(), Some(&*number.to_string()));
        let attributes = received.attributes().expect("attributes");
        let group = aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
        assert_eq!(attributes.get(&group).map(String::as_str), Some("customer-7"));
    }
    assert!(admin.receive(&topic.queue).await.is_none());
    let (kind, reason) = failure(&to, Message::new("without a key")).await;
    assert_eq!((kind, &*reason), (PublishErrorKind::Invalid, "a FIFO topic needs a message group: a key"));
    broker.close().await;
}

/// A topic that does not look at bodies takes no message without an id.
#[tokio::test]
async fn messages_of_a_fifo_topic_are_different_unless_somebody_says_so() {
    let Some(server) = Server::start() else { return };
    let (admin, broker) = (&server.admin, server.broker());
    let topic = admin.topic(&unique("different"), true, true).await;
    let set = admin.sns.set_topic_attributes().topic_arn(&topic.arn).attribute_name("ContentBasedDeduplication");
    set.attribute_value("false").send().await.expect("it is set");
    let to = publisher(&broker, &topic.arn).await;
    for _ in 0..2 {
        let message = Message { key: Some("a".to_owned()), ..Message::new("the same") };
        publish(&to, message).await.expect("it is confirmed");
    }
    for _ in 0..2 {
        assert_eq!(admin.receive(&topic.queue).await.expect("a message").body(), Some("the same"));
    }
    broker.close().await;
}

#[tokio::test]
async fn an_unknown_topic_is_refused() {
    let Some(server) = Server::start() else { return };
    let broker = server.broker();
    let arn = format!("arn:aws:sns:us-east-2:123456789012:{}", unique("nobody"));
    // The service answers, so it is there.
    let to = publisher(&broker, &arn).await;
    let (kind, reason) = failure(&to, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Refused, "{reason}");
    assert!(reason.contains("NotFound"), "{reason}");
    assert_eq!(broker.state(), BrokerState::Connected);
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_goes_and_comes_back() {
    let Some(server) = Server::start() else { return };
    let broker = server.broker();
    let name = unique("killed");
    let topic = server.admin.topic(&name, false, true).await;
    let to = publisher(&broker, &topic.arn).await;
    publish(&to, Message::new("before")).await.expect("it is confirmed");
    kill(&server.folder, server.address()).await;
    // The loss is seen by the first who publishes.
    let (kind, reason) = failure(&to, Message::new("during")).await;
    assert!(matches!(kind, PublishErrorKind::Unreachable | PublishErrorKind::Unknown), "{kind:?} {reason}");
    until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    let (kind, reason) = failure(&to, Message::new("during")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{reason}");
    server.run();
    // It has forgotten everything.
    let topic = server.admin.topic(&name, false, true).await;
    until("it is connected again", || broker.state() == BrokerState::Connected).await;
    publish(&to, Message::new("after")).await.expect("it is confirmed");
    let received = server.admin.receive(&topic.queue).await.expect("a message");
    assert_eq!(received.body(), Some("after"));
    broker.close().await;
    let (kind, _) = failure(&to, Message::new("late")).await;
    assert_eq!((kind, broker.state()), (PublishErrorKind::Unreachable, BrokerState::Closed));
}
