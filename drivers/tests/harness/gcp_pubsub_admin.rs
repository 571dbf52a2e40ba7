//! What tests ask of Pub/Sub besides the driver: topics, subscriptions, and what is in them.
//!
//! Google's own client for Rust asks for topics and subscriptions over HTTP/1, which Google's own fake does not speak.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

/// A project of the fake, which takes any.
pub(crate) const PROJECT: &str = "sluicegate-tests";

/// A connection of its own.
pub(crate) struct Admin {
    sender: SendRequest<Body>,
    address: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Topic {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Subscription {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) topic: String,
    #[prost(int32, tag = "5")]
    pub(crate) ack_deadline_seconds: i32,
    #[prost(bool, tag = "10")]
    pub(crate) enable_message_ordering: bool,
    #[prost(message, optional, tag = "13")]
    pub(crate) dead_letter_policy: Option<DeadLetterPolicy>,
    #[prost(bool, tag = "16")]
    pub(crate) enable_exactly_once_delivery: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct DeadLetterPolicy {
    #[prost(string, tag = "1")]
    pub(crate) dead_letter_topic: String,
    #[prost(int32, tag = "2")]
    pub(crate) max_delivery_attempts: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Name {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Pull {
    #[prost(string, tag = "1")]
    subscription: String,
    #[prost(bool, tag = "2")]
    return_immediately: bool,
    #[prost(int32, tag = "3")]
    max_messages: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Pulled {
    #[prost(message, repeated, tag = "1")]
    received_messages: Vec<Received>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Received {
    #[prost(string, tag = "1")]
    ack_id: String,
    #[prost(message, optional, tag = "2")]
    message: Option<Stored>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Acknowledge {
    #[prost(string, tag = "1")]
    subscription: String,
    #[prost(string, repeated, tag = "2")]
    ack_ids: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Stored {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) data: Vec<u8>,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) attributes: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(crate) message_id: String,
    #[prost(string, tag = "5")]
    pub(crate) ordering_key: String,
}

#[allow(dead_code, reason = "the conformance suite receives by the driver, and deletes nothing")]
impl Admin {
    /// Connects to a fake at `HOST:PORT`.
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a fake");
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("an HTTP/2 connection");
        tokio::spawn(connection);
        Self { sender, address: address.to_owned() }
    }

    /// Makes a topic, and returns its name.
    pub(crate) async fn make_topic(&self, id: &str) -> String {
        let name = format!("projects/{PROJECT}/topics/{id}");
        self.ask::<_, Topic>("/google.pubsub.v1.Publisher/CreateTopic", Topic { name: name.clone() }).await;
        name
    }

    /// Makes a subscription of a topic, with what else `wanted` says, and returns its name.
    pub(crate) async fn make_subscription(&self, id: &str, topic: &str, wanted: Subscription) -> String {
        let name = format!("projects/{PROJECT}/subscriptions/{id}");
        let wanted = Subscription { name: name.clone(), topic: topic.to_owned(), ..wanted };
        self.ask::<_, Subscription>("/google.pubsub.v1.Subscriber/CreateSubscription", wanted).await;
        name
    }

    pub(crate) async fn delete_topic(&self, name: &str) {
        let name = Name { name: name.to_owned() };
        self.ask::<_, Name>("/google.pubsub.v1.Publisher/DeleteTopic", name).await;
    }

    pub(crate) async fn delete_subscription(&self, name: &str) {
        let name = Name { name: name.to_owned() };
        self.ask::<_, Name>("/google.pubsub.v1.Subscriber/DeleteSubscription", name).await;
    }

    /// Takes `count` messages out of a subscription.
    pub(crate) async fn take(&self, subscription: &str, count: usize) -> Vec<Stored> {
        let end = Instant::now() + Duration::from_secs(60);
        let mut taken = Vec::new();
        while taken.len() < count {
            assert!(Instant::now() < end, "{} of {count} messages", taken.len());
            taken.extend(self.take_some(subscription).await);
        }
        taken
    }

    /// Takes what is in a subscription, until nothing more comes for a while.
    pub(crate) async fn take_all(&self, subscription: &str) -> Vec<Stored> {
        let (mut taken, mut empty) = (Vec::new(), 0);
        while empty < 20 {
            let some = self.take_some(subscription).await;
            empty = if some.is_empty() { empty + 1 } else { 0 };
            taken.extend(some);
        }
        taken
    }

    /// Takes what is in a subscription now.
    pub(crate) async fn take_some(&self, subscription: &str) -> Vec<Stored> {
        let pull = Pull { subscription: subscription.to_owned(), return_immediately: true, max_messages: 1000 };
        let pulled: Pulled = self.ask("/google.pubsub.v1.Subscriber/Pull", pull).await;
        if pulled.received_messages.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Vec::new();
        }
        let (ack_ids, messages): (Vec<_>, Vec<_>) =
            pulled.received_messages.into_iter().map(|one| (one.ack_id, one.message)).unzip();
        let acknowledge = Acknowledge { subscription: subscription.to_owned(), ack_ids };
        self.ask::<_, Name>("/google.pubsub.v1.Subscriber/Acknowledge", acknowledge).await;
        messages.into_iter().flatten().collect()
    }

    async fn ask<Q: Message + 'static, A: Message + Default + 'static>(&self, path: &'static str, request: Q) -> A {
        let origin = format!("http://{}", self.address).parse().expect("a URI");
        let mut grpc = Grpc::with_origin(Sender(self.sender.clone()), origin).max_decoding_message_size(usize::MAX);
        let path = http::uri::PathAndQuery::from_static(path);
        let answer = grpc.unary(Request::new(request), path.clone(), Protobuf(PhantomData)).await;
        answer.unwrap_or_else(|status| panic!("{path}: {status}")).into_inner()
    }
}

/// An id that nobody else uses.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of what has that name.
pub(crate) fn url(name: &str) -> String {
    format!("gcppubsub://{name}")
}

struct Sender(SendRequest<Body>);

impl GrpcService<Body> for Sender {
    type ResponseBody = hyper::body::Incoming;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<http::Response<hyper::body::Incoming>>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

struct Protobuf<Q, A>(PhantomData<fn(Q) -> A>);

impl<Q: Message + 'static, A: Message + Default + 'static> Codec for Protobuf<Q, A> {
    type Encode = Q;
    type Decode = A;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(PhantomData)
    }

    fn decoder(&mut self) -> Self {
        Self(PhantomData)
    }
}

impl<Q: Message, A> Encoder for Protobuf<Q, A> {
    type Item = Q;
    type Error = Status;

    fn encode(&mut self, request: Q, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        request.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<Q, A: Message + Default> Decoder for Protobuf<Q, A> {
    type Item = A;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        A::decode(buffer).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
