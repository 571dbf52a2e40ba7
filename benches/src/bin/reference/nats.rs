//! The four endpoints of `nats.json`, with async-nats.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::jetstream::{self, AckKind, consumer};
use async_nats::{Client, ConnectOptions, HeaderMap, RequestErrorKind, Subscriber};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use serde_json::value::RawValue;
use sluicegate_benches::{NATS_DURABLE, NATS_IN, NATS_JETSTREAM, NATS_OUT, NATS_STREAM};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use crate::routes::{JSON, MAX_BODY_BYTES, TIMEOUT, WAIT, failed, finish, json, over_limit, status};

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
    let mut response = Response::new(Body::new(Delivery { message: Some(message), sent: false }));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    finish(response, true)
}

/// The body, and what becomes of the request's headers.
async fn read(request: Request) -> Result<(HeaderMap, Bytes), Response> {
    let (head, body) = request.into_parts();
    let body = match timeout(TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if over_limit(&error) => return Err(failed(StatusCode::PAYLOAD_TOO_LARGE)),
        Ok(Err(_)) => return Err(failed(StatusCode::BAD_REQUEST)),
        Err(_) => return Err(failed(StatusCode::REQUEST_TIMEOUT)),
    };
    let mut headers = HeaderMap::new();
    if let Some(Ok(content_type)) = head.headers.get(CONTENT_TYPE).map(HeaderValue::to_str) {
        headers.insert("Content-Type", content_type);
    }
    Ok((headers, body))
}

/// Checks the syntax of all of it and copies nothing.
fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(body).is_ok_and(|raw| raw.get().starts_with('{'))
}

fn unavailable() -> Response {
    let mut response = failed(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The body of a pulled message: acknowledged when the connection took it, given back otherwise.
struct Delivery {
    message: Option<jetstream::Message>,
    sent: bool,
}

// === impl Delivery ===

impl HttpBody for Delivery {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.sent {
            return Poll::Ready(None);
        }
        self.sent = true;
        Poll::Ready(self.message.as_ref().map(|message| Ok(Frame::data(message.payload.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.message.as_ref().filter(|_| !self.sent).map_or(0, |message| message.payload.len());
        SizeHint::with_exact(left as u64)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(message) = self.message.take() else { return };
        let kind = if self.sent { AckKind::Ack } else { AckKind::Nak(Some(Duration::ZERO)) };
        tokio::spawn(async move {
            if let Err(error) = message.ack_with(kind).await {
                eprintln!("not settled: {error}");
            }
        });
    }
}
