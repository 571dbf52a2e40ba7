//! What the stand-in holds, by the driver's own subscriber.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sluicegate_drivers::{Broker as _, Delivery as _, Settlement, Subscriber as _, SubscriberOptions};
use tokio::time::timeout;

use super::server::{Server, until_connected};

/// The bodies of all messages of a queue. None is there twice.
pub(super) async fn all(server: &Server, queue: &str) -> HashSet<String> {
    let broker = server.broker();
    let url = format!("azuresb://{queue}?queue=true");
    let subscriber = broker.subscriber(&url, &SubscriberOptions::default()).expect("a queue");
    until_connected(&broker).await;
    let mut stored = HashSet::new();
    loop {
        // The first one has a link to wait for.
        let patience = Duration::from_secs(if stored.is_empty() { 5 } else { 2 });
        let Ok(received) = timeout(patience, subscriber.receive(Instant::now() + patience)).await else { break };
        let delivery = received.expect("a delivery");
        let text = String::from_utf8(delivery.message().body.to_vec()).expect("text");
        delivery.settle(Settlement::Ack).await.expect("settled");
        assert!(stored.insert(text.clone()), "{text} is there twice");
    }
    broker.close().await;
    stored
}
