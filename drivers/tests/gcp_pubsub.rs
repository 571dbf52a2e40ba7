//! Pub/Sub's client beside Google's own fake, which is paused and killed, and beside fakes of what gives tokens.
//! `tests/brokers/with pubsub -- cargo test ...` says that there can be the former; otherwise each test of it ends as skipped.

#[path = "harness/gcp_pubsub_admin.rs"]
mod gcp_pubsub_admin;
#[path = "support/load.rs"]
mod load;
#[allow(dead_code, reason = "some of it is for the driver `nats` alone")]
#[path = "nats/log.rs"]
mod log;
mod support;

mod gcp_pubsub {
    mod answers;
    mod gate;
    mod identity;
    mod leases;
    mod losses;
    mod official;
    mod ordering;
    mod place;
    mod proxy;
    mod publishing;
    mod receiving;
    mod server;
    mod settling;
    mod verdicts;
}
