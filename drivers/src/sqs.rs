//! Amazon Simple Queue Service.
//!
//! # URL
//!
//! A topic is `awssqs://HOST/ACCOUNT/QUEUE`: the queue's URL with `awssqs` in the place of `https`.
//! The query parameters are [those of AWS](crate::aws).
//!
//! ```
//! use sluicegate_drivers::sqs::Topic;
//!
//! let topic = Topic::parse("awssqs://sqs.us-east-2.amazonaws.com/123456789012/myqueue?region=us-east-2")?;
//! assert_eq!(topic.queue.url(), "https://sqs.us-east-2.amazonaws.com/123456789012/myqueue");
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! A subscription is the same URL, with more parameters: `raw` (boolean: do not look for the
//! envelope that SNS puts around messages), `nacklazy` (boolean: giving back waits for the queue's
//! own visibility timeout), `waittime` (a duration up to 20 s: how long one poll waits) and
//! `snstopicarn` (the ARN of the SNS topic that feeds the queue).
//!
//! ```
//! use std::time::Duration;
//! use sluicegate_drivers::sqs::Subscription;
//!
//! let subscription =
//!     Subscription::parse("awssqs://sqs.us-east-2.amazonaws.com/123456789012/myqueue?raw=true&waittime=20s")?;
//! assert_eq!(subscription.queue.name, "myqueue");
//! assert!(subscription.raw);
//! assert_eq!(subscription.wait_time, Some(Duration::from_secs(20)));
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! # Environment
//!
//! Nothing is required. The AWS default chain finds region and credentials: `AWS_REGION`,
//! `AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, configuration
//! files, web identity, container and instance metadata. A named broker has [settings](crate::aws)
//! instead. The region is that of the queue's host, unless the URL names one.
//!
//! The login may `sqs:SendMessage`, or `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:ChangeMessageVisibility`. With
//! `sqs:GetQueueAttributes` the gateway knows the queue's own limits, and its redrive policy; they are asked for every five
//! minutes. With `sqs:SendMessage` for the dead-letter queue, what is given up is moved there at once.
//!
//! # Delivery
//!
//! At least once. A publish is confirmed by the service's answer, whose message id is in the receipt, and so is the sequence
//! number of a FIFO queue where it fits into 64 bits. A lone message goes at once. Those that come while requests are under
//! way go together, up to ten in a request, and each has its own answer. What was certainly not stored is sent again, up to
//! three times in all. What may have been stored is only sent again where a FIFO queue drops what it has seen; otherwise it
//! ends as one of which nobody knows, and the client decides.
//!
//! The message's key is the message group: a FIFO queue needs one, and keeps the order of each group; of another queue it
//! makes a fair one. The message's id is the deduplication id of a FIFO queue, which stores none twice within five minutes.
//! Without an id, such a queue compares bodies (`ContentBasedDeduplication`); where it does not, the message gets an id that
//! no other has. A queue that does not say what it is shows it by refusing the first message, which is sent once more. Each
//! poll of a FIFO queue asks for one message, so that the next of its group waits until that is settled. A standard queue keeps
//! no order, and has no place for an id.
//!
//! An attribute is a message attribute of the type `String`. `Sqs-Delay-Seconds` (0 to 900, not for FIFO queues) and
//! `Sqs-Trace-Header` (AWS X-Ray) are told to the service instead. A delivery has the latter where the publisher has set it,
//! `Sqs-Sequence-Number` on a FIFO queue, and `Sqs-Dead-Letter-Queue-Source-Arn` where a redrive policy has moved it. What
//! other clients write is read as well: a `Number` is its text and `Binary` is base64; names and values that a KrakenD has
//! escaped, and bodies in base64 with the attribute `base64encoded`, are what they were. What would be mistaken for those is
//! marked when it is published: by the type `String.plain`, and the attribute `Sqs-Plain` of a body that looks like an
//! envelope of SNS.
//!
//! A body without attributes that is an envelope of SNS (JSON with a `TopicArn`) is taken out of it, unless the subscription
//! is `raw`. The attributes in there are only believed where `snstopicarn` names that topic, since whoever can choose a body
//! can write an envelope; with `snstopicarn`, the envelopes of other topics are left alone. A client that knows the ARN, and
//! chooses bodies that another publisher than this one sends to the queue itself, or to a topic that is delivered raw, can
//! still write one: give such a queue `raw`, or let the topic deliver envelopes and nobody else publish to the queue.
//!
//! As many messages are asked for as requests wait, by long polls that last as long as the last of those waits, `waittime`
//! or 20 s: whichever is less. (`waittime=0s` asks four times a second instead.) A poll whose request has gone is not broken
//! off, as the service may have hidden a message for it by then: it is there for the next request, and what it brings to
//! nobody is given back at once. SQS counts that as a delivery. Where polls fail of what may pass, as too many requests, there
//! is a line in the log, and who does not wait until the next one is told.
//!
//! A delivery is hidden from others for as long as the queue says (`VisibilityTimeout`; 30 s where it does not, 5 s at
//! least), and for longer while the gateway holds it, up to 12 hours. Where the service cannot be reached in time it is
//! over: somebody else may have the message, and a settlement is an error. Giving back shows it at once, or after a wait, up
//! to 12 hours; with `nacklazy`, after the time that is left. What is acknowledged is deleted, up to ten in a request. Where
//! that fails the settlement is an error, with a line in the log, and it is tried again for as long as the delivery is
//! hidden. What is held when the gateway ends is given back; what is on its way to it in the last two seconds comes again
//! after the queue's timeout.
//!
//! The service counts deliveries, and moves a message by itself that was delivered as often as the queue's redrive policy
//! says. A message that the gateway gives up before that is sent to the policy's queue as it was, with the attribute
//! `Dead-Letter-Reason` where there is room for it, and deleted; the service cannot redrive it to where it came from, only
//! to a queue that is named. One that was delivered as often as that is left to the service. Without a redrive policy it is
//! dropped, with an error in the log. Where the queue does not tell, nothing is dropped: it comes again until the service
//! moves it.
//!
//! # Limits
//!
//! A message has at most as many bytes as its queue takes (`MaximumMessageSize`, 1 MiB at most), its attributes with their
//! names and types included, and a body: an empty one is refused. A body that is no text, or has a character that XML has
//! not, is sent as base64, with the attribute `base64encoded`, as KrakenD does; it is base64 that counts. There are at most
//! ten attributes, `base64encoded` included. Their names have letters, digits, `_`, `-` and single `.` inside, and their
//! values are not empty and have characters of XML. A key and an id have up to 128 printable characters of ASCII, without
//! spaces. Of a publisher up to 16384 messages or 64 MiB may be on their way; more are refused at once. Waits are whole
//! seconds, rounded up.

mod attributes;
#[cfg(feature = "sqs")]
mod client;

use std::borrow::Cow;
use std::time::Duration;

#[cfg(feature = "sqs")]
pub use self::client::{Broker, Delivery, Publisher, Subscriber};
use crate::aws::{self, Parameters};
use crate::grammar::{BrokerUrl, Grammar, Piece, Plus};
use crate::{Capabilities, Confirm, Driver, Part, Parts, UrlError};

/// The entry of SQS in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "sqs",
    schemes: &["awssqs"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: Some(|url| Subscription::parse(url).map(drop)),
    environment: aws::ENVIRONMENT,
    settings: aws::settings::SETTINGS,
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        // Of each message group of a FIFO queue.
        ordering: true,
        // Where the queue's redrive policy says.
        dead_letter: true,
        delivery_count: true,
        empty_body: false,
        binary_body: true,
        key: true,
        dedup: true,
        confirm: &[Confirm::All],
        offset: false,
        timestamp: true,
        attributes: true,
        declare: false,
        max_body_bytes: Some(1024 * 1024),
    },
    has_client: true,
    covers: None,
    check_attribute: Some(attributes::check_name),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(aws::settings::check),
    check_declaration: None,
    check_message: Some(check_message),
};

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The queue.
    pub queue: Queue<'a>,
    /// What the URL says of the connection.
    pub aws: Parameters<'a>,
}

