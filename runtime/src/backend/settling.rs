//! Settling a delivery once its fate is known.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sluicegate_drivers::{Delivery, SettleError, Settlement};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::backend::deliveries::Deliveries;
use crate::server::Settle;

/// How long a gateway that ends waits for settlements before it closes its brokers.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// The settlements of a gateway that take more than one poll, and its dead letters on their way: all that goes on after the
/// response.
#[derive(Debug)]
pub(crate) struct Settlings {
    runtime: Handle,
    running: watch::Sender<usize>,
}

/// One of them, until it is dropped.
struct Running(Arc<Settlings>);

/// Acknowledges when the response is with the client, gives back otherwise.
pub(super) struct SettleDelivery<D> {
    pub(super) delivery: D,
    pub(super) url: &'static str,
    pub(super) settlings: Arc<Settlings>,
    pub(super) deliveries: Option<Arc<Deliveries>>,
    /// Whether the broker delivers again what was not settled.
    pub(super) redelivery: bool,
}

impl Settlings {
    /// Of the runtime that it is called on.
    pub(crate) fn new() -> Result<Self, tokio::runtime::TryCurrentError> {
        Ok(Self { runtime: Handle::try_current()?, running: watch::Sender::default() })
    }

    /// Goes on with it in a task, which may be begun on any thread.
    pub(super) fn spawn(self: &Arc<Self>, settling: impl Future<Output = ()> + Send + 'static) {
        self.running.send_modify(|running| *running += 1);
        let running = Running(Arc::clone(self));
        drop(self.runtime.spawn(async move {
            settling.await;
            drop(running);
        }));
    }

    /// Waits for those that have begun, a few seconds at most.
    pub(crate) async fn end(&self) {
        let mut running = self.running.subscribe();
        if timeout(LAST_WAIT, running.wait_for(|running| *running == 0)).await.is_err() {
            let messages = *self.running.borrow();
            tracing::warn!(messages, "not settled in time, as the gateway ends: they may be delivered again");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

impl<D: Delivery> Settle for SettleDelivery<D> {
    fn delivered(self) {
        if let Some(deliveries) = &self.deliveries {
            deliveries.forget(self.delivery.message());
        }
        settle(self.delivery, Settlement::Ack, self.url, self.redelivery, &self.settlings);
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
        settle(self.delivery, Settlement::Nack { delay: Duration::ZERO }, self.url, self.redelivery, &self.settlings);
    }
}

/// Settles without waiting: a driver that settles in memory is done after one poll, others go on in a task.
pub(super) fn settle<D: Delivery>(
    delivery: D,
    settlement: Settlement,
    url: &'static str,
    redelivery: bool,
    settlings: &Arc<Settlings>,
) {
    let acknowledged = settlement == Settlement::Ack;
    let log = move |result| {
        if let Err(error) = result {
            not_settled(&error, url, acknowledged, redelivery);
        }
    };
    let mut settling = delivery.settle(settlement);
    match Pin::new(&mut settling).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => log(result),
        Poll::Pending => settlings.spawn(async move {
            log(settling.await);
            // The delivery lives until it is settled: dropping it earlier would give it back.
            drop(delivery);
        }),
    }
}

/// Says what comes of a settlement that was not taken, which is not the same with every broker.
pub(super) fn not_settled(error: &SettleError, subscription: &'static str, acknowledged: bool, redelivery: bool) {
    match (redelivery, acknowledged) {
        (true, _) => tracing::warn!(subscription, %error, "message not settled: it may be delivered again"),
        // Its broker has forgotten it long before.
        (false, true) => tracing::debug!(subscription, %error, "message not settled: it was delivered all the same"),
        (false, false) => {
            tracing::error!(subscription, %error, "message not given back: the broker does not deliver it again");
        }
    }
}

/// The wait before the next delivery of a message that could not be decoded, or the next try to dead-letter it: 200 ms, doubled each time, at most 30 s.
pub(super) fn backoff(delivery_count: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const MOST: Duration = Duration::from_secs(30);
    FIRST.saturating_mul(1 << delivery_count.saturating_sub(1).min(16)).min(MOST)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_promises_what_the_broker_does() {
        for (acknowledged, redelivery, level, expected) in [
            (true, true, " WARN ", "it may be delivered again"),
            (false, true, " WARN ", "it may be delivered again"),
            (true, false, "DEBUG ", "it was delivered all the same"),
            (false, false, "ERROR ", "the broker does not deliver it again"),
        ] {
            let lines = Lines::default();
            let writer = lines.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::DEBUG)
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .finish();
            let log = || not_settled(&SettleError::Expired, "fake://s", acknowledged, redelivery);
            tracing::subscriber::with_default(subscriber, log);
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains(level) && text.contains(expected), "{acknowledged} {redelivery}: {text}");
        }
    }
}
