// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "2c7dedc68b9995f984856b1aa91c103083841b67a0f63ac32a788f19733b73af",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[
    &GET_ROOT,
    &GET_ROOT__2,
    &GET_A_B,
    &GET_A_B__2,
    &GET_A_B__3,
    &GET_A_B_2,
    &GET_A_B_SHAPE,
    &GET_A_B_BACKEND_1,
    &GET_A_B__4,
    &GET_1_TYPE_FN,
];

/// `GET /`, gateway.json:5:5
///
/// Calls `GET http://users:8080/`.
static GET_ROOT: Endpoint<Http> = Endpoint::new(
    Get,
    "/",
    "gateway.json:5:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
);

/// `GET /root`, gateway.json:6:5
///
/// Calls `GET http://users:8080/`.
static GET_ROOT__2: Endpoint<Http> = Endpoint::new(
    Get,
    "/root",
    "gateway.json:6:5",
    Http::new(Get, &["http://users:8080"], &[Text("/")]),
);

/// `GET /a-b`, gateway.json:7:5
///
/// Calls `GET http://users:8080/1`.
static GET_A_B: Endpoint<Http> = Endpoint::new(
    Get,
    "/a-b",
    "gateway.json:7:5",
    Http::new(Get, &["http://users:8080"], &[Text("/1")]).shape(&GET_A_B_SHAPE__2),
);

/// `allow` of the backend, gateway.json:7:39
static GET_A_B_SHAPE__2: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::keep("id")]));

/// `GET /a/b`, gateway.json:8:5
///
/// Calls `GET http://users:8080/2`.
static GET_A_B__2: Endpoint<Http> = Endpoint::new(
    Get,
    "/a/b",
    "gateway.json:8:5",
    Http::new(Get, &["http://users:8080"], &[Text("/2")]).shape(&GET_A_B__2_SHAPE),
);

/// `allow` of the backend, gateway.json:8:39
static GET_A_B__2_SHAPE: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::keep("id")]));

/// `GET /a/b/`, gateway.json:9:5
///
/// Calls `GET http://users:8080/3`.
static GET_A_B__3: Endpoint<Http> = Endpoint::new(
    Get,
    "/a/b/",
    "gateway.json:9:5",
    Http::new(Get, &["http://users:8080"], &[Text("/3")]),
);

/// `GET /a/b/2`, gateway.json:10:5
///
/// Calls `GET http://users:8080/4`.
static GET_A_B_2: Endpoint<Http> = Endpoint::new(
    Get,
    "/a/b/2",
    "gateway.json:10:5",
    Http::new(Get, &["http://users:8080"], &[Text("/4")]),
);

/// `GET /a/b/shape`, gateway.json:11:5
///
/// Calls `GET http://users:8080/5`.
static GET_A_B_SHAPE: Endpoint<Http> = Endpoint::new(
    Get,
    "/a/b/shape",
    "gateway.json:11:5",
    Http::new(Get, &["http://users:8080"], &[Text("/5")]),
);

/// `GET /a/b/backend/1`, gateway.json:12:5
///
/// Calls `GET http://users:8080/6`.
static GET_A_B_BACKEND_1: Endpoint<Http> = Endpoint::new(
    Get,
    "/a/b/backend/1",
    "gateway.json:12:5",
    Http::new(Get, &["http://users:8080"], &[Text("/6")]),
);

/// `GET /A/B`, gateway.json:13:5
///
/// Merges the answers of 2 backends, in the order of the file.
static GET_A_B__4: Endpoint<Merge> = Endpoint::new(
    Get,
    "/A/B",
    "gateway.json:13:5",
    Merge::new(&[&GET_A_B__4_BACKEND_1, &GET_A_B__4_BACKEND_2]),
);

/// Backend 1 of `GET /A/B`, gateway.json:13:39
///
/// Calls `GET http://users:8080/7`.
static GET_A_B__4_BACKEND_1: Http = Http::new(Get, &["http://users:8080"], &[Text("/7")]);

/// Backend 2 of `GET /A/B`, gateway.json:13:64
///
/// Calls `GET http://users:8080/8`.
static GET_A_B__4_BACKEND_2: Http =
    Http::new(Get, &["http://users:8080"], &[Text("/8")]).shape(&GET_A_B__4_BACKEND_2_SHAPE);

/// `group` of the backend, gateway.json:13:64
static GET_A_B__4_BACKEND_2_SHAPE: Shape = Shape::OBJECT.group("b");

/// `GET /1/type/fn`, gateway.json:14:5
///
/// Calls `GET http://users:8080/9`.
static GET_1_TYPE_FN: Endpoint<Http> = Endpoint::new(
    Get,
    "/1/type/fn",
    "gateway.json:14:5",
    Http::new(Get, &["http://users:8080"], &[Text("/9")]),
);
