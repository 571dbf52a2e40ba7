use std::fmt;
use std::ops::Range;

use crate::{CheckDeclaration, Confirm, OpenError, Setting, Settings};

/// A broker's URL grammar and abilities: all that a build needs to know of it.
#[derive(Debug)]
pub struct Driver {
    /// The name of its module and of its cargo feature.
    pub name: &'static str,
    /// The URL schemes that choose it, which all mean the same.
    pub schemes: &'static [&'static str],
    /// Checks a topic's URL; `None` where the broker cannot be published to.
    pub topic: Option<CheckUrl>,
    /// Checks a subscription's URL; `None` where nothing can be received from the broker.
    pub subscription: Option<CheckUrl>,
    /// The environment variables that its client reads.
    pub environment: &'static [Variable],
    /// The settings of a named broker, which stand for the environment. Without any, it can be named only where its client
    /// reads no environment either.
    pub settings: &'static [Setting],
    /// What the broker can do.
    pub capabilities: Capabilities,
    /// Whether this version has a client for it, and not only the grammar.
    pub has_client: bool,
    /// Whether what is published to a topic arrives at a subscription, by their URLs. `None` where URLs do not tell: what
    /// arrives is then set up at the broker.
    pub covers: Option<Covers>,
    /// Checks the name of an attribute; `None` where every name can be carried, or there are no attributes.
    pub check_attribute: Option<CheckAttribute>,
    /// How the names of attributes begin that the broker acts on, in any case: nobody outside may choose those.
    pub reserved_attributes: &'static [&'static str],
    /// Checks what a named broker is told; `None` where [`settings`](Self::settings) says it all.
    pub check_settings: Option<CheckSettings>,
    /// Checks what a topic or subscription is declared as; `None` where nothing can be
    /// [declared](Capabilities::declare).
    pub check_declaration: Option<CheckDeclaration>,
    /// Checks what all messages of a publisher have or lack, as far as its config says; `None` where every topic takes the
    /// same.
    pub check_message: Option<CheckMessage>,
}

/// The verdict of a grammar on a whole URL. No I/O.
pub type CheckUrl = fn(&str) -> Result<(), UrlError>;

/// Whether what is published to a topic (its URL is the first) arrives at a subscription (its URL is the second). False
/// where one of them is no such URL. No I/O.
pub type Covers = fn(topic_url: &str, subscription_url: &str) -> bool;

/// The verdict of a protocol on an attribute's name: what is wrong with it. No I/O.
pub type CheckAttribute = fn(&str) -> Result<(), String>;

/// The verdict of a driver on settings together, and on values that stand in the config itself; variables and files are
/// not read. The error does not show values. No I/O.
pub type CheckSettings = fn(&Settings) -> Result<(), OpenError>;

/// What is wrong with messages of these parts, to a topic of this URL: the part, and why. Nothing where the URL is none.
/// No I/O.
pub type CheckMessage = fn(topic_url: &str, parts: &Parts) -> Vec<(Part, String)>;

/// What all messages of a publisher have, as far as its config says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Whether they have a [`Message::key`](crate::Message::key).
    pub key: bool,
    /// Whether they have a [`Message::id`](crate::Message::id).
    pub id: bool,
    /// How many attributes they have at least.
    pub attributes: usize,
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its [`Message::key`](crate::Message::key).
    Key,
    /// Its [`Message::id`](crate::Message::id).
    Id,
    /// Its attributes.
    Attributes,
}

/// An environment variable that a driver's client reads when it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it should hold.
    pub expected: &'static str,
    /// Whether the client cannot open without it.
    pub required: bool,
}

/// What a broker can do, so that a build can refuse what it cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// A delivery can be given back.
    pub nack: bool,
    /// A delivery can be given back with a wait.
    pub nack_delay: bool,
    /// An unsettled delivery comes back by itself.
    pub redelivery: bool,
    /// Messages of a subscription (or of one key in it) arrive in the order they were published.
    pub ordering: bool,
    /// The broker has a dead-letter place of its own.
    pub dead_letter: bool,
    /// The broker counts deliveries.
    pub delivery_count: bool,
    /// A message may have no body.
    pub empty_body: bool,
    /// Bodies may be any bytes.
    pub binary_body: bool,
    /// Messages carry a key.
    pub key: bool,
    /// A message whose [`Message::id`](crate::Message::id) the broker has seen lately is not stored again.
    pub dedup: bool,
    /// What a publish can wait for.
    pub confirm: &'static [Confirm],
    /// Deliveries say which partition or stream they come from, and their place in it.
    pub offset: bool,
    /// Deliveries say when they were published or stored.
    pub timestamp: bool,
    /// Messages carry attributes.
    pub attributes: bool,
    /// Topics and subscriptions can be declared to the broker by whoever uses them.
    pub declare: bool,
    /// The largest body in bytes, where the broker has a fixed limit.
    pub max_body_bytes: Option<usize>,
}

/// A topic or subscription URL that a driver does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError {
    /// The bytes of the URL that are wrong.
    pub range: Range<usize>,
    /// What is wrong with them: lower case, no final dot.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

// === impl UrlError ===

impl UrlError {
    /// An error at `range` of the URL, without help.
    pub fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), help: None }
    }

    /// The same error with what would be right.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UrlError {}
