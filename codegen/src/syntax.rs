//! What a config may hold, as tables: every key and namespace of KrakenD with its type and whether it is supported.
//!
//! `walk` holds a tree against the tables and reports unknown keys, wrong types and what is not
//! supported. What it lets pass is read through `Object`.

mod duplicates;
mod endpoint;
pub(crate) mod kind;
pub(crate) mod namespaces;
mod object;
mod options;
mod retype;
mod service;
mod value;
mod walk;

pub(crate) use duplicates::duplicates;
pub(crate) use endpoint::{BACKEND, ENDPOINT_PROXY, LUA, RATE_LIMIT};
pub(crate) use namespaces::canonical;
pub(crate) use object::Object;
pub(crate) use options::auth::{AUTH_SIGNER, AUTH_VALIDATOR};
pub(crate) use options::backends::QOS_HTTP_CACHE;
pub(crate) use options::security::SECURITY_HTTP;
pub(crate) use retype::retype;
pub(crate) use service::SERVICE;
pub(crate) use value::regex_fault;
pub(crate) use walk::{is_comment, is_meant, walk};

#[cfg(test)]
mod tests;
