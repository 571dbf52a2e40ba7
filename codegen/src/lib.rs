//! gateway.json to diagnostics, or to Rust source.
mod emit;
pub mod model;
mod names;

/// The generated Rust of a gateway. The same gateway gives the same bytes.
#[must_use]
pub fn generate(gateway: &model::Gateway) -> String {
    emit::file(gateway)
}
