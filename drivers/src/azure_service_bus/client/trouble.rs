//! What a subscription does while the service refuses it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::amqp::Failure;
use super::inbox::Inbox;
use crate::azure_service_bus::DRIVER;
use crate::backoff::Backoff;
use crate::supervision::Repeats;

/// How long nobody asks again, after the service has refused for the first time. Doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_secs(30);

/// A link that lasted as long ended for a reason of its own.
const STEADY: Duration = Duration::from_secs(5);

/// How many links in a row may end soon after they were made, before that counts as a refusal.
const MOST_FLAPS: u32 = 3;
const FLAP_WAIT: Duration = Duration::from_millis(100);

/// Refusals, and the waits after them.
pub(super) struct Trouble {
    log: Repeats,
    backoff: Backoff,
    is_refused: bool,
    /// How many links in a row did not last.
    flaps: u32,
}

impl Trouble {
    pub(super) fn new() -> Self {
        Self { log: Repeats::default(), backoff: Backoff::new(FIRST_WAIT, MOST_WAIT), is_refused: false, flaps: 0 }
    }

    /// The service has accepted.
    pub(super) fn is_over(&mut self, inbox: &Inbox) {
        inbox.accepted();
        if std::mem::take(&mut self.is_refused) {
            let (broker, entity) = (inbox.shared.broker(), &*inbox.entity);
            tracing::info!(driver = DRIVER.name, broker, entity, "the service accepts the subscription again");
        }
    }

    /// A link that stood for `lasted` was ended by the service. Waits until it makes sense to ask again.
    pub(super) async fn ended(&mut self, inbox: &Inbox, failure: &Failure, lasted: Duration) {
        if lasted >= STEADY {
            self.backoff.reset();
            self.flaps = 0;
        }
        // Whether it would be accepted again is found out at once; those who wait go on waiting.
        if !lasted.is_zero() && self.flaps < MOST_FLAPS {
            let reason = failure.to_string();
            if !is_routine(failure) && self.log.is_due(&reason) {
                let (broker, entity) = (inbox.shared.broker(), &*inbox.entity);
                tracing::warn!(
                    driver = DRIVER.name,
                    broker,
                    entity,
                    reason,
                    "the service ended the link, which is made anew"
                );
            }
            sleep(FLAP_WAIT * self.flaps).await;
            self.flaps += 1;
            return;
        }
        self.refused(inbox, &explain(failure)).await;
    }

    /// The service refused. Waits until it makes sense to ask again.
    pub(super) async fn refused(&mut self, inbox: &Inbox, reason: &str) {
        self.is_refused = true;
        let wait = self.backoff.next_wait();
        inbox.refuse(reason, Instant::now() + wait);
        if self.log.is_due(reason) {
            let (broker, entity) = (inbox.shared.broker(), &*inbox.entity);
            tracing::error!(driver = DRIVER.name, broker, entity, reason, "the service refuses the subscription");
        }
        let mut changes = inbox.watch();
        let closed = async { while !inbox.is_closed() && changes.changed().await.is_ok() {} };
        tokio::select! {
            () = sleep(wait) => {}
            () = closed => {}
        }
    }
}

/// Whether a service ends links like this that nothing is wrong with: idle for ten minutes, moved to another machine.
pub(super) fn is_routine(failure: &Failure) -> bool {
    failure.is("amqp:link:detach-forced") || failure.is("amqp:link:detached") || failure.is("amqp:connection:forced")
}

/// The service's words, and what to do where it is known.
fn explain(failure: &Failure) -> String {
    let text = failure.description.to_ascii_lowercase();
    let help = if text.contains("requires sessions") || text.contains("non-sessionful") {
        ": it has sessions, so its URL needs `sessions=true`"
    } else if text.contains("does not require sessions") {
        ": it has no sessions, so its URL must not say `sessions=true`"
    } else {
        ""
    };
    format!("{failure}{help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_explained() {
        let explain = |text: &str| explain(&Failure::new("amqp:not-allowed", text));
        let with =
            "It is not possible for an entity that requires sessions to create a non-sessionful message receiver.";
        let without = "A sessionful message receiver cannot be created on an entity that does not require sessions.";
        assert!(explain(with).contains("needs `sessions=true`"));
        assert!(explain(without).contains("must not say"));
        assert_eq!(explain("no"), "no (amqp:not-allowed)");
    }
}
