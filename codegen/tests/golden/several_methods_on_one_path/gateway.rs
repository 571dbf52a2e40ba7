// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "afb0dc01d78baf53aa81defc75b5e5ea31d6877c4229e4b1e8a16ac10ec5e5fe",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] =
    &[&GET_USERS_ID, &PUT_USERS_NAME, &DELETE_USERS_ME, &POST_USERS_REST];

/// `GET /users/{id}`, gateway.json:5:5
///
/// Calls `GET http://users:8080/users/{id}`.
static GET_USERS_ID: Endpoint<Http> = Endpoint::new(
    Get,
    "/users/{id}",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users/"), Param(0)]),
);

/// `PUT /users/{name}`, gateway.json:6:5
///
/// Calls `PUT http://users:8080/users/{name}`.
static PUT_USERS_NAME: Endpoint<Http> = Endpoint::new(
    Put,
    "/users/{name}",
    "gateway.json:6:5",
    Http::new(Put, &["http://users:8080"], &[Text("/users/"), Param(0)]),
);

/// `DELETE /users/me`, gateway.json:7:5
///
/// Calls `DELETE http://users:8080/users/me`.
static DELETE_USERS_ME: Endpoint<Http> = Endpoint::new(
    Delete,
    "/users/me",
    "gateway.json:7:5",
    Http::new(Delete, &["http://users:8080"], &[Text("/users/me")]),
);

/// `POST /users/*`, gateway.json:8:5
///
/// Calls `POST http://users:8080/users`.
static POST_USERS_REST: Endpoint<Http> = Endpoint::new(
    Post,
    "/users/*",
    "gateway.json:8:5",
    Http::new(Post, &["http://users:8080"], &[Text("/users")]),
);
