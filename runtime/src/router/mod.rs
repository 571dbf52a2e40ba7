//! From the gateway's endpoints to a service that matches paths as KrakenD (gin) does.
//!
//! There are two ways in, which answer alike. A gateway that serves itself asks its own tree: one look for a percent
//! sign, one for the path, then the endpoint's handler. Within an axum application the endpoints are an
//! [`axum::Router`], whose matching carries ordinary requests (and costs a boxed service, a boxed future and the
//! parameters of axum's own extractors). What axum does not do by itself is
//! done beside it, on a decoded path: other parameter names or other endpoints per method, percent-encoded paths,
//! `/f/` under `/f/*`, redirects to the path that was meant, 405, health.
//!
//! | Request | Answer | |
//! | --- | --- | --- |
//! | no endpoint | 404 | `X-Krakend`, `X-Krakend-Completed: false` |
//! | endpoint with another method, `HEAD` included | 405, `Allow` | the same |
//! | `/a/` for `/a`, or `/A`, `/b//../a` | 301 for GET, 307 for the rest | KrakenD trap 29 |
//! | a parameter with `%`, `?` or `#` after decoding | 400 | KrakenD trap 17 |
//! | `%zz` in the path | 400 | as Go's server |
//! | `OPTIONS *` | 200 | as Go's server |
//!
//! What differs: gin redirects some paths with a slash too many to a path that does not exist either; here that
//! is a 404. A redirect's `Location` always begins with a single slash, so that it cannot lead to another host.
//! A parameter whose bytes are not UTF-8 is a 400.

mod answer;
mod options;
mod params;
mod path;
mod pattern;
mod service;
mod tree;

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{HeaderName, Method, Request, Response};

pub use self::options::{Proxies, RouterOptions};
pub use self::params::Params;
use self::service::Gate;
pub use self::service::{Endpoints, PathService};
use self::tree::Tree;

/// `X-Krakend`: product and version, on what an endpoint answers and on 404 and 405 (KrakenD trap 25).
pub const X_KRAKEND: HeaderName = HeaderName::from_static("x-krakend");
/// `X-Krakend-Completed`: whether every backend contributed (KrakenD trap 26).
pub const X_KRAKEND_COMPLETED: HeaderName = HeaderName::from_static("x-krakend-completed");

/// What answers the requests of one endpoint.
///
/// Functions of the same shape are handlers too.
pub trait Handle: Send + Sync + 'static {
    /// Answers `request`. Its URI is the client's, untouched; `params` holds the decoded path parameters.
    fn call(&self, request: Request<Body>, params: Params) -> BoxFuture<'static, Response<Body>>;
}

impl<F> Handle for F
where
    F: Fn(Request<Body>, Params) -> BoxFuture<'static, Response<Body>> + Send + Sync + 'static,
{
    fn call(&self, request: Request<Body>, params: Params) -> BoxFuture<'static, Response<Body>> {
        self(request, params)
    }
}

/// The methods of [`Routes::add_any`]: those of gin's `Any`.
const ANY: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::HEAD,
    Method::OPTIONS,
    Method::DELETE,
    Method::CONNECT,
    Method::TRACE,
];

/// Endpoints that cannot be one router. A build that accepted the gateway.json has refused them already.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// Two handlers for one method of one path; parameters are the same whatever their names.
    Duplicate {
        /// The method.
        method: Method,
        /// The path of the second.
        path: &'static str,
    },
    /// Not a path that an endpoint can have.
    Path {
        /// The path.
        path: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { method, path } => write!(f, "two endpoints answer {method} {path}"),
            Self::Path { path, why } => write!(f, "the path `{path}` cannot be an endpoint: {why}"),
        }
    }
}

impl std::error::Error for RouteError {}

/// The endpoints of a gateway, gathered.
///
/// ```
/// use std::sync::Arc;
/// use axum::body::Body;
/// use http::{Method, Request, Response};
/// use sluicegate_runtime::router::{Params, RouterOptions, Routes};
///
/// let mut routes = Routes::new();
/// routes.add(Method::GET, "/users/{id}", Arc::new(|_: Request<Body>, params: Params| {
///     let answer = Response::new(Body::from(params.get(0).to_owned()));
///     Box::pin(std::future::ready(answer)) as _
/// }));
/// let router: axum::Router = routes.build(&RouterOptions::DEFAULT)?.router();
/// # Ok::<(), sluicegate_runtime::router::RouteError>(())
/// ```
#[derive(Default)]
pub struct Routes {
    endpoints: Vec<(Method, &'static str, Arc<dyn Handle>)>,
    any: Vec<(&'static str, Arc<dyn Handle>)>,
}

impl Routes {
    /// No endpoints yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an endpoint. `path` is written as in gateway.json: `{name}` stands for one segment, `/*` at the end
    /// for the rest, which is the last parameter; `v{name}` for what follows a `v`. Everything else stands for itself, decoded.
    pub fn add(&mut self, method: Method, path: &'static str, handler: Arc<dyn Handle>) {
        self.endpoints.push((method, path, handler));
    }

    /// Adds a handler for every method, as KrakenD does for `/__debug/*` and `/__echo/*`. It is no endpoint to
    /// `auto_options`.
    pub fn add_any(&mut self, path: &'static str, handler: Arc<dyn Handle>) {
        self.any.push((path, handler));
    }

    /// Puts them together, with the health endpoint and everything else that `options` asks for.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub fn build(self, options: &RouterOptions) -> Result<Endpoints, RouteError> {
        let mut tree = Tree::default();
        for (method, path, handler) in self.endpoints {
            tree.add(method, path, handler)?;
        }
        if options.auto_options {
            tree.add_options(*options);
        }
        for (path, handler) in self.any {
            for method in ANY {
                tree.add(method, path, Arc::clone(&handler))?;
            }
        }
        if !options.disable_health {
            tree.add(Method::GET, options.health_path, service::health())?;
        }
        Ok(Endpoints::new(Gate::new(tree, *options)))
    }
}

#[cfg(test)]
mod tests;
