//! NATS' client beside servers of its own, which are configured, paused and killed. `tests/brokers/with nats -- cargo test ...`
//! says that there can be any; otherwise each test ends as skipped.

mod nats {
    mod faults;
    mod keys;
    mod limits;
    mod logins;
    mod server;
}
