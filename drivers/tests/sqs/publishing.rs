//! What is sent, as another client sees it, and what the service does not take.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use sluicegate_drivers::{Broker as _, Message, PublishErrorKind, Subscriber as _};
use tokio::time::timeout;

use super::server::{Server, ack, failure, publish, publisher, receive, subscriber};
use super::service::{self, QUEUE, error, operation, well};
use crate::fake::{Fake, Reply};
use crate::support::far;

#[tokio::test]
async fn another_client_sees_what_was_sent() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let to = publisher(&broker, &queue).await;
    let mut message = Message { key: Some("customer-7".to_owned()), ..Message::new("hello") };
    message.set_attribute("Content-Type", "text/plain; charset=utf-8");
    message.set_attribute("X-Percent", "100%25");
    message.set_attribute("Sqs-Trace-Header", "Root=1-5759e988-bd862e3fe1be46a994272793");
    let receipt = publish(&to, message).await.expect("confirmed");
    let seen = server.admin.receive(&queue).await.expect("a message");
    assert_eq!((seen.body(), seen.message_id()), (Some("hello"), receipt.id.as_deref()));
    let attributes = seen.message_attributes().expect("attributes");
    let text = |name: &str| attributes[name].string_value().map(|text| (attributes[name].data_type(), text));
    assert_eq!(text("Content-Type"), Some(("String", "text/plain; charset=utf-8")));
    assert_eq!(text("X-Percent"), Some(("String", "100%25")));
    assert_eq!(attributes.len(), 2);
    let told = seen.attributes().expect("what the service says");
    assert_eq!(told[&MessageSystemAttributeName::MessageGroupId], "customer-7");
    assert_eq!(told[&MessageSystemAttributeName::AwsTraceHeader], "Root=1-5759e988-bd862e3fe1be46a994272793");
    // As go-cloud does it.
    publish(&to, Message::new(vec![0_u8, 0xff])).await.expect("confirmed");
    let seen = server.admin.receive(&queue).await.expect("a message");
    let attributes = seen.message_attributes().expect("attributes");
    assert_eq!((seen.body(), attributes["base64encoded"].string_value()), (Some("AP8="), Some("true")));
    broker.close().await;
}

/// What looks like an envelope of SNS, or like what go-cloud escapes, arrives as it was.
#[tokio::test]
async fn what_looks_like_something_else_is_not_changed() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    let envelope = r#"{"TopicArn":"arn:aws:sns:us-east-2:123456789012:t","Message":"inside","MessageAttributes":{}}"#;
    let mut escaped = Message::new("x");
    escaped.set_attribute("Content-Type", "application%2Fjson");
    escaped.set_attribute("X", "a%20b");
    for message in [Message::new(envelope), escaped] {
        publish(&to, message.clone()).await.expect("confirmed");
        let delivery = receive(&from).await;
        let found = sluicegate_drivers::Delivery::message(&delivery);
        assert_eq!((&found.body, &found.attributes), (&message.body, &message.attributes));
        ack(&delivery).await;
    }
    broker.close().await;
}

#[tokio::test]
async fn the_limit_of_a_queue_is_learned() {
    let Some(server) = Server::start() else { return };
    let queue = server.admin.queue("small", false, &[(QueueAttributeName::MaximumMessageSize, "2048")]).await;
    let broker = server.broker();
    let to = publisher(&broker, &queue).await;
    let large = || Message::new(vec![b'a'; 2049]);
    // The service's word at first, and soon ours.
    let end = far();
    loop {
        let (kind, reason) = failure(&to, large()).await;
        assert_eq!(kind, PublishErrorKind::TooLarge, "{reason}");
        if reason == "the message has 2049 bytes with its attributes, and the queue takes 2048" {
            break;
        }
        assert!(Instant::now() < end, "{reason}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    publish(&to, Message::new(vec![b'a'; 2048])).await.expect("confirmed");
    broker.close().await;
}

#[tokio::test]
async fn a_queue_that_is_not_there() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let there = publisher(&broker, &queue).await;
    let not_there = publisher(&broker, &queue.replace("orders", "nothing")).await;
    let (kind, reason) = failure(&not_there, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Refused, "{reason}");
    publish(&there, Message::new("x")).await.expect("confirmed");
    let from = subscriber(&broker, &queue.replace("orders", "nothing"), "").await;
    let received = timeout(Duration::from_secs(60), from.receive(far())).await.expect("an end");
    assert!(matches!(received, Err(sluicegate_drivers::ReceiveError::Refused(_))), "{received:?}");
    broker.close().await;
}

#[tokio::test]
async fn a_message_is_held_back() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 60).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    let mut message = Message::new("later");
    message.set_attribute("Sqs-Delay-Seconds", "2");
    let since = Instant::now();
    publish(&to, message).await.expect("confirmed");
    let delivery = receive(&from).await;
    assert!(since.elapsed() >= Duration::from_secs(2), "{:?}", since.elapsed());
    ack(&delivery).await;
    broker.close().await;
}

#[tokio::test]
async fn what_refusals_mean() {
    use PublishErrorKind::{Full, Refused, TooLarge, Unknown, Unreachable};
    for (status, code, message, kind) in [
        (403, "AccessDeniedException", "not allowed", Refused),
        (400, "QueueDoesNotExist", "The specified queue does not exist.", Refused),
        (400, "InvalidParameterValue", "Reason: Message must be shorter than 1024 bytes.", TooLarge),
        (403, "RequestThrottled", "Rate exceeded", Full),
        (403, "UnrecognizedClientException", "The security token included in the request is invalid.", Unreachable),
        (500, "InternalError", "sorry", Unknown),
    ] {
        let refuses = error(status, code, message);
        let service = Fake::start(move |request| match operation(request) {
            "SendMessage" => refuses.clone(),
            _ => well(request),
        })
        .await;
        let broker = super::server::broker(&service.url());
        let to = publisher(&broker, QUEUE).await;
        let (found, reason) = failure(&to, Message::new("x")).await;
        assert_eq!(found, kind, "{code}: {reason}");
        assert!(reason.contains(message), "{reason}");
        // Again only where it was certainly not stored: else it might be stored twice.
        let expected = if kind == Full { 3 } else { 1 };
        assert_eq!(service::asked(&service, "SendMessage").len(), expected, "{code}");
        broker.close().await;
    }
}

#[tokio::test]
async fn no_answer_at_all() {
    for reply in [Reply::Hangup, Reply::Answer(200, "application/x-amz-json-1.0", "{".to_owned())] {
        let of_service = reply.clone();
        let service = Fake::start(move |request| match operation(request) {
            "SendMessage" => of_service.clone(),
            _ => well(request),
        })
        .await;
        let broker = super::server::broker(&service.url());
        let to = publisher(&broker, QUEUE).await;
        let (kind, reason) = failure(&to, Message::new("x")).await;
        assert_eq!(kind, PublishErrorKind::Unknown, "{reply:?}: {reason}");
        assert_eq!(service::asked(&service, "SendMessage").len(), 1, "{reply:?}");
        broker.close().await;
    }
}
