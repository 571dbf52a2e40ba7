// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "2e37e1fb676f763f20067a2e904d3a76047df2098612b376f93389366288b0ed",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_ORDERS];

/// `POST /orders`, gateway.json:4:5
///
/// Publishes the request's body to `mem://orders`.
static POST_ORDERS: Endpoint<Publish<mem::Broker>> = Endpoint::new(
    Post,
    "/orders",
    "gateway.json:4:5",
    Publish::new("mem://orders"),
)
.input_headers(Only(&["x-request-id"]));
