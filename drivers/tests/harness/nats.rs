//! A real NATS server: the one that `NATS_SERVER_URL` names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluicegate_drivers::{Broker as _, BrokerState, Settings, nats};

use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct Nats {
    broker: nats::Broker,
}

impl Harness for Nats {
    type Broker = nats::Broker;

    const EXCLUDED: &'static [&'static str] = &[
        // The limit is the server's; tests/nats.rs shows it.
        "body_over_the_limit_is_refused",
        "unsettled_comes_back_after_its_deadline",
        "dead_letter_moves",
        // A publisher never learns of a full subscription; tests/nats.rs shows what becomes of it.
        "full_is_refused",
        "many_publishers_and_receivers",
    ];
    const QUIET: Duration = Duration::from_millis(100);
    const DEADLINE: Duration = Duration::from_millis(100);
    const NACK_DELAY: Duration = Duration::from_millis(200);
    const MANY: usize = 2_000;

    async fn start() -> Result<Self, Skipped> {
        if std::env::var_os("NATS_SERVER_URL").is_none() {
            assert!(std::env::var_os("CI").is_none(), "NATS_SERVER_URL is not set");
            return Err(Skipped("nats: NATS_SERVER_URL is not set".to_owned()));
        }
        let broker = nats::Broker::open(&Settings::default()).expect("NATS_SERVER_URL names servers");
        for _ in 0..500 {
            if broker.state() == BrokerState::Connected {
                return Ok(Self { broker });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no connection to NATS: {:?}", broker.state());
    }

    fn broker(&self) -> &nats::Broker {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let subject = format!("conformance.{}.{number}", std::process::id());
        Place {
            topic: format!("nats://{subject}"),
            // A queue group gets each message once: so do all that open the same URL.
            subscriptions: (0..wanted.subscriptions).map(|group| format!("nats://{subject}?queue=s{group}")).collect(),
            dead_letter: None,
            capacity: None,
        }
    }
}