/// What is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The queue.
    pub queue: Queue<'a>,
    /// Whether bodies are taken as they are, without looking for an envelope of SNS.
    pub raw: bool,
    /// Whether giving back waits for the queue's own visibility timeout.
    pub nack_lazy: bool,
    /// How long one poll waits for a message, at most 20 s.
    pub wait_time: Option<Duration>,
    /// The SNS topic that feeds the queue.
    pub sns_topic_arn: Option<Cow<'a, str>>,
    /// What the URL says of the connection.
    pub aws: Parameters<'a>,
}

/// A queue, by the parts of its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue<'a> {
    /// The host, and the port where there is one.
    pub host: &'a str,
    /// The number of the account it belongs to.
    pub account: &'a str,
    /// Its name.
    pub name: Cow<'a, str>,
}

/// The longest that SQS lets one poll wait.
const MAX_WAIT: Duration = Duration::from_secs(20);

const EXAMPLE: &str = "awssqs://sqs.us-east-2.amazonaws.com/123456789012/myqueue";
const SUBSCRIPTION_PARAMETERS: &[&str] = &["raw", "nacklazy", "waittime", "snstopicarn"];

static TOPIC: Grammar = Grammar {
    what: "an SQS topic",
    schemes: DRIVER.schemes,
    example: EXAMPLE,
    parameters: &[aws::PARAMETERS],
    elsewhere: (SUBSCRIPTION_PARAMETERS, "a subscription"),
    credentials: aws::CREDENTIALS,
};

