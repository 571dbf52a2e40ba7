//! Publishing and consuming on the embedded broker.

use super::*;
use crate::generated::{All, AnyBackend, Endpoint, Get, Http, Merge, Post, Publish, Subscribe, Text, mem};

const TIMEOUT: Duration = Duration::from_millis(400);

/// `POST /` publishes, `GET /` receives.
fn queue(topic: &'static str) -> [&'static dyn AnyEndpoint; 2] {
    [
        leak(Endpoint::new(Post, "/", "", Publish::<mem::Broker>::new(topic)).input_headers(All)),
        leak(Endpoint::new(Get, "/", "", Subscribe::<mem::Broker>::new(topic)).timeout(TIMEOUT)),
    ]
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// What comes after `request` and the end of all sending.
async fn ask_and_leave(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = soon(stream.read_to_string(&mut answer)).await;
    answer
}

#[tokio::test]
async fn what_was_published_is_received_once() {
    let address = gateway(leak(queue("mem://once")), RouterOptions::DEFAULT);
    let answer = ask(address, &post("/", r#"{"n":1}"#)).await;
    assert_eq!((status(&answer), body(&answer)), ("200", "{}"));
    assert_eq!(header(&answer, "x-krakend-completed"), ["true"]);
    let answer = get(address, "/").await;
    assert_eq!((status(&answer), body(&answer)), ("200", r#"{"n":1}"#));
    assert_eq!(header(&answer, "cache-control"), ["no-store"]);
    let answer = get(address, "/").await;
    assert_eq!((status(&answer), body(&answer)), ("204", ""));
    assert_eq!(header(&answer, "x-krakend-completed"), ["false"]);
}

#[tokio::test]
async fn half_a_body_is_not_published() {
    let address = gateway(leak(queue("mem://half")), RouterOptions::DEFAULT);
    for rest in [
        "Content-Length: 20\r\n\r\n{\"n\":1}",
        "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"n\":1}\r\n",
        "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"n\":1}\r\nzz\r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: gateway.test\r\n{rest}");
        let answer = ask_and_leave(address, request.as_bytes()).await;
        assert!(matches!(status(&answer), "400" | "none"), "{request}: {answer}");
    }
    assert_eq!(status(&get(address, "/").await), "204");
}

#[tokio::test]
async fn a_client_may_wait_to_be_told_to_continue() {
    let address = gateway(leak(queue("mem://continue")), RouterOptions::DEFAULT);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = post("/", "").replace("Content-Length: 0", "Expect: 100-continue\r\nContent-Length: 2");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    soon(stream.read_exact(&mut interim)).await.unwrap();
    assert_eq!(interim, *b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn a_header_that_is_not_text_is_the_clients_mistake() {
    let address = gateway(leak(queue("mem://text")), RouterOptions::DEFAULT);
    let request =
        b"POST / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nX-A: \xff\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(status(&ask_and_leave(address, request).await), "400");
    assert_eq!(status(&get(address, "/").await), "204");
}

#[tokio::test]
async fn an_empty_subscription_leaves_a_merge_incomplete() {
    let (hosts, _asked) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}").await;
    let subscribe = Subscribe::<mem::Broker>::new("mem://merged");
    let parts: [&'static dyn AnyBackend; 2] = [leak(Http::new(Get, hosts, &[Text("/up")])), leak(subscribe)];
    let empty: [&'static dyn AnyBackend; 2] = [leak(subscribe), leak(subscribe)];
    let endpoints: [&'static dyn AnyEndpoint; 3] = [
        leak(Endpoint::new(Get, "/", "", Merge::new(leak(parts))).timeout(TIMEOUT)),
        leak(Endpoint::new(Get, "/empty", "", Merge::new(leak(empty))).timeout(TIMEOUT)),
        leak(Endpoint::new(Post, "/", "", Publish::<mem::Broker>::new("mem://merged"))),
    ];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    for (path, expected) in [("/", r#"{"a":1}"#), ("/empty", "{}")] {
        let answer = get(address, path).await;
        assert_eq!((status(&answer), body(&answer)), ("200", expected));
        assert_eq!(header(&answer, "x-krakend-completed"), ["false"]);
    }
    assert_eq!(status(&ask(address, &post("/", r#"{"b":2}"#)).await), "200");
    let answer = get(address, "/").await;
    assert_eq!((status(&answer), body(&answer)), ("200", r#"{"a":1,"b":2}"#));
    assert_eq!(header(&answer, "x-krakend-completed"), ["true"]);
    assert_eq!(body(&get(address, "/").await), r#"{"a":1}"#, "received once");
}

#[tokio::test]
async fn a_publisher_that_fails_gives_back_what_was_received() {
    let input = Subscribe::<mem::Broker>::new("mem://in");
    let parts: [&'static dyn AnyBackend; 2] = [leak(input), leak(Publish::<mem::Broker>::new("mem://full"))];
    let full = Subscribe::<mem::Broker>::new("mem://full?capacity=1");
    let endpoints: [&'static dyn AnyEndpoint; 4] = [
        leak(Endpoint::new(Post, "/both", "", Merge::new(leak(parts))).timeout(TIMEOUT)),
        leak(Endpoint::new(Post, "/", "", Publish::<mem::Broker>::new("mem://in"))),
        leak(Endpoint::new(Get, "/", "", input).timeout(TIMEOUT)),
        leak(Endpoint::new(Get, "/full", "", full).timeout(TIMEOUT)),
    ];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    assert_eq!(status(&ask(address, &post("/both", "{}")).await), "200", "fills the topic");
    assert_eq!(status(&ask(address, &post("/", r#"{"n":1}"#)).await), "200");
    let answer = ask(address, &post("/both", "{}")).await;
    assert_eq!((status(&answer), header(&answer, "retry-after")), ("503", vec!["1"]));
    assert_eq!(body(&answer), r#"{"backends":[{"backend":"mem://full","outcome":"refused"}]}"#);
    let answer = get(address, "/").await;
    assert_eq!((status(&answer), body(&answer)), ("200", r#"{"n":1}"#));
}
