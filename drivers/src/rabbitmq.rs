//! RabbitMQ.
//!
//! # URL
//!
//! A topic is `rabbit://EXCHANGE`. `key_name` names the attribute whose value is the routing key.
//! `rabbit://?key_name=NAME` is the default exchange, whose routing keys are the names of queues. The
//! scheme may be `amqp` as well, as KrakenD's documentation writes it.
//!
//! ```
//! use sluicegate_drivers::rabbitmq::Topic;
//!
//! let topic = Topic::parse("rabbit://orders?key_name=X-Region")?;
//! assert_eq!(topic.exchange, "orders");
//! assert_eq!(topic.key_name.as_deref(), Some("X-Region"));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `rabbit://QUEUE`. `prefetch_count` (0 to 65535) bounds how many messages are out at once, handed out and
//! not settled. With 0 or without it there are as many as requests that wait or answer, which `max_in_flight` bounds.
//! `priority` (0 to 2147483647, 0 unless it is given) is that of its consumers: a server gives a message to those of the
//! highest priority that want one.
//!
//! ```
//! use sluicegate_drivers::rabbitmq::Subscription;
//!
//! let subscription = Subscription::parse("rabbit://billing?prefetch_count=10")?;
//! assert_eq!(subscription.queue, "billing");
//! assert_eq!(subscription.prefetch_count, Some(10));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! `RABBIT_SERVER_URL` (required): the servers, separated by commas. Each is `HOST`, `HOST:PORT`, or as much as is needed of
//! `amqp://USER:PASSWORD@HOST:PORT/VHOST?PARAMETERS`, or `amqps://` for TLS. Without a scheme it is `amqp`, without a port
//! 5672 (5671 with TLS), without a login `guest`, and without a virtual host, or with a `/` alone, `/`. Escapes such as `%2F`
//! are decoded in the login and the virtual host. What an address after the first does not say is as in the first; all have
//! the same virtual host. One server is connected to, a random one first, and the next one where that fails. With TLS the
//! system's roots are trusted, or the bundled ones where the system has none.
//!
//! | Parameter | Means |
//! | --- | --- |
//! | `heartbeat` | a server that is not heard for as many seconds is taken to be lost (10) |
//! | `connection_timeout` | how many milliseconds one server may take to be connected to (5000) |
//! | `channel_max`, `frame_max` | lower limits than the server's |
//! | `auth_mechanism` | `plain`, or `external`: the login is the client's certificate |
//! | `cacertfile` | roots to trust instead of the system's, the path of a PEM file |
//! | `certfile`, `keyfile` | the client's certificate and its key, paths of PEM files |
//! | `server_name_indication` | the name in the server's certificate, where it is not the host |
//!
//! A named broker has these settings instead. Variables and files are read again at each connect, and a file that changes
//! while there is a connection makes another one, within seconds: the one before is kept until that stands, and what is on
//! its way there is confirmed or settled first. So a certificate or a login is renewed without a restart.
//!
//! | Setting | Means |
//! | --- | --- |
//! | `servers` | as `RABBIT_SERVER_URL`, without the parameters that name files; what an address says goes before what is below |
//! | `user`, `password` | a login |
//! | `vhost` | the virtual host |
//! | `auth` | `plain`, or `external`: the login is the client's certificate |
//! | `tls.required` | TLS for addresses without a scheme, and none without it; so do `tls.ca_certs` and `tls.client_cert` |
//! | `tls.ca_certs` | roots to trust besides the system's, paths of PEM files |
//! | `tls.disable_system_ca_pool` | trusts no others than those |
//! | `tls.client_cert`, `tls.client_key` | the client's certificate and its key, paths of PEM files |
//! | `heartbeat` | as above, as a duration in whole seconds (`10s`) |
//! | `connection_name` | what the server calls the connections in its lists (`sluicegate NAME`) |
//! | `max_pending` | how many messages may be on their way to the server (16384); more are refused at once |
//!
//! There are two connections at most, however many endpoints: one to publish over and one to receive over, each made where
//! there is a use for it.
//!
//! # Delivery
//!
//! At least once. A publish is mandatory and confirmed: the server has the message in every queue that gets it, on disk where
//! the queue is durable. One that no queue would get is refused, as is one for an exchange that is missing or that the user
//! may not write to. Of one that a queue did not take (`basic.nack`), since it has no room and refuses more (`x-overflow:
//! reject-publish`) or has failed, nobody knows: another queue of the exchange may have it, and so may one that failed. Nothing is kept for later while there is no connection; what was sent when it was lost may have
//! been stored, and is never sent again. A server that runs out of memory or disk takes no messages: they are refused at once,
//! with a line in the log, but for those that were on their way, of which nobody knows.
//!
//! Each exchange has a channel of its own, up to 64; those beyond share 16, where each message waits for the one before. The first message on a channel goes alone, so
//! that a refusal which closes the channel has one cause. Messages of one publisher arrive in order.
//!
//! A message in another user's name (`Amqp-User-Id`) is only taken from a user with RabbitMQ's tag `impersonator`. The first one
//! goes on a channel of its own, to find that out.
//!
//! Messages are persistent. An attribute is a header, a text, but for those that stand for AMQP's properties, in any case of
//! their letters: `Content-Type`, `Content-Encoding`, `Amqp-Expiration` (milliseconds), `Amqp-Priority` (0 to 255),
//! `Amqp-Timestamp` (seconds since 1970), `Amqp-Correlation-Id`, `Amqp-Reply-To`, `Amqp-Type`, `Amqp-App-Id`, `Amqp-User-Id`
//! and `Amqp-Delivery-Mode` (1 is transient, 2 persistent). The message's id is the property `message_id`, and its key the
//! routing key, or else the value of the attribute that `key_name` names, which then is no header. `CC` and `BCC`, in these cases,
//! are lists of routing keys to RabbitMQ, which a text is not: they are refused, and not in the copy of a message that is
//! dead-lettered.
//!
//! Exchanges of the plugin for delayed messages are not supported: a server gives each message with an `x-delay` back as one
//! that no queue takes, and delivers it later. Such a message ends as one of which nobody knows.
//!
//! A subscription has a channel of its own, and as many messages are taken from its queue as requests wait for: none is kept
//! from other gateways. Its consumers stand for as long as requests come, and are cancelled a moment after the last, or when
//! a message is given back that no request waits for. One that is on its way then, or whose request has gone, is given back
//! at once; a quorum queue counts that as a delivery. An acknowledgement lets the server send the next message, so where no request waits
//! it is written only when one comes, or 5 ms later, behind the consumer's end. A server does not answer acknowledgements: it
//! has them unless the connection is lost in that moment, and then the message comes again.
//!
//! A message that is given back goes to its place in the queue at once. One with a delay stays out until then, at the server,
//! where nobody else gets it: up to 10000 of a subscription (others go back at once), and 15 minutes. What was not settled
//! when the connection is lost or the gateway ends comes back by itself; so does what is not settled within the server's
//! `consumer_timeout` (30 minutes). A queue keeps the order of its messages, as far as none was given back.
//!
//! Quorum queues count deliveries (`x-delivery-count`), from the second one on; what classic queues give back the gateway
//! counts itself. A header of that name is believed of a message that comes again, and of no other. A queue's own limit (`x-delivery-limit`, 20 in RabbitMQ 4) holds besides `max_deliveries`: the smaller one
//! ends it. A message that is given up is rejected: the server moves it to the queue's dead-letter exchange, which says why in
//! `x-death`, and drops it where the queue has none. Nobody but the server knows which, so either is an error in the log.
//!
//! A queue that is missing, another one than `declare` says, exclusive to another connection or not this user's is an error
//! of its own subscription, in the server's words, and looked at again after 1 s, then 2 s, up to 30 s. A queue that is
//! deleted is noticed at once. So is a server that does not answer for 10 s: what it sends later is given back, and it is
//! asked again once it has answered. A quorum queue without a majority is silent at first; in the end the server closes the
//! whole connection of whoever asked, so that is done every 30 s at most. A stream is no queue to take messages from, and its
//! server refuses that.
//!
//! With `declare`, an exchange is made at each connect, and a queue before its first message of each connection: `type` (`topic` for an exchange;
//! for a queue the server's default, `classic` or `quorum`), `durable`, `auto_delete`, `arguments` and, of a queue, `bindings`.
//! Streams are refused. A queue that is declared with `x-single-active-consumer`, or `auto_delete`, has a consumer that stands
//! from the first request on: one message is out at once unless `prefetch_count` says more, and may wait for a request. After
//! 30 s without a request, and once nothing is out that a request got, a single active consumer steps down in favour of another
//! gateway's; that of a queue with `auto_delete` never does, as the queue would be deleted with what is in it, but gives back
//! what has waited so long. The server deletes such a queue when the connection of its last consumer is lost, or its gateway
//! ends.
//!
//! A delivery's attributes are its headers and, under the names above, its properties, of which `Amqp-Delivery-Mode` is only
//! there where it is not 2; a property goes before a header of its name. Its key is the routing key, its topic the exchange
//! (the queue, from the default exchange), and its timestamp the property. Headers that are no text are written out: numbers
//! and booleans, a timestamp as its seconds since 1970, a list or table as JSON, bytes that are no UTF-8 percent-encoded.
//!
//! # Limits
//!
//! The size of a message is limited by the server (`max_message_size`), which is known once a message was over it; that of
//! its headers by a frame (`frame_max`, 128 KiB unless it is set). Names, routing keys and the values of properties have at most
//! 255 bytes. Exchanges and queues are not declared, unless `declare` asks for it.

