// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "e166c5cfc2bf95538c659cc5a5e732c8efd2b209ab7a9eb025d3bba79d412740",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_FILES_REST, &GET_RAW];

/// `GET /files/*`, gateway.json:5:5
///
/// Calls `GET http://users:8080/files`.
static GET_FILES_REST: Endpoint<Http> = Endpoint::new(
    Get,
    "/files/*",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/files")]).no_op(),
)
.no_op()
.input_headers(All)
.input_query_strings(All);

/// `GET /raw`, gateway.json:12:5
///
/// Receives one message from `mem://raw`.
static GET_RAW: Endpoint<Subscribe<mem::Broker>> =
    Endpoint::new(Get, "/raw", "gateway.json:12:5", Subscribe::new("mem://raw").no_op()).no_op();
