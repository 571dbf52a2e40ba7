//! What a client may send, and what those who send too much, nonsense or nothing cost the others.

mod crowd;

use std::sync::Once;

use crate::support::{Client, Http2, Running, echo, serve_upstream};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/limits.rs"));
}

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18160", echo));
    Running::start(&gateway::GATEWAY)
}

/// Whether the gateway still does its work.
async fn is_well(gateway: &Running) {
    assert_eq!(gateway.post("/orders", r#"{"id":1}"#).await.status, 200);
    assert_eq!(gateway.get("/orders").await.text(), r#"{"id":1}"#);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let gateway = start();
    let garbage: Vec<u8> = (0..4096_u32).map(|index| (index * 7 + index / 256) as u8).collect();
    let cases: [(&str, &[u8], &str); 8] = [
        ("garbage", b"\x16\x03\x01 nonsense\r\n\r\n", "HTTP/1.1 400"),
        ("binary garbage", &garbage, "HTTP/1.1 400"),
        ("no version", b"GET /orders\r\n\r\n", "HTTP/1.1 400"),
        ("no host", b"GET /orders HTTP/1.1\r\n\r\n", "HTTP/1.1 400"),
        ("a bad header", b"GET /orders HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", "HTTP/1.1 400"),
        (
            "two lengths",
            b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 400",
        ),
        ("a length that is none", b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400"),
        (
            "a bad chunk",
            b"POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 400",
        ),
    ];
    for (name, bytes, expected) in cases {
        let mut client = gateway.client().await;
        client.send(bytes).await;
        let answer = String::from_utf8_lossy(&client.rest().await).into_owned();
        assert!(answer.starts_with(expected), "{name}: {answer}");
        // As Go's server says it.
        assert!(name == "a bad chunk" || answer.contains("\r\n\r\n400 Bad Request"), "{name}: {answer}");
    }
    is_well(&gateway).await;
}

#[tokio::test]
async fn headers_of_64_kib_are_read_and_more_than_the_limit_is_431() {
    let gateway = start();
    let value = "v".repeat(64 << 10);
    let answer = gateway.client().await.request("GET", "/orders", &[("X-Large", &value)], "").await;
    assert_eq!(answer.status, 204);
    for (count, length) in [(1, 110_000), (11, 10_000), (1, 2_000_000)] {
        let value = "v".repeat(length);
        let mut client = gateway.client().await;
        let fields = format!("X-Large: {value}\r\n").repeat(count);
        let head = format!("GET /orders HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        // The gateway may have answered and closed before it has read all of it.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, head.as_bytes()).await;
        let answer = String::from_utf8_lossy(&client.rest().await).into_owned();
        assert!(answer.starts_with("HTTP/1.1 431"), "{count} of {length} bytes: {answer}");
    }
    is_well(&gateway).await;
}

async fn post_chunked(client: &mut Client, path: &str, body: &str) {
    client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    for chunk in body.as_bytes().chunks(600) {
        client.send(format!("{:x}\r\n", chunk.len())).await;
        client.send(chunk).await;
        client.send("\r\n").await;
    }
    client.send("0\r\n\r\n").await;
}

#[tokio::test]
async fn bodies_over_the_limit_are_413() {
    let gateway = start();
    for (path, limit) in [
        ("/orders", 1000),
        ("/forward", 1000),
        ("/forward/raw", 1000),
        ("/merge", 1000),
        ("/valid", 1000),
        ("/more", 5000),
    ] {
        // A JSON string inside an object, so that every endpoint takes it.
        let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        for (length, status) in [(limit - 1, 200), (limit, 200), (limit + 1, 413), (limit * 20, 413)] {
            let answer = gateway.post(path, body(length)).await;
            assert_eq!(answer.status, status, "{path}: {length} bytes: {answer:?}");
            let mut client = gateway.client().await;
            post_chunked(&mut client, path, &body(length)).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, status, "{path}: {length} bytes in chunks: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_sent() {
    let gateway = start();
    for path in ["/orders", "/forward"] {
        let mut client = gateway.client().await;
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, 413, "{path}");
    }
    is_well(&gateway).await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_continue_or_not() {
    let gateway = start();
    for path in ["/orders", "/forward", "/forward/raw"] {
        let head = |length: usize| {
            format!("POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n")
        };
        let mut client = gateway.client().await;
        client.send(head(2)).await;
        assert_eq!(client.answer().await.status, 100, "{path}");
        client.send("{}").await;
        assert_eq!(client.answer().await.status, 200, "{path}");
        let mut client = gateway.client().await;
        client.send(head(2000)).await;
        assert_eq!(client.answer().await.status, 413, "{path}");
    }
}

#[tokio::test]
async fn http_2_has_the_same_limits() {
    let gateway = start();
    for path in ["/orders", "/forward", "/forward/raw", "/merge"] {
        let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        let mut client = Http2::connect(&gateway).await;
        for (length, status) in [(1000, 200), (1001, 413), (100_000, 413), (10, 200)] {
            assert_eq!(client.send("POST", path, body(length)).await.status(), status, "{path}: {length}");
        }
    }
    let mut client = Http2::connect(&gateway).await;
    for (length, status) in [(64 << 10, 404), (90_000, 404), (110_000, 431), (1, 404)] {
        let answer = client.send_with("GET", "/unknown", ("x-large", "v".repeat(length)), "").await;
        assert_eq!(answer.status(), status, "{length}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_neither_published_nor_forwarded() {
    let gateway = start();
    for path in ["/orders", "/forward"] {
        let mut client = gateway.client().await;
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")).await;
        drop(client);
    }
    is_well(&gateway).await;
    assert_eq!(gateway.get("/orders").await.status, 204);
}

#[tokio::test]
async fn pipelined_requests_of_any_kind_are_answered_in_order() {
    let gateway = start();
    let mut client = gateway.client().await;
    let post = |id: u32| format!("POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n{{\"id\":{id}}}");
    let get = "GET /orders HTTP/1.1\r\nHost: a\r\n\r\n";
    let other = "GET /unknown HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(format!("{}{get}{other}{}{get}{get}", post(1), post(2))).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        let answer = client.answer().await;
        answers.push((answer.status, answer.text().to_owned()));
    }
    let expected =
        [(200, "{}"), (200, r#"{"id":1}"#), (404, "404 page not found"), (200, "{}"), (200, r#"{"id":2}"#), (204, "")];
    assert_eq!(answers, expected.map(|(status, text)| (status, text.to_owned())));
}

#[tokio::test]
async fn streams_that_are_reset_leave_the_connection_usable() {
    let gateway = start();
    let mut client = Http2::connect(&gateway).await;
    for _ in 0..50 {
        // An answer whose body is not read.
        drop(client.send("POST", "/forward", "{}").await);
    }
    assert_eq!(client.send("POST", "/orders", r#"{"id":1}"#).await.status(), 200);
    assert_eq!(client.get("/orders").await, (200, r#"{"id":1}"#.into()));
}

/// CVE-2023-44487: streams that are opened and reset at once.
#[tokio::test]
async fn a_flood_of_resets_ends_its_connection_and_no_other() {
    let gateway = start();
    let mut well_behaved = Http2::connect(&gateway).await;
    assert_eq!(well_behaved.get("/orders").await.0, 204);
    let mut client = gateway.client().await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    for stream in (1..4001_u32).step_by(2) {
        let id = stream.to_be_bytes();
        // HEADERS with GET, / and http from the static table; RST_STREAM with CANCEL.
        bytes.extend([&[0, 0, 3, 1, 5][..], &id, &[0x82, 0x84, 0x86], &[0, 0, 4, 3, 0], &id, &[0, 0, 0, 8]].concat());
    }
    // The gateway may break off before it has read all of it.
    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &bytes).await;
    let frames = client.rest().await;
    // The end of GOAWAY: ENHANCE_YOUR_CALM.
    assert!(frames.windows(4).any(|window| window == [0, 0, 0, 11]), "no GOAWAY in {frames:?}");
    assert_eq!(well_behaved.send("POST", "/orders", "{}").await.status(), 200);
    assert_eq!(well_behaved.get("/orders").await.0, 200);
}
