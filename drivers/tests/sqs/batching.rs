//! Many messages at once, and what became of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::Value;
use sluicegate_drivers::{Broker as _, Message, PublishErrorKind};

use super::server::{broker, failure, publish, publisher};
use super::service::{QUEUE, asked, batch, error, operation, well};
use crate::fake::{Fake, Reply};

fn entries(request: &Value) -> Vec<&str> {
    request["Entries"].as_array().expect("entries").iter().filter_map(|entry| entry["MessageBody"].as_str()).collect()
}

#[tokio::test]
async fn a_lone_message_is_sent_alone_and_many_go_together() {
    let service = Fake::start(well).await;
    let broker = broker(&service.url());
    let to = publisher(&broker, QUEUE).await;
    let receipt = publish(&to, Message::new("alone")).await.expect("confirmed");
    assert_eq!((receipt.id.as_deref(), receipt.offset), (Some("one"), Some(42)));
    assert_eq!(asked(&service, "SendMessage").len(), 1);
    assert_eq!(asked(&service, "SendMessageBatch").len(), 0);
    let sent = join_all((0..95).map(|number| publish(&to, Message::new(number.to_string())))).await;
    assert!(sent.iter().all(Result::is_ok));
    let batches = asked(&service, "SendMessageBatch");
    assert!(batches.iter().all(|batch| entries(batch).len() <= 10));
    let requests = batches.len() + asked(&service, "SendMessage").len() - 1;
    assert!((10..=30).contains(&requests), "{requests} requests");
    let mut bodies: Vec<_> = batches.iter().flat_map(entries).collect();
    let alone = asked(&service, "SendMessage");
    bodies.extend(alone.iter().filter_map(|request| request["MessageBody"].as_str()).filter(|body| *body != "alone"));
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), 95);
    broker.close().await;
}

#[tokio::test]
async fn together_they_are_no_larger_than_one_may_be() {
    let service = Fake::start(well).await;
    let broker = broker(&service.url());
    let to = publisher(&broker, QUEUE).await;
    let sent = join_all((0..9).map(|_| publish(&to, Message::new(vec![b'a'; 400 * 1024])))).await;
    assert!(sent.iter().all(Result::is_ok));
    for request in asked(&service, "SendMessageBatch") {
        assert!(entries(&request).iter().map(|body| body.len()).sum::<usize>() <= 1024 * 1024);
    }
    broker.close().await;
}

/// Each publisher hears of its own message.
#[tokio::test]
async fn a_batch_of_which_some_fail() {
    let service = Fake::start(|request| match operation(request) {
        "SendMessageBatch" => batch(
            request,
            &[
                ("0", "AWS.SimpleQueueService.InvalidMessageContents", true),
                ("1", "InternalError", false),
                ("2", "RequestThrottled", true),
            ],
        ),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, QUEUE).await;
    let sent = join_all((0..11).map(|number| publish(&to, Message::new(number.to_string())))).await;
    let kinds: Vec<_> = sent.iter().map(|sent| sent.as_ref().err().map(|error| error.kind)).collect();
    let ids: Vec<_> = sent.iter().map(|sent| sent.as_ref().ok().and_then(|sent| sent.id.as_deref())).collect();
    assert_eq!(asked(&service, "SendMessageBatch").len(), 1, "{kinds:?}");
    // The first one went alone.
    assert_eq!(ids[0], Some("one"));
    assert_eq!(kinds[1], Some(PublishErrorKind::Refused));
    assert_eq!(kinds[2], Some(PublishErrorKind::Unknown));
    assert_eq!(kinds[3], Some(PublishErrorKind::Full));
    for (id, place) in ids[4..].iter().zip(3..) {
        assert_eq!(*id, Some(&*format!("batched-{place}")));
    }
    broker.close().await;
}

/// A service that refuses all for what is wrong with one has stored none.
#[tokio::test]
async fn a_batch_that_is_refused_is_sent_one_by_one() {
    let service = Fake::start(|request| match operation(request) {
        "SendMessageBatch" => error(400, "InvalidParameterValue", "one of them"),
        "SendMessage" if request.body.contains("poison") => error(400, "InvalidMessageContents", "this one"),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, QUEUE).await;
    let bodies = ["first", "a", "poison", "b"];
    let sent = join_all(bodies.map(|body| publish(&to, Message::new(body)))).await;
    let failed: Vec<_> = sent.iter().map(|sent| sent.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(failed, [None, None, Some(PublishErrorKind::Refused), None]);
    assert_eq!(asked(&service, "SendMessage").len(), 4);
    broker.close().await;
}

/// One that may have been stored is not sent again.
#[tokio::test]
async fn a_batch_without_an_answer() {
    let count = Arc::new(AtomicUsize::new(0));
    let of_service = Arc::clone(&count);
    let service = Fake::start(move |request| match operation(request) {
        "SendMessageBatch" => {
            of_service.fetch_add(1, Ordering::Relaxed);
            Reply::Hangup
        }
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, QUEUE).await;
    let sent = join_all((0..11).map(|number| publish(&to, Message::new(number.to_string())))).await;
    let unknown = |kind| kind == PublishErrorKind::Unknown;
    assert_eq!(sent.iter().filter(|sent| sent.as_ref().is_err_and(|error| unknown(error.kind))).count(), 10);
    assert_eq!(count.load(Ordering::Relaxed), 1);
    // On another connection.
    publish(&to, Message::new("next")).await.expect("confirmed");
    broker.close().await;
    let (kind, _) = failure(&to, Message::new("late")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
}
