//! What the client sees of an endpoint's result.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};

use crate::backend::{Data, ErrorBody, Failure, Object, Reply};
use crate::encoding::output;
use crate::endpoint::{EndpointOptions, Output};
use crate::router::{RouterOptions, X_KRAKEND, X_KRAKEND_COMPLETED};
use crate::sniff;

static X_VERSION: HeaderName = X_KRAKEND;
static X_COMPLETED: HeaderName = X_KRAKEND_COMPLETED;
static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
static TRUE: HeaderValue = HeaderValue::from_static("true");
static FALSE: HeaderValue = HeaderValue::from_static("false");
/// Seconds: a supervised connection is usually back by then.
static SOON: HeaderValue = HeaderValue::from_static("1");

/// Says no more than that: what is behind a gateway is nobody's business.
const UNAVAILABLE: &str = r#"{"error":"the message broker is not available now, try again"}"#;

/// How one endpoint answers, worked out once at start.
pub(crate) struct Answers {
    endpoint: (&'static str, &'static str),
    output: Output,
    /// The gateway's own headers of complete answers and of all others: copying a map costs less than filling one.
    complete: HeaderMap,
    incomplete: HeaderMap,
    /// The same with JSON's `Content-Type`.
    complete_json: HeaderMap,
    incomplete_json: HeaderMap,
    return_error_msg: bool,
    /// Whether `complete` says that caches may keep it.
    cacheable: bool,
}

impl Answers {
    pub(crate) fn new(options: &EndpointOptions, router: &RouterOptions, consumes: bool) -> Self {
        let mut incomplete = HeaderMap::new();
        incomplete.insert(X_VERSION.clone(), router.version_header());
        incomplete.insert(X_COMPLETED.clone(), FALSE.clone());
        let mut complete = incomplete.clone();
        complete.insert(X_COMPLETED.clone(), TRUE.clone());
        if consumes {
            // Never cacheable, whatever `cache_ttl` says.
            incomplete.insert(CACHE_CONTROL, NO_STORE.clone());
            complete.insert(CACHE_CONTROL, NO_STORE.clone());
        } else if options.cache_ttl > Duration::ZERO {
            // Trap 27.
            let public = HeaderValue::from_str(&format!("public, max-age={}", options.cache_ttl.as_secs()));
            complete.extend(public.ok().map(|public| (CACHE_CONTROL, public)));
        }
        let with_json = |headers: &HeaderMap| {
            let mut headers = headers.clone();
            headers.insert(CONTENT_TYPE, JSON.clone());
            headers
        };
        Self {
            endpoint: (options.method.as_str(), options.path),
            output: options.output,
            complete_json: with_json(&complete),
            incomplete_json: with_json(&incomplete),
            complete,
            incomplete,
            return_error_msg: router.return_error_msg,
            cacheable: !consumes && options.cache_ttl > Duration::ZERO,
        }
    }

