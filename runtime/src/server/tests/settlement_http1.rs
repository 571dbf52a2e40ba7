use http::StatusCode;

use super::*;

use Fate::{Delivered, GivenBack};

#[tokio::test]
async fn complete_responses_are_delivered() {
    type Make = fn() -> Response<Body>;
    let cases: [(&str, &str, Make, &str); 9] = [
        ("content-length", "GET", hello, "hello"),
        ("empty", "GET", || Response::new(Body::empty()), "\r\n\r\n"),
        ("head", "HEAD", hello, "\r\n\r\n"),
        ("204", "GET", || status(StatusCode::NO_CONTENT, Body::empty()), "\r\n\r\n"),
        ("204 with a body that is not sent", "GET", || status(StatusCode::NO_CONTENT, Body::from("no")), "\r\n\r\n"),
        ("304", "GET", || status(StatusCode::NOT_MODIFIED, Body::empty()), "\r\n\r\n"),
        ("chunked", "GET", || chunks(&[Ok("a"), Ok("b")]), "0\r\n\r\n"),
        ("chunked and empty", "GET", || chunks(&[]), "0\r\n\r\n"),
        ("a stream cut at its length", "GET", || with_length(chunks(&[Ok("ab"), Ok("cd"), Ok("ef")]), 3), "abc"),
    ];
    for (name, method, make, end) in cases {
        let (server, probe) = Running::consuming(ServerOptions::default(), make);
        let mut client = server.client().await;
        for count in 1..=2 {
            client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            client.until(end).await;
            assert_eq!(probe.fates(count).await, vec![Delivered; count], "{name}");
        }
    }
}

