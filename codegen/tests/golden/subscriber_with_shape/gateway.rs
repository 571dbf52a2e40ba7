// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "86fdc5db51d37dfcd164207e7c14e52959f5d0f769cb77321df19b956c5c9b4a",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_ORDERS_NEXT];

/// `GET /orders/next`, gateway.json:4:5
///
/// Receives one message from `mem://orders?subscription=billing`.
static GET_ORDERS_NEXT: Endpoint<Subscribe<mem::Broker>> = Endpoint::new(
    Get,
    "/orders/next",
    "gateway.json:4:5",
    Subscribe::new("mem://orders?subscription=billing")
        .shape(&GET_ORDERS_NEXT_SHAPE)
        .wait(Duration::from_secs(1))
        .on_failure(OnFailure::DeadLetter)
        .max_deliveries(3),
)
.timeout(Duration::from_millis(2_500));

/// `allow`, `mapping` and `group` of the backend, gateway.json:8:9
static GET_ORDERS_NEXT_SHAPE: Shape = Shape::OBJECT
    .fields(Fields::Allow(&[
        Field::keep("id"),
        Field::inside(
            "customer",
            Fields::Allow(&[
                Field::keep("name"),
                Field::inside("address", Fields::Allow(&[Field::keep("city")])),
            ]),
        ),
        Field::renamed("total", "amount"),
    ]))
    .group("order");