mod declaration;

pub use declaration::DEFAULT_EXCHANGE_TYPE;

pub(crate) mod addresses;
pub(crate) mod attributes;
#[cfg(feature = "rabbitmq")]
mod client;
#[cfg(feature = "rabbitmq")]
mod options;
mod settings;

#[cfg(feature = "rabbitmq")]
pub use client::{Broker, Delivery, Publisher, Subscriber};

use std::borrow::Cow;

use crate::grammar::{BrokerUrl, Grammar};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// RabbitMQ's entry in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "rabbitmq",
    schemes: &["rabbit", "amqp"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[Variable {
        name: "RABBIT_SERVER_URL",
        expected: "the server's address, amqp://USER:PASSWORD@HOST:5672/VHOST; several are separated by commas",
        required: true,
    }],
    settings: settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        ordering: true,
        dead_letter: true,
        // Quorum queues count, classic ones do not.
        delivery_count: false,
        empty_body: true,
        binary_body: true,
        key: true,
        dedup: false,
        confirm: &[Confirm::All, Confirm::None],
        offset: false,
        timestamp: true,
        attributes: true,
        declare: true,
        max_body_bytes: None,
    },
    has_client: true,
    covers: None,
    check_attribute: Some(attributes::check_name),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(settings::check),
    check_declaration: Some(declaration::check),
    check_message: None,
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The exchange's name; empty for the default exchange.
    pub exchange: Cow<'a, str>,
    /// The attribute whose value is the routing key.
    pub key_name: Option<Cow<'a, str>>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The queue's name.
    pub queue: Cow<'a, str>,
    /// How many deliveries may be unacknowledged; 0 is no bound.
    pub prefetch_count: Option<u16>,
    /// The priority of its consumers among others of the queue; 0 where there is none.
    pub priority: Option<i32>,
}

