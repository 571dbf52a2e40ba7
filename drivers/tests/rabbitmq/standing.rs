//! Consumers that stand though nobody asks: of queues with a single active consumer, and of those that are deleted with their
//! last consumer.

use std::time::{Duration, Instant};

use sluicegate_drivers::{Argument, Declaration, Delivery as _, Settlement, Subscriber as _};
use tokio::time::{sleep, timeout};

use super::declaring::declared;
use super::receiving::{ack, body, count_is, in_a_moment, receive};
use super::server::{Server, far, until_connected};
use crate::rabbitmq_admin::unique;

/// One gateway gets all messages, until it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_active_consumer() {
    let Some(server) = Server::shared() else { return };
    let (admin, first, second) = (server.admin().await, server.broker(&[]), server.broker(&[]));
    for kind in ["classic", "quorum"] {
        let queue = unique("single");
        let single =
            Declaration::new().kind(kind).arguments(const { &[("x-single-active-consumer", Argument::Boolean(true))] });
        let (active, waiting) = (declared(&first, &queue, single), declared(&second, &queue, single));
        until_connected(&first).await;
        until_connected(&second).await;
        let mut one = Box::pin(active.receive(far()));
        assert!(timeout(Duration::from_millis(300), &mut one).await.is_err());
        let mut other = Box::pin(waiting.receive(far()));
        assert!(timeout(Duration::from_millis(300), &mut other).await.is_err());
        for number in 0..20 {
            admin.publish("", &queue, format!("{number}").as_bytes(), lapin::BasicProperties::default()).await;
        }
        let delivery = one.await.expect("the first message");
        assert_eq!(body(&delivery), "0");
        ack(&delivery).await;
        for number in 1..10 {
            let delivery = receive(&active).await;
            assert_eq!(body(&delivery), number.to_string(), "{kind}: in their order");
            ack(&delivery).await;
        }
        assert!(timeout(Duration::from_millis(100), &mut other).await.is_err(), "{kind}: the other one is not active");
        drop(active);
        // It may have had the next one already.
        let mut delivery = timeout(Duration::from_secs(60), other).await.expect("its turn").expect("a message");
        for number in 10..20 {
            assert_eq!(body(&delivery), number.to_string(), "{kind}");
            ack(&delivery).await;
            if number < 19 {
                delivery = receive(&waiting).await;
            }
        }
        admin.delete_queue(&queue).await;
    }
}

/// A gateway that is asked keeps its place, and nothing of it comes twice; one that is not gives it to another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_active_consumer_stands_for_as_long_as_it_is_asked() {
    let Some(server) = Server::shared() else { return };
    let (admin, first, second) = (server.admin().await, server.broker(&[]), server.broker(&[]));
    let queue = unique("single");
    let single = Declaration::new().arguments(const { &[("x-single-active-consumer", Argument::Boolean(true))] });
    let active = declared(&first, &format!("{queue}?prefetch_count=5"), single);
    let waiting = declared(&second, &queue, single);
    until_connected(&first).await;
    until_connected(&second).await;
    assert!(in_a_moment(&active).await.is_none());
    let mut other = Box::pin(waiting.receive(far() + Duration::from_secs(600)));
    assert!(timeout(Duration::from_millis(300), &mut other).await.is_err());
    for number in 0..300 {
        admin.publish("", &queue, format!("{number}").as_bytes(), lapin::BasicProperties::default()).await;
    }
    let start = Instant::now();
    let mut number = 0;
    // Longer than a gateway that nobody asks keeps its place.
    while start.elapsed() < Duration::from_secs(40) {
        let delivery = receive(&active).await;
        assert_eq!(body(&delivery), number.to_string(), "in their order, and once");
        number += 1;
        sleep(Duration::from_millis(200)).await;
        ack(&delivery).await;
    }
    assert!(timeout(Duration::from_millis(100), &mut other).await.is_err(), "the other one is not active");
    // One that is out is settled where it came from, however long that takes.
    let held = receive(&active).await;
    assert!(timeout(Duration::from_secs(35), &mut other).await.is_err(), "the other one is not active");
    ack(&held).await;
    let delivery = timeout(Duration::from_secs(120), other).await.expect("its turn").expect("a message");
    assert_eq!(body(&delivery), (number + 1).to_string());
    ack(&delivery).await;
    admin.delete_queue(&queue).await;
}

/// A queue that is deleted with its last consumer is there for as long as the gateway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auto_delete_queue_keeps_what_nobody_asks_for() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let queue = unique("temporary");
    let subscriber = declared(&broker, &queue, Declaration::new().auto_delete());
    until_connected(&broker).await;
    assert!(in_a_moment(&subscriber).await.is_none());
    for number in 0..10 {
        admin.publish("", &queue, format!("{number}").as_bytes(), lapin::BasicProperties::default()).await;
    }
    let given_back = receive(&subscriber).await;
    given_back.settle(Settlement::Nack { delay: Duration::from_secs(5) }).await.expect("given back");
    sleep(Duration::from_secs(40)).await;
    for number in 0..10 {
        let delivery = receive(&subscriber).await;
        assert_eq!(body(&delivery), number.to_string());
        ack(&delivery).await;
    }
    count_is(&admin, &queue, 0).await;
}