    /// A status and nothing else.
    pub(crate) fn bare(status: StatusCode) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response
    }

    /// `request` are the client's headers, which may choose the encoding.
    pub(crate) fn answer(&self, result: Result<Reply, Failure>, request: &HeaderMap) -> Response<Body> {
        match result {
            Ok(reply) => self.succeeded(reply, request),
            Err(failure) => self.failed(&failure),
        }
    }

    fn succeeded(&self, reply: Reply, request: &HeaderMap) -> Response<Body> {
        let status = reply.status();
        // A client that a cache answers publishes nothing. KrakenD says the same, as no such answer is complete there.
        let uncached = self.cacheable && reply.published.is_some();
        let mut response = match reply.data {
            Data::Object(object) => {
                // The answers of publishers have nothing in them, and are complete all the same.
                let completed = reply.complete && (!object.empty || reply.published.is_some());
                match self.output {
                    Output::Json => self.json(object.text, completed),
                    Output::NoOp => with_headers(Body::empty(), self.headers(completed).clone()),
                    _ => match self.encoded(&object.text, completed, reply.settling.is_some(), request) {
                        Ok(response) => response,
                        Err(failure) => return self.answer(Reply::without_data(reply.published, failure), request),
                    },
                }
            }
            Data::Null if self.output == Output::Json => self.json(Bytes::from_static(b"null"), false),
            Data::Null => match self.encoded(&Bytes::from_static(b"null"), false, false, request) {
                Ok(response) => response,
                Err(failure) => return self.failed(&failure),
            },
            // A backend that is `no-op` alone: what it answers is not read, and there is nothing in the answer.
            Data::PassThrough(_) if self.output != Output::NoOp => {
                return self.succeeded(Reply::new(Data::Object(Object::empty()), false), request);
            }
            Data::Nothing => with_headers(Body::empty(), self.headers(reply.complete).clone()),
            Data::PassThrough(mut response) => {
                for (name, value) in self.headers(reply.complete) {
                    response.headers_mut().insert(name, value.clone());
                }
                response
            }
        };
        *response.status_mut() = status;
        if uncached {
            response.headers_mut().remove(CACHE_CONTROL);
        }
        if let Some(headers) = reply.headers {
            // None of them is one of the gateway's: the build sees to that.
            response.headers_mut().extend(*headers);
        }
        if let Some(settling) = reply.settling {
            response.extensions_mut().insert(settling);
        }
        response
    }

    fn headers(&self, completed: bool) -> &HeaderMap {
        if completed { &self.complete } else { &self.incomplete }
    }

    fn json(&self, text: Bytes, completed: bool) -> Response<Body> {
        let headers = if completed { &self.complete_json } else { &self.incomplete_json };
        with_headers(Body::from(text), headers.clone())
    }

    /// In an encoding other than plain JSON. A message that was `consumed` must not be left out by it.
    fn encoded(
        &self,
        json: &Bytes,
        completed: bool,
        consumed: bool,
        request: &HeaderMap,
    ) -> Result<Response<Body>, Failure> {
        let output = if self.output == Output::Negotiate { output::negotiated(request) } else { self.output };
        if consumed && let Some(what) = output::missing(output, json) {
            let message = format!("the message is given back: there is no {what} in it, which is all that is answered");
            return Err(Failure::new(StatusCode::BAD_GATEWAY, message));
        }
        let (text, content_type) = output::write(output, json)
            .map_err(|reason| Failure::internal(format!("the answer cannot be written as {output:?}: {reason}")))?;
        let mut response = with_headers(Body::from(text), self.headers(completed).clone());
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        Ok(response)
    }

    fn failed(&self, failure: &Failure) -> Response<Body> {
        let (method, path) = self.endpoint;
        let (status, reason) = (failure.status.as_u16(), failure.message.as_str());
        // What a client did wrong is nothing that an operator must be told, however often it happens.
        if failure.status.is_server_error() {
            tracing::error!(method, path, status, reason, "request failed");
        } else {
            tracing::debug!(method, path, status, reason, "request refused");
        }
        let (body, content_type) = self.error_body(failure);
        let mut response = with_headers(body, self.incomplete.clone());
        *response.status_mut() = failure.status;
        let headers = response.headers_mut();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        if failure.retry {
            headers.insert(RETRY_AFTER, SOON.clone());
        }
        response
    }

    /// Empty unless `return_error_msg` is on (traps 22 and 23), but for the report on several publishers and a broker that is
    /// away.
    fn error_body(&self, failure: &Failure) -> (Body, Option<HeaderValue>) {
        match failure.body.as_deref() {
            Some(ErrorBody::Report(report)) => (Body::from(report.clone()), Some(JSON.clone())),
            // A client of a broker has no other way to tell it from a failing gateway.
            None if failure.retry && !self.return_error_msg => (Body::from(UNAVAILABLE), Some(JSON.clone())),
            _ if !self.return_error_msg => (Body::empty(), None),
            Some(ErrorBody::Upstream(body, content_type)) => {
                // As Go's server does.
                let sniffed = || (!body.is_empty()).then(|| HeaderValue::from_static(sniff::content_type(body)));
                (Body::from(body.clone()), content_type.clone().or_else(sniffed))
            }
            None => (Body::from(failure.told().to_owned()), Some(TEXT.clone())),
        }
    }
}

fn with_headers(body: Body, headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}
