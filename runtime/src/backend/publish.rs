mod metadata;
mod receipt;

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use sluicegate_drivers::{
    Broker, CheckMessage, Confirm, Declaration, Message, Parts, PublishError, PublishErrorKind, Publisher,
    PublisherOptions, Receipt,
};

use self::metadata::{Metadata, OpenMetadata};
use crate::backend::forward::{Forward, HeaderRules};
use crate::backend::http_service::shape_json;
use crate::backend::reply::{Object, Reply};
use crate::backend::template::Part;
use crate::backend::{Backend, BodyUse, Failure, OpenBackend, Payload, Place, PublishOutcome, at};
use crate::broker::NamedBroker;
use crate::in_flight::InFlight;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};
use crate::shape::Shape;

/// What a client calls a request by that it may send again (the IETF's draft-ietf-httpapi-idempotency-key-header).
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A topic to publish request bodies to, as generated code describes it.
pub struct Publish<B> {
    url: &'static str,
    named: Option<&'static NamedBroker>,
    forward: Forward,
    metadata: Metadata,
    options: PublisherOptions,
    /// How a receipt is answered.
    receipt: Option<Shape>,
    broker: PhantomData<fn() -> B>,
}

/// A [`Publish`] backend with its publisher.
pub struct OpenPublish<P> {
    url: &'static str,
    publisher: P,
    in_flight: Arc<InFlight>,
    headers: HeaderRules,
    /// How attributes begin that only the config chooses.
    reserved: &'static [&'static str],
    metadata: Option<Box<OpenMetadata>>,
    receipt: Option<Shape>,
    /// Whether the answer is merged with others.
    merged: bool,
    max_body_bytes: Option<usize>,
}

impl<B: Broker> Publish<B> {
    /// Publishes to the topic that `url` names, with the allowed headers as attributes.
    #[must_use]
    pub const fn new(url: &'static str) -> Self {
        Self {
            url,
            named: None,
            forward: Forward::DEFAULT,
            metadata: Metadata::NONE,
            options: PublisherOptions { confirm: Confirm::All, declare: None },
            receipt: None,
            broker: PhantomData,
        }
    }

    /// At this broker, instead of the one that the environment describes.
    #[must_use]
    pub const fn broker(mut self, named: &'static NamedBroker) -> Self {
        self.named = Some(named);
        self
    }

    /// The backend's own allow-lists.
    #[must_use]
    pub const fn forward(mut self, forward: Forward) -> Self {
        self.forward = forward;
        self
    }

    /// The message's key. A request that lacks a part of it is answered 400.
    #[must_use]
    pub const fn key(mut self, parts: &'static [Part]) -> Self {
        self.metadata.key = parts;
        self
    }

    /// The message's identity, by which the broker knows one that was sent before. A request that lacks a part of it is
    /// answered 400. Without it, the request's `Idempotency-Key` where the endpoint lets that in and the driver can
    /// deduplicate.
    #[must_use]
    pub const fn dedup_id(mut self, parts: &'static [Part]) -> Self {
        self.metadata.dedup_id = parts;
        self
    }

    /// Attributes by their exact names, which count before headers of the same name. One that the request lacks a part of
    /// is left out.
    #[must_use]
    pub const fn attributes(mut self, attributes: &'static [(&'static str, &'static [Part])]) -> Self {
        self.metadata.attributes = attributes;
        self
    }

    /// What a publish waits for; the strongest confirmation by default.
    #[must_use]
    pub const fn confirm(mut self, confirm: Confirm) -> Self {
        self.options.confirm = confirm;
        self
    }

    /// What the broker is told to have as the topic.
    #[must_use]
    pub const fn declare(mut self, declaration: &'static Declaration) -> Self {
        self.options.declare = Some(declaration);
        self
    }

    /// Answers with what the broker said: `id`, `partition`, `offset`, `duplicate`, as far as it did.
    #[must_use]
    pub const fn receipt(mut self) -> Self {
        self.receipt = Some(Shape::OBJECT);
        self
    }

    /// [`receipt`](Self::receipt) below a name of its own.
    #[must_use]
    pub const fn receipt_in(mut self, group: &'static str) -> Self {
        self.receipt = Some(Shape::OBJECT.group(group));
        self
    }
}

impl<B> Clone for Publish<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Publish<B> {}

impl<B> fmt::Debug for Publish<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("url", &self.url).field("broker", &type_name::<B>()).finish_non_exhaustive()
    }
}

