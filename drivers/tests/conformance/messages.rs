//! What is sent arrives, unchanged or not at all.

use std::collections::BTreeSet;

use sluicegate_drivers::{
    Attribute, Broker as _, Delivery as _, Message, OpenError, PublishError, PublishErrorKind, Publisher as _,
    PublisherOptions, SubscriberOptions, UrlError,
};

use super::run::{Open, Shown, ack, capabilities, need, open};
use crate::harness::{Harness, Wanted};

const MEBIBYTE: usize = 1 << 20;

pub(crate) async fn send_and_receive<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    open.publish("hello").await;
    open.receive_and_ack(b"hello").await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn two_messages<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    open.publish("one").await;
    open.publish("two").await;
    // Both are held at once before either is settled.
    let (first, second) = (open.receive().await, open.receive().await);
    let bodies = BTreeSet::from([first.message().body.clone(), second.message().body.clone()]);
    assert_eq!(bodies, BTreeSet::from(["one".into(), "two".into()]));
    ack(&second).await;
    ack(&first).await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn metadata_is_carried<H: Harness>(harness: &H) -> Shown {
    let mut message = Message::new("hello");
    message.set_attribute("Content-Type", "application/json; charset=utf-8");
    message.set_attribute("X-Order-Id", "0042");
    let open = open(harness, Wanted::default()).await;
    if !capabilities::<H>().attributes {
        refused(open.publisher.publish(message).await, "attributes");
        return Ok(());
    }
    open.publish_message(message.clone()).await;
    let delivery = open.receive().await;
    assert_eq!(sorted(delivery.message()), sorted(&message));
    ack(&delivery).await;
    Ok(())
}

pub(crate) async fn unusual_metadata_is_carried_or_refused<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().attributes, "messages carry no attributes")?;
    let open = open(harness, Wanted::default()).await;
    for (name, value) in [
        ("empty", ""),
        ("spaces", "  both ends  "),
        ("latin", "caf\u{e9}"),
        ("emoji", "\u{1f980}"),
        ("lines", "a\r\nInjected: b"),
        ("percent", "100%25 \"quoted\" \\"),
        ("lower", "beside Lower"),
        ("with space", "in the name"),
        ("n\u{e4}me", "in the name"),
    ] {
        let mut message = Message::new("hello");
        message.set_attribute(name, value);
        match open.publisher.publish(message.clone()).await {
            Ok(_) => {
                let delivery = open.receive().await;
                assert_eq!(sorted(delivery.message()), sorted(&message), "{name}");
                ack(&delivery).await;
            }
            Err(error) => assert_eq!(error.kind, PublishErrorKind::Invalid, "{name}: {error}"),
        }
    }
    Ok(())
}

pub(crate) async fn key_and_id_are_carried<H: Harness>(harness: &H) -> Shown {
    let message = Message { key: Some("customer-7".to_owned()), ..Message::new("hello") };
    let open = open(harness, Wanted::default()).await;
    if !capabilities::<H>().key {
        refused(open.publisher.publish(message).await, "a key");
        return Ok(());
    }
    open.publish_message(message).await;
    let delivery = open.receive().await;
    assert_eq!(delivery.message().key.as_deref(), Some("customer-7"));
    ack(&delivery).await;
    // Whether the broker knows the message by this identity or by its own is the broker's.
    open.publish_message(Message { id: Some("id-1".to_owned()), ..Message::new("identified") }).await;
    open.receive_and_ack(b"identified").await;
    Ok(())
}

pub(crate) async fn non_utf8_body<H: Harness>(harness: &H) -> Shown {
    let body: Vec<u8> = (0..=u8::MAX).chain([0, 0xff, 0xc3, 0x28]).collect();
    let open = open(harness, Wanted::default()).await;
    if capabilities::<H>().binary_body {
        carried(&open, body).await;
    } else {
        refused(open.publisher.publish(Message::new(body)).await, "a body that is not UTF-8");
    }
    Ok(())
}

pub(crate) async fn empty_body<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    if capabilities::<H>().empty_body {
        carried(&open, Vec::new()).await;
    } else {
        refused(open.publisher.publish(Message::default()).await, "an empty body");
    }
    Ok(())
}

pub(crate) async fn large_body<H: Harness>(harness: &H) -> Shown {
    let length = capabilities::<H>().max_body_bytes.unwrap_or(MEBIBYTE);
    let open = open(harness, Wanted::default()).await;
    // Text, so that it says nothing about binary bodies, and of a period that no buffer size is a multiple of.
    carried(&open, (0..length).map(|index| b'a' + (index % 23) as u8).collect()).await;
    Ok(())
}

pub(crate) async fn body_over_the_limit_is_refused<H: Harness>(harness: &H) -> Shown {
    let limit = capabilities::<H>().max_body_bytes;
    need(limit.is_some(), "bodies have no limit")?;
    let open = open(harness, Wanted::default()).await;
    let error = open.publisher.publish(Message::new(vec![b'a'; limit.unwrap_or_default() + 1])).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::TooLarge, "{error}");
    // The publisher still works.
    carried(&open, b"small".to_vec()).await;
    Ok(())
}

pub(crate) async fn wrong_urls_are_refused<H: Harness>(harness: &H) -> Shown {
    let driver = H::Broker::DRIVER;
    let place = harness.place(Wanted::default()).await;
    for (check, right) in [(driver.topic, &place.topic), (driver.subscription, &place.subscriptions[0])] {
        let check = check.expect("the suite needs both sides");
        assert_eq!(check(right), Ok(()), "{right}");
        for wrong in ["", "orders", "nothing://orders", &format!("{right}{{id}}")] {
            let error = check(wrong).expect_err(wrong);
            assert!(wrong.get(error.range.clone()).is_some(), "{:?} is not in {wrong:?}", error.range);
        }
    }
    // The client's word is the grammar's.
    let wrong = "nothing://orders";
    let grammar = driver.topic.map(|check| check(wrong));
    let client = harness.broker().publisher(wrong, &PublisherOptions::default()).map(drop).map_err(url_error);
    assert_eq!(Some(client), grammar);
    let grammar = driver.subscription.map(|check| check(wrong));
    let client = harness.broker().subscriber(wrong, &SubscriberOptions::default()).map(drop).map_err(url_error);
    assert_eq!(Some(client), grammar);
    Ok(())
}

fn url_error(error: OpenError) -> UrlError {
    match error {
        OpenError::Url(error) => error,
        other => panic!("not about the URL: {other}"),
    }
}

async fn carried<H: Harness>(open: &Open<H>, body: Vec<u8>) {
    open.publish(body.clone()).await;
    let delivery = open.receive().await;
    // Not assert_eq: a mebibyte is no message.
    assert!(delivery.message().body == body, "the body has changed");
    ack(&delivery).await;
}

fn refused<T>(published: Result<T, PublishError>, what: &str) {
    match published {
        Ok(_) => panic!("{what} was accepted, though the driver cannot carry it"),
        Err(error) => assert_eq!(error.kind, PublishErrorKind::Invalid, "{error}"),
    }
}

/// Brokers keep attributes in an order of their own, and may add some.
fn sorted(message: &Message) -> Vec<&Attribute> {
    let mut attributes: Vec<_> = message.attributes.iter().collect();
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    attributes
}
