//! Many at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluicegate_drivers::{Delivery as _, Message, Publisher as _, Settlement, Subscriber as _};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::run::{Shown, capabilities, far, need, open, subscriber};
use crate::harness::{Harness, Wanted};

const TASKS: usize = 4;

/// Whatever receivers do with their deliveries, in the end every message has been acknowledged.
pub(crate) async fn many_publishers_and_receivers<H: Harness>(harness: &H) -> Shown {
    need(capabilities::<H>().nack && capabilities::<H>().redelivery, "deliveries do not come back")?;
    let open = open(harness, Wanted { deadline: Some(H::DEADLINE), ..Wanted::default() }).await;
    let acknowledged = Arc::new(Mutex::new(vec![false; H::MANY]));
    let publisher = Arc::new(open.publisher);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let publisher = Arc::clone(&publisher);
        tasks.spawn(async move {
            for number in (task..H::MANY).step_by(TASKS) {
                publisher.publish(Message::new(number.to_string())).await.expect("confirmed");
            }
        });
        let subscriber = subscriber(harness, &open.place.subscriptions[0]);
        let acknowledged = Arc::clone(&acknowledged);
        tasks.spawn(async move {
            let mut step = task;
            while !acknowledged.lock().expect("no panic").iter().all(|done| *done) {
                step += 1;
                // Cancelled at any point; a real broker needs the longer waits.
                let patience = Duration::from_micros(1) * (1 << (step % 18));
                let Ok(delivery) = timeout(patience, subscriber.receive(far())).await else { continue };
                let delivery = delivery.expect("a message");
                let body = std::str::from_utf8(&delivery.message().body).expect("what was sent");
                let number: usize = body.parse().expect("what was sent");
                match (number + step) % 8 {
                    0 => drop(delivery),
                    1 => settle(&delivery, Settlement::Nack { delay: Duration::ZERO }).await,
                    2 => settle(&delivery, Settlement::Nack { delay: Duration::from_millis(5) }).await,
                    _ => {
                        if delivery.settle(Settlement::Ack).await.is_ok() {
                            acknowledged.lock().expect("no panic")[number] = true;
                        }
                    }
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    Ok(())
}

async fn settle(delivery: &impl sluicegate_drivers::Delivery, settlement: Settlement) {
    // On a busy machine the deadline may pass first; then the message comes back as well.
    let _ = delivery.settle(settlement).await;
}
