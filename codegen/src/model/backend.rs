//! What an endpoint calls: HTTP services, topics, subscriptions, and the brokers of both.

use std::fmt;
use std::time::Duration;

use sluicegate_drivers::{Confirm, Declaration, kafka};

use super::{Method, Place};
use crate::template::{Part, Template};

/// One backend.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Where it stands.
    pub place: Place,
    /// Its own `input_headers`, which filter the endpoint's: `None` lets all pass.
    pub input_headers: Option<Vec<String>>,
    /// Its own `input_query_strings`.
    pub input_query_strings: Option<Vec<String>>,
    /// What a sequence puts into its call besides the URL.
    pub set: SetInCall,
    /// What it is.
    pub kind: BackendKind,
}

/// `set_headers` and `set_body` of a backend's `extra_config.proxy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetInCall {
    /// Names in lower case, and values.
    pub headers: Vec<(String, Template)>,
    /// The body; the request's when empty.
    pub body: Vec<BodyPiece>,
}

/// A part of a body that a sequence makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPiece {
    /// Copied: a part of a JSON text.
    Literal(String),
    /// A value as JSON, or the whole of an answer that is not JSON.
    Value(Earlier),
    /// A value as text, inside a JSON string.
    Inside(Earlier),
}

/// A value of an earlier backend's answer in a sequence: `{resp0_user.id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// What stands between the braces.
    pub name: String,
    /// The position of the backend among [`Endpoint::backends`](super::Endpoint::backends).
    pub backend: usize,
    /// Through the objects of its answer, after shaping; empty for the whole of it.
    pub path: Vec<String>,
}

/// What a backend is.
#[derive(Clone, Debug)]
pub enum BackendKind {
    /// An HTTP service.
    Http(HttpBackend),
    /// A topic to publish to.
    Publish(Publish),
    /// A subscription to receive from.
    Subscribe(Subscribe),
}

/// An HTTP service.
#[derive(Clone, Debug)]
pub struct HttpBackend {
    /// `host`: `scheme://authority`, sanitised, `env:NAME` or `file:PATH`; one or more. With paths where these differ, under
    /// `disable_host_sanitize`.
    pub hosts: Vec<String>,
    /// `method`, or the endpoint's.
    pub method: Method,
    /// `url_pattern`.
    pub url: UrlTemplate,
    /// `encoding`.
    pub decode: Decode,
    /// How the body is shaped; the plain one for `no-op`.
    pub shape: Shape,
    /// `extra_config.backend/http`.
    pub status: StatusRule,
    /// `sd: dns`, with `sd_scheme`; the one host is then a name of SRV records.
    pub sd_dns: Option<&'static str>,
    /// `extra_config.backend/http/client`: `use_h2c`.
    pub use_h2c: bool,
    /// `extra_config.backend/http/client`: `send_body_on_redirect`.
    pub send_body_on_redirect: bool,
    /// `extra_config.backend/http/client`: `max_response_bytes`.
    pub max_response_bytes: Option<u32>,
    /// `extra_config.backend/graphql`.
    pub graphql: Option<GraphQl>,
}

/// `extra_config.backend/graphql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphQl {
    /// `type`: whether the client's body has the variables.
    pub mutation: bool,
    /// `query`, or the content of `query_path`.
    pub query: String,
    /// `operationName`.
    pub operation_name: Option<String>,
    /// `variables`, in the order of the file.
    pub variables: Vec<(String, Variable)>,
    /// `method`: GET instead of POST.
    pub get: bool,
}

/// One of `variables`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// JSON text.
    Json(String),
    /// `{name}`: the endpoint's path parameter at this position.
    PathParam(usize),
}

/// `url_pattern`: literal text and parameters. The text starts with `/` and is percent-encoded where it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate {
    /// As the config writes it.
    pub text: String,
    /// In order; no two texts follow each other.
    pub pieces: Vec<Piece>,
}

/// A part of a [`UrlTemplate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Copied.
    Text(String),
    /// The endpoint's path parameter at this position, percent-encoded when it is put in.
    Param {
        /// Its position in [`EndpointPath::params`](super::EndpointPath::params).
        index: usize,
        /// Its name.
        name: String,
    },
    /// A value of an earlier answer, percent-encoded when it is put into a URL.
    Earlier(Earlier),
    /// `{+name}`: the same for a value that is a path, whose slashes stay.
    EarlierPath(Earlier),
    /// `{+name}`: a parameter that is a path.
    PathParam {
        /// Its position in [`EndpointPath::params`](super::EndpointPath::params).
        index: usize,
        /// Its name.
        name: String,
    },
}