fn status(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn with_length(mut response: Response<Body>, length: u64) -> Response<Body> {
    response.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
    response
}

#[tokio::test]
async fn http_1_0_is_delivered_when_the_connection_closes() {
    let (server, probe) = Running::consuming(ServerOptions::default(), || chunks(&[Ok("hello")]));
    let mut client = server.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert!(client.rest().await.ends_with("hello"));
    assert_eq!(probe.fates(1).await, [Delivered]);
}

#[tokio::test]
async fn nothing_is_delivered_before_the_last_byte_left() {
    let (server, probe) = Running::consuming(ServerOptions::default(), large);
    let mut client = server.client().await;
    client.get("/").await;
    let mut buffer = vec![0; 1 << 20];
    let count = soon(client.0.read(&mut buffer)).await.expect("the response begins");
    assert_eq!(probe.seen(), []);
    let head = buffer[..count].windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let mut left = LARGE - (count - head);
    while left > 0 {
        left -= soon(client.0.read(&mut buffer)).await.expect("more of it");
    }
    assert_eq!(probe.fates(1).await, [Delivered]);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_gives_back() {
    for by_reset in [false, true] {
        let (server, probe) = Running::consuming(ServerOptions::default(), large);
        let mut client = server.client().await;
        client.get("/").await;
        let mut buffer = vec![0; 1 << 16];
        soon(client.0.read_exact(&mut buffer)).await.expect("the response begins");
        assert_eq!(probe.seen(), []);
        if by_reset {
            client.reset()
        } else {
            drop(client)
        }
        assert_eq!(probe.fates(1).await, [GivenBack]);
    }
}

/// The handler is on its way when the client leaves; the response would fit into the socket's buffer.
#[tokio::test]
async fn a_client_that_left_before_the_answer_gives_back() {
    for by_reset in [false, true] {
        let (called, mut calls) = mpsc::unbounded_channel();
        let (settling, probe) = Probe::settling();
        let release = Arc::new(Notify::new());
        let (handler_settling, handler_release) = (settling.clone(), release.clone());
        let server = Running::start(ServerOptions::default(), move |_| {
            let (called, settling, release) = (called.clone(), handler_settling.clone(), handler_release.clone());
            async move {
                called.send(()).expect("the test runs");
                release.notified().await;
                let mut response = hello();
                response.extensions_mut().insert(settling);
                response
            }
        });
        let mut client = server.client().await;
        client.get("/").await;
        soon(calls.recv()).await.expect("called");
        if by_reset {
            client.reset()
        } else {
            drop(client)
        }
        // The FIN or reset has crossed loopback; the server's runtime sees it in its next round.
        tokio::time::sleep(Duration::from_millis(50)).await;
        release.notify_one();
        drop(settling);
        assert_eq!(probe.fates(1).await, [GivenBack], "by reset: {by_reset}");
    }
}

#[tokio::test]
async fn a_half_closed_client_gets_its_answer_and_settles() {
    let (server, probe) = Running::consuming(ServerOptions::default(), hello);
    let mut client = server.client().await;
    client.get("/").await;
    client.0.shutdown().await.expect("half-closed");
    assert!(client.rest().await.ends_with("hello"));
    assert_eq!(probe.fates(1).await, [Delivered]);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_all_settle() {
    let (server, probe) = Running::consuming(ServerOptions::default(), || chunks(&[Ok("a"), Ok("b")]));
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20)).await;
    for _ in 0..20 {
        client.0.readable().await.expect("open");
    }
    let mut read = String::new();
    while read.matches("0\r\n\r\n").count() < 20 {
        read.push_str(&client.until("0\r\n\r\n").await);
    }
    assert_eq!(probe.fates(20).await, [Delivered; 20]);
}

#[tokio::test]
async fn bodies_that_do_not_end_well_give_back() {
    type Make = fn() -> Response<Body>;
    let cases: [(&str, Make); 3] = [
        ("an error after a chunk", || chunks(&[Ok("a"), Err("broken")])),
        ("an error at once", || chunks(&[Err("broken")])),
        ("shorter than its length", || with_length(chunks(&[Ok("ab")]), 3)),
    ];
    for (name, make) in cases {
        let (server, probe) = Running::consuming(ServerOptions::default(), make);
        let mut client = server.client().await;
        client.get("/").await;
        client.rest().await;
        assert_eq!(probe.fates(1).await, [GivenBack], "{name}");
    }
}

#[tokio::test]
async fn a_chunk_is_not_the_response() {
    let (sender, response) = streamed();
    let response = Mutex::new(Some(response));
    let (server, probe) = Running::consuming(ServerOptions::default(), {
        let response = Arc::new(response);
        move || lock(&response).take().expect("one request")
    });
    let mut client = server.client().await;
    client.get("/").await;
    sender.send(Ok(Bytes::from_static(b"first"))).expect("the body lives");
    client.until("first\r\n").await;
    assert_eq!(probe.seen(), []);
    drop(sender);
    client.until("0\r\n\r\n").await;
    assert_eq!(probe.fates(1).await, [Delivered]);
}

#[tokio::test]
async fn a_handler_that_drops_its_response_gives_back() {
    let (settling, probe) = Probe::settling();
    let kept = Arc::new(Mutex::new(Some(settling)));
    let server = Running::start(ServerOptions::default(), move |_| {
        let settling = lock(&kept).take();
        let mut dropped = hello();
        dropped.extensions_mut().insert(settling.expect("one request"));
        async { hello() }
    });
    let mut client = server.client().await;
    client.get("/").await;
    client.until("hello").await;
    assert_eq!(probe.fates(1).await, [GivenBack]);
}

#[tokio::test]
async fn an_axum_router_is_served_and_head_settles() {
    let probe = Probe::default();
    let settlements = probe.clone();
    let router = axum::Router::new().route(
        "/messages",
        axum::routing::get(move || {
            let settling = settlements.another();
            async move { (axum::Extension(settling), "hello") }
        }),
    );
    let listener = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(serve(listener, router, ServerOptions::default(), std::future::pending()));
    let mut client = Client(TcpStream::connect(address).await.expect("the server listens"));
    client.get("/messages").await;
    client.until("hello").await;
    client.send("HEAD /messages HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.contains("content-length: 5"), "{head}");
    assert_eq!(probe.fates(2).await, [Delivered; 2]);
}

#[tokio::test]
async fn a_handler_that_panics_gives_back_and_the_server_goes_on() {
    let probe = Probe::default();
    let settlements = probe.clone();
    let server = Running::start(ServerOptions::default(), move |request: Request<Body>| {
        let _settling = (request.uri().path() == "/panic").then(|| settlements.another());
        async move {
            assert!(_settling.is_none(), "on purpose");
            hello()
        }
    });
    let mut client = server.client().await;
    client.get("/panic").await;
    assert_eq!(client.rest().await, "");
    assert_eq!(probe.fates(1).await, [GivenBack]);
    let mut client = server.client().await;
    client.get("/").await;
    client.until("hello").await;
}
