//! runtime

pub mod body;
pub mod client;
pub mod router;
