//! Google Cloud Pub/Sub.
//!
//! # URL
//!
//! A topic is `gcppubsub://projects/PROJECT/topics/TOPIC`, or `gcppubsub://PROJECT/TOPIC` for short.
//! `max_send_batch_size` (1 to 1000) bounds how many messages one request publishes.
//!
//! ```
//! use sluicegate_drivers::gcp_pubsub::Topic;
//!
//! let topic = Topic::parse("gcppubsub://projects/myproject/topics/mytopic?max_send_batch_size=100")?;
//! assert_eq!((&*topic.project, &*topic.topic), ("myproject", "mytopic"));
//! assert_eq!(topic.max_send_batch_size, Some(100));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is `gcppubsub://projects/PROJECT/subscriptions/SUBSCRIPTION`, or
//! `gcppubsub://PROJECT/SUBSCRIPTION`. `max_recv_batch_size` (1 to 1000) bounds how many messages one request receives: here
//! that is one, so it is always kept. `nacklazy` (boolean) lets a message that is given back wait for the end of its lease,
//! unless it is given back for a time.
//!
//! ```
//! use sluicegate_drivers::gcp_pubsub::Subscription;
//!
//! let subscription = Subscription::parse("gcppubsub://myproject/mysubscription?nacklazy=true")?;
//! assert_eq!((&*subscription.project, &*subscription.subscription), ("myproject", "mysubscription"));
//! assert!(subscription.nack_lazy);
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! Credentials are Google's "application default": those of the file that `GOOGLE_APPLICATION_CREDENTIALS` names, or that
//! `gcloud auth application-default login` has left in the home, or else of the metadata server (Compute Engine, GKE, Cloud
//! Run; `GCE_METADATA_HOST` is another one's address). A file holds a service account's key, a user's login, an external
//! account (workload identity federation: a token from a file, a URL, AWS or, with
//! `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`, a program is exchanged for Google's) or whom to act as
//! (`impersonated_service_account`). Tokens are renewed minutes before they end. With `PUBSUB_EMULATOR_HOST`,
//! `HOST:PORT`, an emulator is spoken to instead, without TLS and credentials. `GOOGLE_CLOUD_QUOTA_PROJECT` has requests
//! counted for that project, and `GOOGLE_CLOUD_UNIVERSE_DOMAIN` is the domain of another cloud than `googleapis.com`.
//!
//! A named broker has these settings. What it does not say is as above, but for the emulator, which it has only by
//! `emulator`. Variables and files are read again at each connect, and a file that changes while there is a connection
//! makes another one within seconds, without a restart; the one before is kept until that stands.
//!
//! | Setting | Means |
//! | --- | --- |
//! | `credentials` | the path of a file as above |
//! | `credentials_json` | what such a file holds (`"env:NAME"`, `"file:PATH"`) |
//! | `quota_project` | the project that requests are counted for |
//! | `endpoint` | `HOST` or `HOST:PORT`: a region's (`europe-west1-pubsub.googleapis.com`), or a private one |
//! | `emulator` | the `HOST:PORT` of an emulator; nothing of the above stands beside it |
//! | `tls.ca_certs` | roots to trust besides the system's, paths of PEM files |
//! | `tls.disable_system_ca_pool` | trusts no others than those |
//! | `max_pending` | how many messages may be on their way to the service (16384); more are refused at once |
//!
//! With TLS the system's roots are trusted, or the bundled ones where the system has none. Whoever gives tokens over HTTPS
//! is trusted by the system's alone (`SSL_CERT_FILE`), so those have to be there, also for the metadata server, but for the key
//! of a service account, which needs no tokens of others. Where they are not, Google's library panics, which is an outage like
//! any other, and tried again.
//!
//! There is one connection, made where there is a use for it. It is asked for a sign of life when it was silent for 30 s, when
//! an answer has not come for 5 s and when a request fails: any answer of the service will do, whatever is allowed, and
//! it is asked every two seconds at most. No sign within 5 s, or the second refusal in a row, is an outage: one line in the log,
//! what is on its way ends, and messages are refused at once until it is over. Connecting is tried every three seconds then, and
//! for credentials that were refused new tokens are asked for every ten. A connection that the service ends in order, as
//! it does now and then, is replaced, and nobody notices.
//!
//! # Delivery
//!
//! At least once. A publish is confirmed by the service's answer, with the message's id. What the service asks to try again
//! (`UNAVAILABLE`, `ABORTED`) is sent four times within a second, and may be stored twice then, as with Google's own
//! clients; of one that failed so, or had no answer within 30 s or until the connection was lost, nobody knows whether it is
//! stored. What certainly was not sent or not stored is told apart from that, and quota that is used up is no room.
//!
//! A message that comes alone is sent at once. While eight requests of its topic are on their way, those that come are
//! gathered, and the next request takes them all: up to `max_send_batch_size` and 10 MB. One of them that the service does
//! not take, as by a schema, is refused alone: it is looked for by halves.
//!
//! The message's key is its ordering key. Messages of one key are in one request at a time, so they are stored in the order
//! they came in. Where one may not have been stored, those that wait behind it are refused as not sent, and then the key is
//! free: none is held up for good, and none overtakes another that somebody sends again. The service keeps the order of what
//! is published in one region: who publishes from several sets `endpoint` to one of them.
//!
//! Each request that waits asks the service for one message (`Pull`), and is asked for no longer than it waits: nothing is
//! leased for nobody, replicas share by who asks, and two messages of a key are not out at once. What comes for a request
//! that has just gone is for the next one, or back at once; what the service sends in the very moment that its request is
//! cancelled comes again when its lease ends, as the gateway never knew of it. Messages with the same key arrive in order,
//! where the subscription has message ordering.
//!
//! A delivery is leased for the subscription's acknowledgement deadline, and one that is held longer than 4 s for another
//! 30 s, again and again, for as long as the request is served: a gateway that dies has its messages delivered again after
//! that at most. An acknowledgement is the service's answer, and is told again for 20 s where there is none. With exactly-once
//! delivery an acknowledged message does not come again, and one whose lease was lost is told to be; without, the service
//! takes late acknowledgements without a word, and may deliver what was acknowledged once more.
//!
//! A message that is given back comes again at once, or after whole seconds (at most ten minutes); where the subscription has
//! a retry policy, after its backoff besides. Only where it has a dead-letter policy does the service count deliveries, and
//! then moves messages by itself: one that is to be dead-lettered is given back for that, and dropped, with an error in the
//! log, where there is none.
//!
//! A subscription that is missing or not allowed refuses requests, and is asked again for those that come, at most two seconds
//! later; one failure of the service or of the connection is not told, the second in a row is.
//!
//! # Limits
//!
//! A message has at most 9.99 MB, or 10 MB with its attributes, key and topic, and 100 attributes, whose names have at most 256 bytes and values 1024, as has the key. One
//! without a body has an attribute. Names of attributes are not empty, and do not begin with `goog`. All that is checked
//! before anything is sent. Headers that begin so, or with `CloudPubSub`, as what the service says of dead-lettered messages does,
//! pass only by name. `max_pending` counts messages, whatever their size. An identity that the publisher gives is not kept: nothing is deduplicated. Identifiers in URLs
//! have 3 to 255 letters, digits and `-._~+%`, begin with a letter and not with `goog`. The lengths of project ids are not
//! checked, as emulators take any. Topics and subscriptions are not made.
//!
//! At most 64 requests of a broker ask at once, shared evenly among its subscriptions; the others have their turn as those are
//! answered. Google's servers take 100 calls on a connection, and so has whatever stands in between. So a broker has
//! at most 64 subscriptions, and with more than 32 each asks for one message at a time, whatever the others do: more of them need
//! a second one by name. A message that is given back while its lease is being extended may come again only after 30 s.

