//! Files that change while a connection stands.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use sluicegate_drivers::Broker as _;

use super::support::{Place, ack, publish, receive};
use crate::server::until;

/// Whoever publishes, receives and settles meanwhile does not notice, and nothing is delivered twice.
#[tokio::test]
async fn a_busy_connection_is_made_anew() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let token = place.server.write("token", "one");
    let broker = Arc::new(place.broker_with(&[("token", &format!("file:{}", token.display()))]).await);
    let (publisher, subscriber) = (place.publisher(&broker, "a"), place.subscriber(&broker, "a"));
    let published = Arc::new(AtomicU64::new(0));
    let publishing = {
        let (broker, published) = (Arc::clone(&broker), Arc::clone(&published));
        tokio::spawn(async move {
            while broker.counters().is_some_and(|counters| counters.connects() < 3) {
                publish(&publisher, "x").await.expect("confirmed");
                published.fetch_add(1, Ordering::Relaxed);
            }
            publish(&publisher, "last").await.expect("confirmed");
        })
    };
    let receiving = tokio::spawn(async move {
        let mut received = 0;
        loop {
            let delivery = receive(&subscriber).await;
            use sluicegate_drivers::Delivery as _;
            assert_eq!(delivery.delivery_count(), Some(1));
            ack(&delivery).await;
            if delivery.message().body == "last" {
                return received;
            }
            received += 1;
        }
    });
    for connects in 2..4 {
        fs::write(&token, "a token of another length".repeat(connects as usize)).expect("the file can be written");
        until("it is connected anew", || broker.counters().is_some_and(|counters| counters.connects() == connects))
            .await;
    }
    publishing.await.expect("every message was confirmed");
    assert_eq!(receiving.await.expect("every message came once"), published.load(Ordering::Relaxed));
    assert_eq!(broker.counters().map(|counters| counters.disconnects()), Some(0));
    broker.close().await;
}
