use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use http::StatusCode;
use sluicegate_drivers::{Broker, Confirm, Message, PublishError, PublishErrorKind, Publisher};

use crate::backend::forward::{Forward, HeaderRules};
use crate::backend::reply::{Object, Reply};
use crate::backend::{Backend, BodyUse, Failure, OpenBackend, Payload, Place, PublishOutcome};
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};

/// A topic to publish request bodies to, as generated code describes it.
pub struct Publish<B> {
    url: &'static str,
    forward: Forward,
    broker: PhantomData<fn() -> B>,
}

/// A [`Publish`] backend with its publisher.
pub struct OpenPublish<P> {
    url: &'static str,
    publisher: P,
    headers: HeaderRules,
    max_body_bytes: Option<usize>,
}

impl<B: Broker> Publish<B> {
    /// Publishes to the topic that `url` names, with the allowed headers as attributes.
    #[must_use]
    pub const fn new(url: &'static str) -> Self {
        Self { url, forward: Forward::DEFAULT, broker: PhantomData }
    }

    /// The backend's own allow-lists.
    #[must_use]
    pub const fn forward(mut self, forward: Forward) -> Self {
        self.forward = forward;
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
        let broker = opener.broker::<B>()?;
        Ok(OpenPublish {
            url: self.url,
            publisher: broker.publisher(self.url, Confirm::All)?,
            headers: HeaderRules::new(place, &self.forward),
            max_body_bytes: B::DRIVER.capabilities.max_body_bytes,
        })
    }

    fn summary(&self) -> String {
        format!("publishes to {}", self.url)
    }
}

impl<P: Publisher> OpenBackend for OpenPublish<P> {
    fn body_use(&self) -> BodyUse {
        BodyUse::Whole
    }

    fn max_body_bytes(&self) -> Option<usize> {
        self.max_body_bytes
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let Payload::Whole(body) = body else {
            return Err(self.failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                PublishOutcome::Refused,
                "the body was not read",
            ));
        };
        let mut message = Message::new(body);
        message.attributes = self.headers.attributes(incoming).map_err(|name| {
            let why = format!("the header {name} is not UTF-8 and cannot be an attribute");
            self.failure(StatusCode::BAD_REQUEST, PublishOutcome::Refused, why)
        })?;
        match self.publisher.publish(message).await {
            Ok(_receipt) => {
                Ok(Reply { published: Some((self.url, PublishOutcome::Confirmed)), ..Reply::object(Object::empty()) })
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    fn timed_out(&self, after: Duration) -> Failure {
        let message = format!("{} did not confirm the message within {after:?}: it may have been stored", self.url);
        self.failure(StatusCode::GATEWAY_TIMEOUT, PublishOutcome::Unknown, message)
    }
}

impl<P> OpenPublish<P> {
    fn failure(&self, status: StatusCode, outcome: PublishOutcome, message: impl Into<String>) -> Failure {
        Failure::publish(status, outcome, self.url, message)
    }

    fn refused(&self, error: &PublishError) -> Failure {
        let message = format!("{}: {error}", self.url);
        let (status, outcome) = match error.kind {
            PublishErrorKind::Unreachable | PublishErrorKind::Full => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return self.failure(status, PublishOutcome::Refused, message).unavailable();
            }
            PublishErrorKind::Refused => (StatusCode::BAD_GATEWAY, PublishOutcome::Refused),
            PublishErrorKind::Invalid => (StatusCode::BAD_REQUEST, PublishOutcome::Refused),
            PublishErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, PublishOutcome::Refused),
            PublishErrorKind::Unknown => (StatusCode::GATEWAY_TIMEOUT, PublishOutcome::Unknown),
        };
        self.failure(status, outcome, message)
    }
}
