//! What a queue is asked for: no more than somebody waits for, and no longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sluicegate_drivers::{Broker as _, ReceiveError, Subscriber as _};
use tokio::time::timeout;

use super::server::{ack, body, broker, receive, subscriber};
use super::service::{QUEUE, asked, error, messages, operation, well};
use crate::fake::{Fake, Reply};
use crate::log::Log;
use crate::support::{far, until};

/// A service that keeps its polls.
async fn silent() -> Fake {
    Fake::start(|request| match operation(request) {
        "ReceiveMessage" => Reply::Silence,
        _ => well(request),
    })
    .await
}

#[tokio::test]
async fn as_many_as_wait_and_for_as_long_as_they_do() {
    let service = silent().await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    // Nobody waits.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(asked(&service, "ReceiveMessage").len(), 0);
    let start = Instant::now();
    let deadline = |seconds| start + Duration::from_secs(seconds);
    let waiting = async {
        let waits: Vec<_> = (0..13).map(|index| from.receive(deadline(if index == 0 { 4 } else { 100 }))).collect();
        join_all(waits).await
    };
    let seen = async {
        until("all polls are there", || {
            let polls = asked(&service, "ReceiveMessage");
            let counts = polls.iter().map(|poll| poll["MaxNumberOfMessages"].as_u64().unwrap_or_default());
            counts.sum::<u64>() >= 13
        })
        .await;
    };
    tokio::select! {
        received = waiting => panic!("{} received", received.len()),
        () = seen => {}
    }
    let polls = asked(&service, "ReceiveMessage");
    let counts: Vec<_> = polls.iter().map(|poll| poll["MaxNumberOfMessages"].as_u64().unwrap_or_default()).collect();
    assert_eq!(counts.iter().sum::<u64>(), 13, "{counts:?}");
    assert!(counts.iter().all(|count| *count <= 10), "{counts:?}");
    for poll in &polls {
        let wait = poll["WaitTimeSeconds"].as_u64().expect("a wait");
        assert!(wait <= 20, "{poll}");
        // As long as it is stated, it is known.
        assert_eq!(poll["VisibilityTimeout"], 30, "{poll}");
    }
    assert!(polls[0]["WaitTimeSeconds"].as_u64().expect("a wait") <= 4, "{}", polls[0]);
    assert_eq!(polls[1]["WaitTimeSeconds"], 20, "{}", polls[1]);
    broker.close().await;
}

/// Of several at once two may be of one group, and be handled side by side.
#[tokio::test]
async fn a_fifo_queue_is_asked_for_one_at_once() {
    let service = silent().await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, &format!("{QUEUE}.fifo"), "").await;
    let waiting = join_all((0..5).map(|_| from.receive(far())));
    tokio::select! {
        received = waiting => panic!("{} received", received.len()),
        () = until("all polls are there", || asked(&service, "ReceiveMessage").len() >= 5) => {}
    }
    let polls = asked(&service, "ReceiveMessage");
    assert!(polls.iter().all(|poll| poll["MaxNumberOfMessages"] == 1), "{polls:?}");
    broker.close().await;
}

#[tokio::test]
async fn who_comes_later_is_served_by_the_poll_that_is_under_way() {
    let service = silent().await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    for _ in 0..5 {
        assert!(timeout(Duration::from_millis(100), from.receive(far())).await.is_err());
    }
    assert_eq!(asked(&service, "ReceiveMessage").len(), 1);
    broker.close().await;
}

#[tokio::test]
async fn a_poll_waits_no_longer_than_the_url_says() {
    let service = Fake::start(well).await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "?waittime=3s").await;
    assert!(timeout(Duration::from_secs(1), from.receive(far())).await.is_err());
    let polls = asked(&service, "ReceiveMessage");
    assert_eq!(polls[0]["WaitTimeSeconds"], 3);
    // This service answers at once, whatever it is told: it is not asked all the time.
    assert!(polls.len() < 8, "{} requests", polls.len());
    let from = subscriber(&broker, QUEUE, "?waittime=0s").await;
    let before = asked(&service, "ReceiveMessage").len();
    // Nor is a queue that is not to wait.
    assert!(timeout(Duration::from_secs(1), from.receive(far())).await.is_err());
    let after = asked(&service, "ReceiveMessage");
    assert!(after.len() - before < 8, "{} requests", after.len() - before);
    broker.close().await;
}

/// More than was asked for, which no queue gives, or that came too late.
#[tokio::test]
async fn what_is_left_over_is_shown_again() {
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["one", "two", "three"]),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let delivery = receive(&from).await;
    assert_eq!(body(&delivery), "one");
    until("the others are shown", || {
        let shown = asked(&service, "ChangeMessageVisibilityBatch");
        let entries = shown.iter().flat_map(|request| request["Entries"].as_array().cloned().unwrap_or_default());
        entries.filter(|entry| entry["VisibilityTimeout"] == 0 && entry["ReceiptHandle"] != "r-0").count() == 2
    })
    .await;
    ack(&delivery).await;
    broker.close().await;
}

#[tokio::test]
async fn a_poll_that_is_cut_off_is_made_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let of_service = Arc::clone(&count);
    let service = Fake::start(move |request| match operation(request) {
        "ReceiveMessage" => match of_service.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Hangup,
            1 => error(400, "RequestThrottled", "slowly"),
            _ => messages(&["here"]),
        },
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let delivery = receive(&from).await;
    assert_eq!(body(&delivery), "here");
    ack(&delivery).await;
    broker.close().await;
}

/// It would look as if the queue were empty.
#[tokio::test]
async fn who_cannot_wait_until_it_passes_is_told() {
    let log = Log::start();
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => error(400, "OverLimit", "too many messages are in flight"),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let deadline = Instant::now() + Duration::from_secs(2);
    let received = timeout(Duration::from_secs(60), from.receive(deadline)).await.expect("an end");
    assert!(
        matches!(&received, Err(ReceiveError::Unreachable(why)) if why.to_string().contains("in flight")),
        "{received:?}"
    );
    let lines = log.lines("the queue could not be asked for messages");
    assert!(lines.len() == 1 && lines[0].contains("OverLimit"), "{lines:?}");
    broker.close().await;
}

#[tokio::test]
async fn who_may_not_receive_is_told() {
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => error(403, "AccessDeniedException", "not allowed to sqs:ReceiveMessage"),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let received = timeout(Duration::from_secs(60), from.receive(far())).await.expect("an end");
    assert!(
        matches!(&received, Err(ReceiveError::Refused(why)) if why.to_string().contains("not allowed")),
        "{received:?}"
    );
    broker.close().await;
}

/// Who may not ask for a queue's attributes can use it all the same.
#[tokio::test]
async fn a_queue_that_does_not_say_what_it_is() {
    let service = Fake::start(|request| match operation(request) {
        "GetQueueAttributes" => error(403, "AccessDeniedException", "not allowed to sqs:GetQueueAttributes"),
        "ReceiveMessage" => messages(&["here"]),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    ack(&receive(&from).await).await;
    assert_eq!(asked(&service, "ReceiveMessage")[0]["VisibilityTimeout"], 30);
    broker.close().await;
}
