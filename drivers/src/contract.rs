use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use crate::{Counters, Declaration, Driver, Message, Settings};

/// One cluster or account of a broker: its connections, shared by every topic and subscription of a
/// gateway that uses it.
///
/// Opening never waits for the network. A broker connects in the background and comes back by
/// itself, so the order in which a gateway and its brokers start does not matter.
pub trait Broker: Sized + Send + Sync + 'static {
    /// The driver that this is the client of.
    const DRIVER: &'static Driver;
    /// An open topic.
    type Publisher: Publisher;
    /// An open subscription.
    type Subscriber: Subscriber;

    /// Reads the settings of a named broker, or the environment where `settings` is of none, and starts to
    /// connect. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// A setting that the driver needs is missing or malformed.
    fn open(settings: &Settings) -> Result<Self, OpenError>;

    /// Opens the topic that `url` names. Does not wait for the broker.
    ///
    /// # Errors
    /// `url` is not one of the driver's topics, or the driver lacks what `options` ask for.
    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Self::Publisher, OpenError>;

    /// Opens the subscription that `url` names. Does not wait for the broker.
    ///
    /// # Errors
    /// `url` is not one of the driver's subscriptions, or the driver lacks what `options` ask for.
    fn subscriber(&self, url: &str, options: &SubscriberOptions) -> Result<Self::Subscriber, OpenError>;

    /// Whether the broker can be reached now.
    fn state(&self) -> BrokerState;

    /// What has happened since it was opened, counted; `None` where the driver does not count.
    fn counters(&self) -> Option<&Counters> {
        None
    }

    /// Gives back what was received and not settled, sends what is pending, and disconnects.
    /// Everything waiting in [`Subscriber::receive`] ends with [`ReceiveError::Closed`].
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// What a topic is opened with besides its URL.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PublisherOptions {
    /// What each publish waits for.
    pub confirm: Confirm,
    /// What the broker is told to have as the topic, at each connect and before the first message; only where the driver has
    /// [`Capabilities::declare`](crate::Capabilities::declare), others ignore it. Where the broker has another one of the
    /// same name, what is published is refused with the broker's own words, until the two agree.
    pub declare: Option<&'static Declaration>,
}

/// What a subscription is opened with besides its URL.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SubscriberOptions {
    /// What the broker is told to have as the subscription, at each connect; otherwise as [`PublisherOptions::declare`].
    pub declare: Option<&'static Declaration>,
}

/// An open topic.
pub trait Publisher: Send + Sync + 'static {
    /// Sends `message` and returns once the broker has confirmed it.
    ///
    /// Dropping the future does not take a message back that is already on its way.
    ///
    /// # Errors
    /// See [`PublishErrorKind`]: it says whether the message may have been stored.
    fn publish(&self, message: Message) -> impl Future<Output = Result<Receipt, PublishError>> + Send;
}

/// An open subscription.
pub trait Subscriber: Send + Sync + 'static {
    /// A message received and not yet settled.
    type Delivery: Delivery;

    /// Waits for the next message, without a limit of its own: whoever calls it drops the future at `deadline`,
    /// and a driver that asks its broker to hold a message ready asks no longer than until then.
    ///
    /// Cancel-safe: a message that arrives while the future is dropped goes back to the broker.
    ///
    /// # Errors
    /// The broker cannot be asked.
    fn receive(&self, deadline: Instant) -> impl Future<Output = Result<Self::Delivery, ReceiveError>> + Send;
}

/// A message received, that must be settled. One that is dropped unsettled is given back at once.
pub trait Delivery: Send + Sync + 'static {
    /// The message, with its metadata.
    fn message(&self) -> &Message;

    /// How often the message was delivered, this time included, where the broker counts.
    fn delivery_count(&self) -> Option<u32>;

    /// Where the message was stored, as far as the broker says.
    fn origin(&self) -> Origin<'_> {
        Origin::default()
    }

    /// Acknowledges the message or gives it back.
    ///
    /// The decision falls with the call, not with the first poll: the delivery may be dropped before
    /// the future has ended, and is not given back by that. The future must still be polled.
    ///
    /// A second call, or one after the deadline, changes nothing and is an error.
    ///
    /// # Errors
    /// The broker did not take the settlement; where it has [redelivery](crate::Capabilities::redelivery), the message will be
    /// delivered again.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static;
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done: the broker forgets the message.
    Ack,
    /// Given back, to be delivered again after at least `delay` (at once where the driver lacks
    /// [`Capabilities::nack_delay`](crate::Capabilities::nack_delay)).
    Nack {
        /// The wait before the next delivery.
        delay: Duration,
    },
    /// Moved to the broker's own dead-letter place, or dropped where the broker has none. Whoever decides that says it in
    /// the log.
    DeadLetter {
        /// Why, for whoever reads it there.
        reason: String,
    },
}