mod attributes;
#[cfg(feature = "gcp_pubsub")]
mod client;
mod endpoint;
#[cfg(feature = "gcp_pubsub")]
mod options;
mod settings;

#[cfg(feature = "gcp_pubsub")]
pub use client::{Broker, Delivery, Publisher, Subscriber};

use std::borrow::Cow;

use crate::grammar::{BrokerUrl, Grammar, Piece, Plus, Value};
use crate::{Capabilities, Confirm, Driver, UrlError, Variable};

/// The entry of Google Cloud Pub/Sub in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "gcp_pubsub",
    schemes: &["gcppubsub"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: &[
        Variable {
            name: "GOOGLE_APPLICATION_CREDENTIALS",
            expected: "the path of a file with credentials, where the metadata server has none",
            required: false,
        },
        Variable { name: "GCE_METADATA_HOST", expected: "the HOST[:PORT] of another metadata server", required: false },
        Variable {
            name: "GOOGLE_CLOUD_QUOTA_PROJECT",
            expected: "the project that requests are counted for",
            required: false,
        },
        Variable {
            name: "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
            expected: "the domain of another cloud than googleapis.com",
            required: false,
        },
        Variable {
            name: "PUBSUB_EMULATOR_HOST",
            expected: "the HOST:PORT of an emulator to use instead of the service",
            required: false,
        },
    ],
    settings: settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        ordering: true,
        // A dead-letter policy moves and counts messages, a client cannot.
        dead_letter: false,
        delivery_count: false,
        empty_body: false,
        binary_body: true,
        key: true,
        dedup: false,
        confirm: &[Confirm::All],
        offset: false,
        timestamp: true,
        attributes: true,
        declare: false,
        max_body_bytes: Some(MAX_BODY),
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
    /// The project's id.
    pub project: Cow<'a, str>,
    /// The topic's id.
    pub topic: Cow<'a, str>,
    /// How many messages one request publishes at most, 1 to 1000.
    pub max_send_batch_size: Option<u32>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The project's id.
    pub project: Cow<'a, str>,
    /// The subscription's id.
    pub subscription: Cow<'a, str>,
    /// How many messages are received at once at most, 1 to 1000.
    pub max_recv_batch_size: Option<u32>,
    /// Whether a message that is given back waits for its deadline.
    pub nack_lazy: bool,
}

