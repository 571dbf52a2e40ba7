// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "8854c326d74a255da504821763aa31207070b5bc971e0276ab164f25ae2236e1",
    ROUTES,
)
.client(ClientOptions::DEFAULT.dns_cache_ttl(Duration::from_secs(10)));

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS_ID, &POST_ORDERS];

/// `GET /users/{id}`, gateway.json:5:5
///
/// Calls `GET /v1/{+id}` at the hosts that the SRV records of `users.service.consul.` name.
static GET_USERS_ID: Endpoint<Http> = Endpoint::new(
    Get,
    "/users/{id}",
    "gateway.json:5:5",
    Http::new(Get, &["users.service.consul."], &[Text("/v1/"), PathParam(0)]).sd_dns("https"),
);

/// `POST /orders`, gateway.json:19:5
///
/// Calls `POST http://orders:8080/`.
static POST_ORDERS: Endpoint<Http> = Endpoint::new(
    Post,
    "/orders",
    "gateway.json:19:5",
    Http::new(Post, &["http://orders:8080"], &[Text("/")])
        .h2c()
        .send_body_on_redirect()
        .max_response_bytes(1_048_576),
);
