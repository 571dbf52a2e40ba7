// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "cf5cf2dcd14fe1215a7a532d7fd5ace0baffa7385b4c5c088ebeefe3de3fc3fc",
    ROUTES,
)
.name("Kaffee \u{200b}\u{202e}");

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] =
    &[&GET_CAF_U00E9_GR_U00F6_U00DF_E, &GET_U65E5_U672C, &GET_U1F980];

/// `GET /café/größe`, gateway.json:6:5
///
/// Calls `GET http://users:8080/gr%C3%B6%C3%9Fe`.
static GET_CAF_U00E9_GR_U00F6_U00DF_E: Endpoint<Http> = Endpoint::new(
    Get,
    "/café/größe",
    "gateway.json:6:5",
    Http::new(Get, &["http://users:8080"], &[Text("/gr%C3%B6%C3%9Fe")])
        .shape(&GET_CAF_U00E9_GR_U00F6_U00DF_E_SHAPE),
);

/// `mapping` of the backend, gateway.json:6:46
static GET_CAF_U00E9_GR_U00F6_U00DF_E_SHAPE: Shape =
    Shape::OBJECT.fields(Fields::AllExcept(&[Field::renamed("größe", "size")]));

/// `GET /日本`, gateway.json:7:5
///
/// Calls `GET http://users:8080/`.
static GET_U65E5_U672C: Endpoint<Http> = Endpoint::new(
    Get,
    "/日本",
    "gateway.json:7:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]).shape(&GET_U65E5_U672C_SHAPE),
);

/// `group` of the backend, gateway.json:7:38
static GET_U65E5_U672C_SHAPE: Shape = Shape::OBJECT.group("日\n本");

/// `GET /🦀`, gateway.json:8:5
///
/// Calls `GET http://users:8080/`.
static GET_U1F980: Endpoint<Http> = Endpoint::new(
    Get,
    "/🦀",
    "gateway.json:8:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]).shape(&GET_U1F980_SHAPE),
);

/// `allow` of the backend, gateway.json:8:37
static GET_U1F980_SHAPE: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::keep("a\u{202e}b")]));