/// The most messages that the service takes or gives in one request.
const MAX_BATCH: u32 = 1000;

/// Of a message's body, in bytes. A request has 10 MB at most, and in it are the key and the topic's name, too.
const MAX_BODY: usize = 9_990_000;

static TOPIC: Grammar = Grammar {
    what: "a Pub/Sub topic",
    schemes: DRIVER.schemes,
    example: "gcppubsub://projects/myproject/topics/mytopic",
    parameters: &[&["max_send_batch_size"]],
    elsewhere: (&["max_recv_batch_size", "nacklazy"], "a subscription"),
    credentials: "GOOGLE_APPLICATION_CREDENTIALS",
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "a Pub/Sub subscription",
    schemes: DRIVER.schemes,
    example: "gcppubsub://projects/myproject/subscriptions/mysubscription",
    parameters: &[&["max_recv_batch_size", "nacklazy"]],
    elsewhere: (&["max_send_batch_size"], "a topic"),
    credentials: "GOOGLE_APPLICATION_CREDENTIALS",
};

impl<'a> Topic<'a> {
    /// Reads `gcppubsub://projects/PROJECT/topics/TOPIC` or `gcppubsub://PROJECT/TOPIC`.
    ///
    /// # Errors
    /// The URL is not a Pub/Sub topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let (project, topic) = resource(&url, "topics")?;
        Ok(Self { project, topic, max_send_batch_size: url.integer("max_send_batch_size", 1..=MAX_BATCH)? })
    }

    /// The topic's full name, `projects/PROJECT/topics/TOPIC`. Allocates.
    #[must_use]
    pub fn path(&self) -> String {
        format!("projects/{}/topics/{}", self.project, self.topic)
    }
}

impl<'a> Subscription<'a> {
    /// Reads `gcppubsub://projects/PROJECT/subscriptions/SUBSCRIPTION` or `gcppubsub://PROJECT/SUBSCRIPTION`.
    ///
    /// # Errors
    /// The URL is not a Pub/Sub subscription's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let (project, subscription) = resource(&url, "subscriptions")?;
        Ok(Self {
            project,
            subscription,
            max_recv_batch_size: url.integer("max_recv_batch_size", 1..=MAX_BATCH)?,
            nack_lazy: url.boolean("nacklazy")?.unwrap_or_default(),
        })
    }

    /// The subscription's full name, `projects/PROJECT/subscriptions/SUBSCRIPTION`. Allocates.
    #[must_use]
    pub fn path(&self) -> String {
        format!("projects/{}/subscriptions/{}", self.project, self.subscription)
    }
}

