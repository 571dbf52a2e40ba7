//! The options of namespaces that are known and not supported yet.

pub(super) mod amqp;
pub(super) mod auth;
pub(super) mod backends;
pub(super) mod client_tls;
pub(super) mod martian;
pub(super) mod opencensus;
pub(super) mod opentelemetry;
pub(super) mod security;
pub(super) mod telemetry;
