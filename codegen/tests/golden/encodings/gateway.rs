// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "d1bd3bef629378a44f7f361e840d94d11ff381d775538a78ba38aac43b7373a1",
    ROUTES,
)
.baked(&[Baked::new("output_encoding", "negotiate", "gateway.json:4:22")]);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] =
    &[&GET_SAFE, &GET_FAST, &GET_COLLECTION, &GET_TEXT, &GET_XML, &GET_MERGED, &GET_MESSAGE];

/// `GET /safe`, gateway.json:6:5
///
/// Calls `GET http://users:8080/safe`.
static GET_SAFE: Endpoint<Http> = Endpoint::new(
    Get,
    "/safe",
    "gateway.json:6:5",
    Http::new(Get, &["http://users:8080"], &[Text("/safe")]).decode(Decode::SafeJson),
)
.output(Output::Negotiate);

/// `GET /fast`, gateway.json:7:5
///
/// Calls `GET http://users:8080/fast`.
static GET_FAST: Endpoint<Http> = Endpoint::new(
    Get,
    "/fast",
    "gateway.json:7:5",
    Http::new(Get, &["http://users:8080"], &[Text("/fast")]),
);

/// `GET /collection`, gateway.json:12:5
///
/// Calls `GET http://users:8080/yaml`.
static GET_COLLECTION: Endpoint<Http> = Endpoint::new(
    Get,
    "/collection",
    "gateway.json:12:5",
    Http::new(Get, &["http://users:8080"], &[Text("/yaml")])
        .decode(Decode::Yaml)
        .shape(&GET_COLLECTION_SHAPE),
)
.output(Output::Collection);

/// `is_collection` of the backend, gateway.json:15:19
static GET_COLLECTION_SHAPE: Shape = Shape::COLLECTION;

/// `GET /text`, gateway.json:17:5
///
/// Calls `GET http://users:8080/text`.
static GET_TEXT: Endpoint<Http> = Endpoint::new(
    Get,
    "/text",
    "gateway.json:17:5",
    Http::new(Get, &["http://users:8080"], &[Text("/text")]).decode(Decode::Text),
)
.output(Output::Text);

/// `GET /xml`, gateway.json:22:5
///
/// Calls `GET http://users:8080/xml`.
static GET_XML: Endpoint<Http> = Endpoint::new(
    Get,
    "/xml",
    "gateway.json:22:5",
    Http::new(Get, &["http://users:8080"], &[Text("/xml")]).decode(Decode::Xml),
)
.output(Output::Xml);

/// `GET /merged`, gateway.json:27:5
///
/// Merges the answers of 2 backends, in the order of the file.
static GET_MERGED: Endpoint<Merge> = Endpoint::new(
    Get,
    "/merged",
    "gateway.json:27:5",
    Merge::new(&[&GET_MERGED_BACKEND_1, &GET_MERGED_BACKEND_2]),
)
.output(Output::Yaml);

/// Backend 1 of `GET /merged`, gateway.json:31:9
///
/// Calls `GET http://users:8080/news`.
static GET_MERGED_BACKEND_1: Http = Http::new(Get, &["http://users:8080"], &[Text("/news")])
    .decode(Decode::Rss)
    .shape(&GET_MERGED_BACKEND_1_SHAPE);

/// `allow` of the backend, gateway.json:31:9
static GET_MERGED_BACKEND_1_SHAPE: Shape =
    Shape::OBJECT.fields(Fields::Allow(&[Field::keep("items")]));

/// Backend 2 of `GET /merged`, gateway.json:32:9
///
/// Calls `GET http://users:8080/text`.
static GET_MERGED_BACKEND_2: Http = Http::new(Get, &["http://users:8080"], &[Text("/text")])
    .decode(Decode::Text)
    .shape(&GET_MERGED_BACKEND_2_SHAPE);

/// `mapping` of the backend, gateway.json:32:9
static GET_MERGED_BACKEND_2_SHAPE: Shape =
    Shape::OBJECT.fields(Fields::AllExcept(&[Field::renamed("content", "text")]));

/// `GET /message`, gateway.json:35:5
///
/// Receives one message from `mem://orders`.
static GET_MESSAGE: Endpoint<Subscribe<mem::Broker>> = Endpoint::new(
    Get,
    "/message",
    "gateway.json:35:5",
    Subscribe::new("mem://orders").decode(Decode::Xml),
)
.output(Output::Negotiate);
