//! FIFO queues: the order of each message group, and messages that are stored once.

use aws_sdk_sqs::types::QueueAttributeName;
use sluicegate_drivers::{Broker as _, Delivery as _, Message, PublishErrorKind, Settlement};

use super::server::{
    Server, ack, body, broker, expect_nothing, failure, publish, publisher, receive, settle, subscriber,
};
use super::service::{QUEUE, asked, fine, operation, well};
use crate::fake::{Fake, Reply};

fn grouped(group: &str, body: &str) -> Message {
    Message { key: Some(group.to_owned()), ..Message::new(body.to_owned()) }
}

fn identified(group: &str, id: &str, body: &str) -> Message {
    Message { id: Some(id.to_owned()), ..grouped(group, body) }
}

async fn queue(server: &Server, hashes: bool) -> String {
    let hashes = hashes.to_string();
    let attributes =
        [(QueueAttributeName::ContentBasedDeduplication, &*hashes), (QueueAttributeName::VisibilityTimeout, "60")];
    server.admin.queue("orders", true, &attributes).await
}

#[tokio::test]
async fn the_order_of_each_group() {
    let Some(server) = Server::start() else { return };
    let queue = queue(&server, false).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    for (number, body) in ["a1", "b1", "a2", "b2", "a3"].into_iter().enumerate() {
        let receipt = publish(&to, identified(&body[..1], &number.to_string(), body)).await.expect("confirmed");
        assert!(receipt.id.is_some());
    }
    let first = receive(&from).await;
    let message = first.message();
    assert_eq!((&*body(&first), message.key.as_deref(), message.id.as_deref()), ("a1", Some("a"), Some("0")));
    assert!(message.attribute("Sqs-Sequence-Number").is_some());
    // The group waits while one of its messages is held; the other one does not.
    let other = receive(&from).await;
    assert_eq!(body(&other), "b1");
    expect_nothing(&from).await;
    settle(&first, Settlement::Nack { delay: std::time::Duration::ZERO }).await.expect("given back");
    ack(&other).await;
    let mut rest = Vec::new();
    for _ in 0..4 {
        let delivery = receive(&from).await;
        rest.push(body(&delivery));
        ack(&delivery).await;
    }
    let of = |group: &str| rest.iter().filter(|body| body.starts_with(group)).cloned().collect::<Vec<_>>();
    assert_eq!((of("a"), of("b")), (["a1", "a2", "a3"].map(str::to_owned).to_vec(), vec!["b2".to_owned()]));
    broker.close().await;
}

#[tokio::test]
async fn a_message_is_stored_once() {
    let Some(server) = Server::start() else { return };
    let queue = queue(&server, true).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    publish(&to, identified("a", "one", "first")).await.expect("confirmed");
    publish(&to, identified("a", "one", "second")).await.expect("confirmed");
    // The queue compares bodies where there is no identity.
    publish(&to, grouped("a", "third")).await.expect("confirmed");
    publish(&to, grouped("a", "third")).await.expect("confirmed");
    for expected in ["first", "third"] {
        let delivery = receive(&from).await;
        assert_eq!(body(&delivery), expected);
        ack(&delivery).await;
    }
    expect_nothing(&from).await;
    broker.close().await;
}

#[tokio::test]
async fn without_an_identity_each_message_is_one_of_its_own() {
    let Some(server) = Server::start() else { return };
    let queue = queue(&server, false).await;
    let broker = server.broker();
    let to = publisher(&broker, &queue).await;
    let (kind, reason) = failure(&to, Message::new("x")).await;
    assert_eq!(
        (kind, &*reason),
        (PublishErrorKind::Invalid, "a message of a FIFO queue has a key (its message group)")
    );
    let from = subscriber(&broker, &queue, "").await;
    publish(&to, identified("a", "known", "known")).await.expect("confirmed");
    // The queue has said by now that it compares no bodies.
    for _ in 0..2 {
        publish(&to, grouped("a", "same")).await.expect("confirmed");
    }
    for expected in ["known", "same", "same"] {
        let delivery = receive(&from).await;
        assert_eq!(body(&delivery), expected);
        ack(&delivery).await;
    }
    broker.close().await;
}

/// What a FIFO queue has seen, it does not store again: an attempt without an answer is followed by another.
#[tokio::test]
async fn without_an_answer_it_is_sent_again() {
    let fifo = format!("{QUEUE}.fifo");
    let service = Fake::start(|request| match operation(request) {
        "GetQueueAttributes" => fine(&serde_json::json!({"Attributes": {"ContentBasedDeduplication": "false"}})),
        "SendMessage" if request.header("amz-sdk-request").is_some_and(|attempt| attempt.contains("attempt=1;")) => {
            Reply::Hangup
        }
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, &fifo).await;
    publish(&to, identified("a", "one", "x")).await.expect("confirmed");
    let sent = asked(&service, "SendMessage");
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent.iter().all(|sent| sent["MessageDeduplicationId"] == "one" && sent["MessageGroupId"] == "a"));
    broker.close().await;
}