static SUBSCRIPTION: Grammar = Grammar {
    what: "an SQS subscription",
    schemes: DRIVER.schemes,
    example: EXAMPLE,
    parameters: &[SUBSCRIPTION_PARAMETERS, aws::PARAMETERS],
    elsewhere: (&[], "a topic"),
    credentials: aws::CREDENTIALS,
};

impl<'a> Topic<'a> {
    /// Reads `awssqs://HOST/ACCOUNT/QUEUE`.
    ///
    /// # Errors
    /// The URL is not an SQS queue's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &TOPIC)?;
        let queue = Queue::parse(&url)?;
        let aws = Parameters::parse(&url, queue.region())?;
        Ok(Self { queue, aws })
    }
}

impl<'a> Subscription<'a> {
    /// Reads `awssqs://HOST/ACCOUNT/QUEUE`.
    ///
    /// # Errors
    /// The URL is not an SQS queue's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = BrokerUrl::parse(url, &SUBSCRIPTION)?;
        let queue = Queue::parse(&url)?;
        let sns_topic_arn = url.value("snstopicarn")?;
        if let Some(arn) = &sns_topic_arn {
            aws::check_topic_arn(arn)?;
        }
        Ok(Self {
            raw: url.boolean("raw")?.unwrap_or_default(),
            nack_lazy: url.boolean("nacklazy")?.unwrap_or_default(),
            wait_time: url.duration("waittime", Some(MAX_WAIT))?,
            sns_topic_arn: sns_topic_arn.map(|arn| arn.into_text()),
            aws: Parameters::parse(&url, queue.region())?,
            queue,
        })
    }
}

impl<'a> Queue<'a> {
    fn parse(url: &BrokerUrl<'a>) -> Result<Self, UrlError> {
        const RULE: &str = "the name of a queue has letters, digits, `_` and `-`, and may end in `.fifo`";
        check_no_second_scheme(url.location)?;
        let parts: Vec<Piece<'a>> = url.location.split('/').collect();
        let [host, account, name] = parts[..] else {
            return Err(url.error("the URL is not made of host, account and queue"));
        };
        check_host(host)?;
        if !aws::is_account(account.text) {
            return Err(account.error("an account has 12 digits").with_help(url.example()));
        }
        let decoded = name.decode(Plus::Literal)?;
        let stem = decoded.text.strip_suffix(".fifo").unwrap_or(&decoded.text);
        aws::check_name(&decoded, 0..decoded.text.len(), stem, 80, "the name of a queue", RULE)?;
        Ok(Self { host: host.text, account: account.text, name: decoded.into_text() })
    }

