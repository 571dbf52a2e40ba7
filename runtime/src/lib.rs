//! runtime

pub mod shape;
