//! What a broker leaves behind.

use serde_json::json;
use sluicegate_drivers::{
    Broker as _, BrokerState, Delivery as _, ReceiveError, SettleError, Settlement, Subscriber as _,
};

use super::support::{Place, ack, expect_nothing, publish, receive};
use crate::server::far;

#[tokio::test]
async fn what_was_held_is_there_for_others_at_once() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let (closed, other) = (place.broker().await, place.broker().await);
    let subscriber = place.subscriber(&closed, "a");
    let publisher = place.publisher(&other, "a");
    for body in ["one", "two"] {
        publish(&publisher, body).await.expect("confirmed");
    }
    // The consumer waits 30 s for a sign of life: it is not that which brings them back.
    let held = [receive(&subscriber).await, receive(&subscriber).await];
    let (waited, ()) = tokio::join!(subscriber.receive(far()), async {
        tokio::task::yield_now().await;
        closed.close().await;
    });
    assert!(matches!(waited, Err(ReceiveError::Closed)), "{waited:?}");
    assert_eq!(closed.state(), BrokerState::Closed);
    for delivery in held {
        let settled = delivery.settle(Settlement::Ack).await;
        assert!(matches!(settled, Err(SettleError::Expired)), "{settled:?}");
    }
    let subscriber = place.subscriber(&other, "a");
    for _ in 0..2 {
        let delivery = receive(&subscriber).await;
        assert_eq!(delivery.delivery_count(), Some(2));
        ack(&delivery).await;
    }
    expect_nothing(&subscriber).await;
}

/// What is on its way when closing begins still arrives.
#[tokio::test]
async fn a_publish_and_a_settlement_are_finished() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let (publisher, subscriber) = (place.publisher(&broker, "a"), place.subscriber(&broker, "a"));
    publish(&publisher, "one").await.expect("confirmed");
    let delivery = receive(&subscriber).await;
    let settling = delivery.settle(Settlement::Ack);
    let (published, settled, ()) = tokio::join!(publish(&publisher, "two"), settling, broker.close());
    published.expect("confirmed");
    settled.expect("acknowledged");
    assert_eq!(place.admin().consumer(&place.stream, "d")["num_ack_pending"], 0);
    assert_eq!(place.stored(), 2);
}