/// `encoding` of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decode {
    /// `json` or `fast-json`.
    Json,
    /// `safejson`.
    SafeJson,
    /// `string`.
    Text,
    /// `xml`.
    Xml,
    /// `rss`.
    Rss,
    /// `yaml`.
    Yaml,
    /// `no-op`.
    NoOp,
}

/// `extra_config.backend/http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusRule {
    /// KrakenD's default: 200, 201 (and here 202, 204) succeed.
    Default,
    /// `return_error_code`.
    ReturnCode,
    /// `return_error_details`, with its alias.
    ReturnDetails(String),
}

/// How a JSON body is shaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// `is_collection`.
    pub is_collection: bool,
    /// `target`, split at dots.
    pub target: Vec<String>,
    /// `allow` or `deny`, and `mapping`, joined into one trie.
    pub fields: Fields,
    /// `extra_config.proxy.flatmap_filter`.
    pub flatmap: Vec<FlatmapOp>,
    /// `group`.
    pub group: Option<String>,
}

/// An operation of `flatmap_filter`. Paths are split at dots and not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlatmapOp {
    /// `move`: from, to.
    Move(Vec<String>, Vec<String>),
    /// `del`, one path of it.
    Delete(Vec<String>),
    /// `append`: what, behind what.
    Append(Vec<String>, Vec<String>),
}

/// What becomes of an object's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// All are kept.
    #[default]
    All,
    /// Only the listed ones are kept.
    Allow(Vec<Field>),
    /// The listed ones are treated as they say, all others are kept.
    Deny(Vec<Field>),
}

/// One named member. Names within a list are unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the input.
    pub name: String,
    /// Its name in the output, where `mapping` gives another (first level only).
    pub rename: Option<String>,
    /// What becomes of its value.
    pub rule: FieldRule,
}

/// What becomes of a named member's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldRule {
    /// Kept as it is.
    Keep,
    /// Left out.
    Drop,
    /// An object is filtered. Anything else is left out under [`Fields::Allow`] and kept under [`Fields::Deny`].
    Inside(Fields),
}

/// A topic to publish to.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    /// The driver's name, which is its module's and its feature's.
    pub driver: &'static str,
    /// `broker`: the name of one of [`Gateway::brokers`](super::Gateway::brokers).
    pub broker: Option<String>,
    /// `host` and `topic_url` joined: `mem://orders`.
    pub url: String,
    /// The rest of `extra_config.backend/pubsub/publisher`.
    pub options: PublishOptions,
}

/// What a publisher has besides its topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishOptions {
    /// `key`, or `ordering_key`.
    pub key: Option<Template>,
    /// `dedup_id`.
    pub dedup_id: Option<Template>,
    /// `attributes`: exact names, in the order of the file.
    pub attributes: Vec<(String, Template)>,
    /// `confirm`.
    pub confirm: Confirm,
    /// `respond`.
    pub respond: Respond,
    /// `declare`, which lives as long as the build.
    pub declare: Option<&'static Declaration>,
}

/// `respond`: what the client is told of a message that was confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Respond {
    /// An empty object.
    #[default]
    Empty,
    /// `receipt`: what the broker said.
    Receipt {
        /// The backend's `group`, which it is put under.
        group: Option<String>,
    },
}

/// A subscription to receive from.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// The driver's name, which is its module's and its feature's.
    pub driver: &'static str,
    /// `broker`: the name of one of [`Gateway::brokers`](super::Gateway::brokers).
    pub broker: Option<String>,
    /// `host` and `subscription_url` joined: `mem://orders`.
    pub url: String,
    /// `encoding`.
    pub decode: Decode,
    /// How the body is shaped; the plain one for `no-op`.
    pub shape: Shape,
    /// `wait`; the endpoint's timeout less 10 % when absent.
    pub wait: Option<Duration>,
    /// `on_failure`.
    pub on_failure: OnFailure,
    /// `max_deliveries`; 5 when absent.
    pub max_deliveries: Option<u32>,
    /// `dead_letter`, as the whole URL of a topic.
    pub dead_letter: Option<String>,
    /// `metadata`: response headers (lower case), and what of the message they hold. Names are unique.
    pub metadata: Vec<(String, Metadata)>,
    /// `declare`, which lives as long as the build.
    pub declare: Option<&'static Declaration>,
}

