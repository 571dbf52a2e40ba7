//! Between hyper and the gateway's service: what a request is given, and what is taken from a response.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use super::Peer;
use super::body::{self, Exchange, Outgoing};
use super::connection::Shared;
use super::link::{Link, Phase};
use super::settle::Settling;

/// hyper's service for one connection.
pub(super) struct Requests<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) link: Arc<Link>,
    pub(super) peer: Peer,
    pub(super) http2: bool,
}

impl<S> hyper::service::Service<Request<Incoming>> for Requests<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Respond<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let timeouts = self.shared.timeouts;
        let has_body = !request.body().is_end_stream();
        self.link.request_started(has_body);
        let deadline = timeouts.read.filter(|_| has_body).map(|timeout| {
            let started = if self.http2 { Instant::now() } else { self.link.head_started() };
            started + timeout
        });
        if timeouts.any() && !self.http2 {
            self.link.enter(Phase::Busy);
        }
        let head = *request.method() == Method::HEAD;
        let work = match refusal(&request) {
            Some(response) => Work::Refused { response: Some(response) },
            None => {
                let (mut parts, body) = request.into_parts();
                parts.extensions.insert(self.peer.clone());
                let request = Request::from_parts(parts, body::incoming(body, deadline));
                Work::Called { future: self.shared.service.clone().call(request) }
            }
        };
        Respond { work, link: self.link.clone(), head, http2: self.http2, timed: timeouts.any() }
    }
}

/// RFC 9112, section 3.2: HTTP/1.1 without exactly one `Host` is a bad request. hyper lets it pass, Go
/// does not.
fn refusal(request: &Request<Incoming>) -> Option<Response<Body>> {
    if request.version() != Version::HTTP_11 {
        return None;
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let reason = match (hosts.next(), hosts.next()) {
        (Some(_), None) => return None,
        (None, _) if *request.method() == Method::CONNECT => return None,
        (None, _) => "400 Bad Request: missing required Host header",
        (Some(_), Some(_)) => "400 Bad Request: too many Host headers",
    };
    let mut response = Response::new(Body::from(reason));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}

pin_project! {
    /// The handler's future, and what has to be done with its response.
    pub(super) struct Respond<F> {
        #[pin]
        work: Work<F>,
        link: Arc<Link>,
        head: bool,
        http2: bool,
        timed: bool,
    }
}

pin_project! {
    #[project = WorkProjection]
    enum Work<F> {
        Called { #[pin] future: F },
        Refused { response: Option<Response<Body>> },
    }
}

impl<F> Future for Respond<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.work.project() {
            WorkProjection::Called { future } => ready!(future.poll(cx))?,
            WorkProjection::Refused { response } => match response.take() {
                Some(response) => response,
                None => return Poll::Pending,
            },
        };
        let unsettled = response.extensions_mut().remove::<Settling>().and_then(|settling| settling.take());
        let exchange = Exchange { link: this.link, head: *this.head, http2: *this.http2, timed: *this.timed };
        Poll::Ready(Ok(Outgoing::response(response, unsettled, &exchange)))
    }
}
