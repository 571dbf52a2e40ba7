// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "4a476d17e7f1d963028047c2750be0223d83aeb5a6e25231d5a4322d256c7b14",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS, &GET_ALL];

/// `GET /users`, gateway.json:5:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]).shape(&GET_USERS_SHAPE),
);

/// `is_collection`, `flatmap_filter` and `group` of the backend, gateway.json:8:9
static GET_USERS_SHAPE: Shape = Shape::COLLECTION
    .flatmap(&[
        FlatmapOp::Delete(&["collection", "*", "password"]),
        FlatmapOp::Delete(&["collection", "*", "token"]),
        FlatmapOp::Move(&["collection", "*", "name"], &["collection", "*", "full_name"]),
    ])
    .group("users");

/// `GET /all`, gateway.json:23:5
///
/// Merges the answers of 2 backends, in the order of the file.
static GET_ALL: Endpoint<Merge> = Endpoint::new(
    Get,
    "/all",
    "gateway.json:23:5",
    Merge::new(&[&GET_ALL_BACKEND_1, &GET_ALL_BACKEND_2]),
)
.steps(&[Step::Flatmap(Flatmap::new(&[FlatmapOp::Append(&["guests"], &["users"])]))]);

/// Backend 1 of `GET /all`, gateway.json:26:19
///
/// Calls `GET http://users:8080/users`.
static GET_ALL_BACKEND_1: Http = Http::new(Get, &["http://users:8080"], &[Text("/users")]);

/// Backend 2 of `GET /all`, gateway.json:26:48
///
/// Calls `GET http://users:8080/guests`.
static GET_ALL_BACKEND_2: Http = Http::new(Get, &["http://users:8080"], &[Text("/guests")]);