/// The broker's word that it has a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The identity the broker gave the message, where it gives one.
    pub id: Option<String>,
    /// The partition or stream that it was stored in.
    pub partition: Option<String>,
    /// Its place in the partition or stream.
    pub offset: Option<u64>,
    /// Whether the broker had a message of this [`Message::id`] already, and kept that one.
    pub duplicate: bool,
}

/// What a publish waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirm {
    /// The strongest confirmation that the broker gives.
    #[default]
    All,
    /// That one server of the broker has the message.
    Leader,
    /// Nothing: the message was handed to the client. It may be lost without a trace.
    None,
}

/// Where a delivery comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The topic, subject or routing key that it was published to.
    pub topic: Option<&'a str>,
    /// The partition or stream that it was stored in.
    pub partition: Option<&'a str>,
    /// Its place in the partition or stream.
    pub offset: Option<u64>,
    /// When it was published or stored.
    pub timestamp: Option<SystemTime>,
}

/// Whether a broker can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerState {
    /// The first connection has not been made yet.
    Connecting,
    /// Connected.
    Connected,
    /// The connection was lost and is being made again.
    Disconnected {
        /// What the last try failed with.
        reason: String,
    },
    /// Closed for good.
    Closed,
}

/// A broker, topic or subscription that could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// An environment variable that the driver needs is not set.
    MissingVariable {
        /// Its name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// An environment variable holds something else than the driver can use.
    InvalidVariable {
        /// Its name.
        name: &'static str,
        /// What is wrong with it, without the value.
        message: String,
    },
    /// A setting of a named broker is missing or holds something else than the driver can use.
    Setting {
        /// The broker's name.
        broker: &'static str,
        /// The setting's name: `tls.ca_certs`.
        name: &'static str,
        /// What is wrong with it, without the value.
        message: String,
    },
    /// A topic or subscription URL that the driver does not accept.
    Url(crate::UrlError),
}

/// A message that was not confirmed.
#[derive(Debug)]
pub struct PublishError {
    /// What a caller can do about it.
    pub kind: PublishErrorKind,
    /// What the broker or its client said.
    pub source: Box<dyn StdError + Send + Sync>,
}

/// What became of a message whose publishing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishErrorKind {
    /// Not sent: there is no connection to the broker.
    Unreachable,
    /// Not sent: too many messages are already on their way, or the broker has no room.
    Full,
    /// The broker refused it: unknown topic, unroutable, not allowed.
    Refused,
    /// Over the broker's limit on a message.
    TooLarge,
    /// Not sent: a key, an id or an attribute holds what the broker's protocol cannot carry.
    Invalid,
    /// Sent, and the confirmation was not seen, or not all of the broker took it: it may have been stored.
    Unknown,
}

/// Why nothing was received.
#[derive(Debug)]
pub enum ReceiveError {
    /// There is no connection to the broker.
    Unreachable(Box<dyn StdError + Send + Sync>),
    /// The broker refused: unknown subscription, not allowed.
    Refused(Box<dyn StdError + Send + Sync>),
    /// The broker was closed while waiting.
    Closed,
}

/// A settlement that the broker did not take.
#[derive(Debug)]
pub enum SettleError {
    /// The delivery was settled before, or its deadline passed and the message was given back.
    Expired,
    /// It did not reach the broker, which delivers the message again unless it still does.
    Unreachable(Box<dyn StdError + Send + Sync>),
}

// === impl OpenError ===

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingVariable { name, expected } => {
                write!(f, "the environment variable {name} is not set (it holds {expected})")
            }
            Self::InvalidVariable { name, message } => write!(f, "the environment variable {name} {message}"),
            Self::Setting { broker, name, message } => write!(f, "`{name}` of the broker `{broker}` {message}"),
            Self::Url(error) => error.fmt(f),
        }
    }
}

impl StdError for OpenError {}

// === impl PublishError ===

impl PublishError {
    /// An error of `kind`, with what the broker or its client said.
    pub fn new(kind: PublishErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.source)
    }
}

impl StdError for PublishError {}

// === impl PublishErrorKind ===

/// Without addresses and what else only a source knows.
impl fmt::Display for PublishErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the broker cannot be reached",
            Self::Full => "the broker has no room",
            Self::Refused => "the broker refused the message",
            Self::TooLarge => "the message is over the broker's limit",
            Self::Invalid => "the broker cannot carry the message",
            Self::Unknown => "the message was sent and not confirmed",
        })
    }
}

// === impl ReceiveError ===

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(source) => write!(f, "the broker cannot be reached: {source}"),
            Self::Refused(source) => write!(f, "the broker refused the subscription: {source}"),
            Self::Closed => f.write_str("the subscription is closed"),
        }
    }
}

impl StdError for ReceiveError {}

// === impl SettleError ===

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the delivery was settled before, or its deadline has passed"),
            Self::Unreachable(source) => write!(f, "the broker cannot be reached: {source}"),
        }
    }
}

impl StdError for SettleError {}
