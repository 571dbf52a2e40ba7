// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "7e6dc27238a9687c3a7daadf8db229c2f071e8fd1d64234432cb8dc9232f6d08",
    ROUTES,
)
.name("the \"users\" gateway")
.logging(Logging::DEFAULT.level(LogLevel::Warning).prefix("[GW]").stdout());

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS];

/// `GET /users`, gateway.json:7:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:7:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]),
);
