//! Upstreams as they should not be.

use super::*;
use crate::generated::{
    AnyBackend, Endpoint, Get, Head, Http, Merge, Post, StaticResponse, StaticStrategy, StatusRule, Step, Text,
};

/// What a client gets when the upstream answers `answer`, passed through and as JSON.
async fn through(answer: &'static str) -> (String, String) {
    let (hosts, _asked) = upstream(answer).await;
    let backend = Http::new(Get, hosts, &[Text("/up")]);
    let endpoints: [&'static dyn AnyEndpoint; 2] =
        [leak(Endpoint::new(Get, "/raw", "", backend.no_op()).no_op()), leak(Endpoint::new(Get, "/json", "", backend))];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    (get(address, "/raw").await, get(address, "/json").await)
}

/// Where an upstream listens that a test plays itself.
async fn listener() -> (TcpListener, &'static [&'static str]) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let host: &'static str = leak(format!("http://{}", listener.local_addr().unwrap()));
    (listener, leak([host]))
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to_break_off() {
    let (raw, json) = through("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"a\":1}").await;
    assert_eq!((status(&raw), header(&raw, "content-length"), body(&raw)), ("200", vec!["50"], "{\"a\":1}"));
    assert_eq!((status(&json), body(&json)), ("500", ""));

    let (raw, json) = through("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n").await;
    assert_eq!((status(&raw), header(&raw, "transfer-encoding")), ("200", vec!["chunked"]));
    assert_eq!(body(&raw), "7\r\n{\"a\":1}\r\n", "no last chunk");
    assert_eq!(status(&json), "500");
}

#[tokio::test]
async fn what_belongs_to_the_connection_stays_there() {
    let (raw, _) = through(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
         HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\
         Upgrade: h2c\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: up\r\n\
         X-Krakend-Completed: true\r\nContent-Length: 2\r\n\r\nhi",
    )
    .await;
    assert_eq!((status(&raw), body(&raw)), ("200", "hi"));
    for gone in ["x-hop", "keep-alive", "proxy-connection", "upgrade", "link"] {
        assert!(header(&raw, gone).is_empty(), "{gone}: {raw}");
    }
    assert_eq!(header(&raw, "connection"), ["close"], "the client's own");
    assert_eq!(header(&raw, "set-cookie"), ["a=1", "b=2"]);
    assert_eq!(header(&raw, "date"), ["Thu, 01 Jan 1970 00:00:00 GMT"]);
    assert_eq!(header(&raw, "server"), ["up"]);
    assert_eq!(header(&raw, "x-krakend-completed"), ["false"]);
}

#[tokio::test]
async fn a_length_beside_chunks_is_not_handed_on() {
    let (raw, json) = through(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n",
    )
    .await;
    assert!(header(&raw, "content-length").is_empty(), "{raw}");
    assert_eq!(body(&raw), "7\r\n{\"a\":1}\r\n0\r\n\r\n");
    assert_eq!(body(&json), "{\"a\":1}");
}

#[tokio::test]
async fn statuses_without_a_body() {
    let (raw, _) = through("HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\nETag: \"1\"\r\n\r\n").await;
    assert_eq!((status(&raw), header(&raw, "etag")), ("304", vec!["\"1\""]));
    assert!(header(&raw, "content-type").is_empty(), "{raw}");
    for answer in
        ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "garbage\r\n\r\n", ""]
    {
        let (raw, json) = through(answer).await;
        assert_eq!((status(&raw), status(&json)), ("500", "500"), "{answer}");
    }
}

