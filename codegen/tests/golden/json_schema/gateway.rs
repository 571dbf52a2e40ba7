// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "08aa024bff7265c070b75470f3b45389274dcd45896b6cb3e4d94eb7b2f76049",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_USERS, &POST_NAMES];

/// `POST /users`, gateway.json:5:5
///
/// Calls `POST http://users:8080/users`.
static POST_USERS: Endpoint<Http> = Endpoint::new(
    Post,
    "/users",
    "gateway.json:5:5",
    Http::new(Post, &["http://users:8080"], &[Text("/users")]),
)
.steps(&[
    Step::JsonSchema(JsonSchema::new(
        r##"{"type":"object","required":["name"],"properties":{"name":{"type":"string","pattern":"^[a-z\"#]+$","description":"größe \u202e"},"age":{"type":"integer","minimum":0}}}"##,
    )),
]);

/// `POST /names`, gateway.json:20:5
///
/// Calls `POST http://users:8080/names`.
static POST_NAMES: Endpoint<Http> = Endpoint::new(
    Post,
    "/names",
    "gateway.json:20:5",
    Http::new(Post, &["http://users:8080"], &[Text("/names")]),
)
.steps(&[Step::JsonSchema(JsonSchema::new(r##"{"type":"array","items":{"const":"\"#"}}"##))]);
