use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use sluicegate_drivers::{
    Broker, Declaration, Delivery, Message, PublisherOptions, ReceiveError, Settlement, Subscriber, SubscriberOptions,
};

use crate::backend::dead_letter::DeadLetters;
use crate::backend::deliveries::Deliveries;
use crate::backend::metadata::{self, Metadata};
use crate::backend::reply::{Data, Reply};
use crate::backend::settling::{SettleDelivery, Settlings, backoff, settle};
use crate::backend::{Backend, BodyUse, Failure, OpenBackend, Payload, Place, at, shape_json};
use crate::broker::NamedBroker;
use crate::deadline::before;
use crate::encoding::{self, Decode};
use crate::in_flight::InFlight;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};
use crate::server::Settling;
use crate::shape::Shape;

/// A subscription to receive one message a request from, as generated code describes it.
pub struct Subscribe<B> {
    url: &'static str,
    named: Option<&'static NamedBroker>,
    decode: Decode,
    shape: &'static Shape,
    wait: Option<Duration>,
    on_failure: OnFailure,
    max_deliveries: u32,
    dead_letter: Option<&'static str>,
    metadata: &'static [(&'static str, Metadata)],
    options: SubscriberOptions,
    broker: PhantomData<fn() -> B>,
}

/// What becomes of a message that cannot be decoded, or was delivered too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Given back with growing delay until it was delivered too often, dead-lettered then.
    Nack,
    /// Acknowledged, with an error in the log.
    Drop,
    /// Dead-lettered at once.
    DeadLetter,
}

/// A [`Subscribe`] backend with its subscriber.
pub struct OpenSubscribe<B: Broker> {
    url: &'static str,
    subscriber: B::Subscriber,
    in_flight: Arc<InFlight>,
    decode: Decode,
    shape: &'static Shape,
    /// What of the endpoint's time is left when the wait for a message is over.
    margin: Duration,
    on_failure: OnFailure,
    max_deliveries: u32,
    dead_letters: Option<Arc<DeadLetters<B::Publisher>>>,
    /// Where the broker does not count.
    deliveries: Option<Arc<Deliveries>>,
    metadata: metadata::Rules,
    merged: bool,
    settlings: Arc<Settlings>,
}

impl<B: Broker> Subscribe<B> {
    /// Receives JSON messages from the subscription that `url` names. A request waits for the endpoint's timeout, or what a
    /// merge gives each backend, less a tenth; a message is dead-lettered after five deliveries.
    #[must_use]
    pub const fn new(url: &'static str) -> Self {
        Self {
            url,
            named: None,
            decode: Decode::Json,
            shape: &Shape::OBJECT,
            wait: None,
            on_failure: OnFailure::Nack,
            max_deliveries: 5,
            dead_letter: None,
            metadata: &[],
            options: SubscriberOptions { declare: None },
            broker: PhantomData,
        }
    }

    /// At this broker, instead of the one that the environment describes.
    #[must_use]
    pub const fn broker(mut self, named: &'static NamedBroker) -> Self {
        self.named = Some(named);
        self
    }

    /// Hands the message's body through with its content type.
    #[must_use]
    pub const fn no_op(self) -> Self {
        self.decode(Decode::NoOp)
    }

    /// How the message is read.
    #[must_use]
    pub const fn decode(mut self, decode: Decode) -> Self {
        self.decode = decode;
        self
    }

    /// How what was read is shaped.
    #[must_use]
    pub const fn shape(mut self, shape: &'static Shape) -> Self {
        self.shape = shape;
        self
    }

    /// How long a request waits for a message, at most as long as it does by itself.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// What becomes of a message that cannot be decoded.
    #[must_use]
    pub const fn on_failure(mut self, policy: OnFailure) -> Self {
        self.on_failure = policy;
        self
    }

    /// How often a message is delivered before it is dead-lettered.
    #[must_use]
    pub const fn max_deliveries(mut self, count: u32) -> Self {
        self.max_deliveries = count;
        self
    }

    /// The topic of the same broker to which a message is published that is given up, instead of the broker's own place.
    #[must_use]
    pub const fn dead_letter(mut self, url: &'static str) -> Self {
        self.dead_letter = Some(url);
        self
    }

    /// Response headers, in lower case, and what of the message they hold.
    #[must_use]
    pub const fn metadata(mut self, headers: &'static [(&'static str, Metadata)]) -> Self {
        self.metadata = headers;
        self
    }

    /// What the broker is told to have as the subscription.
    #[must_use]
    pub const fn declare(mut self, declaration: &'static Declaration) -> Self {
        self.options.declare = Some(declaration);
        self
    }
}

impl<B> Clone for Subscribe<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Subscribe<B> {}

impl<B> fmt::Debug for Subscribe<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe").field("url", &self.url).field("broker", &type_name::<B>()).finish_non_exhaustive()
    }
}