#[tokio::test]
async fn the_answer_to_a_head_says_nothing_of_a_length() {
    let (hosts, _asked) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Up: 1\r\n\r\n").await;
    let backend = Http::new(Head, hosts, &[Text("/up")]).no_op();
    let endpoints: [&'static dyn AnyEndpoint; 1] = [leak(Endpoint::new(Get, "/", "", backend).no_op())];
    let answer = get(gateway(leak(endpoints), RouterOptions::DEFAULT), "/").await;
    assert_eq!((status(&answer), header(&answer, "x-up"), body(&answer)), ("200", vec!["1"], ""));
    assert_eq!(header(&answer, "content-length"), ["0"]);
}

#[tokio::test]
async fn a_stream_ends_with_the_endpoints_time() {
    let (listener, hosts) = listener().await;
    let backend = Http::new(Get, hosts, &[Text("/up")]).no_op();
    let endpoint = Endpoint::new(Get, "/", "", backend).no_op().timeout(Duration::from_millis(300));
    let endpoints: [&'static dyn AnyEndpoint; 1] = [leak(endpoint)];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    let asked = tokio::spawn(async move { get(address, "/").await });
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc").await.unwrap();
    // The upstream says no more, and keeps the connection.
    let answer = soon(asked).await.unwrap();
    assert_eq!((status(&answer), body(&answer)), ("200", "abc"));
    drop(stream);
}

#[tokio::test]
async fn errors_are_told_as_in_krakend() {
    let (hosts, _asked) = upstream("HTTP/1.1 503 Down\r\nContent-Length: 4\r\n\r\ndown").await;
    let backend = Http::new(Get, hosts, &[Text("/up?x=1")]);
    let merge: [&'static dyn AnyBackend; 2] = [leak(backend), leak(backend)];
    let codes: [&'static dyn AnyBackend; 2] = [leak(backend), leak(backend.status(StatusRule::ReturnCode))];
    let endpoints: [&'static dyn AnyEndpoint; 4] = [
        leak(Endpoint::new(Get, "/plain", "", backend)),
        leak(Endpoint::new(Get, "/code", "", backend.status(StatusRule::ReturnCode))),
        leak(Endpoint::new(Get, "/merge", "", Merge::new(leak(merge)))),
        leak(Endpoint::new(Get, "/codes", "", Merge::new(leak(codes)))),
    ];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT.return_error_msg(true));
    let text = format!("invalid status code 503 [GET /up?x=1]: {}/up?x=1", hosts[0]);
    for (path, code, told) in [
        ("/plain", "500", text.clone()),
        ("/code", "503", "down".to_owned()),
        ("/merge", "500", format!("{text}\n{text}")),
        ("/codes", "500", format!("{text}\ndown")),
    ] {
        let answer = get(address, path).await;
        assert_eq!((status(&answer), body(&answer)), (code, told.as_str()), "{path}");
        assert_eq!(header(&answer, "content-type"), ["text/plain; charset=utf-8"], "{path}");
        assert!(header(&answer, "retry-after").is_empty(), "only a broker is known to come back: {answer}");
    }
}

#[tokio::test]
async fn an_error_is_told_with_its_type() {
    for (upstream_body, expected) in [("", &[][..]), ("<html>", &["text/html; charset=utf-8"])] {
        let length = upstream_body.len();
        let (hosts, _asked) =
            upstream(leak(format!("HTTP/1.1 404 No\r\nContent-Length: {length}\r\n\r\n{upstream_body}"))).await;
        let backend = Http::new(Get, hosts, &[Text("/up")]).status(StatusRule::ReturnCode);
        let endpoints: [&'static dyn AnyEndpoint; 1] = [leak(Endpoint::new(Get, "/", "", backend))];
        let address = gateway(leak(endpoints), RouterOptions::DEFAULT.return_error_msg(true));
        let answer = get(address, "/").await;
        assert_eq!((status(&answer), body(&answer)), ("404", upstream_body));
        assert_eq!(header(&answer, "content-type"), expected);
    }
}

#[tokio::test]
async fn uploads_are_limited() {
    let (hosts, _asked) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    // A rejection is not the backends' failure, so it is not answered by `proxy.static`.
    static STEPS: [Step; 1] = [Step::Static(StaticResponse::new(StaticStrategy::Always, r#"{"a":1}"#))];
    let backend = Http::new(Post, hosts, &[Text("/up")]);
    let endpoint = Endpoint::new(Post, "/", "", backend).max_body_bytes(8).steps(&STEPS);
    let endpoints: [&'static dyn AnyEndpoint; 1] = [leak(endpoint)];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    for (rest, expected) in [
        ("Content-Length: 8\r\n\r\n12345678", "200"),
        ("Content-Length: 9\r\n\r\n123456789", "413"),
        ("Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n0\r\n\r\n", "200"),
    ] {
        assert_eq!(status(&ask(address, &format!("{POST}{rest}")).await), expected, "{rest}");
    }
}

const POST: &str = "POST / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n";

#[tokio::test]
async fn an_upload_that_fails_on_the_way_has_no_end_upstream() {
    for (sent, expected) in [
        ("Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n2\r\n90\r\n0\r\n\r\n", "413"),
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n", "413"),
        ("Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\nzz\r\n", "400"),
    ] {
        let (listener, hosts) = listener().await;
        let endpoint = Endpoint::new(Post, "/", "", Http::new(Post, hosts, &[Text("/up")])).max_body_bytes(8);
        let endpoints: [&'static dyn AnyEndpoint; 1] = [leak(endpoint)];
        let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
        let received = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            let _ = stream.read_to_end(&mut text).await;
            String::from_utf8(text).unwrap()
        });
        let answer = ask(address, &format!("{POST}{sent}")).await;
        assert_eq!(status(&answer), expected, "{answer}");
        let received = soon(received).await.unwrap();
        assert!(!received.ends_with("\r\n0\r\n\r\n"), "{received}");
    }
}