    /// The queue's URL, as AWS writes it. Allocates.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}/{}/{}", self.host, self.account, self.name)
    }

    /// Whether it is a FIFO queue, that needs a key.
    #[must_use]
    pub fn fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    /// The region that the host names, where it is one of AWS' usual ones.
    #[must_use]
    pub fn region(&self) -> Option<&'a str> {
        let host = self.host.strip_prefix("sqs.")?;
        let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
        Some(region).filter(|region| !region.contains('.'))
    }
}

fn check_message(topic_url: &str, parts: &Parts) -> Vec<(Part, String)> {
    let Ok(topic) = Topic::parse(topic_url) else { return Vec::new() };
    // What SQS is told is no attribute of a message, but nobody writes eleven of them for that.
    aws::attributes::check_parts("queue", topic.queue.fifo(), parts)
}

/// A queue's URL is often pasted whole.
fn check_no_second_scheme(location: Piece<'_>) -> Result<(), UrlError> {
    let Some((scheme @ ("https" | "http"), rest)) = location.text.split_once("://") else { return Ok(()) };
    let range = location.start..location.start + scheme.len() + 3;
    Err(UrlError::new(range, format!("`awssqs` stands in the place of `{scheme}`"))
        .with_help(format!("write `awssqs://{rest}`")))
}

