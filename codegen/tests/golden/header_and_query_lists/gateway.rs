// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "5470dfc5e8585fd672eeed99e040763b334292a57502c90513c1ccd9f76d620c",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_SOME, &GET_ALL];

/// `GET /some`, gateway.json:5:5
///
/// Calls `GET http://users:8080/`.
static GET_SOME: Endpoint<Http> = Endpoint::new(
    Get,
    "/some",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
)
.input_headers(Only(&[
    "authorization",
    "x-request-id",
    "x-forwarded-for",
    "accept-language",
    "if-none-match",
]))
.input_query_strings(Only(&["page", "size"]));

/// `GET /all`, gateway.json:11:5
///
/// Calls `GET http://users:8080/`.
static GET_ALL: Endpoint<Http> = Endpoint::new(
    Get,
    "/all",
    "gateway.json:11:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
)
.input_headers(All)
.input_query_strings(All);
