//! The broker in memory: a new one for every behaviour.

use std::time::Duration;

use sluicegate_drivers::{Broker, Settings, mem};

use super::{Harness, Place, Skipped, Wanted};

pub(crate) struct Mem {
    broker: mem::Broker,
}

impl Harness for Mem {
    type Broker = mem::Broker;

    const EXCLUDED: &'static [&'static str] = &["body_over_the_limit_is_refused"];
    const QUIET: Duration = Duration::from_millis(50);
    const DEADLINE: Duration = Duration::from_secs(2);
    const NACK_DELAY: Duration = Duration::from_millis(200);
    const MANY: usize = 2_000;

    async fn start() -> Result<Self, Skipped> {
        Ok(Self { broker: mem::Broker::open(&Settings::default()).expect("opening it never fails") })
    }

    fn broker(&self) -> &mem::Broker {
        &self.broker
    }

    async fn place(&self, wanted: Wanted) -> Place {
        let mut parameters = String::new();
        if let Some(deadline) = wanted.deadline {
            parameters += &format!("&ackdeadline={}ms", deadline.as_millis());
        }
        if let Some(capacity) = wanted.capacity {
            parameters += &format!("&capacity={capacity}");
        }
        if wanted.dead_letter {
            parameters += "&dead_letter=orders.lost";
        }
        Place {
            topic: "mem://orders".to_owned(),
            subscriptions: (0..wanted.subscriptions)
                .map(|number| format!("mem://orders?subscription=s{number}{parameters}"))
                .collect(),
            dead_letter: wanted.dead_letter.then(|| "mem://orders.lost".to_owned()),
            capacity: wanted.capacity,
        }
    }
}
