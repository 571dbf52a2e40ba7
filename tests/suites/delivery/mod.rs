//! What a consumed message costs a client that is slow, leaves, or breaks off.

mod crowd;
mod http2;

use crate::support::{Answer, Client, LARGE, Running, eventually};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/delivery.rs"));
}

fn start() -> Running {
    Running::start(&gateway::GATEWAY)
}

fn large() -> Vec<u8> {
    (0..LARGE).map(|index| (index % 251) as u8).collect()
}

/// A large message that is on its way to a client, and none of it is lost when the client is slow.
async fn consuming(gateway: &Running) -> (Client, Answer, usize) {
    assert_eq!(gateway.post("/messages", large()).await.status, 200);
    let mut client = gateway.client().await;
    client.send("GET /messages HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (answer, _) = client.head().await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some(LARGE.to_string().as_str())));
    let read = client.some(1).await;
    (client, answer, read)
}

/// The subscription holds one message: while that is not acknowledged, nothing can be published.
async fn is_full(gateway: &Running) -> bool {
    match gateway.post("/messages", "next").await.status {
        200 => false,
        503 => true,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_does_not_lose_the_message() {
    for by_reset in [false, true] {
        let gateway = start();
        let (client, ..) = consuming(&gateway).await;
        assert!(is_full(&gateway).await);
        if by_reset {
            client.reset();
        } else {
            drop(client);
        }
        let again = gateway.get("/messages").await;
        assert_eq!(again.status, 200);
        assert!(again.body == large(), "by reset: {by_reset}");
        eventually(async || !is_full(&gateway).await).await;
        assert_eq!(gateway.get("/messages").await.text(), "next", "by reset: {by_reset}");
    }
}

#[tokio::test]
async fn a_slow_client_gets_everything_and_only_then_is_it_acknowledged() {
    let gateway = start();
    let (mut client, _, mut read) = consuming(&gateway).await;
    let mut seen_full = 0;
    while read < LARGE / 2 {
        read += client.some(LARGE / 64).await;
        if read > seen_full * LARGE / 8 {
            assert!(is_full(&gateway).await, "acknowledged after {read} bytes");
            seen_full += 1;
        }
    }
    assert!(seen_full >= 4);
    while read < LARGE {
        read += client.some(LARGE).await;
    }
    assert_eq!(read, LARGE);
    eventually(async || !is_full(&gateway).await).await;
}

#[tokio::test]
async fn a_message_that_was_delivered_is_not_delivered_again() {
    let gateway = start();
    for body in ["1", "2"] {
        gateway.post("/many", body).await;
    }
    let mut client = gateway.client().await;
    assert_eq!(client.get("/many").await.text(), "1");
    client.reset();
    assert_eq!(gateway.get("/many").await.text(), "2");
    assert_eq!(gateway.get("/many/now").await.status, 204);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_takes_no_message_with_it() {
    for by_reset in [false, true] {
        let gateway = start();
        let mut waiting = gateway.client().await;
        waiting.send("GET /many HTTP/1.1\r\nHost: a\r\n\r\n").await;
        // Once this is answered, the gateway has seen the request before it.
        assert_eq!(gateway.get("/many/now").await.status, 204);
        if by_reset {
            waiting.reset();
        } else {
            drop(waiting);
        }
        gateway.post("/many", "precious").await;
        assert_eq!(gateway.get("/many").await.text(), "precious", "by reset: {by_reset}");
        assert_eq!(gateway.get("/many/now").await.status, 204, "by reset: {by_reset}");
    }
}

#[tokio::test]
async fn pipelined_requests_consume_in_order() {
    let gateway = start();
    for id in 0..20 {
        gateway.post("/many", id.to_string()).await;
    }
    let mut client = gateway.client().await;
    client.send("GET /many HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20)).await;
    for id in 0..20 {
        assert_eq!(client.answer().await.text(), id.to_string());
    }
    assert_eq!(client.get("/many/now").await.status, 204);
}

#[tokio::test]
async fn pipelined_requests_that_are_not_answered_give_back() {
    let gateway = start();
    assert_eq!(gateway.post("/messages", large()).await.status, 200);
    gateway.post("/many", "small").await;
    let mut client = gateway.client().await;
    client.send("GET /messages HTTP/1.1\r\nHost: a\r\n\r\nGET /many HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.some(1).await;
    client.reset();
    assert!(gateway.get("/messages").await.body == large());
    assert_eq!(gateway.get("/many").await.text(), "small");
    assert_eq!(gateway.get("/many/now").await.status, 204);
}

#[tokio::test]
async fn head_consumes_nothing() {
    let gateway = start();
    gateway.post("/many", "kept").await;
    let answer = gateway.client().await.request("HEAD", "/many", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")));
    assert_eq!(gateway.get("/many").await.text(), "kept");
}

#[tokio::test]
async fn a_half_closed_client_gets_its_message() {
    use tokio::io::AsyncWriteExt;

    let gateway = start();
    gateway.post("/many", "message").await;
    let mut client = gateway.client().await;
    client.send("GET /many HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.stream.shutdown().await.expect("half-closed");
    assert_eq!(client.answer().await.text(), "message");
    drop(client);
    // Nothing comes within the time that a half-closed client's message may still be given back.
    let mut next = gateway.client().await;
    next.send("GET /many HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(sluicegate_runtime::server::HALF_CLOSED_WAIT * 2).await;
    gateway.post("/many", "next").await;
    assert_eq!(next.answer().await.text(), "next");
}

#[tokio::test]
async fn an_http_1_0_client_gets_its_message_once() {
    let gateway = start();
    gateway.post("/many", "old").await;
    let mut client = gateway.client().await;
    client.send("GET /many HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "old");
    assert!(client.rest().await.is_empty());
    assert_eq!(gateway.get("/many/now").await.status, 204);
}

#[tokio::test]
async fn messages_of_one_answer_share_its_fate() {
    let gateway = start();
    let large = format!(r#"{{"large":"{}"}}"#, "x".repeat(LARGE));
    gateway.post("/pair/a", &large).await;
    gateway.post("/pair/b", r#"{"small":1}"#).await;
    let mut client = gateway.client().await;
    client.send("GET /pair HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.some(1).await;
    client.reset();
    let again = gateway.get("/pair").await;
    assert_eq!((again.status, again.header("x-krakend-completed")), (200, Some("true")));
    assert!(again.text() == format!(r#"{{"a":{large},"b":{{"small":1}}}}"#), "both came back");
    assert_eq!(gateway.get("/pair/now").await.brief(), (200, "false", "{}"), "both were acknowledged");
}

#[tokio::test]
async fn a_client_slower_than_the_deadline_shares_the_message_with_another() {
    let gateway = start();
    assert_eq!(gateway.post("/short", large()).await.status, 200);
    let mut slow = gateway.client().await;
    slow.send("GET /short HTTP/1.1\r\nHost: a\r\n\r\n").await;
    slow.some(1).await;
    assert!(gateway.get("/short").await.body == large(), "the deadline was over");
    // The late acknowledgement changes nothing, and the slow client is not cut off.
    assert!(slow.rest_of(LARGE).await >= LARGE);
    assert_eq!(gateway.get("/short/now").await.status, 204);
}
