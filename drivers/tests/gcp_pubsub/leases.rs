//! A delivery that is held stays held, for longer than the subscription's deadline, and no longer than it lives.

use std::time::{Duration, Instant};

use sluicegate_drivers::{Delivery as _, SettleError, Settlement};
use tokio::time::sleep;

use super::place::{Place, ack, body, nothing, receive, receive_at_last};
use crate::gcp_pubsub_admin::Subscription;

/// The shortest that there is.
const DEADLINE: Duration = Duration::from_secs(10);

fn wanted(enable_exactly_once_delivery: bool) -> Subscription {
    Subscription { ack_deadline_seconds: 10, enable_exactly_once_delivery, ..Subscription::default() }
}

/// Past the deadline, so that its lease was extended.
async fn is_nobody_elses(wanted: Subscription) {
    let Some(place) = Place::start(wanted).await else { return };
    let subscriber = place.subscriber();
    place.publish(["held", "given back"]).await;
    let (one, another) = tokio::join!(receive(&subscriber), receive(&subscriber));
    let (held, other) = if body(&one) == "held" { (one, another) } else { (another, one) };
    let since = Instant::now();
    while since.elapsed() < DEADLINE + DEADLINE / 2 {
        assert!(place.rest().await.is_empty(), "after {:?}", since.elapsed());
        sleep(Duration::from_millis(500)).await;
    }
    ack(&held).await;
    drop(other);
    let again = receive(&subscriber).await;
    assert_eq!(body(&again), "given back");
    ack(&again).await;
    nothing(&subscriber, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_held_delivery_is_nobody_elses() {
    is_nobody_elses(wanted(false)).await;
}

#[tokio::test]
async fn a_held_delivery_is_nobody_elses_with_exactly_once_delivery() {
    is_nobody_elses(wanted(true)).await;
}

/// With exactly-once delivery the service says so where a delivery is lost.
#[tokio::test]
async fn a_lost_lease_is_told_with_exactly_once_delivery() {
    let Some(place) = Place::start(wanted(true)).await else { return };
    let subscriber = place.subscriber();
    place.publish(["lost"]).await;
    let (before, held_back) = (receive(&subscriber).await, Instant::now());
    place.server.signal("STOP");
    sleep(DEADLINE + Duration::from_secs(2)).await;
    place.server.signal("CONT");
    assert!(held_back.elapsed() > DEADLINE);
    let again = receive_at_last(&subscriber).await;
    assert_eq!(body(&again), "lost");
    let late = before.settle(Settlement::Ack).await;
    assert!(matches!(late, Err(SettleError::Expired)), "{late:?}");
    // That was not the second delivery's.
    ack(&again).await;
    nothing(&subscriber, Duration::from_secs(1)).await;
}
