//! Publishing and consuming on the embedded broker.

use super::*;
use crate::generated::{All, AnyBackend, Endpoint, Get, Http, Merge, OnFailure, Post, Publish, Subscribe, Text, mem};

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
    let endpoints: [&'static dyn AnyEndpoint; 5] = [
        leak(Endpoint::new(Post, "/both", "", Merge::new(leak(parts))).timeout(TIMEOUT)),
        leak(Endpoint::new(Post, "/filled", "", Publish::<mem::Broker>::new("mem://full"))),
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
    let alone = ask(address, &post("/filled", "{}")).await;
    let told = r#"{"error":"the message broker is not available now, try again"}"#;
    assert_eq!((status(&alone), header(&alone, "retry-after"), body(&alone)), ("503", vec!["1"], told));
    let answer = get(address, "/").await;
    assert_eq!((status(&answer), body(&answer)), ("200", r#"{"n":1}"#));
}

/// Publishes what is no JSON and receives until there is nothing more.
async fn statuses_of_a_poisoned_message(subscribe: Subscribe<mem::Broker>, topic: &'static str) -> Vec<String> {
    let publish = Publish::<mem::Broker>::new(topic);
    let lost = Subscribe::<mem::Broker>::new("mem://lost").no_op();
    let endpoints: [&'static dyn AnyEndpoint; 3] = [
        leak(Endpoint::new(Post, "/", "", publish)),
        leak(Endpoint::new(Get, "/", "", subscribe).timeout(TIMEOUT * 2)),
        leak(Endpoint::new(Get, "/lost", "", lost).no_op().timeout(TIMEOUT)),
    ];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    assert_eq!(status(&ask(address, &post("/", "{nope")).await), "200");
    let mut statuses = Vec::new();
    while statuses.last().is_none_or(|last| last != "204") {
        statuses.push(status(&get(address, "/").await).to_owned());
        assert!(statuses.len() < 10, "{statuses:?}");
    }
    let lost = get(address, "/lost").await;
    statuses.push(format!("lost: {} {}", status(&lost), body(&lost)));
    statuses
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_follows_the_policy() {
    let url = "mem://poison?dead_letter=lost";
    let subscribe = Subscribe::<mem::Broker>::new(url);
    for (subscribe, expected) in [
        (subscribe.on_failure(OnFailure::Drop), ["502", "204", "lost: 204 "].as_slice()),
        (subscribe.on_failure(OnFailure::DeadLetter), &["502", "204", "lost: 200 {nope"]),
        (subscribe.max_deliveries(2), &["502", "502", "204", "lost: 200 {nope"]),
    ] {
        assert_eq!(statuses_of_a_poisoned_message(subscribe, "mem://poison").await, expected, "{subscribe:?}");
    }
}

#[tokio::test]
async fn a_message_is_handed_through_with_its_type() {
    let endpoints: [&'static dyn AnyEndpoint; 2] = [
        leak(Endpoint::new(Post, "/", "", Publish::<mem::Broker>::new("mem://raw")).no_op()),
        leak(Endpoint::new(Get, "/", "", Subscribe::<mem::Broker>::new("mem://raw").no_op()).no_op().timeout(TIMEOUT)),
    ];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    for (typed, expected) in [("Content-Type: text/csv\r\n", "text/csv"), ("", "application/octet-stream")] {
        let request = post("/", "a,b").replace("Content-Length", &format!("{typed}Content-Length"));
        let answer = ask(address, &request).await;
        assert_eq!((status(&answer), body(&answer)), ("200", ""));
        let answer = get(address, "/").await;
        assert_eq!((status(&answer), body(&answer)), ("200", "a,b"));
        assert_eq!(header(&answer, "content-type"), [expected]);
        assert_eq!(header(&answer, "cache-control"), ["no-store"]);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_loses_nothing() {
    let address = gateway(leak(queue("mem://gone")), RouterOptions::DEFAULT);
    // More than the sockets' buffers take.
    let large = format!("{{\"n\":\"{}\"}}", "x".repeat(16 << 20));
    assert_eq!(status(&ask(address, &post("/", &large)).await), "200");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n").await.unwrap();
    soon(stream.read_exact(&mut [0; 100])).await.unwrap();
    drop(stream);
    let answer = soon(async {
        loop {
            let answer = get(address, "/").await;
            if status(&answer) == "200" {
                return answer;
            }
        }
    })
    .await;
    assert!(body(&answer) == large, "{} bytes", body(&answer).len());
}
