//! Who gets what, and in which order.

use std::collections::BTreeSet;
use std::sync::Mutex;

use sluicegate_drivers::{Delivery as _, Message, Publisher as _};

use super::run::{Shown, Subscriber, ack, capabilities, expect_nothing, need, open, receive, subscriber};
use crate::harness::{Harness, Wanted};

pub(crate) async fn messages_arrive_in_order<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    let sent: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    for body in &sent {
        // Where there are keys, order is promised among messages of one.
        let key = capabilities::<H>().key.then(|| "one".to_owned());
        open.publish_message(Message { key, ..Message::new(body.clone()) }).await;
    }
    let mut received = Vec::new();
    for _ in &sent {
        let delivery = open.receive().await;
        received.push(String::from_utf8(delivery.message().body.to_vec()).expect("what was sent"));
        ack(&delivery).await;
    }
    if !capabilities::<H>().ordering {
        received.sort();
    }
    assert_eq!(received, sent);
    Ok(())
}

pub(crate) async fn every_subscription_gets_a_copy<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted { subscriptions: 2, ..Wanted::default() }).await;
    let Some(second) = open.place.subscriptions.get(1) else {
        return need(false, "a topic has one subscription");
    };
    let second = subscriber(harness, second);
    open.publish("copied").await;
    let (one, other) = (open.receive().await, receive::<H>(&second).await);
    assert_eq!((&one.message().body[..], &other.message().body[..]), (&b"copied"[..], &b"copied"[..]));
    // Each is settled for itself.
    ack(&one).await;
    drop(other);
    let other = receive::<H>(&second).await;
    assert_eq!(other.message().body, "copied");
    ack(&other).await;
    open.expect_nothing().await;
    expect_nothing::<H>(&second).await;
    Ok(())
}

pub(crate) async fn receivers_share_a_subscription<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    let other = subscriber(harness, &open.place.subscriptions[0]);
    let missing: BTreeSet<_> = (0..20_u8).collect();
    for number in &missing {
        open.publish([b'a' + number]).await;
    }
    let missing = Mutex::new(missing);
    let one = async |subscriber: &Subscriber<H>| {
        loop {
            let delivery = receive::<H>(subscriber).await;
            let last = {
                let mut missing = missing.lock().expect("no panic");
                assert!(missing.remove(&(delivery.message().body[0] - b'a')), "received twice");
                missing.is_empty()
            };
            ack(&delivery).await;
            if last {
                return;
            }
        }
    };
    // The other one still waits when the last message has come.
    tokio::select! {
        () = one(&open.subscriber) => {}
        () = one(&other) => {}
    }
    open.expect_nothing().await;
    expect_nothing::<H>(&other).await;
    Ok(())
}

pub(crate) async fn full_is_refused<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted { capacity: Some(3), ..Wanted::default() }).await;
    let Some(capacity) = open.place.capacity else {
        return need(false, "the room for messages cannot be set");
    };
    for number in 0..capacity {
        open.publish(number.to_string()).await;
    }
    let error = open.publisher.publish(Message::new("over")).await.unwrap_err();
    assert_eq!(error.kind, H::FULL, "{error}");
    // What was refused is not there, and there is room again once a message is acknowledged.
    ack(&open.receive().await).await;
    open.publish("room").await;
    let mut bodies = BTreeSet::new();
    for _ in 0..capacity {
        let delivery = open.receive().await;
        bodies.insert(delivery.message().body.clone());
        ack(&delivery).await;
    }
    assert!(bodies.contains(&b"room"[..]) && !bodies.contains(&b"over"[..]), "{bodies:?}");
    open.expect_nothing().await;
    Ok(())
}
