//! JetStream's client beside servers of its own, which are configured, paused and killed, and beside clients of other
//! makes. `tests/brokers/with nats clients -- cargo test ...` says that there can be any; otherwise each test ends as skipped.

#[allow(dead_code, reason = "some of it is for the driver `nats` alone")]
#[path = "nats/log.rs"]
mod log;
#[path = "harness/nats_admin.rs"]
mod nats_admin;
#[allow(dead_code, reason = "some of it is for the driver `nats` alone")]
#[path = "nats/server.rs"]
mod server;
mod support;

mod jetstream {
    mod closing;
    mod consumers;
    mod faults;
    mod interop;
    mod official;
    mod publishing;
    mod renewals;
    mod support;
}
