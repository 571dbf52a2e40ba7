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
use crate::router::{Handle, Params};

pub(crate) const PATH: &str = "/__ready";

/// Answers 200 with each broker's state, and 503 while the gateway is shutting down. A broker that is away does not take
/// the HTTP routes of every replica with it.
pub(crate) fn handler(state: Arc<State>) -> Arc<dyn Handle> {
    Arc::new(move |_: Request<Body>, _: Params| -> BoxFuture<'static, Response<Body>> {
        Box::pin(std::future::ready(answer(&state)))
    })
}

fn answer(state: &State) -> Response<Body> {
    let draining = state.draining.load(Ordering::Relaxed);
    let brokers: serde_json::Map<String, serde_json::Value> =
        state.brokers.iter().map(|broker| (broker.name.to_owned(), describe(&broker.state()))).collect();
    let status = if draining { "shutting down" } else { "ready" };
    let mut response = Response::new(Body::from(json!({ "status": status, "brokers": brokers }).to_string()));
    if draining {
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

fn describe(state: &BrokerState) -> serde_json::Value {
    match state {
        BrokerState::Disconnected { reason } => json!({ "state": word(state), "reason": reason }),
        _ => json!({ "state": word(state) }),
    }
}
