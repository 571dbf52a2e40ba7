//! The same over HTTP/2 without TLS.

use http_body_util::BodyExt;

use super::{is_full, large, start};
use crate::support::{Http2, LARGE, eventually, soon};

#[tokio::test]
async fn messages_are_published_and_consumed() {
    let gateway = start();
    let mut client = Http2::connect(&gateway).await;
    assert_eq!(client.send("POST", "/messages", large()).await.status(), 200);
    let (status, body) = client.get("/messages").await;
    assert_eq!((status, body.len()), (200, LARGE));
    assert!(body == large());
    eventually(async || !is_full(&gateway).await).await;
}

#[tokio::test]
async fn a_stream_that_is_reset_gives_the_message_back() {
    let gateway = start();
    let mut client = Http2::connect(&gateway).await;
    client.send("POST", "/messages", large()).await;
    for _ in 0..3 {
        let mut answer = client.send("GET", "/messages", "").await;
        assert_eq!(answer.status(), 200);
        soon(answer.frame()).await.expect("the body begins").expect("a frame");
        // Resets the stream; the connection goes on.
        drop(answer);
    }
    let (status, body) = client.get("/messages").await;
    assert_eq!((status, body.len()), (200, LARGE));
    assert!(body == large());
}

#[tokio::test]
async fn one_reset_stream_does_not_touch_the_others() {
    let gateway = start();
    let mut client = Http2::connect(&gateway).await;
    client.send("POST", "/messages", large()).await;
    let answer = client.send("GET", "/messages", "").await;
    gateway.post("/many", "small").await;
    let (status, body) = client.get("/many").await;
    assert_eq!((status, &body[..]), (200, &b"small"[..]));
    drop(answer);
    assert_eq!(client.get("/many/now").await.0, 204, "the small one was acknowledged");
    assert!(client.get("/messages").await.1 == large());
}

#[tokio::test]
async fn a_connection_that_breaks_gives_every_message_back() {
    let gateway = start();
    gateway.post("/messages", large()).await;
    let mut client = Http2::connect(&gateway).await;
    let answer = client.send("GET", "/messages", "").await;
    assert_eq!(answer.status(), 200);
    drop((answer, client));
    assert!(gateway.get("/messages").await.body == large());
}
