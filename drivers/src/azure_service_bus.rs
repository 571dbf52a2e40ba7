//! Azure Service Bus.
//!
//! # URL
//!
//! A topic is `azuresb://TOPIC`, without parameters. A queue is published to in the same way.
//!
//! ```
//! use sluicegate_drivers::azure_service_bus::Topic;
//!
//! assert_eq!(Topic::parse("azuresb://mytopic")?.name, "mytopic");
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `azuresb://TOPIC?subscription=SUBSCRIPTION`, and a queue is received from as
//! `azuresb://QUEUE?queue=true`. With `dead_letter=true` besides, it is what was dead-lettered there. With `sessions=true` it
//! is received from session by session, which a queue or subscription that has sessions needs and no other takes.
//!
//! `max_recv_batch_size` (at least 1) bounds how many messages are asked for at once: otherwise as many as requests wait for.
//! `listener_timeout` (a duration) is how long the service looks for a session with messages before it is asked again, at
//! least 1 s, and 30 s unless it is given; without sessions there is nothing that it could bound, as a request is waiting for as long as it likes.
//!
//! ```
//! use sluicegate_drivers::azure_service_bus::{Source, Subscription};
//!
//! let subscription = Subscription::parse("azuresb://mytopic?subscription=mysubscription")?;
//! assert_eq!(subscription.source, Source::Subscription { topic: "mytopic".into(), name: "mysubscription".into() });
//!
//! let queue = Subscription::parse("azuresb://myqueue?queue=true&max_recv_batch_size=10")?;
//! assert_eq!(queue.source, Source::Queue { name: "myqueue".into() });
//!
//! let sessions = Subscription::parse("azuresb://myqueue?queue=true&sessions=true&listener_timeout=5s")?;
//! assert!(sessions.sessions);
//!
//! let dead = Subscription::parse("azuresb://mytopic?subscription=mysubscription&dead_letter=true")?;
//! assert!(dead.dead_letter);
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! One of two. `SERVICEBUS_CONNECTION_STRING`, which wins, is what Azure's portal shows:
//! `Endpoint=sb://NAMESPACE.servicebus.windows.net/;SharedAccessKeyName=NAME;SharedAccessKey=KEY`. With a
//! `SharedAccessSignature` instead of a name and a key it lasts as long as that; with an `EntityPath` it is for one topic or
//! queue alone, and others are refused. The port is 5671, or the endpoint's. `UseDevelopmentEmulator=true` is plain TCP (5672,
//! or the endpoint's port), and `TransportType=AmqpWebSockets` AMQP over WebSockets (443, or the endpoint's port).
//!
//! `AZURE_SERVICEBUS_HOSTNAME` (`NAMESPACE.servicebus.windows.net`) is for Azure's default credential: the first of these that
//! is there gives tokens, and what one that is set up says counts.
//!
//! | Credential | Is there with |
//! | --- | --- |
//! | environment | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`: an application with a secret |
//! | workload identity | `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`: a pod of Kubernetes |
//! | managed identity | `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` (App Service, Container Apps), or a machine's metadata service, which has a second to be there; `AZURE_CLIENT_ID` chooses one that is assigned by a user |
//! | Azure CLI | `az`, and somebody who is logged in |
//!
//! `AZURE_AUTHORITY_HOST` stands for Entra's address, and `AZURE_POD_IDENTITY_AUTHORITY_HOST` for the metadata service's. An
//! application with a certificate is not supported. With TLS the system's roots are trusted, or the bundled ones where the
//! system has none.
//!
//! A named broker has these settings instead. Variables and files are read again at each connect, and a file that changes
//! while there is a connection makes another one, within seconds: the one before is kept until that stands, and what is on
//! its way there is confirmed or settled first. So a key is renewed without a restart. The same variables as above give what
//! `hostname` is not told of an identity.
//!
//! | Setting | Means |
//! | --- | --- |
//! | `connection_string` | as `SERVICEBUS_CONNECTION_STRING` |
//! | `hostname` | as `AZURE_SERVICEBUS_HOSTNAME` |
//! | `credential` | the one of the table: `environment`, `workload_identity`, `managed_identity` or `cli`; `default` are all in turn |
//! | `tenant_id`, `client_id`, `client_secret` | an application with a secret; `client_id` alone chooses a managed identity |
//! | `token_file` | the path of a pod's token, which is read again by itself |
//! | `authority_host` | Entra's address, `https://login.microsoftonline.com` unless it is given |
//! | `transport` | `tcp` or `websockets` |
//! | `heartbeat` | a service that is not heard for as long is taken to be lost, in whole seconds from `2s` to `5m` (`60s`) |
//! | `tls.ca_certs` | roots to trust besides the system's, paths of PEM files |
//! | `tls.disable_system_ca_pool` | trusts no others than those |
//! | `max_pending` | how many messages may be on their way to the service (4096, at most 1048576); more are refused at once |
//!
//! There is one connection, however many endpoints, made where there is a use for it. Each topic, queue and subscription is
//! authorized by a token of its own, which is renewed when three quarters of its time are over. Where the service takes none
//! of them, there is no connection, with a line in the log that says what it said.
//!
//! # Delivery
//!
//! At least once. A publish is confirmed: the service has stored the message. Any number of them are on their way over the one
//! link of their topic or queue, none waits for another, and they are stored in the order in which they were published,
//! but for those that a link which ends did not take: they are handed over anew, and others may be before them then. A topic or queue that is not there is refused, with a line in the log when the connection is made, and asked for again a
//! second later at the earliest. What the service rejects is refused in its words, or told to have no room where it says so (a quota, or
//! that it is busy). Nothing is kept for later while there is no connection; what was sent when it was lost may have been
//! stored, and is never sent again. A link that the service ends, as it does with one that was idle for ten minutes, is made
//! again with the next message, which is not lost by that.
//!
//! An attribute is an application property, a text, but for those that stand for what the service itself reads, in any case of
//! their letters: `Content-Type`, `Servicebus-Subject`, `Servicebus-Correlation-Id`, `Servicebus-To`, `Servicebus-Reply-To`,
//! `Servicebus-Reply-To-Session-Id`, `Servicebus-Partition-Key`, `Servicebus-Time-To-Live` (`30s`, or a number of
//! milliseconds) and `Servicebus-Scheduled-Enqueue-Time` (`2026-01-31T12:00:00Z`, or a number of milliseconds since 1970). The
//! message's id is the message id, by which a topic or queue with duplicate detection stores a message once: a second one is
//! confirmed as well. Its key is the session id, and beside a partition key both must be the same.
//!
//! Messages are taken in peek-lock, as many as requests wait for: none is locked for a request that does not exist. When one
//! that waits goes away, the service is asked to take back what it may still send (a drain); what was on its way is released,
//! which the service does not count as a delivery. A link that is given up, as the broker closes or its settings have changed,
//! is left in the same order. The lock of a message is renewed for as long as its delivery is held, from
//! half of its time on and every 10 s at least, so that clocks may differ where locks last for 20 s or longer. A lock that is lost all the same is a warning in the
//! log; the message comes again, and the delivery cannot be settled any more.
//!
//! An acknowledgement completes the message. It is settled once the service has said so: that the lock was lost is an error,
//! not an acknowledgement. A message whose link or connection was lost is settled by the name of its lock, over the next one,
//! for up to 10 s; where the lock is gone by then, whether it was settled is not known, and that is an error. A message that is
//! given back is abandoned: it comes again at once, wherever it stood, and counts as delivered; the service knows no delay. One
//! that is given up is dead-lettered, with the reason's first line as `DeadLetterReason`, and all of it as
//! `DeadLetterErrorDescription` where there is more. The service itself dead-letters what was delivered as often as its own
//! limit says (10 unless it is set), besides `max_deliveries`: the smaller one ends it. Closing gives back what is held.
//!
//! With sessions, the next free session with messages is taken when a request waits, and has one message out at a time: the
//! next one comes once that is settled. Its lock is renewed while a message is out. It is let go when it has no more messages
//! (250 ms without one), when nobody has asked it for 500 ms, and after 30 s in favour of others. Its messages cannot be
//! settled any more once its link or connection is lost: they come again. At most 32 sessions are waited for at once by a
//! subscription, whoever else waits is served by those, and 128 are held at once by a broker.
//!
//! A link that the service ends (after ten minutes without a message, or to move the queue) is made anew at once, and whoever
//! waits goes on waiting. A queue that is missing, disabled, not allowed, or has sessions that the URL does not ask for, is an
//! error of its own subscription, in the service's words, and looked at again after 1 s, then 2 s, up to 30 s. Where the
//! service does not answer for 10 s, whoever waits is told so; where nothing is heard of it for as long as
//! `heartbeat` says (60 s), it is connected to anew.
//!
//! A delivery's key is its session id (`group-id`), its id the message id, its offset the sequence number, its timestamp the
//! time when it was stored, and its topic what it is received from. Its attributes are its application properties and, under
//! the names above, its properties. Those that are no text are written out: numbers, booleans and characters; decimal numbers
//! in full; a timestamp, or .NET's `DateTimeOffset`, as RFC 3339 in UTC; .NET's `TimeSpan` in seconds (`1.5s`); a UUID with
//! hyphens; bytes in base64; a list or map as JSON; nothing as an empty text. The body is the message's bytes, those of several
//! data sections one after the other; a text that is a value is its UTF-8; any other value, or a sequence, is JSON.
//! What comes and is no message of AMQP is dead-lettered, with an error in the log.
//!
//! # Limits
//!
//! The size of a message with its attributes depends on the tier and on the topic or queue (256 KiB in Standard), which says
//! it when it is opened: what is larger is not sent. All attributes together have at most 64 KiB, ids and keys 128 characters.
//! A delivery cannot be given back with a delay. The names of topics and queues have at most 260 characters, those of
//! subscriptions 50. Topics, queues and subscriptions are not made.
//!
//! Service Bus lets a connection of this kind have 255 links. A topic takes one and a subscription three, so that a broker has
//! room for 222 topics, or 74 subscriptions, and less than the 128 sessions at once when it has many of them (16 at least).
//! What there is no room for is refused when it is opened: a broker of another name has a connection of its own.
//!
//! A message that is received has at most 262,144 values in all its sections, at most 32 deep, and arrays of at most 1,024
//! elements without bytes. One that has more is dead-lettered, as is one with a section that AMQP does not know, a section of
//! a wrong type, or bodies of several kinds.

