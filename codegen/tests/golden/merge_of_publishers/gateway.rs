// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "2e7b33932af9082426fa56fb6dd77278baf6a90c86f243ca74aaad2bc8eaa82a",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_ORDERS];

/// `POST /orders`, gateway.json:5:5
///
/// Merges the answers of 3 backends, in the order of the file.
static POST_ORDERS: Endpoint<Merge> = Endpoint::new(
    Post,
    "/orders",
    "gateway.json:5:5",
    Merge::new(&[&POST_ORDERS_BACKEND_1, &POST_ORDERS_BACKEND_2, &POST_ORDERS_BACKEND_3]),
);

/// Backend 1 of `POST /orders`, gateway.json:9:9
///
/// Publishes the request's body to `mem://orders`.
static POST_ORDERS_BACKEND_1: Publish<mem::Broker> = Publish::new("mem://orders");

/// Backend 2 of `POST /orders`, gateway.json:14:9
///
/// Publishes the request's body to `mem://audit`.
static POST_ORDERS_BACKEND_2: Publish<mem::Broker> = Publish::new("mem://audit");

/// Backend 3 of `POST /orders`, gateway.json:19:9
///
/// Calls `POST http://users:8080/orders`.
static POST_ORDERS_BACKEND_3: Http = Http::new(Post, &["http://users:8080"], &[Text("/orders")]);
