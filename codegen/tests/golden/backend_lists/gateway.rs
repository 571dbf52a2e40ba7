// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "3aea248af721a804c96e19c714d00d4a6f07d5e3fbce45eb6241b2c75f5c1d18",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS];

/// `GET /users`, gateway.json:5:5
///
/// Merges the answers of 2 backends, in the order of the file.
static GET_USERS: Endpoint<Merge> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:5:5",
    Merge::new(&[&GET_USERS_BACKEND_1, &GET_USERS_BACKEND_2]),
)
.input_headers(All)
.input_query_strings(Only(&["page", "size"]));

/// Backend 1 of `GET /users`, gateway.json:10:9
///
/// Calls `GET http://users:8080/users`.
static GET_USERS_BACKEND_1: Http = Http::new(Get, &["http://users:8080"], &[Text("/users")])
    .forward(Forward::DEFAULT.headers(&["authorization"]).query(&["page"]));

/// Backend 2 of `GET /users`, gateway.json:11:9
///
/// Calls `GET http://users:8080/public`.
static GET_USERS_BACKEND_2: Http = Http::new(Get, &["http://users:8080"], &[Text("/public")])
    .forward(Forward::DEFAULT.headers(&[]))
    .shape(&GET_USERS_BACKEND_2_SHAPE);

/// `group` of the backend, gateway.json:11:9
static GET_USERS_BACKEND_2_SHAPE: Shape = Shape::OBJECT.group("public");
