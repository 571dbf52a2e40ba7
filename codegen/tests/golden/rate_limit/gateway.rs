// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "97b539da9b40ddb046c969553ad90feff903d774a508ade87dbb2d7c8d4c7ea4",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] =
    &[&GET_USERS_ID, &GET_BY_HEADER, &GET_BY_ADDRESS, &GET_BY_ADDRESS_IN_A_HEADER];

/// `GET /users/{id}`, gateway.json:5:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS_ID: Endpoint<Http> = Endpoint::new(
    Get,
    "/users/{id}",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]),
)
.steps(&[
    Step::RateLimit(
        RateLimit::per(Duration::from_secs(60))
            .max_rate(100.5, 20_000)
            .client_max_rate(5.0, 10, RateLimitBy::Param(0))
            .cleanup_period(Duration::from_secs(120)),
    ),
]);

/// `GET /by-header`, gateway.json:21:5
///
/// Calls `GET http://users:8080/`.
static GET_BY_HEADER: Endpoint<Http> = Endpoint::new(
    Get,
    "/by-header",
    "gateway.json:21:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
)
.steps(&[
    Step::RateLimit(
        RateLimit::per(Duration::from_secs(1))
            .client_max_rate(1.0, 1, RateLimitBy::Header("x-client")),
    ),
]);

/// `GET /by-address`, gateway.json:26:5
///
/// Calls `GET http://users:8080/`.
static GET_BY_ADDRESS: Endpoint<Http> = Endpoint::new(
    Get,
    "/by-address",
    "gateway.json:26:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
)
.steps(&[
    Step::RateLimit(
        RateLimit::per(Duration::from_secs(1)).client_max_rate(0.5, 1, RateLimitBy::Ip),
    ),
]);

/// `GET /by-address-in-a-header`, gateway.json:31:5
///
/// Calls `GET http://users:8080/`.
static GET_BY_ADDRESS_IN_A_HEADER: Endpoint<Http> = Endpoint::new(
    Get,
    "/by-address-in-a-header",
    "gateway.json:31:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
)
.steps(&[
    Step::RateLimit(
        RateLimit::per(Duration::from_secs(1))
            .client_max_rate(1.0, 1, RateLimitBy::IpHeader("x-real-ip")),
    ),
]);
