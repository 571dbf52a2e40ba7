// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "d43de0806265585d16b8a1f4495ab77fcfc89f6de1213926db378f300d60827c",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_INVOICES, &GET_INVOICES];

/// The broker `billing` of the driver `rabbitmq`, gateway.json:5:7
static BROKER_BILLING: NamedBroker =
    NamedBroker::new("billing").settings(&[("servers", &[Literal("127.0.0.1:1")])]);

/// `POST /invoices`, gateway.json:9:5
///
/// Publishes the request's body to `rabbit://invoices` of the broker `billing`.
static POST_INVOICES: Endpoint<Publish<rabbitmq::Broker>> = Endpoint::new(
    Post,
    "/invoices",
    "gateway.json:9:5",
    Publish::new("rabbit://invoices").broker(&BROKER_BILLING).declare(&POST_INVOICES_DECLARATION),
);

/// `declare` of the backend, gateway.json:13:9
static POST_INVOICES_DECLARATION: Declaration =
    Declaration::new().kind("headers").transient().auto_delete();

/// `GET /invoices`, gateway.json:25:5
///
/// Receives one message from `rabbit://archive` of the broker `billing`.
static GET_INVOICES: Endpoint<Subscribe<rabbitmq::Broker>> = Endpoint::new(
    Get,
    "/invoices",
    "gateway.json:25:5",
    Subscribe::new("rabbit://archive").broker(&BROKER_BILLING).declare(&GET_INVOICES_DECLARATION),
);

/// `declare` of the backend, gateway.json:28:9
static GET_INVOICES_DECLARATION: Declaration = Declaration::new()
    .kind("quorum")
    .arguments(&[
        ("x-delivery-limit", Argument::Integer(-1)),
        (
            "plugin",
            Argument::List(&[
                Argument::Float(0.5),
                Argument::Null,
                Argument::Table(&[("nested", Argument::Boolean(true))]),
            ]),
        ),
    ])
    .bindings(&[
        Binding::new("invoices").routing_key("#"),
        Binding::new("invoices").arguments(&[
            ("x-match", Argument::Text("any")),
            ("country", Argument::Text("de")),
        ]),
    ]);
