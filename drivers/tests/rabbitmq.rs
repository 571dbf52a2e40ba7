//! RabbitMQ's client beside real servers: the one that RABBIT_SERVER_URL, RABBIT_TLS_URL and RABBIT_DIR name, and others of a
//! test's own, which are paused and killed. `tests/brokers/with rabbitmq -- cargo test ...` starts the one and says that there
//! can be the others; otherwise each test ends as skipped.

#[path = "support/load.rs"]
mod load;
#[allow(dead_code, reason = "some of it is for the driver `nats` alone")]
#[path = "nats/log.rs"]
mod log;
#[allow(dead_code, reason = "some of it is for the conformance suite alone")]
#[path = "harness/rabbitmq_admin.rs"]
mod rabbitmq_admin;
mod support;

mod rabbitmq {
    mod consuming;
    mod declaring;
    mod faults;
    mod logins;
    mod publishing;
    mod receiving;
    mod refusals;
    mod server;
    mod standing;
    mod waiting;
}
