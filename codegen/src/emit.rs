//! The model to Rust source. Nothing here can fail, and the same model gives the same bytes.

mod backend;
mod broker;
mod calls;
mod declaration;
mod endpoint;
mod layout;
pub(crate) mod literal;
mod service;
mod shape;

use crate::model::Gateway;
use crate::names::Names;
pub(crate) use shape::flatmap;

/// The whole generated file.
pub(crate) fn file(gateway: &Gateway) -> String {
    let mut names = Names::default();
    // All endpoints before any of their parts, so that an endpoint's name depends on endpoints only.
    let endpoints: Vec<_> = gateway.endpoints.iter().map(|endpoint| (names.endpoint(endpoint), endpoint)).collect();

    let mut items = vec![
        format!("// This file is @generated from {}; edit that file instead.\n", literal::plain(&gateway.config)),
        "use sluicegate_runtime::generated::*;\n".to_owned(),
        format!(
            "// Does not compile with another version of the runtime.\nconst _: () = generated_for({:?});\n",
            env!("CARGO_PKG_VERSION")
        ),
        service::gateway(gateway).print(),
        service::routes(endpoints.iter().map(|(name, _)| name)).print(),
    ];
    items.extend(gateway.brokers.iter().map(|named| broker::item(named).print()));
    for (name, endpoint) in &endpoints {
        items.extend(endpoint::items(name, endpoint, &mut names).iter().map(layout::Static::print));
    }
    items.join("\n")
}