impl<B: Broker> Backend for Subscribe<B> {
    type Open = OpenSubscribe<B>;

    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<Self::Open, OpenFailure> {
        let (broker, in_flight) = opener.broker::<B>(self.named)?;
        let capabilities = &B::DRIVER.capabilities;
        let counts = capabilities.nack && !capabilities.delivery_count;
        let deliveries = counts.then(|| Arc::new(Deliveries::new()));
        let dead_letters = |topic| -> Result<_, OpenFailure> {
            let publisher = broker.publisher(topic, &PublisherOptions::default())?;
            Ok(Arc::new(DeadLetters {
                topic,
                subscription: self.url,
                publisher,
                max_deliveries: self.max_deliveries,
                capabilities,
                reserved: B::DRIVER.reserved_attributes,
                check_attribute: B::DRIVER.check_attribute,
                deliveries: deliveries.clone(),
            }))
        };
        Ok(OpenSubscribe {
            url: self.url,
            subscriber: broker.subscriber(self.url, &self.options)?,
            in_flight,
            dead_letters: self.dead_letter.map(dead_letters).transpose()?,
            deliveries,
            metadata: metadata::rules(self.metadata)?,
            decode: self.decode,
            shape: self.shape,
            // Ends before the endpoint's time is up, so that nothing is received that cannot be answered any more.
            margin: place.endpoint.timeout - self.wait.unwrap_or(place.timeout).min(place.timeout * 9 / 10),
            on_failure: self.on_failure,
            max_deliveries: self.max_deliveries,
            merged: place.merged,
            settlings: opener.settlings()?,
        })
    }

    fn summary(&self) -> String {
        format!("receives from {}{}", self.url, at(self.named))
    }

    fn consumes(&self) -> bool {
        true
    }
}

impl<B: Broker> OpenBackend for OpenSubscribe<B> {
    fn body_use(&self) -> BodyUse {
        BodyUse::None
    }

    async fn call(&self, incoming: &Incoming, _body: Payload) -> Result<Reply, Failure> {
        let deadline = incoming.deadline - self.margin;
        loop {
            let delivery = {
                let _slot = self.in_flight.receive().map_err(|why| self.full(&why))?;
                match before(deadline, self.subscriber.receive(deadline.into_std())).await {
                    None => return Ok(Reply::nothing()),
                    Some(Ok(delivery)) => delivery,
                    Some(Err(error)) => return Err(self.not_received(&error)),
                }
            };
            match self.count(&delivery) {
                Some(count) if count > self.max_deliveries => {
                    let reason = format!("delivered {} times without success", count - 1);
                    match self.on_failure {
                        OnFailure::Drop => self.discard(delivery, Some(count), &reason),
                        OnFailure::Nack | OnFailure::DeadLetter => self.dead_letter(delivery, Some(count), reason),
                    }
                }
                count => return self.reply(delivery, count),
            }
        }
    }

    fn timed_out(&self, after: Duration) -> Failure {
        Failure::new(StatusCode::GATEWAY_TIMEOUT, format!("{}: no message within {after:?}", self.url))
    }
}

/// A message with nothing in it is `null`, as with KrakenD, and shaped as such; as text it is text.
fn read(decode: Decode, shape: &Shape, body: &Bytes, merged: bool) -> Result<Data, String> {
    static NULL: Bytes = Bytes::from_static(b"null");
    match decode {
        Decode::Text => encoding::read(decode, shape, body, merged),
        _ if body.trim_ascii().is_empty() => shape_json(&shape.of_object().0, &NULL, merged),
        _ => encoding::read(decode, shape, body, merged),
    }
}

/// Header names have no case to HTTP, and a broker's producers write them as they like.
fn content_type(message: &Message) -> Option<HeaderValue> {
    let is_it = |name: &str| name.eq_ignore_ascii_case("content-type");
    let other = || message.attributes.iter().find(|it| is_it(&it.name)).map(|it| it.value.as_str());
    message.attribute("Content-Type").or_else(other).and_then(|value| HeaderValue::from_str(value).ok())
}

type DeliveryOf<B> = <<B as Broker>::Subscriber as Subscriber>::Delivery;

impl<B: Broker> OpenSubscribe<B> {
    /// How often it was delivered, this time included: by the broker's count, or the gateway's where the broker has none
    /// and takes messages back.
    fn count(&self, delivery: &DeliveryOf<B>) -> Option<u32> {
        let own = || self.deliveries.as_ref().map(|deliveries| deliveries.count(delivery.message()));
        delivery.delivery_count().or_else(own)
    }