/// The project and the id in it, of either form.
fn resource<'a>(url: &BrokerUrl<'a>, collection: &str) -> Result<(Cow<'a, str>, Cow<'a, str>), UrlError> {
    let parts: Vec<Piece<'a>> = url.location.split('/').collect();
    let (project, id) = match parts[..] {
        [Piece { text: "projects", .. }, project, found, id] => {
            if found.text != collection {
                let message = format!("this is `{}`, not `{collection}`", found.text);
                return Err(found.error(message).with_help(url.example()));
            }
            (project, id)
        }
        [project, id] => (project, id),
        _ => return Err(url.error("the URL is not made of project and name")),
    };
    let project = project.decode(Plus::Literal)?;
    check_project(&project)?;
    let id = id.decode(Plus::Literal)?;
    check_id(&id)?;
    Ok((project.into_text(), id.into_text()))
}

/// A project's id, with its domain where it has one (`example.com:myproject`), or its number.
fn check_project(project: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "a project's id has small letters, digits and `-`: `myproject-123`";
    if project.text.is_empty() {
        return Err(project.error("the project is missing").with_help(RULE));
    }
    let id = project.text.rfind(':').map_or(0, |colon| colon + 1);
    project.check_characters(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | ':'), RULE)?;
    let dot = project.text[id..].find(['.', ':']).map(|at| id + at);
    if let Some(dot) = dot {
        return Err(project.not_allowed(dot, '.', RULE));
    }
    let number = project.text[id..].bytes().all(|b| b.is_ascii_digit());
    let letter = project.text[id..].starts_with(|c: char| c.is_ascii_lowercase());
    if id == project.text.len() || !(number || letter) || project.text.ends_with('-') {
        let message = "a project's id begins with a letter and does not end in `-`";
        return Err(project.error(message).with_help(RULE));
    }
    Ok(())
}

