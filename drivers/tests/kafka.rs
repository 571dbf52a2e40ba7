//! Kafka's client beside servers, which are also killed and paused, and beside librdkafka used by hand.
//! `tests/brokers/with kafka -- cargo test ...` says that there can be any; otherwise each test ends as skipped.

#[allow(dead_code, reason = "some of it is for other drivers")]
#[path = "nats/log.rs"]
mod log;
mod support;

mod kafka {
    mod common;
    mod consuming;
    mod faults;
    mod groups;
    mod logins;
    mod outages;
    mod publishing;
    mod rebalancing;
    mod refusals;
    mod renewals;
    mod server;
    #[cfg(feature = "kafka-tls")]
    mod token_endpoint;
    #[cfg(feature = "kafka-tls")]
    mod tokens;
}
