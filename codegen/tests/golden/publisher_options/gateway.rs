// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "2ac9aedbedd1ad5b6e46a00b1a24d755c47a856f6fab9486e3ce6a82215b26a5",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&PUT_CUSTOMERS_CUSTOMER_ORDERS_ORDER, &POST_ORDERS];

/// `PUT /customers/{customer}/orders/{order}`, gateway.json:4:5
///
/// Merges the answers of 2 backends, in the order of the file.
static PUT_CUSTOMERS_CUSTOMER_ORDERS_ORDER: Endpoint<Merge> = Endpoint::new(
    Put,
    "/customers/{customer}/orders/{order}",
    "gateway.json:4:5",
    Merge::new(&[
        &PUT_CUSTOMERS_CUSTOMER_ORDERS_ORDER_BACKEND_1,
        &PUT_CUSTOMERS_CUSTOMER_ORDERS_ORDER_BACKEND_2,
    ]),
)
.input_headers(Only(&["x-request-id", "x-region"]))
.input_query_strings(Only(&["source"]));

/// Backend 1 of `PUT /customers/{customer}/orders/{order}`, gateway.json:10:9
///
/// Publishes the request's body to `mem://orders`, with the key `order-{order}`.
static PUT_CUSTOMERS_CUSTOMER_ORDERS_ORDER_BACKEND_1: Publish<mem::Broker> = Publish::new(
    "mem://orders",
)
.key(&[Part::Text("order-"), Part::Param(1)])
.attributes(&[
    ("source", &[Part::Query("source")]),
    ("Request", &[Part::Header("X-Request-Id"), Part::Text("/"), Part::Param(0)]),
    ("sku", &[Part::Body(&["lines", "0", "sku"])]),
    ("schema", &[Part::Text("orders/{v2}")]),
])
.receipt_in("order");

/// Backend 2 of `PUT /customers/{customer}/orders/{order}`, gateway.json:28:9
///
/// Publishes the request's body to `mem://audit`, with the key `{body.customer.id}`.
static PUT_CUSTOMERS_CUSTOMER_ORDERS_ORDER_BACKEND_2: Publish<mem::Broker> = Publish::new(
    "mem://audit",
)
.forward(Forward::DEFAULT.headers(&["x-region"]))
.key(&[Part::Body(&["customer", "id"])]);

/// `POST /orders`, gateway.json:38:5
///
/// Publishes the request's body to `mem://orders`.
static POST_ORDERS: Endpoint<Publish<mem::Broker>> =
    Endpoint::new(Post, "/orders", "gateway.json:38:5", Publish::new("mem://orders").receipt());
