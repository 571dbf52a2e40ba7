// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "e0ff0eae2b1361646282cb24af63dc5c7407616f9c14c1ce9cca67506b88515b",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS, &POST_STATUS, &GET_BASED];

/// `GET /users`, gateway.json:5:5
///
/// Calls `GET http://users:8080/v1/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/v1/users")]),
);

/// `POST /status`, gateway.json:6:5
///
/// Calls `GET /` at one of `https://a.example.com`, `https://b.example.com`, in turn.
static POST_STATUS: Endpoint<Http> = Endpoint::new(
    Post,
    "/status",
    "gateway.json:6:5",
    Http::new(Get, &["https://a.example.com", "https://b.example.com"], &[Text("/")]),
)
.timeout(Duration::from_millis(300))
.cache_ttl(Duration::from_secs(300));

/// `GET /based`, gateway.json:13:5
///
/// Calls `GET http://users:8080/api/users`.
static GET_BASED: Endpoint<Http> = Endpoint::new(
    Get,
    "/based",
    "gateway.json:13:5",
    Http::new(Get, &["http://users:8080"], &[Text("/api/users")]),
);