mod attributes;
#[cfg(feature = "azure_service_bus")]
mod client;
mod connection_string;
#[cfg(feature = "azure_service_bus")]
mod options;
mod settings;

use std::borrow::Cow;
use std::time::Duration;

#[cfg(feature = "azure_service_bus")]
pub use self::client::{Broker, Delivery, Publisher, Subscriber};

use crate::grammar::{BrokerUrl, Grammar, Value};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// The entry of Azure Service Bus in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "azure_service_bus",
    schemes: &["azuresb"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[
        Variable {
            name: "SERVICEBUS_CONNECTION_STRING",
            expected: "the namespace's connection string; without it, AZURE_SERVICEBUS_HOSTNAME must be set",
            required: false,
        },
        Variable {
            name: "AZURE_SERVICEBUS_HOSTNAME",
            expected: "the namespace's host, NAMESPACE.servicebus.windows.net, for the default credential",
            required: false,
        },
    ],
    settings: settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: false,
        redelivery: true,
        // Of each session.
        ordering: true,
        dead_letter: true,
        delivery_count: true,
        empty_body: true,
        binary_body: true,
        key: true,
        dedup: true,
        confirm: &[Confirm::All],
        offset: true,
        timestamp: true,
        attributes: true,
        declare: false,
        max_body_bytes: None,
    },
    has_client: true,
    covers: None,
    check_attribute: Some(attributes::check_name),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(settings::check),
    check_declaration: None,
    check_message: None,
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The name of the topic or queue.
    pub name: Cow<'a, str>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// A topic's subscription, or a queue.
    pub source: Source<'a>,
    /// How long the service looks for a session with messages; 30 s where it is not given.
    pub listener_timeout: Option<Duration>,
    /// How many messages are asked for at once at most, at least 1.
    pub max_recv_batch_size: Option<u32>,
    /// Whether it has sessions.
    pub sessions: bool,
    /// Whether it is what was dead-lettered there.
    pub dead_letter: bool,
}

