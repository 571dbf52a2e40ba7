// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "cac3f7e14ee0d235ebccdacbb55a561373e0a4bc09c2233e0f0a99b466b77967",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS_ID];

/// `GET /users/{id}`, gateway.json:5:5
///
/// Merges the answers of 3 backends, in the order of the file.
static GET_USERS_ID: Endpoint<Merge> = Endpoint::new(
    Get,
    "/users/{id}",
    "gateway.json:5:5",
    Merge::new(&[&GET_USERS_ID_BACKEND_1, &GET_USERS_ID_BACKEND_2, &GET_USERS_ID_BACKEND_3]),
);

/// Backend 1 of `GET /users/{id}`, gateway.json:8:9
///
/// Calls `GET http://users:8080/users/{id}`.
static GET_USERS_ID_BACKEND_1: Http = Http::new(
    Get,
    &["http://users:8080"],
    &[Text("/users/"), Param(0)],
)
.shape(&GET_USERS_ID_BACKEND_1_SHAPE);

/// `allow` of the backend, gateway.json:8:9
static GET_USERS_ID_BACKEND_1_SHAPE: Shape =
    Shape::OBJECT.fields(Fields::Allow(&[Field::keep("id"), Field::keep("name")]));

/// Backend 2 of `GET /users/{id}`, gateway.json:9:9
///
/// Calls `GET http://users:8080/users/{id}/orders`.
static GET_USERS_ID_BACKEND_2: Http = Http::new(
    Get,
    &["http://users:8080"],
    &[Text("/users/"), Param(0), Text("/orders")],
)
.shape(&GET_USERS_ID_BACKEND_2_SHAPE);

/// `is_collection` and `mapping` of the backend, gateway.json:9:9
static GET_USERS_ID_BACKEND_2_SHAPE: Shape =
    Shape::COLLECTION.fields(Fields::AllExcept(&[Field::renamed("collection", "orders")]));

/// Backend 3 of `GET /users/{id}`, gateway.json:10:9
///
/// Calls `GET https://prices.example.com/prices`.
static GET_USERS_ID_BACKEND_3: Http = Http::new(
    Get,
    &["https://prices.example.com"],
    &[Text("/prices")],
)
.shape(&GET_USERS_ID_BACKEND_3_SHAPE);

/// `group` of the backend, gateway.json:10:9
static GET_USERS_ID_BACKEND_3_SHAPE: Shape = Shape::OBJECT.group("prices");
