// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "b1fb5fa06a70055f771601852d914b5f707ffcdd708cc99df2886dd635ab8414",
    ROUTES,
)
.name("orders")
.baked(&[Baked::new("timeout", "3s", "gateway.json:4:14")]);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_ORDERS, &GET_ORDERS_NEXT];

/// `POST /orders`, gateway.json:6:5
///
/// Publishes the request's body to `mem://orders`.
static POST_ORDERS: Endpoint<Publish<mem::Broker>> = Endpoint::new(
    Post,
    "/orders",
    "gateway.json:6:5",
    Publish::new("mem://orders"),
)
.timeout(Duration::from_secs(3));

/// `GET /orders/next`, gateway.json:14:5
///
/// Receives one message from `mem://orders`.
static GET_ORDERS_NEXT: Endpoint<Subscribe<mem::Broker>> = Endpoint::new(
    Get,
    "/orders/next",
    "gateway.json:14:5",
    Subscribe::new("mem://orders").shape(&GET_ORDERS_NEXT_SHAPE),
)
.timeout(Duration::from_secs(3));

/// `allow`, `mapping` and `group` of the backend, gateway.json:16:19
static GET_ORDERS_NEXT_SHAPE: Shape = Shape::OBJECT
    .fields(Fields::Allow(&[
        Field::keep("id"),
        Field::inside("customer", Fields::Allow(&[Field::keep("name")])),
        Field::renamed("total", "amount"),
    ]))
    .group("order");
