use http_body_util::BodyExt;

use super::*;

fn greeting(options: ServerOptions) -> Running {
    Running::start(options, |_| async { hello() })
}

/// Answers with the number of header fields and the length of the body, or 408 when it does not come.
fn counting(options: ServerOptions) -> Running {
    Running::start(options, |request: Request<Body>| async {
        let fields = request.headers().len();
        match request.into_body().collect().await {
            Ok(body) => Response::new(Body::from(format!("{fields} fields, {} bytes.", body.to_bytes().len()))),
            Err(_) => {
                let mut response = Response::new(Body::from("late."));
                *response.status_mut() = http::StatusCode::REQUEST_TIMEOUT;
                response
            }
        }
    })
}

fn short() -> Option<Duration> {
    Some(Duration::from_millis(100))
}

fn head_of(bytes: usize, fields: usize) -> String {
    let value = "v".repeat(bytes / fields - 12);
    let fields: String = (0..fields).map(|index| format!("x-{index:06}: {value}\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_closed() {
    let server = greeting(ServerOptions::default());
    let cases = [
        ("garbage", "\x01\x02\x03 nonsense\r\n\r\n", "HTTP/1.1 400"),
        ("no version", "GET /\r\n\r\n", "HTTP/1.1 400"),
        ("a bad field", "GET / HTTP/1.1\r\nHost: a\r\nbad field\r\n\r\n", "HTTP/1.1 400"),
        ("two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 400"),
        ("no host", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"),
        ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"),
    ];
    for (name, bytes, want) in cases {
        let mut client = server.client().await;
        client.send(bytes).await;
        let answer = client.rest().await;
        assert!(answer.starts_with(want) && answer.contains("connection: close"), "{name}: {answer}");
    }
    let mut client = server.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.0 200"), "HTTP/1.0 needs no host");
}

#[tokio::test]
async fn heads_up_to_the_limit_are_read() {
    let server = counting(ServerOptions { max_header_bytes: 0, ..ServerOptions::default() });
    let cases = [(64 << 10, 8, "9 fields"), (64 << 10, 99, "100 fields"), (1 << 20, 40, "41 fields")];
    for (bytes, fields, want) in cases {
        let mut client = server.client().await;
        client.send(head_of(bytes, fields)).await;
        let answer = client.until("bytes.").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(want), "{want}: {answer}");
    }
}

#[tokio::test]
async fn heads_over_the_limit_are_431() {
    let small = ServerOptions { max_header_bytes: 10_000, ..ServerOptions::default() };
    let cases = [
        (small.clone(), head_of(15_000, 4)),
        (small.clone(), head_of(1_000_000, 4)),
        (small, format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000))),
        (ServerOptions::default(), head_of(1_060_000, 4)),
        (ServerOptions::default(), head_of(6_000, 100)),
    ];
    for (options, head) in cases {
        let server = greeting(options);
        let mut client = server.client().await;
        client.send(&head).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{} bytes: {answer}", head.len());
        assert!(answer.ends_with("\r\n\r\n431 Request Header Fields Too Large"), "{answer}");
    }
}

