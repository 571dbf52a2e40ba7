//! Messages that are given up.

use aws_sdk_sqs::types::QueueAttributeName;
use sluicegate_drivers::{Broker as _, Delivery as _, Message, SettleError, Settlement};

use super::server::{Server, broker, expect_nothing, publish, publisher, receive, settle, subscriber};
use super::service::{QUEUE, asked, error, fine, messages, operation, well};
use crate::fake::Fake;
use crate::log::Log;

fn given_up() -> Settlement {
    Settlement::DeadLetter { reason: "not\nJSON".to_owned() }
}

async fn with_policy(server: &Server, fifo: bool, count: u32) -> (String, String) {
    let dead = server.admin.queue("dead", fifo, &[]).await;
    let arn = server.admin.arn(&dead).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{count}"}}"#);
    let queue = server.admin.queue("orders", fifo, &[]).await;
    let set = server.admin.sqs.set_queue_attributes().queue_url(&queue);
    set.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.expect("it is set");
    (queue, dead)
}

/// As it was, with the reason.
#[tokio::test]
async fn given_up_it_is_moved_where_the_policy_says() {
    let Some(server) = Server::start() else { return };
    for fifo in [false, true] {
        let (queue, dead) = with_policy(&server, fifo, 5).await;
        let broker = server.broker();
        let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
        let mut message = Message { key: Some("g".to_owned()), id: Some("i".to_owned()), ..Message::new(vec![255_u8]) };
        message.set_attribute("X", "1");
        publish(&to, message).await.expect("confirmed");
        let delivery = receive(&from).await;
        settle(&delivery, given_up()).await.expect("moved");
        expect_nothing(&from).await;
        let moved = server.admin.receive(&dead).await.expect("it is there");
        let attributes = moved.message_attributes().expect("attributes");
        let text = |name: &str| attributes[name].string_value();
        assert_eq!((moved.body(), text("base64encoded"), text("X")), (Some("/w=="), Some("true"), Some("1")));
        assert_eq!(text("Dead-Letter-Reason"), Some("not JSON"));
        broker.close().await;
    }
}

/// SQS moves what was delivered often enough by itself, and keeps where it came from.
#[tokio::test]
async fn the_redrive_policy_is_respected() {
    let Some(server) = Server::start() else { return };
    let (queue, dead) = with_policy(&server, false, 2).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    publish(&to, Message::new("poison")).await.expect("confirmed");
    drop(receive(&from).await);
    let second = receive(&from).await;
    assert_eq!(second.delivery_count(), Some(2));
    settle(&second, given_up()).await.expect("left to the policy");
    expect_nothing(&from).await;
    let moved = server.admin.receive(&dead).await.expect("it is there");
    assert_eq!((moved.body(), moved.message_attributes()), (Some("poison"), None));
    broker.close().await;
}

#[tokio::test]
async fn without_a_policy_it_is_dropped_with_an_error_in_the_log() {
    let log = Log::start();
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["poison"]),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    settle(&receive(&from).await, given_up()).await.expect("dropped");
    let line = log.error("a message is dropped: the queue has no redrive policy");
    assert!(line.contains("m-0"), "{line}");
    assert_eq!(asked(&service, "DeleteMessageBatch").len(), 1);
    broker.close().await;
}

/// Nothing is dropped while nobody knows whether there is a place for it.
#[tokio::test]
async fn where_the_policy_is_not_known_nothing_is_dropped() {
    let log = Log::start();
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["poison"]),
        "GetQueueAttributes" => error(403, "AccessDeniedException", "not allowed"),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let settled = settle(&receive(&from).await, given_up()).await;
    assert!(matches!(settled, Err(SettleError::Unreachable(_))), "{settled:?}");
    log.error("sqs:GetQueueAttributes");
    assert!(asked(&service, "DeleteMessageBatch").is_empty());
    broker.close().await;
}

#[tokio::test]
async fn what_cannot_be_moved_comes_again() {
    let log = Log::start();
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["poison"]),
        "GetQueueAttributes" => {
            let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-2:123456789012:dead","maxReceiveCount":9}"#;
            fine(&serde_json::json!({"Attributes": {"RedrivePolicy": policy}}))
        }
        "SendMessage" => error(403, "AccessDeniedException", "not allowed to sqs:SendMessage"),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let settled = settle(&receive(&from).await, given_up()).await;
    assert!(matches!(settled, Err(SettleError::Unreachable(_))), "{settled:?}");
    log.error("could not be moved to the dead-letter queue");
    assert_eq!(asked(&service, "SendMessage")[0]["QueueUrl"], QUEUE.replace("orders", "dead"));
    assert!(asked(&service, "DeleteMessageBatch").is_empty());
    broker.close().await;
}

/// The message itself may have as many bytes as a queue takes.
#[tokio::test]
async fn where_there_is_no_room_for_the_reason_it_is_left_out() {
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["poison"]),
        "GetQueueAttributes" => {
            let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-2:123456789012:dead","maxReceiveCount":9}"#;
            fine(&serde_json::json!({"Attributes": {"RedrivePolicy": policy}}))
        }
        "SendMessage" if request.body.contains("Dead-Letter-Reason") => {
            error(400, "InvalidParameterValue", "Reason: Message must be shorter than 6 bytes.")
        }
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    settle(&receive(&from).await, given_up()).await.expect("moved");
    let sent = asked(&service, "SendMessage");
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(sent[1]["MessageBody"], "poison");
    assert_eq!(asked(&service, "DeleteMessageBatch").len(), 1);
    broker.close().await;
}
