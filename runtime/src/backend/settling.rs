//! Settling a delivery once its fate is known.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sluicegate_drivers::{Delivery, SettleError, Settlement};
use tokio::runtime::Handle;

use crate::backend::deliveries::Deliveries;
use crate::server::Settle;

/// Acknowledges when the response is with the client, gives back otherwise.
pub(super) struct SettleDelivery<D> {
    pub(super) delivery: D,
    pub(super) url: &'static str,
    pub(super) runtime: Handle,
    pub(super) deliveries: Option<Arc<Deliveries>>,
}

impl<D: Delivery> Settle for SettleDelivery<D> {
    fn delivered(self) {
        if let Some(deliveries) = &self.deliveries {
            deliveries.forget(self.delivery.message());
        }
        settle(self.delivery, Settlement::Ack, self.url, &self.runtime);
    }

    fn given_back(self) {
        tracing::warn!(
            subscription = self.url,
            id = self.delivery.message().id.as_deref(),
            "message given back: its response did not reach the client"
        );
        if let Some(deliveries) = &self.deliveries {
            deliveries.given_back(self.delivery.message());
        }
        settle(self.delivery, Settlement::Nack { delay: Duration::ZERO }, self.url, &self.runtime);
    }
}

/// Settles without waiting: a driver that settles in memory is done after one poll, others go on in a task.
pub(super) fn settle<D: Delivery>(delivery: D, settlement: Settlement, url: &'static str, runtime: &Handle) {
    let mut settling = delivery.settle(settlement);
    match Pin::new(&mut settling).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => log_settled(result, url),
        Poll::Pending => drop(runtime.spawn(async move {
            log_settled(settling.await, url);
            // The delivery lives until it is settled: dropping it earlier would give it back.
            drop(delivery);
        })),
    }
}

fn log_settled(result: Result<(), SettleError>, url: &'static str) {
    if let Err(error) = result {
        tracing::warn!(subscription = url, %error, "message not settled, it will be delivered again");
    }
}

/// The wait before the next delivery of a message that could not be decoded, or the next try to dead-letter it: 200 ms, doubled each time, at most 30 s.
pub(super) fn backoff(delivery_count: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const MOST: Duration = Duration::from_secs(30);
    FIRST.saturating_mul(1 << delivery_count.saturating_sub(1).min(16)).min(MOST)
}
