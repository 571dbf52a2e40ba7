//! What becomes of a delivery.

use std::time::{Duration, Instant};

use sluicegate_drivers::{Broker as _, Delivery as _, Settlement};
use tokio::time::sleep;

use super::place::{NACK, Place, ack, body, nothing, receive, subscriber};
use crate::gcp_pubsub_admin::{DeadLetterPolicy, Subscription, unique, url};
use crate::log::Log;

#[tokio::test]
async fn acknowledged_for_good_with_exactly_once_delivery() {
    let wanted =
        Subscription { ack_deadline_seconds: 10, enable_exactly_once_delivery: true, ..Subscription::default() };
    let Some(place) = Place::start(wanted).await else { return };
    let subscriber = place.subscriber();
    let bodies: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    place.publish(bodies.iter().map(String::as_str)).await;
    let deliveries = futures_util::future::join_all(bodies.iter().map(|_| receive(&subscriber))).await;
    // Many together, and one of them given back first.
    deliveries[0].settle(NACK).await.expect("given back");
    let again = receive(&subscriber).await;
    assert_eq!(body(&again), body(&deliveries[0]));
    let settled = deliveries[1..].iter().chain([&again]).map(|delivery| delivery.settle(Settlement::Ack));
    for told in futures_util::future::join_all(settled).await {
        told.expect("acknowledged");
    }
    nothing(&subscriber, Duration::from_secs(12)).await;
}

#[tokio::test]
async fn given_back_for_later() {
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 600, ..Subscription::default() }).await else {
        return;
    };
    let subscriber = place.subscriber();
    place.publish(["later"]).await;
    let delivery = receive(&subscriber).await;
    let since = Instant::now();
    // Whole seconds, so that it is never too early.
    let delay = Duration::from_millis(2200);
    delivery.settle(Settlement::Nack { delay }).await.expect("given back");
    let again = receive(&subscriber).await;
    assert!(since.elapsed() >= delay, "{:?}", since.elapsed());
    again.settle(NACK).await.expect("given back");
    ack(&receive(&subscriber).await).await;
    assert!(place.rest().await.is_empty());
}

#[tokio::test]
async fn given_back_lazily() {
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 10, ..Subscription::default() }).await else {
        return;
    };
    let lazy = subscriber(&place.broker, &format!("{}?nacklazy=true", url(&place.subscription)));
    place.publish(["lazy"]).await;
    let since = Instant::now();
    let delivery = receive(&lazy).await;
    delivery.settle(NACK).await.expect("left to its lease");
    let again = receive(&lazy).await;
    // Less the time that the first one took to arrive.
    assert!(since.elapsed() >= Duration::from_secs(9), "{:?}", since.elapsed());
    ack(&again).await;
}

#[tokio::test]
async fn deliveries_are_counted_with_a_dead_letter_policy() {
    let log = Log::start();
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let dead_topic = place.admin.make_topic(&unique("dead")).await;
    let dead = place.admin.make_subscription(&unique("dead"), &dead_topic, Subscription::default()).await;
    let policy = DeadLetterPolicy { dead_letter_topic: dead_topic, max_delivery_attempts: 5 };
    let wanted = Subscription { dead_letter_policy: Some(policy), ..Subscription::default() };
    let name = place.admin.make_subscription(&unique("policy"), &place.topic, wanted).await;
    let subscriber = subscriber(&place.broker, &url(&name));
    place.publish(["poison"]).await;
    for count in 1..=5 {
        let delivery = receive(&subscriber).await;
        assert_eq!((body(&delivery), delivery.delivery_count()), ("poison".to_owned(), Some(count)));
        // The service's own count decides when it is moved.
        let settlement = match count {
            3 => Settlement::DeadLetter { reason: "not JSON".to_owned() },
            _ => NACK,
        };
        delivery.settle(settlement).await.expect("given back");
    }
    let line = log.error("not JSON");
    assert!(line.contains("the service moves it") && line.contains(&name), "{line}");
    nothing(&subscriber, Duration::from_secs(1)).await;
    let moved = place.admin.take(&dead, 1).await;
    assert_eq!(moved[0].data, b"poison");
}

#[tokio::test]
async fn dropped_with_a_line_where_there_is_no_policy() {
    let log = Log::start();
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let subscriber = place.subscriber();
    place.publish(["poison"]).await;
    let delivery = receive(&subscriber).await;
    delivery.settle(Settlement::DeadLetter { reason: "not JSON".to_owned() }).await.expect("dropped");
    let line = log.error("not JSON");
    assert!(line.contains("dropped") && line.contains(&place.subscription), "{line}");
    sleep(Duration::from_millis(100)).await;
    assert!(place.rest().await.is_empty());
    place.broker.close().await;
}
