//! What a generated gateway calls.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`generated`] | the one door from generated code |
//! | [`server`] | accepts connections, settles consumed messages after the flush |
//! | [`router`] | matches paths as KrakenD does |
//! | [`client`] | calls HTTP backends |
//! | [`shape`] | filters and renames JSON while it is copied |
//!
//! A [`Description`](description::Description) is what generated code is: statics, no state. [`Gateway::open`] makes a
//! gateway of it, [`main`] is a whole program.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `mem` | the embedded broker |
//! | `tls` | TLS for clients and towards backends |
//! | `rate-limit` | `qos/ratelimit/router` |
//! | `json-schema` | `validation/json-schema` |
//! | `dns` | `sd: dns`, hosts from SRV records |
//! | `xml` | backends that answer XML or feeds (`xml`, `rss`) |
//! | `yaml` | backends that answer YAML |

mod access_log;
mod answer;
mod backend;
pub mod body;
mod broker;
pub mod client;
mod client_ip;
mod deadline;
mod debug;
pub mod description;
mod encoding;
mod endpoint;
mod gateway;
pub mod generated;
mod in_flight;
mod incoming;
mod logging;
mod middleware;
mod opener;
mod overrides;
mod ready;
pub mod router;
mod serve;
pub mod server;
pub mod shape;
mod sniff;
mod start;
#[cfg_attr(not(feature = "tls"), path = "tls_absent.rs")]
mod tls;
mod version;

pub use self::gateway::{Gateway, Served, StartError};
pub use self::start::main;
pub use self::version::VERSION;
