//! runtime

pub mod server;
