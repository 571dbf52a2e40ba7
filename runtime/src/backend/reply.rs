use std::borrow::Cow;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use crate::backend::{Failure, PublishOutcome};
use crate::server::Settling;
use crate::shape::Root;

/// What a backend answered.
#[derive(Debug)]
pub struct Reply {
    pub(crate) data: Data,
    /// Whether nothing is missing from it (trap 26).
    pub(crate) complete: bool,
    /// Whether a backend of a merge failed. What it has is answered all the same (trap 35).
    pub(crate) errored: bool,
    /// What happens to the message that `data` was received as, once the response is with the client.
    pub(crate) settling: Option<Settling>,
    /// What became of the message of a publisher, and its URL.
    pub(crate) published: Option<(&'static str, PublishOutcome)>,
    /// Response headers that a message has set. Boxed, since few endpoints have any.
    pub(crate) headers: Option<Box<HeaderMap>>,
}

/// The content of a [`Reply`].
#[derive(Debug)]
pub(crate) enum Data {
    /// A JSON object.
    Object(Object),
    /// JSON's `null`, which KrakenD answers as it is.
    Null,
    /// There was nothing to receive.
    Nothing,
    /// Bytes of any kind, passed through with their status and headers.
    PassThrough(Response<Body>),
}

/// A JSON object as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) text: Bytes,
    /// Where its members are; recorded only for a merge.
    pub(crate) roots: Vec<Root>,
    /// Whether it has no members at all.
    pub(crate) empty: bool,
}

impl Reply {
    pub(crate) fn new(data: Data, complete: bool) -> Self {
        Self { data, complete, errored: false, settling: None, published: None, headers: None }
    }

    pub(crate) fn object(object: Object) -> Self {
        Self::new(Data::Object(object), true)
    }

    /// There was nothing to receive: 204.
    pub(crate) fn nothing() -> Self {
        Self::new(Data::Nothing, false)
    }

    pub(crate) fn pass_through(response: Response<Body>) -> Self {
        Self::new(Data::PassThrough(response), false)
    }

    /// What is left of an answer whose data cannot be written: the failure, unless a message was published. That must not
    /// look as if it should be sent again, so the answer is then empty and incomplete. In both cases a message that was
    /// received is given back.
    pub(crate) fn without_data(
        published: Option<(&'static str, PublishOutcome)>,
        failure: Failure,
    ) -> Result<Self, Failure> {
        let Some((backend, _)) = published else { return Err(failure) };
        tracing::error!(backend, reason = failure.message, "answer left out: a message was published");
        Ok(Self { published, errored: true, ..Self::new(Data::Object(Object::empty()), false) })
    }

    /// The status of an endpoint that answers with this.
    pub(crate) fn status(&self) -> StatusCode {
        match &self.data {
            Data::Object(_) | Data::Null => StatusCode::OK,
            Data::Nothing => StatusCode::NO_CONTENT,
            Data::PassThrough(response) => response.status(),
        }
    }
}

impl Data {
    /// The object that it is, or an empty one for an answer without data; nothing where bytes are passed through.
    pub(crate) fn as_object(&self) -> Option<Cow<'_, Object>> {
        match self {
            Self::Object(object) => Some(Cow::Borrowed(object)),
            Self::Null | Self::Nothing => Some(Cow::Owned(Object::empty())),
            Self::PassThrough(_) => None,
        }
    }
}

impl Object {
    /// `{}`.
    pub(crate) fn empty() -> Self {
        Self { text: Bytes::from_static(b"{}"), roots: Vec::new(), empty: true }
    }
}
