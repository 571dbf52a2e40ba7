//! SQS's client beside moto, which stands for the service, and is also killed, paused and cut off; and beside services of a
//! test's own that answer what a test wants. `tests/brokers/with moto -- cargo test ...` says that there can be motos;
//! otherwise each test of them ends as skipped.

#[allow(dead_code, reason = "some of it is for the conformance suite alone")]
#[path = "harness/aws_admin.rs"]
mod aws_admin;
#[allow(dead_code, reason = "some of it is for the driver `sns` alone")]
#[path = "sns/fake.rs"]
mod fake;
#[allow(dead_code, reason = "some of it is for the driver `nats` alone")]
#[path = "nats/log.rs"]
mod log;
#[path = "support/moto.rs"]
mod moto;
#[allow(dead_code, reason = "some of it is for other drivers")]
mod support;

mod sqs {
    mod batching;
    mod burying;
    mod consuming;
    mod faults;
    mod fifo;
    mod leases;
    mod polling;
    mod proxy;
    mod publishing;
    mod server;
    mod service;
}
