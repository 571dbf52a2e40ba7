//! What becomes of a delivery.

use std::time::{Duration, Instant};

use sluicegate_drivers::{Delivery as _, SettleError, Settlement};

use super::run::{Shown, ack, capabilities, need, open, receive, subscriber};
use crate::harness::{Harness, Wanted};

const NACK: Settlement = Settlement::Nack { delay: Duration::ZERO };

pub(crate) async fn acknowledged_is_gone<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted { deadline: Some(H::DEADLINE), ..Wanted::default() }).await;
    open.publish("once").await;
    let delivery = open.receive().await;
    ack(&delivery).await;
    drop(delivery);
    tokio::time::sleep(H::DEADLINE).await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn ack_twice<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    open.publish("once").await;
    let delivery = open.receive().await;
    ack(&delivery).await;
    for settlement in [Settlement::Ack, NACK, Settlement::DeadLetter { reason: "late".to_owned() }] {
        let again = delivery.settle(settlement).await;
        assert!(matches!(again, Err(SettleError::Expired)), "{again:?}");
    }
    open.expect_nothing().await;
    Ok(())
}

/// Who settles need not keep the delivery until the broker has answered.
pub(crate) async fn settling_outlives_the_delivery<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted::default()).await;
    open.publish("once").await;
    let delivery = open.receive().await;
    let settling = delivery.settle(Settlement::Ack);
    drop(delivery);
    tokio::spawn(settling).await.expect("no panic").expect("the message is acknowledged");
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn nack_redelivers<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().nack, "deliveries cannot be given back")?;
    let open = open(harness, Wanted::default()).await;
    open.publish("again").await;
    let first = open.receive().await;
    first.settle(NACK).await.expect("given back");
    let second = open.receive().await;
    assert_eq!(second.message().body, "again");
    let late = first.settle(Settlement::Ack).await;
    assert!(matches!(late, Err(SettleError::Expired)), "{late:?}");
    // The late settlement was not the second delivery's.
    second.settle(NACK).await.expect("given back again");
    open.receive_and_ack(b"again").await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn nack_with_delay<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().nack, "deliveries cannot be given back")?;
    let open = open(harness, Wanted::default()).await;
    open.publish("later").await;
    let delivery = open.receive().await;
    let start = Instant::now();
    delivery.settle(Settlement::Nack { delay: H::NACK_DELAY }).await.expect("given back");
    open.receive_and_ack(b"later").await;
    if capabilities::<H>().nack_delay {
        assert!(start.elapsed() >= H::NACK_DELAY, "delivered after {:?}", start.elapsed());
    }
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn unsettled_comes_back_after_its_deadline<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().redelivery, "unsettled deliveries do not come back")?;
    let open = open(harness, Wanted { deadline: Some(H::DEADLINE), ..Wanted::default() }).await;
    let start = Instant::now();
    open.publish("held").await;
    let held = open.receive().await;
    if H::KEEPS_ALIVE {
        tokio::time::sleep(3 * H::DEADLINE).await;
        open.expect_nothing().await;
        ack(&held).await;
        drop(held);
        open.expect_nothing().await;
        return Ok(());
    }
    let again = open.receive().await;
    assert!(start.elapsed() >= H::DEADLINE, "delivered again after {:?}", start.elapsed());
    assert_eq!(again.message().body, "held");
    let late = held.settle(Settlement::Ack).await;
    assert!(matches!(late, Err(SettleError::Expired)), "{late:?}");
    drop(held);
    ack(&again).await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn dropped_comes_back<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().nack, "deliveries cannot be given back")?;
    // The deadline is too far to be what brings it back.
    let open = open(harness, Wanted { deadline: Some(2 * H::PATIENCE), ..Wanted::default() }).await;
    open.publish("dropped").await;
    drop(open.receive().await);
    open.receive_and_ack(b"dropped").await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn deliveries_are_counted<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().nack, "deliveries cannot be given back")?;
    let open = open(harness, Wanted::default()).await;
    let counts = capabilities::<H>().delivery_count;
    open.publish("counted").await;
    for count in 1..=3 {
        let delivery = open.receive().await;
        assert_eq!(delivery.delivery_count(), counts.then_some(count));
        delivery.settle(if count < 3 { NACK } else { Settlement::Ack }).await.expect("settled");
    }
    Ok(())
}

pub(crate) async fn dead_letter_moves<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().dead_letter, "there is no dead-letter place")?;
    let open = open(harness, Wanted { dead_letter: true, ..Wanted::default() }).await;
    let Some(dead_letter) = &open.place.dead_letter else { panic!("the harness does not say where the dead go") };
    let dead_letter = subscriber(harness, dead_letter);
    open.publish("poison").await;
    open.publish("next").await;
    let delivery = loop {
        // Not every broker keeps the order.
        let delivery = open.receive().await;
        if delivery.message().body == "poison" {
            break delivery;
        }
        ack(&delivery).await;
        open.publish("next").await;
    };
    delivery.settle(Settlement::DeadLetter { reason: "not JSON".to_owned() }).await.expect("moved");
    let dead = receive::<H>(&dead_letter).await;
    assert_eq!(dead.message().body, "poison");
    ack(&dead).await;
    open.receive_and_ack(b"next").await;
    open.expect_nothing().await;
    Ok(())
}

pub(crate) async fn dead_letter_without_a_place_drops<H: Harness>(harness: &H) -> Shown {
    let open = open(harness, Wanted { deadline: Some(H::DEADLINE), ..Wanted::default() }).await;
    open.publish("poison").await;
    let delivery = open.receive().await;
    delivery.settle(Settlement::DeadLetter { reason: "not JSON".to_owned() }).await.expect("dropped");
    drop(delivery);
    tokio::time::sleep(H::DEADLINE).await;
    open.expect_nothing().await;
    Ok(())
}
