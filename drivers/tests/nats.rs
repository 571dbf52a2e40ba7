//! NATS' client beside servers of its own, which are configured, paused and killed. `tests/brokers/with nats -- cargo test ...`
//! says that there can be any; otherwise each test ends as skipped.

mod support;

mod nats {
    mod ends;
    mod faults;
    mod keys;
    mod limits;
    mod log;
    mod logins;
    mod refusals;
    mod renewals;
    mod server;
}
