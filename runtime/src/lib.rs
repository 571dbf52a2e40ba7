//! runtime

pub mod router;
