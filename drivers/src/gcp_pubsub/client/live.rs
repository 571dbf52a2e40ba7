//! One HTTP/2 connection to the service, and a request over it.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, HeaderValue, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use prost::Message;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request};

use super::codec::Protobuf;
use super::proto::{TestIamPermissionsRequest, TestIamPermissionsResponse};

/// How long somebody may take to give a token.
const TOKEN_PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may go without an answer before it is asked for one.
const QUIET: Duration = Duration::from_secs(30);

/// How long a probe may take.
pub(super) const PROBE_PATIENCE: Duration = Duration::from_secs(5);

const USER_AGENT: &str = concat!("sluicegate/", env!("CARGO_PKG_VERSION"));

/// A call of the service.
pub(super) struct Method {
    path: &'static str,
    /// The one of its parameters by which the service routes it.
    parameter: &'static str,
    /// Whether an answer comes at once, so that a connection that has none for long is looked at.
    pub(super) prompt: bool,
    /// The largest answer that is taken, in bytes.
    most: usize,
}

/// An answer without messages.
const SMALL: usize = 1 << 20;

/// One with messages: the service keeps them within 20 MB.
const LARGE: usize = 21 << 20;

pub(super) static PUBLISH: Method =
    Method { path: "/google.pubsub.v1.Publisher/Publish", parameter: "topic", prompt: true, most: SMALL };
pub(super) static PULL: Method =
    Method { path: "/google.pubsub.v1.Subscriber/Pull", parameter: "subscription", prompt: false, most: LARGE };
pub(super) static ACKNOWLEDGE: Method =
    Method { path: "/google.pubsub.v1.Subscriber/Acknowledge", parameter: "subscription", prompt: true, most: SMALL };
pub(super) static MODIFY_ACK_DEADLINE: Method = Method {
    path: "/google.pubsub.v1.Subscriber/ModifyAckDeadline",
    parameter: "subscription",
    prompt: true,
    most: SMALL,
};
/// Whoever is known may ask it, of any resource, there or not: an answer says that all is well but for permissions.
static TEST_PERMISSIONS: Method =
    Method { path: "/google.iam.v1.IAMPolicy/TestIamPermissions", parameter: "resource", prompt: true, most: SMALL };

/// What became of a request.
#[derive(Debug)]
pub(super) enum Failure {
    /// It certainly did not reach the service.
    NotSent(String),
    /// There was no answer: it may have been carried out.
    Unanswered(String),
    /// The service's own answer.
    Status(tonic::Status),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server did not look at the request: it can be sent again, over another connection where this one takes no more.
    Untaken(String),
    Failed(Failure),
}

/// A connection. Not shown, for its credentials.
pub(super) struct Live {
    sender: SendRequest<Body>,
    origin: Uri,
    /// `None` where an emulator wants none.
    credentials: Option<Credentials>,
    opened: Instant,
    /// When it was last heard, in milliseconds since it was opened, and how often.
    heard: AtomicU64,
    answers: AtomicU64,
    /// Whether the server has said that it takes no more requests.
    is_ending: Arc<AtomicBool>,
    /// Whether nothing is waited for any more. Each request listens to it.
    lost: watch::Sender<bool>,
}

impl Live {
    pub(super) fn new(sender: SendRequest<Body>, origin: Uri, credentials: Option<Credentials>) -> Self {
        Self {
            sender,
            origin,
            credentials,
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            is_ending: Arc::default(),
            lost: watch::Sender::new(false),
        }
    }

