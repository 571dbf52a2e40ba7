// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "d05f4d20d84e6af3f9a8259290e9d4e07d54d6b19aa0fa3708d19a6bce04d0da",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_CODE, &GET_DETAILS];

/// `GET /code`, gateway.json:5:5
///
/// Calls `GET http://users:8080/`.
static GET_CODE: Endpoint<Http> = Endpoint::new(
    Get,
    "/code",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]).status(StatusRule::ReturnCode),
);

/// `GET /details`, gateway.json:9:5
///
/// Calls `GET http://users:8080/`.
static GET_DETAILS: Endpoint<Http> = Endpoint::new(
    Get,
    "/details",
    "gateway.json:9:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]).status(StatusRule::ReturnDetails(
        "error_users",
    )),
);
