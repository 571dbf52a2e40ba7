// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "41a95d9e0ecc02d61e5327901ede98d3c3a65923bc2b5f6ea4f03dc4b0ce2aac",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_ALLOW, &GET_DENY, &GET_MAPPING];

/// `GET /allow`, gateway.json:5:5
///
/// Calls `GET http://users:8080/a`.
static GET_ALLOW: Endpoint<Http> = Endpoint::new(
    Get,
    "/allow",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/a")]).shape(&GET_ALLOW_SHAPE),
);

/// `target`, `allow` and `group` of the backend, gateway.json:7:19
static GET_ALLOW_SHAPE: Shape = Shape::OBJECT
    .target(&["data", "user"])
    .fields(Fields::Allow(&[
        Field::keep("id"),
        Field::inside(
            "a",
            Fields::Allow(&[
                Field::inside("b", Fields::Allow(&[Field::keep("c"), Field::keep("d")])),
            ]),
        ),
    ]))
    .group("user");

/// `GET /deny`, gateway.json:9:5
///
/// Calls `GET http://users:8080/d`.
static GET_DENY: Endpoint<Http> = Endpoint::new(
    Get,
    "/deny",
    "gateway.json:9:5",
    Http::new(Get, &["http://users:8080"], &[Text("/d")]).shape(&GET_DENY_SHAPE),
);

/// `deny` and `mapping` of the backend, gateway.json:12:9
static GET_DENY_SHAPE: Shape = Shape::OBJECT.fields(Fields::AllExcept(&[
    Field::drop("password"),
    Field::inside(
        "address",
        Fields::AllExcept(&[Field::inside("geo", Fields::AllExcept(&[Field::drop("lat")]))]),
    )
    .rename("place"),
    Field::renamed("name", "label"),
]));

/// `GET /mapping`, gateway.json:19:5
///
/// Calls `GET http://users:8080/m`.
static GET_MAPPING: Endpoint<Http> = Endpoint::new(
    Get,
    "/mapping",
    "gateway.json:19:5",
    Http::new(Get, &["http://users:8080"], &[Text("/m")]).shape(&GET_MAPPING_SHAPE),
);

/// `mapping` of the backend, gateway.json:19:43
static GET_MAPPING_SHAPE: Shape =
    Shape::OBJECT.fields(Fields::AllExcept(&[Field::renamed("a", "b"), Field::renamed("c", "d")]));
