//! Answers that the backend compresses: whoever asked for it gets what was asked for.

use axum::body::Body;
use http::{Request, Response};

use super::start;
use crate::support::Running;

/// `{"zipped":true}`, compressed.
const ZIPPED: [u8; 35] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xab, 0x56, 0xaa, 0xca, 0x2c, 0x28, 0x48, 0x4d, 0x51,
    0xb2, 0x2a, 0x29, 0x2a, 0x4d, 0xad, 0x05, 0x00, 0x84, 0x28, 0xbc, 0x08, 0x0f, 0x00, 0x00, 0x00,
];

/// The suite's upstream: what only these tests ask for. It tells what it was asked to accept.
pub(super) async fn answer(request: Request<Body>) -> Response<Body> {
    let (encoding, body) = match request.uri().path() {
        "/zipped/yes" => ("GZip", ZIPPED.to_vec()),
        "/zipped/broken" => ("gzip", ZIPPED[..20].to_vec()),
        "/zipped/unsaid" => ("identity", ZIPPED.to_vec()),
        "/zipped/lie" => ("gzip", br#"{"zipped":false}"#.to_vec()),
        _ => ("br", b"whatever".to_vec()),
    };
    let asked = request.headers().get("accept-encoding").cloned();
    let response = Response::builder().header("Content-Encoding", encoding).header("Content-Type", "application/json");
    let response = match asked {
        Some(asked) => response.header("X-Asked", asked),
        None => response,
    };
    response.body(Body::from(body)).expect("a response")
}

/// Status, what the backend was asked for, `Content-Encoding` and body.
async fn get(
    gateway: &Running,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, Option<String>, Option<String>, Vec<u8>) {
    let answer = gateway.client().await.request("GET", path, headers, "").await;
    let header = |name| answer.header(name).map(str::to_owned);
    (answer.status, header("x-asked"), header("content-encoding"), answer.body.clone())
}

const PLAIN: &[u8] = br#"{"zipped":true}"#;

#[tokio::test]
async fn what_is_decoded_is_decompressed() {
    let gateway = start();
    for (path, headers) in [
        ("/zipped/yes", &[][..]),
        ("/zipped/yes", &[("Accept-Encoding", "identity")]),
        ("/zipped/yes/asked", &[]),
        ("/zipped/yes/asked", &[("Accept-Encoding", "gzip, br")]),
    ] {
        let (status, _, encoding, body) = get(&gateway, path, headers).await;
        assert_eq!((status, encoding, &*body), (200, None, PLAIN), "{path} {headers:?}");
    }
    for path in ["/zipped/broken", "/zipped/unsaid", "/zipped/lie", "/zipped/br"] {
        assert_eq!(gateway.get(path).await.brief(), (500, "false", ""), "{path}");
    }
}

#[tokio::test]
async fn what_passes_through_is_decompressed_for_who_did_not_ask() {
    let gateway = start();
    let (gzip, br) = (Some("gzip".to_owned()), Some("gzip, br".to_owned()));
    let asked = [("Accept-Encoding", "gzip, br")];
    let range = [("Range", "bytes=0-")];
    for (path, headers, wanted, decompressed) in [
        ("/zipped/yes/raw", &[][..], &gzip, true),
        ("/zipped/yes/raw", &asked, &gzip, true),
        ("/zipped/yes/raw/asked", &[], &gzip, true),
        ("/zipped/yes/raw/asked", &asked, &br, false),
        ("/zipped/yes/raw/asked", &range, &None, false),
    ] {
        let (status, saw, encoding, body) = get(&gateway, path, headers).await;
        assert_eq!((status, &saw), (200, wanted), "{path} {headers:?}");
        if decompressed {
            assert_eq!((encoding, &*body), (None, PLAIN), "{path} {headers:?}");
        } else {
            assert_eq!((encoding.as_deref(), &*body), (Some("GZip"), &ZIPPED[..]), "{path} {headers:?}");
        }
    }
    let (status, _, encoding, body) = get(&gateway, "/zipped/unsaid/raw", &[]).await;
    assert_eq!((status, encoding.as_deref(), &*body), (200, Some("identity"), &ZIPPED[..]));
}

#[tokio::test]
async fn what_cannot_be_decompressed_breaks_off() {
    let gateway = start();
    for path in ["/zipped/broken/raw", "/zipped/lie/raw"] {
        let mut client = gateway.client().await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let rest = client.rest().await;
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 200") && !rest.ends_with(b"0\r\n\r\n"),
            "{path}: {rest:?}"
        );
    }
}