/// AMQP 0-9-1 keeps a name as a short string.
const MAX_NAME_BYTES: usize = 255;

static TOPIC: Grammar = Grammar {
    what: "a RabbitMQ topic",
    schemes: DRIVER.schemes,
    example: "rabbit://myexchange",
    parameters: &[&["key_name"]],
    elsewhere: (&["prefetch_count"], "a subscription"),
    credentials: "RABBIT_SERVER_URL",
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a RabbitMQ subscription",
    schemes: DRIVER.schemes,
    example: "rabbit://myqueue",
    parameters: &[&["prefetch_count"], &["priority"]],
    elsewhere: (&["key_name"], "a topic"),
    credentials: "RABBIT_SERVER_URL",
};

impl<'a> Topic<'a> {
    /// Reads `rabbit://EXCHANGE`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a RabbitMQ topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let key_name = url.text("key_name")?;
        // Without a routing key the default exchange can route nothing.
        if key_name.is_some() && url.location.text.is_empty() {
            return Ok(Self { exchange: Cow::Borrowed(""), key_name });
        }
        let exchange = url.name()?;
        exchange.check_length(MAX_NAME_BYTES, "the name of an exchange")?;
        Ok(Self { exchange: exchange.into_text(), key_name })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `rabbit://QUEUE`. Allocates only for escapes.
    ///
    /// # Errors
    /// The URL is not a RabbitMQ subscription's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let queue = url.name()?;
        queue.check_length(MAX_NAME_BYTES, "the name of a queue")?;
        let prefetch_count = url.integer("prefetch_count", 0..=u32::from(u16::MAX))?;
        let priority = url.integer("priority", 0..=i32::MAX.unsigned_abs())?;
        Ok(Self {
            queue: queue.into_text(),
            prefetch_count: prefetch_count.and_then(|count| count.try_into().ok()),
            priority: priority.and_then(|priority| priority.try_into().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, exchange, key_name) in [
            ("rabbit://myexchange", "myexchange", None),
            ("rabbit://my%20exchange/", "my exchange", None),
            ("rabbit://a/b:c?key_name=Rk", "a/b:c", Some("Rk")),
            ("rabbit://amq.topic?key_name=X-Key", "amq.topic", Some("X-Key")),
            ("rabbit://user%40example", "user@example", None),
            ("rabbit://?key_name=Queue", "", Some("Queue")),
        ] {
            let expected = Topic { exchange: Cow::Borrowed(exchange), key_name: key_name.map(Cow::Borrowed) };
            assert_eq!(Topic::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn subscriptions() {
        for (url, queue, prefetch_count, priority) in [
            ("rabbit://myqueue", "myqueue", None, None),
            ("amqp://myexchange", "myexchange", None, None),
            ("rabbit://a.b-c_d/e?prefetch_count=0", "a.b-c_d/e", Some(0), None),
            ("rabbit://q?prefetch_count=65535&priority=10", "q", Some(65535), Some(10)),
        ] {
            let expected = Subscription { queue: Cow::Borrowed(queue), prefetch_count, priority };
            assert_eq!(Subscription::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn refused_topics() {
        const EXAMPLE: &str = "a RabbitMQ topic looks like `rabbit://myexchange`";
        let long = "x".repeat(256);
        assert_refused(
            DRIVER.topic,
            &[
                ("[rabbit://]", "the URL does not name a RabbitMQ topic", EXAMPLE),
                ("[rabbitmq]://myexchange", "`rabbitmq` is not the scheme of a RabbitMQ topic", EXAMPLE),
                (&format!("rabbit://[{long}]"), "the name of an exchange has at most 255 bytes, this one has 256", ""),
                (
                    "rabbit://[guest:guest@]localhost:5672/myexchange",
                    "a user or password does not belong in the URL",
                    "credentials come from RABBIT_SERVER_URL; a RabbitMQ topic looks like `rabbit://myexchange`",
                ),
                (
                    "rabbit://ex?[prefetch_count]=1",
                    "`prefetch_count` is not a parameter of a RabbitMQ topic, only of a subscription",
                    "accepted: `key_name`",
                ),
                ("rabbit://ex?[durable]=true", "unknown parameter `durable`", "accepted: `key_name`"),
                ("rabbit://?[key_name]=", "`key_name` has no value", ""),
            ],
        );
    }

    #[test]
    fn refused_subscriptions() {
        assert_refused(
            DRIVER.subscription,
            &[
                (
                    "[rabbit://?prefetch_count=1]",
                    "the URL does not name a RabbitMQ subscription",
                    "a RabbitMQ subscription looks like `rabbit://myqueue`",
                ),
                ("rabbit://q?prefetch_count=[65536]", "`65536` is not a whole number from 0 to 65535", ""),
                ("rabbit://q?prefetch_count=[ten]", "`ten` is not a whole number from 0 to 65535", ""),
                (
                    "rabbit://q?[qos]=1",
                    "unknown parameter `qos`",
                    "did you mean `prefetch_count`? (accepted: `prefetch_count`, `priority`)",
                ),
                (
                    "rabbit://q?[key_name]=Rk",
                    "`key_name` is not a parameter of a RabbitMQ subscription, only of a topic",
                    "accepted: `prefetch_count`, `priority`",
                ),
            ],
        );
    }
}
