//! Message brokers behind one contract.
//!
//! A driver is one file: its URL grammar, always compiled, and its client, behind the feature of
//! its name. `sluicegate-codegen` calls the grammar while it checks a `gateway.json`; the client
//! calls the same function when it opens, so the two cannot drift.
//!
//! This crate knows nothing of HTTP and nothing of `gateway.json`.

mod contract;
mod message;
mod url;

pub use contract::{
    Broker, BrokerState, Delivery, OpenError, PublishError, PublishErrorKind, Publisher, Receipt, ReceiveError,
    SettleError, Settlement, Subscriber,
};
pub use message::{Attribute, Message};
pub use url::{Capabilities, Driver, UrlError, by_scheme};