fn check_host(host: Piece<'_>) -> Result<(), UrlError> {
    const RULE: &str = "the host looks like `sqs.us-east-2.amazonaws.com`";
    let name = match host.split_once(':') {
        Some((name, port)) => {
            if port.text.parse::<u16>().is_err() {
                return Err(port.error("this is not a port").with_help(RULE));
            }
            name
        }
        None => host,
    };
    if name.text.is_empty() {
        return Err(host.error("the host is missing").with_help(RULE));
    }
    let wrong = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    match name.text.char_indices().find(|(_, c)| wrong(*c)) {
        Some((at, c)) => {
            let start = name.start + at;
            Err(UrlError::new(start..start + c.len_utf8(), format!("`{c}` is not allowed here")).with_help(RULE))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, queue_url, region, fifo) in [
            (
                "awssqs://sqs.us-east-2.amazonaws.com/123456789012/myqueue?region=us-east-2",
                "https://sqs.us-east-2.amazonaws.com/123456789012/myqueue",
                Some("us-east-2"),
                false,
            ),
            (
                "awssqs://sqs.cn-north-1.amazonaws.com.cn/123456789012/a-b_C.fifo/",
                "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/a-b_C.fifo",
                Some("cn-north-1"),
                true,
            ),
            (
                "awssqs://localhost:4566/000000000000/q?region=local&endpoint=http://localhost:4566",
                "https://localhost:4566/000000000000/q",
                None,
                false,
            ),
        ] {
            let topic = Topic::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((&*topic.queue.url(), topic.queue.region(), topic.queue.fifo()), (queue_url, region, fifo));
        }
    }

    #[test]
    fn subscriptions() {
        let url = "awssqs://sqs.us-east-2.amazonaws.com/123456789012/q?raw=true&nacklazy=1&waittime=1.5s\
                   &snstopicarn=arn%3Aaws%3Asns%3Aus-east-2%3A123456789012%3At&anonymous=f&profile=dev";
        let expected = Subscription {
            queue: Queue { host: "sqs.us-east-2.amazonaws.com", account: "123456789012", name: "q".into() },
            raw: true,
            nack_lazy: true,
            wait_time: Some(Duration::from_millis(1500)),
            sns_topic_arn: Some("arn:aws:sns:us-east-2:123456789012:t".into()),
            aws: Parameters { profile: Some("dev".into()), ..Parameters::default() },
        };
        assert_eq!(Subscription::parse(url), Ok(expected));

        let bare = Subscription::parse(EXAMPLE).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((bare.raw, bare.nack_lazy, bare.wait_time, bare.sns_topic_arn), (false, false, None, None));
    }

    #[test]
    fn refused_topics() {
        const URL: &str = "an SQS topic looks like `awssqs://sqs.us-east-2.amazonaws.com/123456789012/myqueue`";
        const HOST: &str = "the host looks like `sqs.us-east-2.amazonaws.com`";
        const NAME: &str = "the name of a queue has letters, digits, `_` and `-`, and may end in `.fifo`";
        const PARTS: &str = "the URL is not made of host, account and queue";
        const PREFIX: &str = "awssqs://sqs.us-east-2.amazonaws.com/123456789012";
        let long = "x".repeat(81);
        assert_refused(
            DRIVER.topic,
            &[
                ("[awssqs://]", PARTS, URL),
                ("[awssqs://myqueue]", PARTS, URL),
                ("[awssqs:///sqs.us-east-2.amazonaws.com/123456789012/q]", PARTS, URL),
                (
                    "awssqs://[https://]sqs.us-east-2.amazonaws.com/123456789012/q?region=us-east-2",
                    "`awssqs` stands in the place of `https`",
                    "write `awssqs://sqs.us-east-2.amazonaws.com/123456789012/q`",
                ),
                ("awssqs://[]/123456789012/q", "the host is missing", HOST),
                ("awssqs://[:80]/123456789012/q", "the host is missing", HOST),
                ("awssqs://sqs[_]x/123456789012/q", "`_` is not allowed here", HOST),
                ("awssqs://sqs:[http]/123456789012/q", "this is not a port", HOST),
                ("awssqs://sqs.us-east-2.amazonaws.com/[12]/q", "an account has 12 digits", URL),
                (&format!("{PREFIX}/my[.]queue"), "`.` is not allowed here", NAME),
                (&format!("{PREFIX}/[.fifo]"), "the name of a queue is missing", NAME),
                (&format!("{PREFIX}/[{long}]"), "the name of a queue has at most 80 bytes, this one has 81", ""),
                (
                    &format!("{PREFIX}/q?region=[us-west-2]"),
                    "the region is not `us-east-2`, where the resource is",
                    "write `region=us-east-2`, or leave it out",
                ),
            ],
        );
        let error = Topic::parse("awssqs://h/123456789012/q?raw=true").expect_err("misplaced");
        assert_eq!(error.message, "`raw` is not a parameter of an SQS topic, only of a subscription");
        assert_eq!(error.range, 26..29);
    }

    #[test]
    fn refused_subscriptions() {
        const DURATION: &str = "write a number and a unit: `250ms`, `2s`, `1m30s`, `1h`";
        const ARN: &str = "a topic's ARN looks like `arn:aws:sns:us-east-2:123456789012:mytopic`";
        assert_refused(
            DRIVER.subscription,
            &[
                ("awssqs://h/123456789012/q?raw=[maybe]", "`maybe` is not a boolean", "write `true` or `false`"),
                ("awssqs://h/123456789012/q?[raw]", "`raw` has no value", ""),
                ("awssqs://h/123456789012/q?nacklazy=[y]", "`y` is not a boolean", "write `true` or `false`"),
                ("awssqs://h/123456789012/q?waittime=[20]", "the duration has no unit", DURATION),
                ("awssqs://h/123456789012/q?waittime=[-1s]", "the duration is negative", DURATION),
                ("awssqs://h/123456789012/q?waittime=[1m]", "`waittime` is at most 20s", ""),
                ("awssqs://h/123456789012/q?snstopicarn=[mytopic]", "this is not an ARN", ARN),
                ("awssqs://h/123456789012/q?snstopicarn=arn:aws:sns:us-east-2:[7]:t", "an account has 12 digits", ARN),
            ],
        );
    }
}
