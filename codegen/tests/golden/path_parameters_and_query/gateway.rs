// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "f00c909d51d61ae42b9276a6ef63871f8f89aab116392285b5a377fd2ca1e734",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_SHOPS_SHOP_ORDERS_ORDER];

/// `GET /shops/{shop}/orders/{order}`, gateway.json:5:5
///
/// Calls `GET http://users:8080/v2/{order}/of%20{shop}?shop={shop}&kind=gr%C3%B6%C3%9Fe`.
static GET_SHOPS_SHOP_ORDERS_ORDER: Endpoint<Http> = Endpoint::new(
    Get,
    "/shops/{shop}/orders/{order}",
    "gateway.json:5:5",
    Http::new(
        Get,
        &["http://users:8080"],
        &[
            Text("/v2/"),
            Param(1),
            Text("/of%20"),
            Param(0),
            Text("?shop="),
            Param(0),
            Text("&kind=gr%C3%B6%C3%9Fe"),
        ],
    ),
)
.input_query_strings(Only(&["page", "Size"]));