/// What Service Bus hands messages out of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// A subscription of a topic.
    Subscription {
        /// The topic's name.
        topic: Cow<'a, str>,
        /// The subscription's own name.
        name: Cow<'a, str>,
    },
    /// A queue.
    Queue {
        /// Its name.
        name: Cow<'a, str>,
    },
}

const CREDENTIALS: &str = "SERVICEBUS_CONNECTION_STRING or AZURE_SERVICEBUS_HOSTNAME";
const SUBSCRIPTION_PARAMETERS: &[&str] =
    &["subscription", "queue", "dead_letter", "listener_timeout", "max_recv_batch_size", "sessions"];

/// The service is not asked for sessions all the time.
const LEAST_LISTENER_TIMEOUT: Duration = Duration::from_secs(1);

static TOPIC: Grammar = Grammar {
    what: "a Service Bus topic",
    schemes: DRIVER.schemes,
    example: "azuresb://mytopic",
    parameters: &[],
    elsewhere: (SUBSCRIPTION_PARAMETERS, "a subscription"),
    credentials: CREDENTIALS,
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a Service Bus subscription",
    schemes: DRIVER.schemes,
    example: "azuresb://mytopic?subscription=mysubscription",
    parameters: &[SUBSCRIPTION_PARAMETERS],
    elsewhere: (&[], "a topic"),
    credentials: CREDENTIALS,
};

