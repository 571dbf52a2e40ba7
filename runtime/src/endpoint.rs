use std::fmt;
use std::time::Duration;

use crate::backend::Backend;
use crate::middleware::Step;

/// An endpoint, as generated code describes it: a method and path offered to clients, and what it calls.
///
/// Everything known while building is in here; connections, limiters and counters are made from it at start.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<B> {
    pub(crate) options: EndpointOptions,
    pub(crate) backend: B,
}

/// What an endpoint is besides its backends.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct EndpointOptions {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) source: &'static str,
    pub(crate) timeout: Duration,
    pub(crate) cache_ttl: Duration,
    pub(crate) output: Output,
    pub(crate) input_headers: Names,
    pub(crate) input_query_strings: Names,
    pub(crate) max_body_bytes: Option<usize>,
    pub(crate) steps: &'static [Step],
}

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the methods")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

/// How an endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A JSON object, merged from every backend.
    Json,
    /// What is under `collection`, or `[]` (trap 52).
    Collection,
    /// The text under `content`, or nothing (trap 53).
    Text,
    /// XML (trap 54).
    Xml,
    /// YAML, its numbers as strings (trap 55).
    Yaml,
    /// JSON, XML or YAML, as the client's `Accept` says (trap 56).
    Negotiate,
    /// The one backend's answer as it is.
    NoOp,
}

/// An allow-list of header or query parameter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// These. Header names are in lower case, query parameters exact.
    Only(&'static [&'static str]),
    /// Whatever the client sends.
    All,
}

impl<B: Backend> Endpoint<B> {
    /// An endpoint with KrakenD's defaults: a timeout of two seconds, JSON out, no headers or query parameters
    /// passed on but `Content-Type` (traps 1 and 13).
    ///
    /// `path` is written as in the config, `source` is where it stands there: `gateway.json:9:5`.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, source: &'static str, backend: B) -> Self {
        Self {
            options: EndpointOptions {
                method,
                path,
                source,
                timeout: Duration::from_secs(2),
                cache_ttl: Duration::ZERO,
                output: Output::Json,
                input_headers: Names::Only(&[]),
                input_query_strings: Names::Only(&[]),
                max_body_bytes: None,
                steps: &[],
            },
            backend,
        }
    }

    /// The time that one request may take in all (trap 3).
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// `Cache-Control: public, max-age=...` on complete answers (trap 27).
    #[must_use]
    pub const fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.options.cache_ttl = ttl;
        self
    }

    /// Passes the one backend's answer through.
    #[must_use]
    pub const fn no_op(self) -> Self {
        self.output(Output::NoOp)
    }

    /// How the answer is written.
    #[must_use]
    pub const fn output(mut self, output: Output) -> Self {
        self.options.output = output;
        self
    }

    /// The request headers that backends may see.
    #[must_use]
    pub const fn input_headers(mut self, names: Names) -> Self {
        self.options.input_headers = names;
        self
    }

    /// The query parameters that backends may see.
    #[must_use]
    pub const fn input_query_strings(mut self, names: Names) -> Self {
        self.options.input_query_strings = names;
        self
    }

    /// The largest request body in bytes; a larger one is answered 413.
    #[must_use]
    pub const fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.options.max_body_bytes = Some(bytes);
        self
    }

    /// Middleware around the backends. The order here does not matter: the runtime has one.
    #[must_use]
    pub const fn steps(mut self, steps: &'static [Step]) -> Self {
        self.options.steps = steps;
        self
    }
}

impl Method {
    /// As it is on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }

    pub(crate) fn to_http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Post => http::Method::POST,
            Self::Put => http::Method::PUT,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
            Self::Head => http::Method::HEAD,
            Self::Options => http::Method::OPTIONS,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
