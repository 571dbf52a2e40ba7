//! Amazon Simple Notification Service.
//!
//! # URL
//!
//! A topic is `awssns:///ARN`, with three slashes, as the colons of an ARN have no place in a URL's
//! host. The query parameters are [those of AWS](crate::aws).
//!
//! ```
//! use sluicegate_drivers::sns::Topic;
//!
//! let topic = Topic::parse("awssns:///arn:aws:sns:us-east-2:123456789012:mytopic?region=us-east-2")?;
//! assert_eq!(topic.arn, "arn:aws:sns:us-east-2:123456789012:mytopic");
//! # Ok::<(), sluicegate_drivers::UrlError>(())
//! ```
//!
//! There are no subscriptions: SNS pushes, and nothing can be received from it. Subscribe an SQS
//! queue to the topic and receive from that.
//!
//! # Environment
//!
//! Nothing is required. The AWS default chain finds region and credentials: `AWS_REGION`,
//! `AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, configuration
//! files, web identity, container and instance metadata. A named broker has [settings](crate::aws)
//! instead. The region is the topic's own, unless the URL names one.
//!
//! The login may `sns:Publish`. With `sns:GetTopicAttributes` the gateway knows whether a FIFO topic compares bodies, before it
//! refuses a message; it is asked for every five minutes, when a message without an id is published.
//!
//! # Delivery
//!
//! At least once to each of the topic's own subscriptions. A publish is confirmed by the service's answer,
//! whose message id and sequence number are the receipt. A lone message goes at once. Those that come while
//! requests are under way go together, up to ten in a request, and each has its own answer.
//!
//! What was certainly not stored is sent again by the SDK, up to three times in all. What may have been stored is only sent
//! again where a FIFO topic drops what it has seen; otherwise it ends as one of which nobody knows, and the client decides.
//!
//! The message's key is the message group, which a FIFO topic needs and others hand on. Its id is the deduplication id of a
//! FIFO topic, which drops a message whose id it saw in the last five minutes; others do not look at it. Where a message of a FIFO
//! topic has no id and the topic does not look at bodies (`ContentBasedDeduplication`), it gets one that no other has. A FIFO
//! topic keeps the order of each group, as far as its messages were published one after the other.
//!
//! An attribute is a message attribute of the type `String`, but for `Sns-Subject`, the subject (up to 100 characters), and
//! `Sns-Message-Structure`, which is `json` for a body that has a text for each protocol. A body without attributes that looks
//! like an envelope of SNS gets the attribute `Sqs-Plain`: a queue that it is delivered to raw would take it for one.
//!
//! # Limits
//!
//! A message has at most 256 KiB, its attributes with their names and types included, and a body: an empty one is refused.
//! A body that is no text, or has a character that XML has not, is sent as base64, with the attribute `base64encoded`, as KrakenD
//! does; it is base64 that counts. There are at most ten attributes, `base64encoded` included: SNS takes more, and then loses the
//! message on its way to a queue that it is delivered to raw. Their names are those that SQS takes (letters, digits, `_`, `-` and `.`), and
//! their values are not empty. A message group and a deduplication id have up to 128 letters, digits and
//! punctuation marks. Of a topic up to 16384 messages or 64 MiB may be on their way; more are refused at once.

mod attributes;
#[cfg(feature = "sns")]
mod client;

use std::borrow::Cow;

#[cfg(feature = "sns")]
pub use self::client::{Broker, Delivery, Publisher, Subscriber};
use crate::aws::{self, Parameters};
use crate::grammar::{BrokerUrl, Grammar, Piece, Plus, Value};
use crate::{Capabilities, Confirm, Driver, Part, Parts, UrlError};

