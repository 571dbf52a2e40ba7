//! Service Bus' client beside stand-ins for the service: one that all tests use, which SERVICEBUS_CONNECTION_STRING and
//! SERVICEBUS_ENTITIES name, and others of a test's own, which are paused, cut off and killed.
//! `tests/brokers/with servicebus -- cargo test ...` starts the one and says that there can be the others; otherwise each test
//! ends as skipped.

#[allow(dead_code, reason = "some of it is for the conformance suite alone")]
#[path = "harness/azure_service_bus_admin.rs"]
mod azure_service_bus_admin;
#[path = "support/load.rs"]
mod load;
#[allow(dead_code, reason = "some of it is for the driver `nats` alone")]
#[path = "nats/log.rs"]
mod log;
mod support;

mod azure_service_bus {
    mod common;
    mod connections;
    mod demand;
    mod faults;
    mod identity;
    mod locks;
    mod publishing;
    mod receiving;
    mod recovery;
    mod refusals;
    mod server;
    mod sessions;
    mod settling;
    mod stored;
    mod token_endpoint;
    mod typed;
}
