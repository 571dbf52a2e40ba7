//! Receiving is waiting, and a wait can end in several ways.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use sluicegate_drivers::{
    Broker as _, BrokerState, Delivery as _, Message, PublishErrorKind, Publisher as _, ReceiveError, SettleError,
    Settlement, Subscriber as _,
};
use tokio::time::timeout;

use super::run::{Shown, ack, far, open};
use crate::harness::{Harness, Wanted};

pub(crate) async fn receive_waits<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    let received = async {
        let delivery = open.receive().await;
        assert_eq!(delivery.message().body, "awaited");
        ack(&delivery).await;
    };
    let published = async {
        tokio::time::sleep(H::QUIET).await;
        open.publish("awaited").await;
    };
    tokio::join!(received, published);
    Ok(())
}

pub(crate) async fn cancel_before_a_message_loses_nothing<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    {
        let mut receiving = pin!(open.subscriber.receive(far()));
        assert!(receiving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        // Dropped while a message is on its way to it.
        open.publish("kept").await;
    }
    open.receive_and_ack(b"kept").await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn cancel_among_messages_loses_nothing<H: Harness>(harness: &H) -> Shown {
    let count = H::MANY.min(200);
    let open = open(harness, Wanted::default()).await;
    let published = async {
        for number in 0..count {
            open.publish(number.to_string()).await;
            tokio::task::yield_now().await;
        }
    };
    let received = async {
        let mut missing: BTreeSet<_> = (0..count).map(|number| number.to_string().into_bytes()).collect();
        let mut patience = Duration::from_micros(1);
        while !missing.is_empty() {
            match timeout(patience, open.subscriber.receive(far())).await {
                Ok(delivery) => {
                    let delivery = delivery.expect("a message");
                    missing.remove(&delivery.message().body[..]);
                    ack(&delivery).await;
                    patience = Duration::from_micros(1);
                }
                // Long enough at some time for any broker.
                Err(_) => patience = patience * 3 / 2 + Duration::from_micros(1),
            }
        }
    };
    tokio::join!(published, received);
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn close_while_waiting<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    let received = async {
        let (first, second) = tokio::join!(open.subscriber.receive(far()), open.subscriber.receive(far()));
        assert!(matches!(first.map(drop), Err(ReceiveError::Closed)));
        assert!(matches!(second.map(drop), Err(ReceiveError::Closed)));
    };
    let closed = async {
        tokio::time::sleep(H::QUIET).await;
        harness.broker().close().await;
    };
    tokio::join!(received, closed);
    assert_eq!(harness.broker().state(), BrokerState::Closed);
    Ok(())
}

pub(crate) async fn receive_after_close<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    open.publish("left").await;
    harness.broker().close().await;
    let received = open.subscriber.receive(far()).await.map(drop);
    assert!(matches!(received, Err(ReceiveError::Closed)), "{received:?}");
    Ok(())
}

pub(crate) async fn publish_after_close<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    harness.broker().close().await;
    let error = open.publisher.publish(Message::new("late")).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
    Ok(())
}

/// Closing gives back what is held, so there is nothing left to settle.
pub(crate) async fn settle_after_close<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    open.publish("held").await;
    let held = open.receive().await;
    harness.broker().close().await;
    let settled = held.settle(Settlement::Ack).await;
    assert!(matches!(settled, Err(SettleError::Expired | SettleError::Unreachable(_))), "{settled:?}");
    Ok(())
}