/// The entry of SNS in [`ALL`](crate::ALL).
pub static DRIVER: Driver = Driver {
    name: "sns",
    schemes: &["awssns"],
    topic: Some(|url| Topic::parse(url).map(drop)),
    subscription: None,
    environment: aws::ENVIRONMENT,
    settings: aws::settings::SETTINGS,
    capabilities: Capabilities {
        nack: false,
        nack_delay: false,
        redelivery: false,
        ordering: false,
        dead_letter: false,
        delivery_count: false,
        empty_body: false,
        binary_body: true,
        // The message group of a FIFO topic.
        key: true,
        dedup: true,
        confirm: &[Confirm::All],
        offset: false,
        timestamp: false,
        attributes: true,
        declare: false,
        max_body_bytes: Some(MAX_BYTES),
    },
    has_client: true,
    covers: None,
    check_attribute: Some(attributes::check_name),
    reserved_attributes: attributes::RESERVED,
    check_settings: Some(aws::settings::check),
    check_declaration: None,
    check_message: Some(check_message),
};

/// The most bytes of a message, its attributes included, and of all messages of one request.
const MAX_BYTES: usize = 256 * 1024;

/// What is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The topic's Amazon resource name.
    pub arn: Cow<'a, str>,
    /// Whether it is a FIFO topic, that needs a key.
    pub fifo: bool,
    /// What the URL says of the connection.
    pub aws: Parameters<'a>,
}

static TOPIC: Grammar = Grammar {
    what: "an SNS topic",
    schemes: DRIVER.schemes,
    example: "awssns:///arn:aws:sns:us-east-2:123456789012:mytopic",
    parameters: &[aws::PARAMETERS],
    elsewhere: (&["raw", "nacklazy", "waittime", "snstopicarn"], "an SQS subscription"),
    credentials: aws::CREDENTIALS,
};

impl<'a> Topic<'a> {
    /// Reads `awssns:///ARN`.
    ///
    /// # Errors
    /// The URL is not an SNS topic's.
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let broker_url = BrokerUrl::parse(url, &TOPIC)?;
        let arn = arn(url, &broker_url)?;
        let checked = aws::check_topic_arn(&arn)?;
        let fifo = checked.fifo;
        let aws = Parameters::parse(&broker_url, Some(checked.region))?;
        Ok(Self { arn: arn.into_text(), fifo, aws })
    }

    /// The topic's region.
    #[must_use]
    pub fn region(&self) -> &str {
        match &self.aws.region {
            Some(region) => region,
            None => self.arn.split(':').nth(3).unwrap_or_default(),
        }
    }
}

fn check_message(topic_url: &str, parts: &Parts) -> Vec<(Part, String)> {
    let Ok(topic) = Topic::parse(topic_url) else { return Vec::new() };
    aws::attributes::check_parts("topic", topic.fifo, parts)
}

