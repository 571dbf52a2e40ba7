// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "ec469fc61e1fc006d0ed73813fecca9445f68c1d2a3594ff55acf0a87428a5c6",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS, &GET_VERSION];

/// `GET /users`, gateway.json:5:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]),
)
.steps(&[
    Step::Static(StaticResponse::new(
        StaticStrategy::Incomplete,
        r#"{"stale":true,"retry":{"after":1.50}}"#,
    )),
]);

/// `GET /version`, gateway.json:12:5
///
/// Calls `GET http://users:8080/`.
static GET_VERSION: Endpoint<Http> = Endpoint::new(
    Get,
    "/version",
    "gateway.json:12:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
)
.steps(&[Step::Static(StaticResponse::new(StaticStrategy::Always, r#"{"version":"1"}"#))]);
