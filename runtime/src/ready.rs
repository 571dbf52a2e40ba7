//! `/__ready`: whether this process should get traffic.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use serde_json::json;
use sluicegate_drivers::BrokerState;

use crate::gateway::State;
use crate::opener::OpenBroker;
use crate::router::{Handle, Params};

pub(crate) const PATH: &str = "/__ready";

/// Answers 200 with each broker's state, and 503 while the gateway is shutting down or a broker is not connected that the
/// config marks `required`. Any other broker that is away does not take the HTTP routes of every replica with it.
///
/// Why a broker is away is not said, since anybody can ask, and a reason may hold addresses or worse: it is in the log.
pub(crate) fn handler(state: Arc<State>) -> Arc<dyn Handle> {
    Arc::new(move |_: Request<Body>, _: Params| -> BoxFuture<'static, Response<Body>> {
        Box::pin(std::future::ready(answer(&state)))
    })
}

fn answer(state: &State) -> Response<Body> {
    let draining = state.draining.load(Ordering::Relaxed);
    let brokers: serde_json::Map<String, serde_json::Value> =
        state.brokers.iter().map(|broker| (broker.name.to_owned(), describe(broker, &broker.state()))).collect();
    let missing =
        state.brokers.iter().any(|broker| broker.required && !matches!(broker.state(), BrokerState::Connected));
    let status = match (draining, missing) {
        (true, _) => "shutting down",
        (false, true) => "not ready",
        (false, false) => "ready",
    };
    let mut response = Response::new(Body::from(json!({ "status": status, "brokers": brokers }).to_string()));
    if draining || missing {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// One word for a broker's state.
pub(crate) fn word(state: &BrokerState) -> &'static str {
    match state {
        BrokerState::Connecting => "connecting",
        BrokerState::Connected => "connected",
        BrokerState::Disconnected { .. } => "disconnected",
        BrokerState::Closed => "closed",
    }
}

fn describe(broker: &OpenBroker, state: &BrokerState) -> serde_json::Value {
    if let BrokerState::Disconnected { reason } = state {
        tracing::debug!(broker = broker.name, reason, "not connected");
    }
    match broker.required {
        true => json!({ "state": word(state), "required": true }),
        false => json!({ "state": word(state) }),
    }
}
