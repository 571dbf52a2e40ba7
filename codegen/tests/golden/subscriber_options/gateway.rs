// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "d887faf226d4d55b0e47e4ad5489b70032df912d5b9bc842eaffc014c182f46d",
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
        .wait(Duration::from_secs(1))
        .max_deliveries(3)
        .dead_letter("mem://orders.dead")
        .metadata(&[
            ("x-order-id", Metadata::Attribute("X-Order-Id")),
            ("x-message-id", Metadata::Id),
            ("x-key", Metadata::Key),
            ("x-deliveries", Metadata::DeliveryCount),
            ("x-topic", Metadata::Topic),
        ]),
);
