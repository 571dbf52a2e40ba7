//! The four endpoints of `nats.json`, with async-nats.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::jetstream::{self, AckKind, consumer};
use async_nats::{Client, ConnectOptions, HeaderMap, RequestErrorKind, Subscriber};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use sluicegate_benches::{NATS_DURABLE, NATS_IN, NATS_JETSTREAM, NATS_OUT, NATS_STREAM};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use crate::broker::{self, Settle, delivered, is_object, unavailable};
use crate::routes::{TIMEOUT, WAIT, failed, finish, json, status};

/// Nobody answers there, so that the server does: once it has taken all that was sent before.
const NOBODY: &str = "reference.nobody";
/// As many messages as a run publishes.
const CAPACITY: usize = 1_000_000;

/// What the handlers share.
pub(crate) struct Nats {
    client: Client,
    confirmations: mpsc::UnboundedSender<oneshot::Sender<bool>>,
    subscriber: Mutex<Subscriber>,
    jetstream: jetstream::Context,
    consumer: consumer::PullConsumer,
}

impl Nats {
    /// Connects, subscribes and finds the consumer.
    pub(crate) async fn open(url: &str) -> Result<Arc<Self>, Box<dyn Error>> {
        let client = ConnectOptions::new().subscription_capacity(CAPACITY).connect(url).await?;
        let (confirmations, waiting) = mpsc::unbounded_channel();
        tokio::spawn(confirm(client.clone(), waiting));
        let subscriber = Mutex::new(client.subscribe(NATS_IN).await?);
        let jetstream = jetstream::new(client.clone());
        let consumer = jetstream.get_consumer_from_stream(NATS_DURABLE, NATS_STREAM).await?;
        Ok(Arc::new(Self { client, confirmations, subscriber, jetstream, consumer }))
    }
}

/// One round trip confirms all that was published before it, by whichever handlers.
async fn confirm(client: Client, mut waiting: mpsc::UnboundedReceiver<oneshot::Sender<bool>>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, 1_024).await > 0 {
        let answer = client.request(NOBODY, Bytes::new()).await;
        let seen = answer.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders);
        for handler in batch.drain(..) {
            // A handler whose time was up has gone.
            let _ = handler.send(seen);
        }
    }
}

/// `POST /nats/publish`: answered once the server has the message.
pub(crate) async fn publish(State(nats): State<Arc<Nats>>, request: Request) -> Response {
    let (headers, body) = match read(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    match nats.client.publish_with_headers(NATS_OUT, headers, body).await {
        Ok(()) => {}
        Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
            return failed(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Err(_) => return unavailable(),
    }
    let (confirmed, confirmation) = oneshot::channel();
    if nats.confirmations.send(confirmed).is_err() {
        return unavailable();
    }
    match timeout(TIMEOUT, confirmation).await {
        Ok(Ok(true)) => json(Bytes::from_static(b"{}")),
        _ => failed(StatusCode::GATEWAY_TIMEOUT),
    }
}

/// `GET /nats/consume`: the next message of a standing subscription.
pub(crate) async fn consume(State(nats): State<Arc<Nats>>) -> Response {
    let next = async { nats.subscriber.lock().await.next().await };
    match timeout(WAIT, next).await {
        Ok(Some(message)) if is_object(&message.payload) => {
            let mut response = json(message.payload);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Ok(Some(_)) => failed(StatusCode::BAD_GATEWAY),
        Ok(None) => unavailable(),
        Err(_) => finish(status(StatusCode::NO_CONTENT), false),
    }
}

/// `POST /jetstream/publish`: answered once the stream has the message.
pub(crate) async fn jetstream_publish(State(nats): State<Arc<Nats>>, request: Request) -> Response {
    let (headers, body) = match read(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let published = async { nats.jetstream.publish_with_headers(NATS_JETSTREAM, headers, body).await?.await };
    match timeout(TIMEOUT, published).await {
        Ok(Ok(_)) => json(Bytes::from_static(b"{}")),
        Ok(Err(_)) => failed(StatusCode::BAD_GATEWAY),
        Err(_) => failed(StatusCode::GATEWAY_TIMEOUT),
    }
}

/// `GET /jetstream/consume`: one message pulled, acknowledged when the connection has taken the response.
pub(crate) async fn jetstream_consume(State(nats): State<Arc<Nats>>) -> Response {
    let pulled = async {
        let mut batch = nats.consumer.fetch().max_messages(1).expires(WAIT).messages().await.ok()?;
        batch.next().await?.ok()
    };
    let Ok(Some(message)) = timeout(TIMEOUT, pulled).await else {
        return finish(status(StatusCode::NO_CONTENT), false);
    };
    if !is_object(&message.payload) {
        // What becomes of it does not change the answer.
        let _ = message.ack_with(AckKind::Term).await;
        return failed(StatusCode::BAD_GATEWAY);
    }
    delivered(message.payload.clone(), Pulled(message))
}

/// The body, and what becomes of the request's headers.
async fn read(request: Request) -> Result<(HeaderMap, Bytes), Response> {
    let (content_type, body) = broker::read(request).await?;
    let mut headers = HeaderMap::new();
    if let Some(Ok(content_type)) = content_type.as_ref().map(HeaderValue::to_str) {
        headers.insert("Content-Type", content_type);
    }
    Ok((headers, body))
}

/// A pulled message.
struct Pulled(jetstream::Message);

impl Pulled {
    fn end(self, kind: AckKind) {
        tokio::spawn(async move {
            if let Err(error) = self.0.ack_with(kind).await {
                eprintln!("not settled: {error}");
            }
        });
    }
}

impl Settle for Pulled {
    fn ack(self) {
        self.end(AckKind::Ack);
    }

    fn give_back(self, _: Bytes) {
        self.end(AckKind::Nak(Some(Duration::ZERO)));
    }
}
