// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "c4846c9f75372d9f10ecbbaa309c7032c8ab7f63537ef71a4953bce6ac76f982",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS, &GET_ITEMS];

/// `GET /users`, gateway.json:5:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]).shape(&GET_USERS_SHAPE),
);

/// `is_collection` of the backend, gateway.json:5:41
static GET_USERS_SHAPE: Shape = Shape::COLLECTION;

/// `GET /items`, gateway.json:6:5
///
/// Calls `GET http://users:8080/items`.
static GET_ITEMS: Endpoint<Http> = Endpoint::new(
    Get,
    "/items",
    "gateway.json:6:5",
    Http::new(Get, &["http://users:8080"], &[Text("/items")]).shape(&GET_ITEMS_SHAPE),
);

/// `is_collection` and `mapping` of the backend, gateway.json:8:19
static GET_ITEMS_SHAPE: Shape =
    Shape::COLLECTION.fields(Fields::AllExcept(&[Field::renamed("collection", "items")]));