impl<'a> Topic<'a> {
    /// Reads `azuresb://TOPIC`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a Service Bus topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let name = url.name()?;
        check_entity(&name)?;
        Ok(Self { name: name.into_text() })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `azuresb://TOPIC?subscription=SUBSCRIPTION` or `azuresb://QUEUE?queue=true`.
    ///
    /// # Errors
    /// The URL is neither.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let entity = url.name()?;
        check_entity(&entity)?;
        if url.flag("sessions")? && url.flag("dead_letter")? {
            let what = "dead letters have no sessions";
            return Err(url.error_at_parameter("sessions", what).with_help("leave out `sessions` or `dead_letter`"));
        }
        let listener_timeout = url.duration("listener_timeout", None)?;
        if url.flag("sessions")? && listener_timeout.is_some_and(|timeout| timeout < LEAST_LISTENER_TIMEOUT) {
            let what = format!("with `sessions`, `listener_timeout` is at least {LEAST_LISTENER_TIMEOUT:?}");
            return Err(url.error_at_parameter("listener_timeout", what));
        }
        Ok(Self {
            source: source(&url, entity)?,
            listener_timeout,
            max_recv_batch_size: url.integer("max_recv_batch_size", 1..=i32::MAX as u32)?,
            sessions: url.flag("sessions")?,
            dead_letter: url.flag("dead_letter")?,
        })
    }
}

fn source<'a>(url: &BrokerUrl<'a>, entity: Value<'a>) -> Result<Source<'a>, UrlError> {
    let queue = url.flag("queue")?;
    match url.value("subscription")? {
        Some(_) if queue => Err(url
            .error_at_parameter("queue", "a queue has no subscriptions")
            .with_help("leave out `queue` or `subscription`")),
        Some(name) => {
            check_subscription(&name)?;
            Ok(Source::Subscription { topic: entity.into_text(), name: name.into_text() })
        }
        None if queue => Ok(Source::Queue { name: entity.into_text() }),
        None => {
            let help = format!("{}; a queue looks like `azuresb://myqueue?queue=true`", url.example());
            Err(entity.error("the URL names no `subscription` of the topic").with_help(help))
        }
    }
}

/// Azure's rule for the names of topics and queues.
fn check_entity(name: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "the name of a topic or queue has letters, digits, `.`, `-`, `_` and `/`";
    name.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'), RULE)?;
    check_ends(name)?;
    name.check_length(260, "the name of a topic or queue")
}

/// Azure's rule for the names of subscriptions.
fn check_subscription(name: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "the name of a subscription has letters, digits, `.`, `-` and `_`";
    name.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'), RULE)?;
    check_ends(name)?;
    name.check_length(50, "the name of a subscription")
}

fn check_ends(name: &Value<'_>) -> Result<(), UrlError> {
    let inside = |c: char| !c.is_ascii_alphanumeric();
    if name.text.starts_with(inside) || name.text.ends_with(inside) {
        return Err(name.error("a name begins and ends with a letter or digit"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
