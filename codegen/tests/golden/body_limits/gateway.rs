// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "d28d86c2ff112bc17cf1d81cfab76f7d4f5f4cc270d5f42115ebd9612f4fd693",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_ALL, &POST_OWN];

/// `POST /all`, gateway.json:6:5
///
/// Calls `POST http://users:8080/`.
static POST_ALL: Endpoint<Http> = Endpoint::new(
    Post,
    "/all",
    "gateway.json:6:5",
    Http::new(Post, &["http://users:8080"], &[Text("/")]),
)
.max_body_bytes(1_048_576);

/// `POST /own`, gateway.json:7:5
///
/// Calls `POST http://users:8080/`.
static POST_OWN: Endpoint<Http> = Endpoint::new(
    Post,
    "/own",
    "gateway.json:7:5",
    Http::new(Post, &["http://users:8080"], &[Text("/")]),
)
.max_body_bytes(1_024);