    /// Whether it takes no more requests.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.is_ending.load(Ordering::Relaxed) || *self.lost.borrow()
    }

    /// Ends the requests that are on their way. What is at the other end of a dead socket would be waited for as long as
    /// each of them may take.
    pub(super) fn lose(&self) {
        self.lost.send_replace(true);
    }

    /// Waits until no request is on its way.
    pub(super) async fn idle(&self) {
        self.lost.closed().await;
    }

    /// How many answers there were.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Whether it has answered more than the probe that every connection begins with.
    pub(super) fn was_of_use(&self) -> bool {
        self.answers() > 1
    }

    /// Waits until it was not heard for long.
    pub(super) async fn quiet(&self) {
        loop {
            let heard = self.opened + Duration::from_millis(self.heard.load(Ordering::Relaxed));
            if heard + QUIET <= Instant::now() {
                return;
            }
            sleep_until(heard + QUIET).await;
        }
    }

    /// Asks for an answer, whatever it is, as long as it shows that the service is there and knows who asks.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn probe(&self, resource: &str) -> Result<(), Failure> {
        let request =
            TestIamPermissionsRequest { resource: resource.to_owned(), permissions: vec![permission(resource)] };
        let until = Instant::now() + PROBE_PATIENCE;
        let asked = self.unary::<_, TestIamPermissionsResponse>(&TEST_PERMISSIONS, resource, Arc::new(request), until);
        match asked.await {
            Ok(_) => Ok(()),
            Err(Ended::Failed(Failure::Status(status))) => match status.code() {
                Code::Unauthenticated | Code::Unavailable => Err(Failure::Status(status)),
                _ => Ok(()),
            },
            Err(Ended::Failed(failure)) => Err(failure),
            Err(Ended::Untaken(reason)) => Err(Failure::Unanswered(reason)),
        }
    }

    /// Sends a request for `resource`, and waits for the answer, until then at most.
    ///
    /// # Errors
    /// There is no answer, or it is an error.
    pub(super) async fn unary<Q, A>(
        &self,
        method: &Method,
        resource: &str,
        request: Arc<Q>,
        until: Instant,
    ) -> Result<A, Ended>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let not_sent = |reason| Ended::Failed(Failure::NotSent(reason));
        let mut lost = self.lost.subscribe();
        let headers = timeout_at(until, self.headers(method, resource)).await;
        let headers = headers.unwrap_or_else(|_| Err("no token in time".to_owned())).map_err(not_sent)?;
        if *lost.borrow_and_update() {
            return Err(Ended::Untaken("the connection was lost".to_owned()));
        }
        let patience = until.saturating_duration_since(Instant::now());
        let mut request = Request::from_parts(MetadataMap::from_headers(headers), tonic::Extensions::new(), request);
        request.set_timeout(patience);
        let is_untaken = Arc::new(AtomicBool::new(false));
        let once = Once {
            sender: self.sender.clone(),
            is_untaken: Arc::clone(&is_untaken),
            is_ending: Arc::clone(&self.is_ending),
        };
        let mut grpc = Grpc::with_origin(once, self.origin.clone()).max_decoding_message_size(method.most);
        let asked = grpc.unary(request, PathAndQuery::from_static(method.path), Protobuf::<Q, A>::new());
        let unanswered = |reason| Err(Ended::Failed(Failure::Unanswered(reason)));
        let answer = tokio::select! {
            biased;
            answer = timeout_at(until, asked) => answer,
            _ = lost.changed() => return unanswered("the connection was lost".to_owned()),
        };
        let Ok(answer) = answer else {
            return unanswered(format!("no answer within {} s", patience.as_secs_f32().ceil()));
        };
        match answer {
            Ok(answer) => {
                self.was_heard();
                Ok(answer.into_inner())
            }
            Err(status) => Err(match status.source() {
                _ if is_untaken.load(Ordering::Relaxed) => Ended::Untaken(chain(&status)),
                Some(_) => Ended::Failed(Failure::Unanswered(chain(&status))),
                None => {
                    self.was_heard();
                    Ended::Failed(Failure::Status(status))
                }
            }),
        }
    }

    fn was_heard(&self) {
        let since = self.opened.elapsed().as_millis();
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.heard.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    async fn headers(&self, method: &Method, resource: &str) -> Result<HeaderMap, String> {
        let mut headers = match &self.credentials {
            None => HeaderMap::with_capacity(8),
            Some(credentials) => token(credentials).await?,
        };
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let parameter = format!("{}={}", method.parameter, resource.replace('%', "%25").replace('+', "%2B"));
        let parameter = HeaderValue::try_from(parameter).map_err(|error| error.to_string())?;
        headers.insert("x-goog-request-params", parameter);
        Ok(headers)
    }
}

/// What says who asks.
///
/// # Errors
/// There is no token, and why.
pub(super) async fn token(credentials: &Credentials) -> Result<HeaderMap, String> {
    match timeout(TOKEN_PATIENCE, caught(credentials.headers(Extensions::new()))).await {
        Ok(Some(Ok(CacheableResource::New { data, .. }))) => Ok(data),
        Ok(Some(Ok(CacheableResource::NotModified))) => Err("no token: the credentials gave none".to_owned()),
        Ok(Some(Err(error))) => Err(format!("no token: {}", chain(&error))),
        Ok(None) => Err(format!("no token: {PANICKED}")),
        Err(_) => Err(format!("no token within {TOKEN_PATIENCE:?}")),
    }
}

/// What is known where the credentials have panicked.
pub(super) const PANICKED: &str =
    "Google's library has panicked, as it does where the system's roots cannot be read (SSL_CERT_FILE) or files opened";

/// `None` where it panics. It is not polled again, and what it was about is not used any more.
async fn caught<T>(it: impl Future<Output = T>) -> Option<T> {
    let mut it = std::pin::pin!(it);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| it.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// What is asked about.
fn permission(resource: &str) -> String {
    match resource.contains("/topics/") {
        true => "pubsub.topics.publish",
        false => "pubsub.subscriptions.consume",
    }
    .to_owned()
}

/// An error with what is behind it, in one line of bounded length.
pub(super) fn chain(error: &dyn StdError) -> String {
    const MOST: usize = 600;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MOST) {
        line.truncate(end);
        line.push_str("...");
    }
    line
}

/// Sends one request.
struct Once {
    sender: SendRequest<Body>,
    /// Whether the request certainly did not leave, or was not looked at.
    is_untaken: Arc<AtomicBool>,
    is_ending: Arc<AtomicBool>,
}

impl GrpcService<Body> for Once {
    type ResponseBody = Incoming;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Incoming>, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let sent = self.sender.try_send_request(request);
        let (is_untaken, is_ending) = (Arc::clone(&self.is_untaken), Arc::clone(&self.is_ending));
        Box::pin(async move {
            sent.await.map_err(|mut failed| {
                let is_back = failed.take_message().is_some();
                let error = failed.into_error();
                let source = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
                // A stream that a GOAWAY is the error of came after the last one that the server has looked at.
                let is_over =
                    is_back || error.is_canceled() || source.is_some_and(|h2| h2.is_go_away() && h2.is_remote());
                let is_refused = source.and_then(h2::Error::reason) == Some(h2::Reason::REFUSED_STREAM);
                is_ending.fetch_or(is_over, Ordering::Relaxed);
                is_untaken.store(is_over || is_refused, Ordering::Relaxed);
                error
            })
        })
    }
}
