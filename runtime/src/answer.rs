//! What the client sees of an endpoint's result.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::backend::{Data, ErrorBody, Failure, Reply};
use crate::endpoint::{EndpointOptions, Output};
use crate::router::{RouterOptions, X_KRAKEND, X_KRAKEND_COMPLETED};
use crate::version::{VERSION_HEADER, VERSION_HIDDEN};

static X_VERSION: HeaderName = X_KRAKEND;
static X_COMPLETED: HeaderName = X_KRAKEND_COMPLETED;
static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
static TRUE: HeaderValue = HeaderValue::from_static("true");
static FALSE: HeaderValue = HeaderValue::from_static("false");
/// Seconds: a supervised connection is usually back by then.
static SOON: HeaderValue = HeaderValue::from_static("1");

/// How one endpoint answers, worked out once at start.
pub(crate) struct Answers {
    endpoint: (&'static str, &'static str),
    output: Output,
    version: HeaderValue,
    /// `Cache-Control` on complete answers (trap 27).
    cacheable: Option<HeaderValue>,
    /// Consuming is never cacheable, whatever `cache_ttl` says.
    consumes: bool,
    return_error_msg: bool,
}

impl Answers {
    pub(crate) fn new(options: &EndpointOptions, router: &RouterOptions, consumes: bool) -> Self {
        let seconds = options.cache_ttl.as_secs();
        let cacheable = (options.cache_ttl > Duration::ZERO && !consumes)
            .then(|| HeaderValue::from_str(&format!("public, max-age={seconds}")).ok())
            .flatten();
        let version = if router.hide_version_header { &VERSION_HIDDEN } else { &VERSION_HEADER };
        Self {
            endpoint: (options.method.as_str(), options.path),
            output: options.output,
            version: version.clone(),
            cacheable,
            consumes,
            return_error_msg: router.return_error_msg,
        }
    }

    /// A status and nothing else.
    pub(crate) fn bare(status: StatusCode) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response
    }

    pub(crate) fn answer(&self, result: Result<Reply, Failure>) -> Response<Body> {
        match result {
            Ok(reply) => self.succeeded(reply),
            Err(failure) => self.failed(&failure),
        }
    }

    fn succeeded(&self, reply: Reply) -> Response<Body> {
        let status = reply.status();
        let mut completed = reply.complete;
        let mut response = match reply.data {
            // The answers of publishers have nothing in them, and are complete all the same.
            Data::Object(object) => {
                completed &= !object.empty || reply.published.is_some();
                match self.output {
                    Output::Json => json(object.text),
                    Output::NoOp => Response::new(Body::empty()),
                }
            }
            Data::Null => {
                completed = false;
                json(Bytes::from_static(b"null"))
            }
            Data::Nothing => Response::new(Body::empty()),
            Data::PassThrough(response) => response,
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(X_VERSION.clone(), self.version.clone());
        headers.insert(X_COMPLETED.clone(), if completed { TRUE.clone() } else { FALSE.clone() });
        if self.consumes {
            headers.insert(CACHE_CONTROL, NO_STORE.clone());
        } else if let Some(value) = self.cacheable.as_ref().filter(|_| completed) {
            headers.insert(CACHE_CONTROL, value.clone());
        }
        if let Some(settling) = reply.settling {
            response.extensions_mut().insert(settling);
        }
        response
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
        let mut response = Response::new(body);
        *response.status_mut() = failure.status;
        let headers = response.headers_mut();
        headers.insert(X_VERSION.clone(), self.version.clone());
        headers.insert(X_COMPLETED.clone(), FALSE.clone());
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        if failure.retry {
            headers.insert(RETRY_AFTER, SOON.clone());
        }
        if self.consumes {
            headers.insert(CACHE_CONTROL, NO_STORE.clone());
        }
        response
    }

    /// Empty unless `return_error_msg` is on (traps 22 and 23), but for the report on several publishers.
    fn error_body(&self, failure: &Failure) -> (Body, Option<HeaderValue>) {
        match failure.body.as_deref() {
            Some(ErrorBody::Report(report)) => (Body::from(report.clone()), Some(JSON.clone())),
            _ if !self.return_error_msg => (Body::empty(), None),
            Some(ErrorBody::Upstream(body, content_type)) => {
                (Body::from(body.clone()), Some(content_type.clone().unwrap_or_else(|| TEXT.clone())))
            }
            None => (Body::from(failure.message.clone()), Some(TEXT.clone())),
        }
    }
}

fn json(text: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, JSON.clone());
    response
}
