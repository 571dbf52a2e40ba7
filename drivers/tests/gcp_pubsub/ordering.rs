//! Messages of one key.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::{Broker as _, PublishErrorKind};

use super::gate::{Gate, Reply};
use super::server::{Server, keyed, publish, publisher, until};
use super::verdicts::{client, publishes};
use crate::gcp_pubsub_admin::{Subscription, unique, url};

#[tokio::test]
async fn messages_of_a_key_are_stored_in_the_order_they_came_in() {
    let Some(server) = Server::start() else { return };
    let admin = server.admin().await;
    let topic = admin.make_topic(&unique("topic")).await;
    let ordered = Subscription { enable_message_ordering: true, ..Subscription::default() };
    let subscription = admin.make_subscription(&unique("sub"), &topic, ordered).await;
    let broker = server.broker();
    let publisher = Arc::new(publisher(&broker, &format!("{}?max_send_batch_size=7", url(&topic))).await);
    let mut publishes = Vec::new();
    for number in 0..300 {
        let publisher = Arc::clone(&publisher);
        let message = keyed(&format!("key-{}", number % 3), &format!("{number:03}"));
        // On one thread tasks begin in the order they were made.
        publishes.push(tokio::spawn(async move { publish(&publisher, message).await.expect("it is confirmed") }));
    }
    for publish in publishes {
        publish.await.expect("no panic");
    }
    let received = admin.take(&subscription, 300).await;
    for key in ["key-0", "key-1", "key-2"] {
        let bodies: Vec<_> =
            received.iter().filter(|message| message.ordering_key == key).map(|message| message.data.clone()).collect();
        assert_eq!(bodies.len(), 100);
        assert!(bodies.is_sorted(), "{key}: {bodies:?}");
    }
    broker.close().await;
}

/// What waits behind a message that may not have been stored is not sent, and the key is free again after.
#[tokio::test]
async fn a_message_that_fails_stops_those_behind_it_and_no_others() {
    let tokens = super::identity::Tokens::start().await;
    let mut is_first = true;
    let gate = Gate::start(publishes(move |seen| match &*seen.bodies[0] {
        "first" if std::mem::take(&mut is_first) => Reply::ResetLater(Duration::from_millis(300)),
        _ => Reply::Ids,
    }))
    .await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    let publisher = Arc::new(publisher);
    let send = |key: &str, body: &'static str| {
        let (publisher, message) = (Arc::clone(&publisher), keyed(key, body));
        tokio::spawn(async move { publish(&publisher, message).await.map(drop).map_err(|error| error.kind) })
    };
    let doubtful = send("a", "first");
    until("it is on its way", || !gate.published().is_empty()).await;
    let behind = [send("a", "second"), send("a", "third")];
    let other = send("b", "other");
    assert_eq!(doubtful.await.expect("no panic"), Err(PublishErrorKind::Unknown));
    for behind in behind {
        assert_eq!(behind.await.expect("no panic"), Err(PublishErrorKind::Unreachable));
    }
    assert_eq!(other.await.expect("no panic"), Ok(()));
    assert_eq!(send("a", "first").await.expect("no panic"), Ok(()));
    let bodies: Vec<_> =
        gate.published().into_iter().flat_map(|seen| seen.bodies).filter(|body| body != "other").collect();
    assert_eq!(bodies, ["first", "first"]);
    broker.close().await;
}