/// The rule for the ids of topics and subscriptions alike.
fn check_id(id: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "a name has 3 to 255 letters, digits and `-._~+%`, the first one a letter";
    id.check_characters(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '%'), RULE)?;
    if !id.text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(id.error("a name begins with a letter").with_help(RULE));
    }
    if id.text.starts_with("goog") {
        return Err(id.error_at(0..4, "names that begin with `goog` are Google's own"));
    }
    if id.text.len() < 3 {
        return Err(id.error("the name is too short").with_help(RULE));
    }
    id.check_length(255, "a name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, path, max_send_batch_size) in [
            ("gcppubsub://projects/myproject/topics/mytopic", "projects/myproject/topics/mytopic", None),
            ("gcppubsub://myproject/mytopic?max_send_batch_size=1", "projects/myproject/topics/mytopic", Some(1)),
            ("gcppubsub://p-1/a.b_c~d+e-F/?max_send_batch_size=1000", "projects/p-1/topics/a.b_c~d+e-F", Some(1000)),
            ("gcppubsub://p1/a%25b", "projects/p1/topics/a%b", None),
            ("gcppubsub://123456789012/abc", "projects/123456789012/topics/abc", None),
            ("gcppubsub://projects/topic-x", "projects/projects/topics/topic-x", None),
            ("gcppubsub://projects/example.com:p/topics/abc", "projects/example.com:p/topics/abc", None),
        ] {
            let topic = Topic::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((&*topic.path(), topic.max_send_batch_size), (path, max_send_batch_size), "{url}");
        }
    }

    #[test]
    fn subscriptions() {
        for (url, path, max_recv_batch_size, nack_lazy) in [
            ("gcppubsub://projects/p1/subscriptions/sub", "projects/p1/subscriptions/sub", None, false),
            ("gcppubsub://p1/sub?max_recv_batch_size=10", "projects/p1/subscriptions/sub", Some(10), false),
            ("gcppubsub://p1/sub?nacklazy=1", "projects/p1/subscriptions/sub", None, true),
        ] {
            let found = Subscription::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(
                (&*found.path(), found.max_recv_batch_size, found.nack_lazy),
                (path, max_recv_batch_size, nack_lazy),
                "{url}"
            );
        }
    }

    #[test]
    fn refused_topics() {
        const URL: &str = "a Pub/Sub topic looks like `gcppubsub://projects/myproject/topics/mytopic`";
        const PARTS: &str = "the URL is not made of project and name";
        const PROJECT: &str = "a project's id has small letters, digits and `-`: `myproject-123`";
        const PROJECT_ENDS: &str = "a project's id begins with a letter and does not end in `-`";
        const NAME: &str = "a name has 3 to 255 letters, digits and `-._~+%`, the first one a letter";
        let long = "x".repeat(256);
        assert_refused(
            DRIVER.topic,
            &[
                ("[gcppubsub://]", PARTS, URL),
                ("[gcppubsub://mytopic]", PARTS, URL),
                ("[gcppubsub://p/topics/mytopic]", PARTS, URL),
                ("[gcppubsub://a/p/topics/mytopic]", PARTS, URL),
                ("gcppubsub://projects/p/[subscriptions]/abc", "this is `subscriptions`, not `topics`", URL),
                ("gcppubsub://projects/p/[topic]/abc", "this is `topic`, not `topics`", URL),
                ("gcppubsub://[]/abc", "the project is missing", PROJECT),
                ("gcppubsub://[M]y/abc", "`M` is not allowed here", PROJECT),
                ("gcppubsub://my[.]project/abc", "`.` is not allowed here", PROJECT),
                ("gcppubsub://[1a]/abc", PROJECT_ENDS, PROJECT),
                ("gcppubsub://[a-]/abc", PROJECT_ENDS, PROJECT),
                ("gcppubsub://[example.com:]/abc", PROJECT_ENDS, PROJECT),
                ("gcppubsub://p/a[:]b", "`:` is not allowed here", NAME),
                ("gcppubsub://p/[1ab]", "a name begins with a letter", NAME),
                ("gcppubsub://p/[ab]", "the name is too short", NAME),
                ("gcppubsub://p/[goog]x", "names that begin with `goog` are Google's own", ""),
                (&format!("gcppubsub://p/[{long}]"), "a name has at most 255 bytes, this one has 256", ""),
                ("gcppubsub://p/abc?max_send_batch_size=[0]", "`0` is not a whole number from 1 to 1000", ""),
                ("gcppubsub://p/abc?max_send_batch_size=[1001]", "`1001` is not a whole number from 1 to 1000", ""),
                (
                    "gcppubsub://p/abc?[nacklazy]=true",
                    "`nacklazy` is not a parameter of a Pub/Sub topic, only of a subscription",
                    "accepted: `max_send_batch_size`",
                ),
            ],
        );
    }

    #[test]
    fn refused_subscriptions() {
        const URL: &str =
            "a Pub/Sub subscription looks like `gcppubsub://projects/myproject/subscriptions/mysubscription`";
        assert_refused(
            DRIVER.subscription,
            &[
                ("gcppubsub://projects/p/[topics]/abc", "this is `topics`, not `subscriptions`", URL),
                ("gcppubsub://p/abc?max_recv_batch_size=[x]", "`x` is not a whole number from 1 to 1000", ""),
                ("gcppubsub://p/abc?nacklazy=[lazy]", "`lazy` is not a boolean", "write `true` or `false`"),
                (
                    "gcppubsub://p/abc?[max_send_batch_size]=1",
                    "`max_send_batch_size` is not a parameter of a Pub/Sub subscription, only of a topic",
                    "accepted: `max_recv_batch_size`, `nacklazy`",
                ),
                (
                    "gcppubsub://p/abc?[max_rcv_batch_size]=1",
                    "unknown parameter `max_rcv_batch_size`",
                    "did you mean `max_recv_batch_size`? (accepted: `max_recv_batch_size`, `nacklazy`)",
                ),
            ],
        );
    }
}
