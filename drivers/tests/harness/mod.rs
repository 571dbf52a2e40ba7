//! What the suite has to know about a broker. A new driver adds one file here, and one line to
//! `conformance.rs`.

use std::time::Duration;

use sluicegate_drivers::{Broker, PublishErrorKind};

#[cfg(all(feature = "sns", feature = "sqs"))]
#[allow(dead_code, reason = "some of it is for tests/sns.rs and tests/sqs.rs alone")]
pub(crate) mod aws_admin;
#[cfg(feature = "azure_service_bus")]
pub(crate) mod azure_service_bus;
#[cfg(feature = "azure_service_bus")]
#[allow(dead_code, reason = "some of it is for tests/azure_service_bus.rs alone")]
pub(crate) mod azure_service_bus_admin;
#[cfg(feature = "gcp_pubsub")]
pub(crate) mod gcp_pubsub;
#[cfg(feature = "gcp_pubsub")]
pub(crate) mod gcp_pubsub_admin;
#[cfg(feature = "jetstream")]
pub(crate) mod jetstream;
#[cfg(feature = "kafka")]
pub(crate) mod kafka;
#[cfg(feature = "mem")]
pub(crate) mod mem;
#[cfg(feature = "nats")]
pub(crate) mod nats;
#[cfg(feature = "jetstream")]
pub(crate) mod nats_admin;
#[cfg(feature = "rabbitmq")]
pub(crate) mod rabbitmq;
#[cfg(feature = "rabbitmq")]
#[allow(dead_code, reason = "some of it is for tests/rabbitmq.rs alone")]
pub(crate) mod rabbitmq_admin;
#[cfg(all(feature = "sns", feature = "sqs"))]
pub(crate) mod sns;
#[cfg(all(feature = "sns", feature = "sqs"))]
pub(crate) mod sqs;

/// One broker to test with: started, or found through the environment.
pub(crate) trait Harness: Sized {
    /// The driver's client.
    type Broker: Broker;

    /// The behaviours that this broker cannot show, by name. The suite fails when one is missing here, and
    /// when one is here that the broker does show: nothing is left out in silence.
    const EXCLUDED: &'static [&'static str];

    /// How long to watch before nothing is taken to have arrived.
    const QUIET: Duration;

    /// A deadline as short as the broker allows, and long enough to settle within it on a busy machine.
    const DEADLINE: Duration;

    /// A wait before a redelivery as short as the broker allows.
    const NACK_DELAY: Duration;

    /// How many messages to send where many are wanted.
    const MANY: usize;

    /// How a message ends that the place has no room for.
    const FULL: PublishErrorKind = PublishErrorKind::Full;

    /// Whether the driver keeps a delivery that is held from coming back after its deadline.
    const KEEPS_ALIVE: bool = false;

    /// How long a behaviour may take before it counts as hanging.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Opens a client of its own for one behaviour, and waits until the broker is reached.
    async fn start() -> Result<Self, Skipped>;

    /// The client.
    fn broker(&self) -> &Self::Broker;

    /// Makes a topic that nobody else uses. What it cannot have of `wanted`, it leaves out.
    async fn place(&self, wanted: Wanted) -> Place;
}

/// Why a driver cannot be tested here: `NATS_URL is not set`.
pub(crate) struct Skipped(pub(crate) String);

/// What a behaviour needs.
#[cfg_attr(not(feature = "mem"), allow(dead_code, reason = "not every broker can have it all"))]
pub(crate) struct Wanted {
    /// How many subscriptions the topic has, each of which gets all messages.
    pub(crate) subscriptions: usize,
    /// The deadline of its deliveries; at least a minute where there is none.
    pub(crate) deadline: Option<Duration>,
    /// Whether its subscriptions have a dead-letter topic.
    pub(crate) dead_letter: bool,
    /// How many messages a subscription holds at most.
    pub(crate) capacity: Option<usize>,
}

/// A topic and its subscriptions, as URLs.
pub(crate) struct Place {
    pub(crate) topic: String,
    /// As many as wanted, or as many as there can be.
    pub(crate) subscriptions: Vec<String>,
    /// A subscription of the dead-letter topic.
    pub(crate) dead_letter: Option<String>,
    /// As wanted, where it can be set.
    pub(crate) capacity: Option<usize>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { subscriptions: 1, deadline: None, dead_letter: false, capacity: None }
    }
}