    fn reply(&self, delivery: DeliveryOf<B>, count: Option<u32>) -> Result<Reply, Failure> {
        let message = delivery.message();
        let reply = match self.decode {
            Decode::NoOp => {
                let mut response = Response::new(Body::from(message.body.clone()));
                let octets = HeaderValue::from_static("application/octet-stream");
                response.headers_mut().insert(CONTENT_TYPE, content_type(message).unwrap_or(octets));
                Reply::pass_through(response)
            }
            decode => match read(decode, self.shape, &message.body, self.merged) {
                Ok(data) => Reply::new(data, true),
                Err(reason) => return Err(self.not_decodable(delivery, count, &reason)),
            },
        };
        let headers = (!self.metadata.is_empty()).then(|| metadata::headers(&self.metadata, &delivery, count));
        let deliveries = self.deliveries.clone();
        let redelivery = B::DRIVER.capabilities.redelivery;
        let settlings = Arc::clone(&self.settlings);
        let settle = SettleDelivery { delivery, url: self.url, settlings, deliveries, redelivery };
        Ok(Reply { settling: Some(Settling::new(settle)), headers, ..reply })
    }

    fn full(&self, why: &str) -> Failure {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, format!("{}: {why}", self.url)).unavailable()
    }

    fn not_received(&self, error: &ReceiveError) -> Failure {
        let failure = Failure::new(StatusCode::BAD_GATEWAY, format!("{}: {error}", self.url));
        let telling = |what: &str| format!("{}: {what}", self.url);
        match error {
            ReceiveError::Unreachable(_) => failure.telling(telling("the broker cannot be reached")).unavailable(),
            ReceiveError::Closed => failure.unavailable(),
            ReceiveError::Refused(_) => failure.telling(telling("the broker refused the subscription")),
        }
    }

    /// Settles by policy, so that one poisoned message does not block the next for good.
    fn not_decodable(&self, delivery: DeliveryOf<B>, count: Option<u32>, reason: &str) -> Failure {
        let failure = Failure::new(StatusCode::BAD_GATEWAY, format!("{}: {reason}", self.url));
        let deliveries = count.unwrap_or(1);
        match self.on_failure {
            OnFailure::Nack if deliveries < self.max_deliveries => {
                tracing::warn!(
                    subscription = self.url,
                    id = delivery.message().id.as_deref(),
                    delivery_count = deliveries,
                    reason,
                    "message given back: it cannot be decoded"
                );
                if let Some(deliveries) = &self.deliveries {
                    deliveries.given_back(delivery.message());
                }
                self.settle(delivery, Settlement::Nack { delay: backoff(deliveries) });
            }
            OnFailure::Drop => self.discard(delivery, count, reason),
            OnFailure::Nack | OnFailure::DeadLetter => self.dead_letter(delivery, count, reason.to_owned()),
        }
        failure
    }

    fn discard(&self, delivery: DeliveryOf<B>, delivery_count: Option<u32>, reason: &str) {
        self.forget(&delivery);
        tracing::error!(
            subscription = self.url,
            id = delivery.message().id.as_deref(),
            delivery_count,
            reason,
            "message dropped"
        );
        self.settle(delivery, Settlement::Ack);
    }

    fn dead_letter(&self, delivery: DeliveryOf<B>, delivery_count: Option<u32>, reason: String) {
        if let Some(dead_letters) = &self.dead_letters {
            // Not within the request, which may end before the topic has the message.
            self.settlings.spawn(Arc::clone(dead_letters).bury(delivery, delivery_count, reason));
            return;
        }
        self.forget(&delivery);
        let message = match B::DRIVER.capabilities.dead_letter {
            true => "message dead-lettered",
            false => "message dropped: there is no topic for it",
        };
        tracing::error!(
            subscription = self.url,
            id = delivery.message().id.as_deref(),
            delivery_count,
            reason,
            "{message}"
        );
        self.settle(delivery, Settlement::DeadLetter { reason });
    }

    /// It will not come back.
    fn forget(&self, delivery: &DeliveryOf<B>) {
        if let Some(deliveries) = &self.deliveries {
            deliveries.forget(delivery.message());
        }
    }

    fn settle(&self, delivery: DeliveryOf<B>, settlement: Settlement) {
        settle(delivery, settlement, self.url, B::DRIVER.capabilities.redelivery, &self.settlings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_found_however_it_is_written() {
        for (names, expected) in [
            (&["Content-Type"][..], Some("a/0")),
            (&["content-type"], Some("a/0")),
            (&["content-type", "Content-Type"], Some("a/1")),
            (&["X-Content-Type"], None),
        ] {
            let mut message = Message::new("");
            for (index, name) in names.iter().enumerate() {
                message.set_attribute(*name, format!("a/{index}"));
            }
            assert_eq!(content_type(&message).as_ref().and_then(|value| value.to_str().ok()), expected, "{names:?}");
        }
        let mut message = Message::new("");
        message.set_attribute("Content-Type", "a\nb");
        assert_eq!(content_type(&message), None);
    }
}
