// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "2232bc34ef169fff530a65d7d34dd754d332ac6f223d38d3390c03f8d4d92475",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_PRICES, &GET_PRICES_BOTH];

/// `GET /prices`, gateway.json:5:5
///
/// Calls a backend several times at once.
static GET_PRICES: Endpoint<Concurrent> =
    Endpoint::new(Get, "/prices", "gateway.json:5:5", Concurrent::new(&GET_PRICES_BACKEND_1, 3));

/// Backend 1 of `GET /prices`, gateway.json:8:19
///
/// Calls `GET http://prices:8080/v1`.
static GET_PRICES_BACKEND_1: Http = Http::new(Get, &["http://prices:8080"], &[Text("/v1")]);

/// `GET /prices/both`, gateway.json:10:5
///
/// Merges the answers of 2 backends, in the order of the file.
static GET_PRICES_BOTH: Endpoint<Merge> = Endpoint::new(
    Get,
    "/prices/both",
    "gateway.json:10:5",
    Merge::new(&[
        &Concurrent::new(&GET_PRICES_BOTH_BACKEND_1, 2),
        &Concurrent::new(&GET_PRICES_BOTH_BACKEND_2, 2),
    ]),
);

/// Backend 1 of `GET /prices/both`, gateway.json:13:19
///
/// Calls `GET http://prices:8080/v1`.
static GET_PRICES_BOTH_BACKEND_1: Http = Http::new(Get, &["http://prices:8080"], &[Text("/v1")]);

/// Backend 2 of `GET /prices/both`, gateway.json:13:45
///
/// Calls `GET http://prices:8080/v2`.
static GET_PRICES_BOTH_BACKEND_2: Http = Http::new(Get, &["http://prices:8080"], &[Text("/v2")]);