/// The ARN behind the third slash.
fn arn<'a>(whole: &str, url: &BrokerUrl<'a>) -> Result<Value<'a>, UrlError> {
    let location = url.location;
    if let Some(text) = location.text.strip_prefix('/') {
        return Piece { text, start: location.start + 1 }.decode(Plus::Literal);
    }
    // Only what follows the place where the third slash is missing can be kept as it is.
    let rest = whole.get(location.start..).filter(|rest| rest.starts_with("arn:"));
    match rest {
        Some(rest) => Err(location
            .error("an ARN needs three slashes before it: its colons have no place in a URL's host")
            .with_help(format!("write `awssns:///{rest}`"))),
        None => Err(url.error("the URL does not name an SNS topic")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::assert_refused;

    #[test]
    fn topics() {
        for (url, arn, fifo, region) in [
            ("awssns:///arn:aws:sns:us-east-2:123456789012:mytopic", "mytopic", false, "us-east-2"),
            ("awssns:///arn:aws:sns:us-east-2:123456789012:mytopic?region=us-east-2", "mytopic", false, "us-east-2"),
            ("awssns:///arn:aws:sns:us-east-2:123456789012:a-b_C.fifo/", "a-b_C.fifo", true, "us-east-2"),
            ("awssns:///arn%3Aaws%3Asns%3Aus-east-2%3A123456789012%3Amytopic", "mytopic", false, "us-east-2"),
            (
                "awssns:///arn:aws:sns:us-east-2:123456789012:t?region=local&endpoint=http://localhost:4566",
                "t",
                false,
                "local",
            ),
        ] {
            let topic = Topic::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(topic.arn, format!("arn:aws:sns:us-east-2:123456789012:{arn}"), "{url}");
            assert_eq!((topic.fifo, topic.region()), (fifo, region), "{url}");
        }
        assert!(Topic::parse("awssns:///arn:aws-us-gov:sns:us-gov-west-1:123456789012:t").is_ok());
    }

    #[test]
    fn refused_topics() {
        const ARN: &str = "a topic's ARN looks like `arn:aws:sns:us-east-2:123456789012:mytopic`";
        const RULE: &str = "the name of an SNS topic has letters, digits, `_` and `-`, and may end in `.fifo`";
        const EXAMPLE: &str = "an SNS topic looks like `awssns:///arn:aws:sns:us-east-2:123456789012:mytopic`";
        const PREFIX: &str = "awssns:///arn:aws:sns:us-east-2:123456789012";
        let long = "x".repeat(257);
        assert_refused(
            DRIVER.topic,
            &[
                ("[awssns://]", "the URL does not name an SNS topic", EXAMPLE),
                ("[awssns:///]", "the URL does not name an SNS topic", EXAMPLE),
                ("[awssns://mytopic]", "the URL does not name an SNS topic", EXAMPLE),
                (
                    "awssns://[arn:aws:sns:us-east-2:123456789012:mytopic]?region=us-east-2",
                    "an ARN needs three slashes before it: its colons have no place in a URL's host",
                    "write `awssns:///arn:aws:sns:us-east-2:123456789012:mytopic?region=us-east-2`",
                ),
                ("awssns:///[mytopic]", "this is not an ARN", ARN),
                ("awssns:///[arn:aws:sns:us-east-2:123456789012]", "this is not an ARN", ARN),
                ("awssns:///arn:[amazon]:sns:us-east-2:123456789012:t", "`amazon` is not a partition of AWS", ARN),
                ("awssns:///arn:aws:[sqs]:us-east-2:123456789012:t", "the service is `sqs`, not `sns`", ARN),
                ("awssns:///arn:aws:sns:[US]:123456789012:t", "this is not a region", ARN),
                ("awssns:///arn:aws:sns:[]:123456789012:t", "this is not a region", ARN),
                ("awssns:///arn:aws:sns:us-east-2:[1234]:t", "an account has 12 digits", ARN),
                (&format!("{PREFIX}:[]"), "the name of an SNS topic is missing", RULE),
                (&format!("{PREFIX}:[.fifo]"), "the name of an SNS topic is missing", RULE),
                (&format!("{PREFIX}:my[.]topic"), "`.` is not allowed here", RULE),
                (&format!("{PREFIX}:t[:6b1c]"), "the ARN goes on after the topic's name", ARN),
                (&format!("{PREFIX}:[{long}]"), "the name of an SNS topic has at most 256 bytes, this one has 257", ""),
                (
                    &format!("{PREFIX}:t?region=[eu-west-1]"),
                    "the region is not `us-east-2`, where the resource is",
                    "write `region=us-east-2`, or leave it out",
                ),
            ],
        );
    }

    #[test]
    fn what_a_topic_takes_of_a_message() {
        let wrong = |url: &str, parts| {
            let found = check_message(url, &parts).into_iter().map(|(part, _)| part);
            found.collect::<Vec<_>>()
        };
        const STANDARD: &str = "awssns:///arn:aws:sns:us-east-2:123456789012:t";
        const FIFO: &str = "awssns:///arn:aws:sns:us-east-2:123456789012:t.fifo";
        assert_eq!(wrong(STANDARD, Parts { key: false, id: false, attributes: 10 }), []);
        assert_eq!(wrong(STANDARD, Parts { key: true, id: true, attributes: 11 }), [Part::Id, Part::Attributes]);
        assert_eq!(wrong(FIFO, Parts { key: true, id: true, attributes: 0 }), []);
        assert_eq!(wrong(FIFO, Parts { key: false, id: true, attributes: 0 }), [Part::Key]);
    }

    #[test]
    fn the_list_of_parameters_helps() {
        let error = Topic::parse("awssns:///arn:aws:sns:us-east-2:123456789012:t?regoin=a").expect_err("misspelled");
        assert_eq!(error.message, "unknown parameter `regoin`");
        let help = error.help.unwrap_or_default();
        assert!(help.starts_with("did you mean `region`? (accepted: `region`, `profile`, "), "{help}");
    }
}
