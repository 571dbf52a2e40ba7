// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "40c3d82f33e97a80891d94ba35048f66f808f6ba8ef2d2fd3fd08ddbaf8ed479",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_ORDERS, &GET_ORDERS_BOTH, &POST_ORDERS_COPIED];

/// `POST /orders`, gateway.json:5:5
///
/// Calls `POST http://orders:8080/v1/orders`. A copy of each request goes to a shadow backend.
static POST_ORDERS: Endpoint<Shadowed> = Endpoint::new(
    Post,
    "/orders",
    "gateway.json:5:5",
    Shadowed::new(
        &POST_ORDERS_ANSWER,
        &[Shadow::new(&POST_ORDERS_SHADOW_1).timeout(Duration::from_millis(500))],
    ),
);

/// What `POST /orders` answers.
///
/// Calls `POST http://orders:8080/v1/orders`.
static POST_ORDERS_ANSWER: Http = Http::new(Post, &["http://orders:8080"], &[Text("/v1/orders")]);

/// Shadow backend 1 of `POST /orders`, gateway.json:10:9
///
/// Calls `POST http://orders-next:8080/v2/orders`.
static POST_ORDERS_SHADOW_1: Http =
    Http::new(Post, &["http://orders-next:8080"], &[Text("/v2/orders")]);

/// `GET /orders/both`, gateway.json:17:5
///
/// Merges the answers of 2 backends, in the order of the file. Copies of each request go to 2 shadow backends.
static GET_ORDERS_BOTH: Endpoint<Shadowed> = Endpoint::new(
    Get,
    "/orders/both",
    "gateway.json:17:5",
    Shadowed::new(
        &GET_ORDERS_BOTH_ANSWER,
        &[
            Shadow::new(&Concurrent::new(&GET_ORDERS_BOTH_SHADOW_1, 2)),
            Shadow::new(&Concurrent::new(&GET_ORDERS_BOTH_SHADOW_2, 2)),
        ],
    ),
);

/// What `GET /orders/both` answers.
///
/// Merges the answers of 2 backends, in the order of the file.
static GET_ORDERS_BOTH_ANSWER: Merge = Merge::new(&[
    &Concurrent::new(&GET_ORDERS_BOTH_BACKEND_1, 2),
    &Concurrent::new(&GET_ORDERS_BOTH_BACKEND_2, 2),
]);

/// Backend 1 of `GET /orders/both`, gateway.json:21:9
///
/// Calls `GET http://orders:8080/v1/orders`.
static GET_ORDERS_BOTH_BACKEND_1: Http =
    Http::new(Get, &["http://orders:8080"], &[Text("/v1/orders")]);

/// Backend 2 of `GET /orders/both`, gateway.json:23:9
///
/// Calls `GET http://orders:8080/v2/orders`.
static GET_ORDERS_BOTH_BACKEND_2: Http =
    Http::new(Get, &["http://orders:8080"], &[Text("/v2/orders")]);

/// Shadow backend 1 of `GET /orders/both`, gateway.json:22:9
///
/// Calls `GET http://orders:8080/v2/copy`.
static GET_ORDERS_BOTH_SHADOW_1: Http =
    Http::new(Get, &["http://orders:8080"], &[Text("/v2/copy")]);

/// Shadow backend 2 of `GET /orders/both`, gateway.json:24:9
///
/// Calls `GET http://orders:8080/v3/copy`.
static GET_ORDERS_BOTH_SHADOW_2: Http =
    Http::new(Get, &["http://orders:8080"], &[Text("/v3/copy")]);

/// `POST /orders/copied`, gateway.json:27:5
///
/// Calls 2 backends one after the other, in the order of the file. A copy of each request goes to a shadow backend.
static POST_ORDERS_COPIED: Endpoint<Shadowed> = Endpoint::new(
    Post,
    "/orders/copied",
    "gateway.json:27:5",
    Shadowed::new(&POST_ORDERS_COPIED_ANSWER, &[Shadow::new(&POST_ORDERS_COPIED_SHADOW_1)]),
);

/// What `POST /orders/copied` answers.
///
/// Calls 2 backends one after the other, in the order of the file.
static POST_ORDERS_COPIED_ANSWER: Sequence = Sequence::new(&[
    Chained::new(&POST_ORDERS_COPIED_BACKEND_1),
    Chained::new(&POST_ORDERS_COPIED_BACKEND_2).reads(&[Earlier::new("resp0_id", 0, &["id"])]),
]);

/// Backend 1 of `POST /orders/copied`, gateway.json:36:9
///
/// Calls `POST http://orders:8080/v1/customers`.
static POST_ORDERS_COPIED_BACKEND_1: Http =
    Http::new(Post, &["http://orders:8080"], &[Text("/v1/customers")]);

/// Backend 2 of `POST /orders/copied`, gateway.json:37:9
///
/// Calls `POST http://orders:8080/v1/orders/{resp0_id}`.
static POST_ORDERS_COPIED_BACKEND_2: Http =
    Http::new(Post, &["http://orders:8080"], &[Text("/v1/orders/"), Answer("resp0_id")]);

/// Shadow backend 1 of `POST /orders/copied`, gateway.json:32:9
///
/// Publishes the request's body to `mem://copies`.
static POST_ORDERS_COPIED_SHADOW_1: Publish<mem::Broker> = Publish::new("mem://copies");
