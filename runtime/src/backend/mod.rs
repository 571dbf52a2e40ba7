//! What an endpoint calls: an HTTP service, a topic to publish to, a subscription to receive from, or several of them.

mod concurrent;
mod dead_letter;
mod deliveries;
#[cfg(feature = "dns")]
mod discovery;
mod earlier;
mod env_host;
mod failure;
mod forward;
mod graphql;
mod hosts;
mod http_service;
mod merge;
mod metadata;
mod pass_through;
#[cfg(test)]
mod properties;
mod publish;
mod redirect;
mod reply;
mod sequence;
mod settling;
mod shadow;
mod subscribe;
mod template;
mod timely;
mod url;

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;

pub use self::concurrent::Concurrent;
#[cfg(test)]
pub(crate) use self::dead_letter::bury;
pub use self::earlier::{BodyPiece, Earlier};
pub(crate) use self::failure::{ErrorBody, Failure, PublishOutcome};
pub use self::forward::Forward;
pub(crate) use self::forward::{canonical, query_escape, query_pairs};
pub use self::graphql::{GraphQl, Variable};
pub(crate) use self::http_service::shape_json;
pub use self::http_service::{Http, StatusRule};
pub use self::merge::{AnyBackend, Merge};
pub use self::metadata::Metadata;
pub use self::publish::Publish;
pub(crate) use self::reply::{Data, Object, Reply};
pub use self::sequence::{Chained, Sequence};
pub(crate) use self::settling::Settlings;
pub(crate) use self::shadow::Shadows;
pub use self::shadow::{Shadow, Shadowed};
pub use self::subscribe::{OnFailure, Subscribe};
pub use self::template::Part;
pub use self::url::Piece::{self, Answer, AnswerPath, Param, PathParam, Text};
use crate::broker::NamedBroker;
use crate::endpoint::EndpointOptions;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};
use crate::router::RouterOptions;

/// What an endpoint calls, as generated code describes it.
pub trait Backend: Copy + Send + Sync + Sized + 'static {
    /// The same with its connections and state.
    #[doc(hidden)]
    type Open: OpenBackend;

    /// Makes the state. Does not wait for the network.
    #[doc(hidden)]
    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<Self::Open, OpenFailure>;

    /// What it does, for the route table: `publishes to mem://orders`.
    #[doc(hidden)]
    fn summary(&self) -> String;

    /// Whether a request takes a message from a broker.
    #[doc(hidden)]
    fn consumes(&self) -> bool {
        false
    }
}

/// Where a backend is called from.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub(crate) endpoint: &'a EndpointOptions,
    pub(crate) router: &'a RouterOptions,
    /// Whether its answer is merged with others, so that its root members must be known.
    pub(crate) merged: bool,
    /// Whether a sequence puts headers of its own into the call.
    pub(crate) sets_headers: bool,
    /// The time that it has: the endpoint's, or what a merge gives it.
    pub(crate) timeout: Duration,
}

/// A backend that can be called.
#[doc(hidden)]
pub trait OpenBackend: Send + Sync + 'static {
    /// What it needs of the request's body.
    fn body_use(&self) -> BodyUse;

    /// The largest body that it can do anything with, in bytes.
    fn max_body_bytes(&self) -> Option<usize> {
        None
    }

    /// What is wrong with the request for this backend, before any of several is called: then none is.
    fn refuse(&self, _incoming: &Incoming, _body: &Bytes) -> Result<(), Failure> {
        Ok(())
    }

    /// The URL of the topic, where it publishes.
    fn publishes(&self) -> Option<&'static str> {
        None
    }

    /// Does one request's work. Dropped when the endpoint's time is up.
    fn call(&self, incoming: &Incoming, body: Payload) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// What the client is told when the endpoint's time is up during [`call`](Self::call).
    fn timed_out(&self, after: Duration) -> Failure;
}

/// What a backend does with the request's body.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyUse {
    /// It is not read.
    None,
    /// It is passed on as it arrives.
    Stream,
    /// It is needed whole.
    Whole,
}

/// The request's body, as far as it was read.
#[doc(hidden)]
#[derive(Debug)]
pub enum Payload {
    /// Not read yet.
    Stream(Body),
    /// Read whole.
    Whole(Bytes),
}

/// The broker that a publisher or a subscriber names, for the route table.
fn at(named: Option<&NamedBroker>) -> String {
    named.map(|named| format!(" ({})", named.name)).unwrap_or_default()
}

// === impl BodyUse ===

impl BodyUse {
    /// What is needed of a body that is sent more than once.
    pub(crate) fn repeated(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Stream | Self::Whole => Self::Whole,
        }
    }
}

// === impl Payload ===

impl Payload {
    /// The body of a request that was asked for [whole](BodyUse::Whole), or not at all.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Stream(_) => Bytes::new(),
        }
    }

    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Stream(body) => body,
            Self::Whole(bytes) => Body::from(bytes),
        }
    }
}
