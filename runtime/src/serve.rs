//! One request's way through an endpoint.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use tokio::time::Instant;

use crate::answer::Answers;
use crate::backend::{
    AnyBackend, Backend, BodyUse, Concurrent, Failure, Http, Merge, OpenBackend, Payload, Place, Reply, Sequence,
    Shadowed,
};
use crate::body::{BodyError, read_body};
use crate::client_ip::Proxies;
use crate::deadline::before;
use crate::endpoint::{Endpoint, EndpointOptions};
use crate::incoming::Incoming;
use crate::middleware::{Rejection, Steps};
use crate::opener::{OpenFailure, Opener};
use crate::router::{Handle, Params, RouterOptions};

/// An endpoint of any kind, for the list of a gateway's endpoints.
pub trait AnyEndpoint: Send + Sync + 'static {
    /// What it is besides its backends.
    #[doc(hidden)]
    fn options(&self) -> EndpointOptions;

    /// What it calls, for the route table.
    #[doc(hidden)]
    fn summary(&self) -> String;

    /// Makes what answers its requests.
    #[doc(hidden)]
    fn open(&'static self, opener: &mut Opener, router: &'static RouterOptions)
    -> Result<Arc<dyn Handle>, OpenFailure>;
}

// Each kind of endpoint is instantiated here and not where it is used: a release build does not share generic code
// between crates, and a thousand endpoints are to cost what ten cost.
macro_rules! endpoints_of {
    ($($(#[$meta:meta])* $backend:ty),* $(,)?) => {$(
        $(#[$meta])*
        impl AnyEndpoint for Endpoint<$backend> {
            fn options(&self) -> EndpointOptions {
                self.options
            }

            fn summary(&self) -> String {
                self.backend.summary_any()
            }

            fn open(&'static self, opener: &mut Opener, router: &'static RouterOptions) -> Result<Arc<dyn Handle>, OpenFailure> {
                open(self, opener, router)
            }
        }
    )*};
}

endpoints_of! {
    Http,
    Merge,
    Sequence,
    Concurrent,
    Shadowed,
    #[cfg(feature = "mem")]
    crate::backend::Publish<sluicegate_drivers::mem::Broker>,
    #[cfg(feature = "mem")]
    crate::backend::Subscribe<sluicegate_drivers::mem::Broker>,
    #[cfg(feature = "nats")]
    crate::backend::Publish<sluicegate_drivers::nats::Broker>,
    #[cfg(feature = "nats")]
    crate::backend::Subscribe<sluicegate_drivers::nats::Broker>,
    #[cfg(feature = "jetstream")]
    crate::backend::Publish<sluicegate_drivers::jetstream::Broker>,
    #[cfg(feature = "jetstream")]
    crate::backend::Subscribe<sluicegate_drivers::jetstream::Broker>,
    #[cfg(feature = "kafka")]
    crate::backend::Publish<sluicegate_drivers::kafka::Broker>,
    #[cfg(feature = "kafka")]
    crate::backend::Subscribe<sluicegate_drivers::kafka::Broker>,
    #[cfg(feature = "rabbitmq")]
    crate::backend::Publish<sluicegate_drivers::rabbitmq::Broker>,
    #[cfg(feature = "rabbitmq")]
    crate::backend::Subscribe<sluicegate_drivers::rabbitmq::Broker>,
    #[cfg(feature = "azure_service_bus")]
    crate::backend::Publish<sluicegate_drivers::azure_service_bus::Broker>,
    #[cfg(feature = "azure_service_bus")]
    crate::backend::Subscribe<sluicegate_drivers::azure_service_bus::Broker>,
    #[cfg(feature = "sns")]
    crate::backend::Publish<sluicegate_drivers::sns::Broker>,
    #[cfg(feature = "sqs")]
    crate::backend::Publish<sluicegate_drivers::sqs::Broker>,
    #[cfg(feature = "sqs")]
    crate::backend::Subscribe<sluicegate_drivers::sqs::Broker>,
    #[cfg(feature = "gcp_pubsub")]
    crate::backend::Publish<sluicegate_drivers::gcp_pubsub::Broker>,
    #[cfg(feature = "gcp_pubsub")]
    crate::backend::Subscribe<sluicegate_drivers::gcp_pubsub::Broker>,
}

/// An endpoint with its state.
struct Served<B> {
    timeout: Duration,
    /// The endpoint's limit, or what a broker takes where that is less.
    max_body_bytes: Option<usize>,
    /// What is done with the body, by the backends or a step.
    body_use: BodyUse,
    steps: Steps,
    backend: B,
    answers: Answers,
    /// Who is believed about the client's address.
    proxies: Option<&'static Proxies>,
}

fn open<B: Backend>(
    endpoint: &'static Endpoint<B>,
    opener: &mut Opener,
    router: &'static RouterOptions,
) -> Result<Arc<dyn Handle>, OpenFailure> {
    let options = &endpoint.options;
    let steps = Steps::open(options.steps)?;
    let merged = Steps::need_roots(options.steps);
    let place = Place { endpoint: options, router, merged, sets_headers: false, timeout: options.timeout };
    let backend = endpoint.backend.open(opener, &place)?;
    let body_use = if steps.reads_body { BodyUse::Whole } else { backend.body_use() };
    Ok(Arc::new(Handler(Arc::new(Served {
        timeout: options.timeout,
        max_body_bytes: options.max_body_bytes.into_iter().chain(backend.max_body_bytes()).min(),
        body_use,
        steps,
        answers: Answers::new(options, router, endpoint.backend.consumes()),
        proxies: router.proxies.as_ref(),
        backend,
    }))))
}

struct Handler<B>(Arc<Served<B>>);

impl<B: OpenBackend> Handle for Handler<B> {
    fn call(&self, request: Request<Body>, params: Params) -> BoxFuture<'static, Response<Body>> {
        Box::pin(Arc::clone(&self.0).respond(request, params))
    }
}

impl<B: OpenBackend> Served<B> {
    async fn respond(self: Arc<Self>, request: Request<Body>, params: Params) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let incoming = Incoming::new(parts, params, Instant::now() + self.timeout).believing(self.proxies);
        let mut result = match self.exchange(&incoming, body).await {
            Ok(result) => result,
            Err(Rejection::Bare(status)) => return Answers::bare(status),
            // Nothing inside has been called, so no step has a result to look at.
            Err(Rejection::Failed(failure)) => return self.answers.answer(Err(failure), &incoming.parts.headers),
        };
        self.steps.on_result(&mut result);
        self.answers.answer(result, &incoming.parts.headers)
    }

    async fn exchange(&self, incoming: &Incoming, body: Body) -> Result<Result<Reply, Failure>, Rejection> {
        let deadline = incoming.deadline;
        self.steps.on_head(incoming)?;
        let payload = match self.body_use {
            BodyUse::None => Payload::Whole(Bytes::new()),
            BodyUse::Stream => Payload::Stream(self.limited(body)?),
            BodyUse::Whole => {
                let bytes = match before(deadline, read_body(body, self.max_body_bytes)).await {
                    Some(read) => read.map_err(|error| Rejection::Failed(self.unread(&error)))?,
                    None => return Err(Rejection::Failed(Failure::body_too_slow(self.timeout))),
                };
                self.steps.on_body(incoming, &bytes)?;
                Payload::Whole(bytes)
            }
        };
        let called = before(deadline, self.backend.call(incoming, payload)).await;
        Ok(called.unwrap_or_else(|| Err(self.backend.timed_out(self.timeout))))
    }

    /// A body that is passed on as it arrives, and breaks off at the limit where the client did not say its length.
    fn limited(&self, body: Body) -> Result<Body, Rejection> {
        let Some(limit) = self.max_body_bytes else { return Ok(body) };
        match body.size_hint().exact() {
            Some(length) if length > limit as u64 => Err(Rejection::Failed(self.too_large())),
            Some(_) => Ok(body),
            None => Ok(Body::new(http_body_util::Limited::new(body, limit))),
        }
    }

    fn unread(&self, error: &BodyError) -> Failure {
        match error {
            BodyError::TooLarge { .. } => self.too_large(),
            error => Failure::new(StatusCode::BAD_REQUEST, format!("the request's body could not be read: {error}")),
        }
    }

    fn too_large(&self) -> Failure {
        let limit = self.max_body_bytes.unwrap_or_default();
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the request's body is over the limit of {limit} bytes"))
    }
}

#[cfg(test)]
mod tests;
