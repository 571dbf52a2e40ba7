//! The HTTP backend: requests out, responses streamed or read whole, within a deadline.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sluicegate_benches::UPSTREAM;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// What RFC 3986 does not allow in a path segment.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A pooled client of the one host that both endpoints call.
pub(crate) struct HttpBackend {
    client: Client<HttpConnector, Body>,
    authority: Authority,
    page: Uri,
}

/// A request of the backend that came to nothing.
#[derive(Debug)]
pub(crate) enum BackendError {
    /// The deadline passed.
    Timeout,
    /// The connection failed, or the response broke off.
    Transport(Box<dyn Error + Send + Sync>),
}

/// A response body that ends in an error at the endpoint's deadline.
pub(crate) struct DeadlineBody {
    body: Incoming,
    deadline: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

// === impl HttpBackend ===

impl HttpBackend {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(2)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(250)
            .build(connector);
        let authority = Authority::from_static(UPSTREAM);
        let page = uri(&authority, PathAndQuery::from_static("/page"));
        Self { client, authority, page }
    }

    /// The URI of `/page`.
    pub(crate) fn page(&self) -> Uri {
        self.page.clone()
    }

    /// The URI of `/items/{id}`, with `id` percent-encoded.
    pub(crate) fn item(&self, id: &str) -> Result<Uri, InvalidUri> {
        let path = format!("/items/{}", utf8_percent_encode(id, SEGMENT));
        Ok(uri(&self.authority, PathAndQuery::try_from(path)?))
    }

    /// Sends a GET with the headers that may pass, and returns the head of the response and its body.
    pub(crate) async fn get(
        &self,
        uri: Uri,
        client: &HeaderMap,
        peer: &Peer,
        body: Body,
        deadline: Instant,
    ) -> Result<Response<DeadlineBody>, BackendError> {
        let mut request = Request::new(body);
        *request.uri_mut() = uri;
        *request.headers_mut() = forwarded_headers(client, peer);
        match timeout_at(deadline, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response.map(|body| DeadlineBody { body, deadline, sleep: None })),
            Ok(Err(error)) => Err(BackendError::Transport(error.into())),
            Err(_) => Err(BackendError::Timeout),
        }
    }
}

fn uri(authority: &Authority, path_and_query: PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).expect("a URI of scheme, authority and path is complete")
}

/// No header is listed, so only Content-Type passes; the rest is the gateway's own.
fn forwarded_headers(client: &HeaderMap, peer: &Peer) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(5);
    if let Some(content_type) = client.get(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, content_type.clone());
    }
    headers.insert(X_FORWARDED_FOR, client_address(client, peer));
    if let Some(host) = client.get(HOST) {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
    headers.insert(USER_AGENT, HeaderValue::from_static("Sluicegate 0.1.0"));
    headers
}

/// Every proxy is believed, as KrakenD does by default: the first address that a proxy named counts.
fn client_address(client: &HeaderMap, peer: &Peer) -> HeaderValue {
    for name in [X_FORWARDED_FOR, X_REAL_IP] {
        let Some(value) = client.get(name) else { continue };
        let first = value.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default();
        let Ok(first) = std::str::from_utf8(first) else { continue };
        if let Ok(address) = first.trim().parse() {
            return Peer::new(address).address;
        }
    }
    peer.address.clone()
}

// === impl DeadlineBody ===

impl DeadlineBody {
    /// Reads the whole body.
    pub(crate) async fn read(self) -> Result<Bytes, BackendError> {
        match self.collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) => Err(error),
        }
    }
}

impl HttpBody for DeadlineBody {
    type Data = Bytes;
    type Error = BackendError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BackendError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| BackendError::Transport(error.into()))));
        }
        // A body that is there with its head, as most are, never sets a timer.
        let deadline = self.deadline;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        sleep.as_mut().poll(context).map(|()| Some(Err(BackendError::Timeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl BackendError ===

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the endpoint's time is up"),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl Error for BackendError {}
