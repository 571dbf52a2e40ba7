//! How long a delivery is nobody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluicegate_drivers::{Broker as _, Message, SettleError, Settlement};

use super::server::{Server, ack, body, broker, expect_nothing, publish, publisher, receive, settle, subscriber};
use super::service::{QUEUE, asked, batch, error, messages, operation, well};
use crate::fake::Fake;
use crate::log::Log;
use crate::support::until;

#[tokio::test]
async fn what_is_held_is_prolonged() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 10).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    let other = subscriber(&broker, &queue, "").await;
    for number in 0..12 {
        publish(&to, Message::new(number.to_string())).await.expect("confirmed");
    }
    let mut held = Vec::new();
    for _ in 0..12 {
        held.push(receive(&from).await);
    }
    tokio::time::sleep(Duration::from_secs(16)).await;
    expect_nothing(&other).await;
    for delivery in &held {
        ack(delivery).await;
    }
    tokio::time::sleep(Duration::from_secs(11)).await;
    expect_nothing(&other).await;
    broker.close().await;
}

/// Somebody else may have it by then: a late settlement would be of the other's delivery.
#[tokio::test]
async fn what_could_not_be_prolonged_is_over() {
    let Some(server) = Server::start() else { return };
    let queue = server.queue("orders", 5).await;
    let broker = server.broker();
    let (to, from) = (publisher(&broker, &queue).await, subscriber(&broker, &queue, "").await);
    publish(&to, Message::new("held")).await.expect("confirmed");
    let held = receive(&from).await;
    crate::support::signal(&server.folder, "STOP");
    tokio::time::sleep(Duration::from_secs(7)).await;
    let settled = settle(&held, Settlement::Ack).await;
    assert!(matches!(settled, Err(SettleError::Expired)), "{settled:?}");
    crate::support::signal(&server.folder, "CONT");
    super::server::until_connected(&broker).await;
    let again = receive(&from).await;
    assert_eq!(body(&again), "held");
    ack(&again).await;
    broker.close().await;
}

#[tokio::test]
async fn a_delivery_that_the_service_does_not_know_any_more() {
    let log = Log::start();
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["held"]),
        "GetQueueAttributes" => super::service::fine(&serde_json::json!({"Attributes": {"VisibilityTimeout": "5"}})),
        "ChangeMessageVisibilityBatch" => batch(request, &[("0", "ReceiptHandleIsInvalid", true)]),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    // Until the queue has said how long it hides messages.
    let held = loop {
        let delivery = receive(&from).await;
        if asked(&service, "ReceiveMessage").last().is_some_and(|poll| poll["VisibilityTimeout"] == 5) {
            break delivery;
        }
        ack(&delivery).await;
    };
    until("it is noticed", || !log.lines("a delivery is not held any more").is_empty()).await;
    let settled = settle(&held, Settlement::Ack).await;
    assert!(matches!(settled, Err(SettleError::Expired)), "{settled:?}");
    broker.close().await;
}

/// Who may not prolong deliveries is told so, once.
#[tokio::test]
async fn who_may_not_prolong_is_told() {
    let log = Log::start();
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["held"]),
        "GetQueueAttributes" => super::service::fine(&serde_json::json!({"Attributes": {"VisibilityTimeout": "5"}})),
        "ChangeMessageVisibilityBatch" => error(403, "AccessDeniedException", "not allowed to prolong"),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let held = receive(&from).await;
    until("it is over", || !log.lines("a delivery is not held any more").is_empty()).await;
    assert_eq!(log.lines("a delivery could not be prolonged").len(), 1);
    let settled = settle(&held, Settlement::Ack).await;
    assert!(matches!(settled, Err(SettleError::Expired)), "{settled:?}");
    broker.close().await;
}

#[tokio::test]
async fn waits_are_whole_seconds_and_half_a_day_at_most() {
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["again"]),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    for (delay, least, most) in [
        (Duration::ZERO, 0, 0),
        (Duration::from_millis(1), 1, 1),
        (Duration::from_millis(1500), 2, 2),
        (Duration::from_secs(100 * 3600), 43_000, 43_199),
    ] {
        let before = asked(&service, "ChangeMessageVisibilityBatch").len();
        let delivery = receive(&from).await;
        settle(&delivery, Settlement::Nack { delay }).await.expect("given back");
        let told = asked(&service, "ChangeMessageVisibilityBatch").split_off(before);
        let seconds = told[0]["Entries"][0]["VisibilityTimeout"].as_u64().expect("seconds");
        assert!((least..=most).contains(&seconds), "{seconds} for {delay:?}");
    }
    broker.close().await;
}

/// Who acknowledges is told that it has not worked, and it is tried again while the message is nobody else's.
#[tokio::test]
async fn a_deletion_that_fails_is_tried_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let of_service = Arc::clone(&count);
    let service = Fake::start(move |request| match operation(request) {
        "ReceiveMessage" => messages(&["done"]),
        // As often as the SDK tries by itself, and once more.
        "DeleteMessageBatch" if of_service.fetch_add(1, Ordering::Relaxed) < 3 => error(500, "InternalError", "sorry"),
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let delivery = receive(&from).await;
    let settled = settle(&delivery, Settlement::Ack).await;
    assert!(matches!(settled, Err(SettleError::Unreachable(_))), "{settled:?}");
    until("it is deleted", || count.load(Ordering::Relaxed) >= 4).await;
    broker.close().await;
}

#[tokio::test]
async fn deletions_go_together_and_each_has_its_own_answer() {
    let service = Fake::start(|request| match operation(request) {
        "ReceiveMessage" => messages(&["a", "b", "c", "d", "e"]),
        "DeleteMessageBatch" if super::service::input(request)["Entries"].as_array().map_or(0, Vec::len) > 1 => {
            batch(request, &[("1", "ReceiptHandleIsInvalid", true)])
        }
        _ => well(request),
    })
    .await;
    let broker = broker(&service.url());
    let from = subscriber(&broker, QUEUE, "").await;
    let held = futures_util::future::join_all((0..5).map(|_| receive(&from))).await;
    let settled = futures_util::future::join_all(held.iter().map(|one| settle(one, Settlement::Ack))).await;
    assert_eq!(asked(&service, "DeleteMessageBatch").len(), 2);
    let expired: Vec<_> = settled.iter().map(|settled| matches!(settled, Err(SettleError::Expired))).collect();
    assert_eq!(expired, [false, false, true, false, false]);
    broker.close().await;
}
