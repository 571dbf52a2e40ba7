// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "c96b76c4de1b780e660a3dcbb08b93b7c9c4d07a68369c51c85e71aafe09f27a",
    ROUTES,
)
.client(
    ClientOptions::DEFAULT
        .max_idle_connections_per_host(1_000)
        .disable_keep_alives(true)
        .idle_connection_timeout(Some(Duration::from_secs(60)))
        .dialer_timeout(Some(Duration::from_secs(3)))
        .dialer_fallback_delay(Some(Duration::from_millis(100)))
        .dialer_keep_alive(Some(Duration::from_secs(15)))
        .response_header_timeout(Some(Duration::from_secs(2))),
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS];

/// `GET /users`, gateway.json:12:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:12:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]),
);
