use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;

use Fate::{Delivered, GivenBack};

type Sender = http2::SendRequest<Empty<Bytes>>;

fn h2c() -> ServerOptions {
    ServerOptions { h2c: true, ..ServerOptions::default() }
}

/// A client whose streams take `window` bytes before they are read, and a handle to its socket.
async fn connect(server: &Running, window: u32) -> (Sender, std::net::TcpStream) {
    let stream = std::net::TcpStream::connect(server.address).expect("the server listens");
    stream.set_nonblocking(true).expect("a socket");
    let second_handle = stream.try_clone().expect("a descriptor");
    let stream = TcpStream::from_std(stream).expect("a runtime");
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    (sender, second_handle)
}

fn request(method: &str) -> Request<Empty<Bytes>> {
    Request::builder().method(method).uri("http://a/").body(Empty::new()).expect("a request")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complete_responses_are_delivered() {
    type Make = fn() -> Response<Body>;
    let cases: [(&str, &str, Make, &str); 7] = [
        ("content-length", "GET", hello, "hello"),
        ("empty", "GET", || Response::new(Body::empty()), ""),
        ("head", "HEAD", hello, ""),
        ("204 with a body that is not sent", "GET", || no_content(Body::from("no")), ""),
        ("stream", "GET", || chunks(&[Ok("a"), Ok("b")]), "ab"),
        ("empty stream", "GET", || chunks(&[]), ""),
        (
            "304",
            "GET",
            || {
                let mut r = no_content(Body::empty());
                *r.status_mut() = http::StatusCode::NOT_MODIFIED;
                r
            },
            "",
        ),
    ];
    for (name, method, make, want) in cases {
        let (server, probe) = Running::consuming(h2c(), make);
        let (mut sender, _connection) = connect(&server, 1 << 20).await;
        for count in 1..=3 {
            let response = soon(sender.send_request(request(method))).await.expect(name);
            if method == "HEAD" {
                assert_eq!(response.headers()["content-length"], "5");
            }
            let body = soon(response.into_body().collect()).await.expect(name).to_bytes();
            assert_eq!(body, want, "{name}");
            assert_eq!(probe.fates(count).await, vec![Delivered; count], "{name}");
        }
    }
}

fn no_content(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    response
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_at_once_all_settle() {
    let (server, probe) = Running::consuming(h2c(), || chunks(&[Ok("a"), Ok("b")]));
    let (sender, _connection) = connect(&server, 1 << 20).await;
    let answers = (0..100).map(|_| {
        let mut sender = sender.clone();
        async move { sender.send_request(request("GET")).await.expect("answered").into_body().collect().await }
    });
    for body in soon(futures_util::future::join_all(answers)).await {
        assert_eq!(body.expect("complete").to_bytes(), "ab");
    }
    assert_eq!(probe.fates(100).await, vec![Delivered; 100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shut_window_delivers_nothing_until_it_opens() {
    type Make = fn() -> Response<Body>;
    let whole: Make = || Response::new(Body::from(vec![b'x'; 100_000]));
    let stream: Make = || chunks(&[Ok("0123456789"); 1000]);
    for (make, length) in [(whole, 100_000), (stream, 10_000)] {
        let (server, probe) = Running::consuming(h2c(), make);
        let (mut sender, _connection) = connect(&server, 1024).await;
        let response = soon(sender.send_request(request("GET"))).await.expect("a head");
        // Another request on the connection makes the server poll, write and flush meanwhile.
        for _ in 0..3 {
            drop(soon(sender.send_request(request("HEAD"))).await.expect("a head"));
        }
        assert_eq!(probe.fates(3).await, [Delivered; 3]);
        let body = soon(response.into_body().collect()).await.expect("complete").to_bytes();
        assert_eq!(body.len(), length);
        assert_eq!(probe.fates(4).await, [Delivered; 4]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_stream_gives_back() {
    let (server, probe) = Running::consuming(h2c(), || Response::new(Body::from(vec![b'x'; 100_000])));
    let (mut sender, _connection) = connect(&server, 1024).await;
    let response = soon(sender.send_request(request("GET"))).await.expect("a head");
    assert_eq!(probe.seen(), []);
    drop(response);
    assert_eq!(probe.fates(1).await, [GivenBack]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_gives_back() {
    let (server, probe) = Running::consuming(h2c(), || Response::new(Body::from(vec![b'x'; 100_000])));
    let (mut sender, connection) = connect(&server, 1024).await;
    let _response = soon(sender.send_request(request("GET"))).await.expect("a head");
    assert_eq!(probe.seen(), []);
    connection.shutdown(std::net::Shutdown::Both).expect("connected");
    assert_eq!(probe.fates(1).await, [GivenBack]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_fails_gives_back() {
    let (server, probe) = Running::consuming(h2c(), || chunks(&[Ok("a"), Err("broken")]));
    let (mut sender, _connection) = connect(&server, 1 << 20).await;
    if let Ok(response) = soon(sender.send_request(request("GET"))).await {
        soon(response.into_body().collect()).await.expect_err("reset");
    }
    assert_eq!(probe.fates(1).await, [GivenBack]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_waits_for_a_slow_reader_and_delivers() {
    let (mut server, probe) = Running::consuming(h2c(), || Response::new(Body::from(vec![b'x'; 100_000])));
    let (mut sender, _connection) = connect(&server, 1024).await;
    let response = soon(sender.send_request(request("GET"))).await.expect("a head");
    server.begin_shutdown();
    tokio::time::sleep(LAST_HEAD_WAIT * 2).await;
    assert_eq!(probe.seen(), []);
    let body = soon(response.into_body().collect()).await.expect("complete").to_bytes();
    assert_eq!(body.len(), 100_000);
    assert_eq!(server.ended().await, Drained { connections_cut: 0 });
    assert_eq!(probe.fates(1).await, [Delivered]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hard_shutdown_gives_back() {
    let options = ServerOptions { max_shutdown_wait: Some(Duration::from_millis(50)), ..h2c() };
    let (mut server, probe) = Running::consuming(options, || Response::new(Body::from(vec![b'x'; 100_000])));
    let (mut sender, _connection) = connect(&server, 1024).await;
    let _response = soon(sender.send_request(request("GET"))).await.expect("a head");
    server.begin_shutdown();
    assert_eq!(server.ended().await, Drained { connections_cut: 1 });
    assert_eq!(probe.fates(1).await, [GivenBack]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hard_shutdown_drops_handlers_and_gives_back() {
    let (called, mut calls) = mpsc::unbounded_channel();
    let probe = Probe::default();
    let settlements = probe.clone();
    let options = ServerOptions { max_shutdown_wait: Some(Duration::from_millis(50)), ..h2c() };
    let mut server = Running::start(options, move |_| {
        let (called, settling) = (called.clone(), settlements.another());
        async move {
            called.send(()).expect("the test runs");
            std::future::pending::<()>().await;
            drop(settling);
            hello()
        }
    });
    let (mut sender, _connection) = connect(&server, 1024).await;
    let answer = tokio::spawn(async move { sender.send_request(request("GET")).await });
    soon(calls.recv()).await.expect("called");
    server.begin_shutdown();
    assert_eq!(server.ended().await, Drained { connections_cut: 1 });
    assert_eq!(probe.fates(1).await, [GivenBack]);
    soon(answer).await.expect("no panic").expect_err("cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_handler_or_a_window_that_stays_shut_meets_the_write_timeout() {
    let options = ServerOptions { write_timeout: Some(Duration::from_millis(100)), ..h2c() };
    let (server, probe) = Running::consuming(options.clone(), || Response::new(Body::from(vec![b'x'; 100_000])));
    let (mut sender, _connection) = connect(&server, 1024).await;
    let response = soon(sender.send_request(request("GET"))).await.expect("a head");
    assert_eq!(probe.fates(1).await, [GivenBack]);
    soon(response.into_body().collect()).await.expect_err("cut");

    let server = Running::start(options, |_| std::future::pending());
    let (mut sender, _connection) = connect(&server, 1024).await;
    soon(sender.send_request(request("GET"))).await.expect_err("reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_in_time_is_an_error_to_the_handler() {
    let options = ServerOptions { read_timeout: Some(Duration::from_millis(100)), ..h2c() };
    let server = Running::start(options, |request: Request<Body>| async {
        let body = request.into_body().collect().await;
        Response::new(Body::from(if body.is_err() { "late" } else { "in time" }))
    });
    let stream = TcpStream::connect(server.address).await.expect("the server listens");
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    let (chunks, body) = streamed();
    let request = Request::post("http://a/").body(body.into_body()).expect("a request");
    let response = soon(sender.send_request(request)).await.expect("an answer");
    assert_eq!(soon(response.into_body().collect()).await.expect("complete").to_bytes(), "late");
    drop(chunks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_up_to_the_limit_are_read_and_431_beyond() {
    for (max_header_bytes, bytes, want) in [(1 << 20, 64 << 10, 200), (1 << 20, 900_000, 200), (10_000, 15_000, 431)] {
        let server = Running::start(ServerOptions { max_header_bytes, ..h2c() }, |_| async { hello() });
        let (mut sender, _connection) = connect(&server, 1 << 20).await;
        let mut request = request("GET");
        for index in 0..bytes / 1000 {
            let name = http::HeaderName::try_from(format!("x-{index}")).expect("a name");
            request.headers_mut().insert(name, "v".repeat(960).parse().expect("a value"));
        }
        let response = soon(sender.send_request(request)).await.expect("an answer");
        assert_eq!(response.status(), want, "{bytes} bytes");
    }
}
