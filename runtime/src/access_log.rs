//! The access log: a line for each request.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, Uri};
use percent_encoding::percent_decode_str;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use crate::client_ip::{self, Proxies};
use crate::server::Peer;

/// Logs what the service inside was asked, and how it answered. Queries are left out: they may hold secrets.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog<S> {
    inner: S,
    /// Decoded paths that nobody wants to read about.
    skipped: &'static [&'static str],
    proxies: Option<&'static Proxies>,
}

impl<S> AccessLog<S> {
    pub(crate) fn new(inner: S, skipped: &'static [&'static str], proxies: Option<&'static Proxies>) -> Self {
        Self { inner, skipped, proxies }
    }

    fn skips(&self, path: &str) -> bool {
        self.skipped.iter().any(|skipped| percent_decode_str(path).eq(skipped.bytes()))
    }

    fn client(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> String {
        let listed = match self.proxies {
            None => client_ip::believed(headers),
            Some(proxies) => proxies.listed(headers, peer),
        };
        let peer = || peer.map(|peer| peer.to_string()).unwrap_or_default();
        listed.map_or_else(peer, str::to_owned)
    }
}

impl<S> Service<Request<Body>> for AccessLog<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Logged<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let line = (!self.skips(request.uri().path())).then(|| {
            let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
            Box::new(Line {
                method: request.method().clone(),
                uri: request.uri().clone(),
                client: self.client(request.headers(), peer),
                started: Instant::now(),
            })
        });
        Logged { future: self.inner.call(request), line }
    }
}

#[derive(Debug)]
struct Line {
    method: Method,
    uri: Uri,
    client: String,
    started: Instant,
}

pin_project! {
    /// An answer that is logged when its head is ready.
    pub(crate) struct Logged<F> {
        #[pin]
        future: F,
        line: Option<Box<Line>>,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Logged<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(context))?;
        if let Some(line) = this.line.take() {
            tracing::info!(
                method = line.method.as_str(),
                path = line.uri.path(),
                status = response.status().as_u16(),
                milliseconds = line.started.elapsed().as_secs_f64() * 1000.0,
                client = line.client,
                "request"
            );
        }
        Poll::Ready(Ok(response))
    }
}
