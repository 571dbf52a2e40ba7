// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "b2af1488ce2132453ed1a5bbeda84ea00f256f11e78a0234475ae8e141c3b37c",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&POST_INVOICES, &GET_INVOICES, &POST_EVERYWHERE];

/// The broker `eu-billing` of the driver `mem`, gateway.json:5:7
static BROKER_EU_BILLING: NamedBroker =
    NamedBroker::new("eu-billing").required().max_in_flight(1_000);

/// The broker `warehouse` of the driver `mem`, gateway.json:6:7
static BROKER_WAREHOUSE: NamedBroker = NamedBroker::new("warehouse");

/// `POST /invoices`, gateway.json:10:5
///
/// Publishes the request's body to `mem://invoices` of the broker `eu-billing`.
static POST_INVOICES: Endpoint<Publish<mem::Broker>> = Endpoint::new(
    Post,
    "/invoices",
    "gateway.json:10:5",
    Publish::new("mem://invoices").broker(&BROKER_EU_BILLING),
);

/// `GET /invoices`, gateway.json:20:5
///
/// Receives one message from `mem://invoices` of the broker `eu-billing`.
static GET_INVOICES: Endpoint<Subscribe<mem::Broker>> = Endpoint::new(
    Get,
    "/invoices",
    "gateway.json:20:5",
    Subscribe::new("mem://invoices").broker(&BROKER_EU_BILLING),
);

/// `POST /everywhere`, gateway.json:26:5
///
/// Merges the answers of 3 backends, in the order of the file.
static POST_EVERYWHERE: Endpoint<Merge> = Endpoint::new(
    Post,
    "/everywhere",
    "gateway.json:26:5",
    Merge::new(&[
        &POST_EVERYWHERE_BACKEND_1,
        &POST_EVERYWHERE_BACKEND_2,
        &POST_EVERYWHERE_BACKEND_3,
    ]),
);

/// Backend 1 of `POST /everywhere`, gateway.json:30:9
///
/// Publishes the request's body to `mem://orders` of the broker `eu-billing`.
static POST_EVERYWHERE_BACKEND_1: Publish<mem::Broker> =
    Publish::new("mem://orders").broker(&BROKER_EU_BILLING);

/// Backend 2 of `POST /everywhere`, gateway.json:31:9
///
/// Publishes the request's body to `mem://orders` of the broker `warehouse`.
static POST_EVERYWHERE_BACKEND_2: Publish<mem::Broker> =
    Publish::new("mem://orders").broker(&BROKER_WAREHOUSE);

/// Backend 3 of `POST /everywhere`, gateway.json:32:9
///
/// Publishes the request's body to `mem://orders`.
static POST_EVERYWHERE_BACKEND_3: Publish<mem::Broker> = Publish::new("mem://orders");