#[tokio::test]
async fn the_peer_is_known_and_without_keep_alive_the_connection_closes() {
    let options = ServerOptions { keep_alive: false, ..ServerOptions::default() };
    let server = Running::start(options, |request: Request<Body>| async move {
        let Peer { address: peer, .. } = request.extensions().get::<Peer>().expect("a peer");
        Response::new(Body::from(peer.to_string()))
    });
    let mut client = server.client().await;
    client.get("/").await;
    let answer = client.rest().await;
    let address = client.0.local_addr().expect("connected").to_string();
    assert!(answer.contains("connection: close") && answer.ends_with(&address), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_closes() {
    for options in [
        ServerOptions { read_header_timeout: short(), ..ServerOptions::default() },
        ServerOptions { read_timeout: short(), ..ServerOptions::default() },
        ServerOptions { read_header_timeout: short(), h2c: true, ..ServerOptions::default() },
    ] {
        let server = greeting(options);
        for begin in ["", "GET / HTTP/1.1\r\nHo", "PRI * HT"] {
            let mut client = server.client().await;
            client.send(begin).await;
            assert_eq!(client.rest().await, "", "after {begin:?}");
        }
        // The second head has its own time.
        let mut client = server.client().await;
        client.get("/").await;
        client.until("hello").await;
        client.send("GET /").await;
        assert_eq!(client.rest().await, "");
    }
}

#[tokio::test]
async fn a_connection_that_stays_idle_closes() {
    for h2c in [false, true] {
        let server = greeting(ServerOptions { idle_timeout: short(), h2c, ..ServerOptions::default() });
        let mut client = server.client().await;
        client.get("/").await;
        client.until("hello").await;
        client.get("/").await;
        client.until("hello").await;
        assert_eq!(client.rest().await, "");
    }
    // HTTP/2: settings of both sides, then GOAWAY and the end.
    let server = greeting(ServerOptions { idle_timeout: short(), h2c: true, ..ServerOptions::default() });
    let mut client = server.client().await;
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await;
    let mut frames = Vec::new();
    soon(client.0.read_to_end(&mut frames)).await.expect("closed");
    assert!(frames.windows(4).any(|window| window == [0, 0, 8, 7]), "no GOAWAY in {frames:?}");
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_fails_and_others_do_not() {
    let server = counting(ServerOptions { read_timeout: short(), ..ServerOptions::default() });
    let mut client = server.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 408"));
    let mut client = server.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde").await;
    assert!(client.until("bytes.").await.contains("5 bytes."));
}

#[tokio::test]
async fn a_response_that_is_not_taken_in_time_is_cut_and_given_back() {
    let (server, probe) =
        Running::consuming(ServerOptions { write_timeout: short(), ..ServerOptions::default() }, large);
    let mut client = server.client().await;
    client.get("/").await;
    assert_eq!(probe.fates(1).await, [Fate::GivenBack]);
    assert!(client.rest().await.len() < LARGE);
}

#[tokio::test]
async fn timeouts_do_not_touch_who_is_in_time() {
    let long = Some(Duration::from_secs(60));
    let options =
        ServerOptions { read_timeout: long, write_timeout: long, idle_timeout: long, ..ServerOptions::default() };
    let (server, probe) = Running::consuming(options, hello);
    let mut client = server.client().await;
    for count in 1..=3 {
        client.get("/").await;
        client.until("hello").await;
        assert_eq!(probe.fates(count).await, vec![Fate::Delivered; count]);
    }
}

#[tokio::test]
async fn a_slow_client_is_served() {
    let server = greeting(ServerOptions::default());
    let mut client = server.client().await;
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" {
        client.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    client.until("hello").await;
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let server = greeting(ServerOptions::default());
    let mut client = server.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await;
    client.send(vec![b'x'; 50_000]).await;
    client.until("hello").await;
}

#[tokio::test]
async fn silent_connections_do_not_block_others() {
    let server = greeting(ServerOptions::default());
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(server.client().await);
    }
    let mut client = server.client().await;
    client.get("/").await;
    client.until("hello").await;
    let last = silent.last_mut().expect("many");
    last.get("/").await;
    last.until("hello").await;
}

/// CVE-2023-44487: streams that are opened and reset at once.
#[tokio::test]
async fn a_rapid_reset_ends_the_connection() {
    let server = greeting(ServerOptions { h2c: true, ..ServerOptions::default() });
    let mut client = server.client().await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    for stream in (1..2001_u32).step_by(2) {
        let id = stream.to_be_bytes();
        // HEADERS with GET, / and http from the static table; RST_STREAM with CANCEL.
        bytes.extend([&[0, 0, 3, 1, 5][..], &id, &[0x82, 0x84, 0x86], &[0, 0, 4, 3, 0], &id, &[0, 0, 0, 8]].concat());
    }
    // The server may break off before it has read all of it.
    let _ = soon(client.0.write_all(&bytes)).await;
    let mut frames = Vec::new();
    let _ = soon(client.0.read_to_end(&mut frames)).await;
    // The end of GOAWAY: ENHANCE_YOUR_CALM.
    assert!(frames.windows(4).any(|window| window == [0, 0, 0, 11]), "no GOAWAY in {frames:?}");
}