impl<B: Broker> Backend for Publish<B> {
    type Open = OpenPublish<B::Publisher>;

    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<Self::Open, OpenFailure> {
        let (broker, in_flight) = opener.broker::<B>(self.named)?;
        let capabilities = &B::DRIVER.capabilities;
        let headers = HeaderRules::new(place, &self.forward);
        let takes_id = |check: CheckMessage| {
            let parts = Parts { id: true, ..Parts::default() };
            check(self.url, &parts).iter().all(|(part, _)| *part != sluicegate_drivers::Part::Id)
        };
        let deduplicates = capabilities.dedup && B::DRIVER.check_message.is_none_or(takes_id);
        let idempotent = deduplicates && headers.passes(&IDEMPOTENCY_KEY);
        Ok(OpenPublish {
            url: self.url,
            publisher: broker.publisher(self.url, &self.options)?,
            in_flight,
            metadata: self.metadata.open(place, idempotent)?,
            headers,
            reserved: B::DRIVER.reserved_attributes,
            receipt: self.receipt,
            merged: place.merged,
            max_body_bytes: capabilities.max_body_bytes,
        })
    }

    fn summary(&self) -> String {
        format!("publishes to {}{}", self.url, at(self.named))
    }
}

impl<P: Publisher> OpenBackend for OpenPublish<P> {
    fn body_use(&self) -> BodyUse {
        BodyUse::Whole
    }

    fn max_body_bytes(&self) -> Option<usize> {
        self.max_body_bytes
    }

    fn refuse(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Failure> {
        if self.metadata.is_some() { self.message(incoming, body.clone()).map(drop) } else { Ok(()) }
    }

    fn publishes(&self) -> Option<&'static str> {
        Some(self.url)
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let Payload::Whole(body) = body else {
            return Err(self.failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                PublishOutcome::Refused,
                "the body was not read",
            ));
        };
        let message = self.message(incoming, body)?;
        let _slot = self.in_flight.publish().map_err(|why| {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.failure(status, PublishOutcome::Refused, format!("{}: {why}", self.url)).unavailable()
        })?;
        match self.publisher.publish(message).await {
            Ok(receipt) => self.confirmed(&receipt),
            Err(error) => Err(self.refused(&error)),
        }
    }

    fn timed_out(&self, after: Duration) -> Failure {
        let message = format!("{} did not confirm the message within {after:?}: it may have been stored", self.url);
        self.failure(StatusCode::GATEWAY_TIMEOUT, PublishOutcome::Unknown, message)
    }
}

impl<P> OpenPublish<P> {
    /// The message that a request becomes.
    fn message(&self, incoming: &Incoming, body: Bytes) -> Result<Message, Failure> {
        let refused = |why| self.failure(StatusCode::BAD_REQUEST, PublishOutcome::Refused, why);
        let mut message = Message::new(body);
        message.attributes = self
            .headers
            .attributes(incoming, self.reserved)
            .map_err(|name| refused(format!("the header {name} is not UTF-8 and cannot be an attribute")))?;
        if let Some(metadata) = &self.metadata {
            metadata.put(incoming, &mut message).map_err(refused)?;
        }
        Ok(message)
    }

    fn confirmed(&self, receipt: &Receipt) -> Result<Reply, Failure> {
        let published = Some((self.url, PublishOutcome::Confirmed));
        let Some(shape) = &self.receipt else {
            return Ok(Reply { published, ..Reply::object(Object::empty()) });
        };
        let data = shape_json(shape, &receipt::json(receipt).into(), self.merged).map_err(|error| {
            self.failure(StatusCode::INTERNAL_SERVER_ERROR, PublishOutcome::Confirmed, format!("the receipt: {error}"))
        })?;
        Ok(Reply { published, ..Reply::new(data, true) })
    }

    fn failure(&self, status: StatusCode, outcome: PublishOutcome, message: impl Into<String>) -> Failure {
        Failure::publish(status, outcome, self.url, message)
    }

    fn refused(&self, error: &PublishError) -> Failure {
        let (status, outcome) = match error.kind {
            PublishErrorKind::Unreachable | PublishErrorKind::Full => {
                (StatusCode::SERVICE_UNAVAILABLE, PublishOutcome::Refused)
            }
            PublishErrorKind::Refused => (StatusCode::BAD_GATEWAY, PublishOutcome::Refused),
            PublishErrorKind::Invalid => (StatusCode::BAD_REQUEST, PublishOutcome::Refused),
            PublishErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, PublishOutcome::Refused),
            PublishErrorKind::Unknown => (StatusCode::GATEWAY_TIMEOUT, PublishOutcome::Unknown),
        };
        let failure = self.failure(status, outcome, format!("{}: {error}", self.url));
        match error.kind {
            // The client's own message is what these are about.
            PublishErrorKind::Invalid | PublishErrorKind::TooLarge => failure,
            kind => {
                let failure = failure.telling(format!("{}: {kind}", self.url));
                if status == StatusCode::SERVICE_UNAVAILABLE { failure.unavailable() } else { failure }
            }
        }
    }
}
