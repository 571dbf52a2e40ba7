// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "370dbf9f5f282cdd23c52e4cb796db5551a19a032e98afb9dbe68bd2b458562d",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_HOTELS_ID, &POST_BOOKINGS, &GET_RELAY];

/// `GET /hotels/{id}`, gateway.json:5:5
///
/// Calls 2 backends one after the other, in the order of the file.
static GET_HOTELS_ID: Endpoint<Sequence> = Endpoint::new(
    Get,
    "/hotels/{id}",
    "gateway.json:5:5",
    Sequence::new(&[
        Chained::new(&GET_HOTELS_ID_BACKEND_1),
        Chained::new(&GET_HOTELS_ID_BACKEND_2).reads(&[
            Earlier::new("resp0_hotel.destination_id", 0, &["hotel", "destination_id"]),
        ]),
    ]),
);

/// Backend 1 of `GET /hotels/{id}`, gateway.json:9:9
///
/// Calls `GET http://hotels:8080/hotels/{id}`.
static GET_HOTELS_ID_BACKEND_1: Http = Http::new(
    Get,
    &["http://hotels:8080"],
    &[Text("/hotels/"), Param(0)],
)
.shape(&GET_HOTELS_ID_BACKEND_1_SHAPE);

/// `group` of the backend, gateway.json:9:9
static GET_HOTELS_ID_BACKEND_1_SHAPE: Shape = Shape::OBJECT.group("hotel");

/// Backend 2 of `GET /hotels/{id}`, gateway.json:10:9
///
/// Calls `GET http://hotels:8080/destinations/{resp0_hotel.destination_id}?hotel={id}&of={resp0_hotel.destination_id}`.
static GET_HOTELS_ID_BACKEND_2: Http = Http::new(
    Get,
    &["http://hotels:8080"],
    &[
        Text("/destinations/"),
        Answer("resp0_hotel.destination_id"),
        Text("?hotel="),
        Param(0),
        Text("&of="),
        Answer("resp0_hotel.destination_id"),
    ],
);

/// `POST /bookings`, gateway.json:13:5
///
/// Calls 3 backends one after the other, in the order of the file.
static POST_BOOKINGS: Endpoint<Sequence> = Endpoint::new(
    Post,
    "/bookings",
    "gateway.json:13:5",
    Sequence::new(&[
        Chained::new(&POST_BOOKINGS_BACKEND_1),
        Chained::new(&POST_BOOKINGS_BACKEND_2)
            .reads(&[Earlier::new("resp0", 0, &[])])
            .headers(&[("authorization", &[Part::Text("Bearer "), Part::Answer("resp0")])]),
        Chained::new(&POST_BOOKINGS_BACKEND_3)
            .reads(&[
                Earlier::new("resp1_id", 1, &["id"]),
                Earlier::new("resp1_guest.name", 1, &["guest", "name"]),
            ])
            .headers(&[("x-booking", &[Part::Answer("resp1_id")])])
            .body(&[
                BodyPiece::Literal(r#"{"booking":"#),
                BodyPiece::Value("resp1_id"),
                BodyPiece::Literal(r#","note":"for \""#),
                BodyPiece::Inside("resp1_guest.name"),
                BodyPiece::Literal(r#"\"","kinds":["booked",null,1.0]}"#),
            ]),
    ]),
);

/// Backend 1 of `POST /bookings`, gateway.json:18:9
///
/// Calls `GET http://hotels:8080/token`.
static POST_BOOKINGS_BACKEND_1: Http =
    Http::new(Get, &["http://hotels:8080"], &[Text("/token")]).no_op();

/// Backend 2 of `POST /bookings`, gateway.json:19:9
///
/// Calls `POST http://hotels:8080/bookings`.
static POST_BOOKINGS_BACKEND_2: Http =
    Http::new(Post, &["http://hotels:8080"], &[Text("/bookings")]);

/// Backend 3 of `POST /bookings`, gateway.json:23:9
///
/// Publishes a body of its own to `mem://bookings`.
static POST_BOOKINGS_BACKEND_3: Publish<mem::Broker> = Publish::new("mem://bookings");

/// `GET /relay`, gateway.json:35:5
///
/// Calls 2 backends one after the other, in the order of the file.
static GET_RELAY: Endpoint<Sequence> = Endpoint::new(
    Get,
    "/relay",
    "gateway.json:35:5",
    Sequence::new(&[
        Chained::new(&GET_RELAY_BACKEND_1),
        Chained::new(&GET_RELAY_BACKEND_2)
            .reads(&[Earlier::new("resp0", 0, &[])])
            .body(&[BodyPiece::Value("resp0")]),
    ]),
);

/// Backend 1 of `GET /relay`, gateway.json:39:9
///
/// Receives one message from `mem://in`.
static GET_RELAY_BACKEND_1: Subscribe<mem::Broker> = Subscribe::new("mem://in");

/// Backend 2 of `GET /relay`, gateway.json:40:9
///
/// Publishes a body of its own to `mem://out`.
static GET_RELAY_BACKEND_2: Publish<mem::Broker> = Publish::new("mem://out");