/// What of a message a response header holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// `attribute.NAME`.
    Attribute(String),
    /// `id`.
    Id,
    /// `key`.
    Key,
    /// `delivery_count`.
    DeliveryCount,
    /// `topic`.
    Topic,
    /// `partition`.
    Partition,
    /// `offset`.
    Offset,
    /// `timestamp`.
    Timestamp,
}

/// One of `pubsub/brokers`.
#[derive(Clone, Debug)]
pub struct NamedBroker {
    /// Where it stands.
    pub place: Place,
    /// Its name: letters, digits, `_` and `-`. No two differ only in case or in these two.
    pub name: String,
    /// The driver's name.
    pub driver: &'static str,
    /// `required`.
    pub required: bool,
    /// `max_in_flight`.
    pub max_in_flight: Option<u32>,
    /// What the driver is told, in the order of the file.
    pub settings: Vec<BrokerSetting>,
}

/// A setting of a [`NamedBroker`], which its driver declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerSetting {
    /// With dots for objects: `tls.ca_certs`.
    pub name: &'static str,
    /// One or more.
    pub values: Vec<Source>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The config.
    Literal(String),
    /// The config, which should not hold it.
    Secret(Secret),
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`.
    File(String),
}

/// A text that is written to generated code and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

/// `on_failure`: what becomes of a message that cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Given back with growing delay, until `max_deliveries`.
    #[default]
    Nack,
    /// Acknowledged and logged.
    Drop,
    /// Dead-lettered at once.
    DeadLetter,
}

// === impl NamedBroker ===

impl NamedBroker {
    /// The cargo feature that its settings need besides its driver's own.
    pub(super) fn feature(&self) -> Option<&'static str> {
        let needs_tls = |setting: &BrokerSetting| match &*setting.values {
            [Source::Literal(value)] => kafka::needs_tls(setting.name, Some(value)),
            _ => kafka::needs_tls(setting.name, None),
        };
        (self.driver == kafka::DRIVER.name && self.settings.iter().any(needs_tls)).then_some("kafka-tls")
    }
}

// === impl Backend ===

impl Backend {
    /// The values of earlier answers that its call needs, each once.
    #[must_use]
    pub fn reads(&self) -> Vec<&Earlier> {
        let (mut url, mut options) = (&[][..], None);
        match &self.kind {
            BackendKind::Http(http) => url = http.url.pieces.as_slice(),
            BackendKind::Publish(publish) => options = Some(&publish.options),
            BackendKind::Subscribe(_) => {}
        }
        let url = url.iter().filter_map(|piece| match piece {
            Piece::Earlier(earlier) | Piece::EarlierPath(earlier) => Some(earlier),
            Piece::Text(_) | Piece::Param { .. } | Piece::PathParam { .. } => None,
        });
        let options = options.into_iter().flat_map(|options| {
            let attributes = options.attributes.iter().map(|(_, template)| template);
            options.key.iter().chain(&options.dedup_id).chain(attributes)
        });
        let templates = self.set.headers.iter().map(|(_, template)| template).chain(options);
        let templates = templates.flat_map(|template| &template.parts).filter_map(|part| match part {
            Part::Earlier(earlier) => Some(earlier),
            Part::Text(_) | Part::Param { .. } | Part::Header(_) | Part::Query(_) | Part::Body(_) => None,
        });
        let body = self.set.body.iter().filter_map(|piece| match piece {
            BodyPiece::Value(earlier) | BodyPiece::Inside(earlier) => Some(earlier),
            BodyPiece::Literal(_) => None,
        });
        let mut reads: Vec<&Earlier> = Vec::new();
        for earlier in url.chain(templates).chain(body) {
            if !reads.contains(&earlier) {
                reads.push(earlier);
            }
        }
        reads
    }

    /// How what it answers is read.
    #[must_use]
    pub fn decode(&self) -> Option<Decode> {
        match &self.kind {
            BackendKind::Http(http) => Some(http.decode),
            BackendKind::Subscribe(subscribe) => Some(subscribe.decode),
            BackendKind::Publish(_) => None,
        }
    }
}

// === impl Secret ===

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
