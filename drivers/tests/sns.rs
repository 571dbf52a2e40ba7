//! SNS's client beside moto, which `AWS_ENDPOINT_URL_SNS` names or a test starts, and beside services of a test's own that
//! answer what a test wants. `tests/brokers/with moto -- cargo test ...` starts the one and says that there can be the others;
//! otherwise each test of moto ends as skipped.

#[allow(dead_code, reason = "some of it is for the conformance suite alone")]
#[path = "harness/aws_admin.rs"]
mod aws_admin;
#[allow(dead_code, reason = "some of it is for the driver `nats` alone")]
#[path = "nats/log.rs"]
mod log;
#[path = "support/moto.rs"]
mod moto;
#[allow(dead_code, reason = "not every driver has settings in files")]
mod support;

mod sns {
    mod answers;
    mod cloud;
    mod credentials;
    mod fake;
    mod publishing;
    mod server;
}
