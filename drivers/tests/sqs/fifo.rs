//! FIFO queues: the order of each message group, and messages that are stored once.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use sluicegate_drivers::{Broker as _, Delivery as _, Message, PublishErrorKind, Settlement, Subscriber as _};
use tokio::time::timeout;

use super::server::{
    Server, ack, body, broker, expect_nothing, failure, publish, publisher, receive, settle, subscriber,
};
use super::service::{QUEUE, asked, batch, batch_saying, error, fine, input, operation, well};
use crate::fake::{Fake, Reply, Request};
use crate::support::far;

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
    settle(&first, Settlement::Nack { delay: Duration::ZERO }).await.expect("given back");
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

/// However many wait: the second of a group would otherwise be handled beside the first, which may come again.
#[tokio::test]
async fn a_group_waits_for_its_first_message() {
    let Some(server) = Server::start() else { return };
    let queue = queue(&server, false).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    for body in ["first", "second"] {
        publish(&to, identified("a", body, body)).await.expect("confirmed");
    }
    let mut waiting: FuturesUnordered<_> = (0..2).map(|_| from.receive(far())).collect();
    for settlement in [Settlement::Nack { delay: Duration::ZERO }, Settlement::Ack] {
        let held = timeout(Duration::from_secs(60), waiting.next()).await.expect("within a minute");
        let held = held.expect("somebody waits").expect("a message");
        assert_eq!(body(&held), "first");
        if let Ok(Some(received)) = timeout(Duration::from_secs(1), waiting.next()).await {
            panic!("received {received:?}");
        }
        settle(&held, settlement).await.expect("settled");
    }
    let second = receive(&from).await;
    assert_eq!(body(&second), "second");
    ack(&second).await;
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
    // The queue says that it compares no bodies.
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

/// What a queue says to a message that has no identity, where it does not compare bodies.
const WANTS_IDENTITY: &str =
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";

/// A FIFO queue that compares no bodies.
fn strict(request: &Request) -> Reply {
    let lacks_one = |message: &Value| message["MessageDeduplicationId"].as_str().is_none();
    match operation(request) {
        "SendMessage" if lacks_one(&input(request)) => error(400, "InvalidParameterValue", WANTS_IDENTITY),
        "SendMessageBatch" => {
            let input = input(request);
            let entries = input["Entries"].as_array().into_iter().flatten().filter(|entry| lacks_one(entry));
            let refused: Vec<_> = entries.filter_map(|entry| entry["Id"].as_str()).collect();
            let refused: Vec<_> = refused.iter().map(|id| (*id, "InvalidParameterValue", true)).collect();
            batch_saying(request, &refused, WANTS_IDENTITY)
        }
        _ => well(request),
    }
}

/// It is asked before the first message goes, however soon that is.
#[tokio::test]
async fn the_first_message_waits_for_what_the_queue_says() {
    let service = Fake::start(|request| match operation(request) {
        "GetQueueAttributes" => {
            let answer = fine(&serde_json::json!({"Attributes": {"ContentBasedDeduplication": "false"}}));
            Reply::Late(Duration::from_millis(300), Box::new(answer))
        }
        _ => strict(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, &format!("{QUEUE}.fifo")).await;
    publish(&to, grouped("a", "same")).await.expect("confirmed");
    publish(&to, grouped("a", "same")).await.expect("confirmed");
    let sent = asked(&service, "SendMessage");
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_ne!(sent[0]["MessageDeduplicationId"], sent[1]["MessageDeduplicationId"]);
    broker.close().await;
}

/// Who may not ask, learns it from what is refused.
#[tokio::test]
async fn a_queue_that_does_not_say_whether_it_compares_bodies() {
    let service = Fake::start(|request| match operation(request) {
        "GetQueueAttributes" => error(403, "AccessDeniedException", "not allowed to sqs:GetQueueAttributes"),
        _ => strict(request),
    })
    .await;
    for count in [1, 11] {
        let broker = broker(&service.url());
        let to = publisher(&broker, &format!("{QUEUE}.fifo")).await;
        let before = asked(&service, "SendMessage").len();
        let sent = join_all((0..count).map(|_| publish(&to, grouped("a", "same")))).await;
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
        // It is known now.
        publish(&to, grouped("a", "same")).await.expect("confirmed");
        if count == 1 {
            assert_eq!(asked(&service, "SendMessage").len() - before, 3);
        }
        broker.close().await;
    }
    assert!(!asked(&service, "SendMessageBatch").is_empty());
}

/// A batch may have been stored at the first attempt, whatever the second one's answer says of a message.
#[tokio::test]
async fn what_fails_at_the_second_attempt_may_have_been_stored_at_the_first() {
    let service = Fake::start(|request| match operation(request) {
        "SendMessageBatch" if request.header("amz-sdk-request").is_some_and(|sent| sent.contains("attempt=1;")) => {
            Reply::Hangup
        }
        "SendMessageBatch" => batch(request, &[("1", "RequestThrottled", true), ("2", "AccessDenied", true)]),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, &format!("{QUEUE}.fifo")).await;
    let message = |number: usize| identified("a", &number.to_string(), "x");
    let sent = join_all((0..11).map(|number| publish(&to, message(number)))).await;
    let kinds: Vec<_> = sent.iter().filter_map(|sent| sent.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [PublishErrorKind::Unknown; 2]);
    assert_eq!(asked(&service, "SendMessageBatch").len(), 2);
    broker.close().await;
}
