//! Backends that break every rule: each ends in a clear status within the endpoint's time, and leaves nothing behind.

mod bounds;
mod leaks;
mod upstream;

use std::sync::Once;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::support::{Running, eventually};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/hostile.rs"));
}

fn start_upstream() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| upstream::serve("127.0.0.1:18265"));
}

fn start() -> Running {
    start_upstream();
    Running::start(&gateway::GATEWAY)
}

/// The endpoints' timeout, and what a busy machine may add to it.
const TIME: Duration = Duration::from_secs(20);

/// What a backend does that never becomes a whole answer. With a status, `no-op` begins to pass it on.
const HOPELESS: &[(&str, Option<u16>)] = &[
    ("close", None),
    ("reset", None),
    ("silence", None),
    ("garbage", None),
    ("http09", None),
    ("half-a-head", None),
    ("slow-head", None),
    ("endless-headers", None),
    ("endless-header", None),
    ("endless-continue", None),
    ("bad-status", None),
    ("bad-version", None),
    ("nul-in-a-header", None),
    ("two-lengths", None),
    ("bad-length", None),
    ("switching-protocols", None),
    ("truncated", Some(200)),
    ("truncated-chunk", Some(200)),
    ("bad-chunk", Some(200)),
    ("endless-chunk-size", Some(200)),
    ("reset-in-the-body", Some(200)),
    ("slow-body", Some(200)),
    ("endless-body", Some(200)),
    ("endless-chunks", Some(200)),
];

/// What is odd, and an answer all the same.
const BEARABLE: &[&str] =
    &["honest", "too-long", "early-answer", "some-continues", "until-close", "lower-case", "bare-line-feeds"];

#[tokio::test]
async fn what_is_hopeless_is_500() {
    let gateway = start();
    for (what, _) in HOPELESS {
        let started = Instant::now();
        assert_eq!(gateway.get(&format!("/json/{what}")).await.brief(), (500, "false", ""), "{what}");
        assert!(started.elapsed() < TIME, "{what}");
    }
    assert_eq!(gateway.get("/odd/honest").await.brief(), (200, "true", r#"{"honest":true}"#));
}

#[tokio::test]
async fn what_breaks_off_breaks_off_for_the_client() {
    let gateway = start();
    for (what, status) in HOPELESS {
        let started = Instant::now();
        let mut client = gateway.client().await;
        client.send(format!("GET /raw/{what} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        let (head, framing) = client.head().await;
        match status {
            None => assert_eq!((head.status, framing.is_empty()), (500, true), "{what}"),
            Some(status) => {
                assert_eq!(head.status, *status, "{what}");
                let body = client.rest().await;
                assert!(!framing.is_whole(&body), "{what}: {}", String::from_utf8_lossy(&body));
            }
        }
        assert!(started.elapsed() < TIME, "{what}");
    }
}

#[tokio::test]
async fn who_does_not_read_keeps_no_connection() {
    let gateway = start();
    let mut client = gateway.client().await;
    let before = upstream::ended();
    client.send("GET /raw/unread HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The backend writes until nobody takes it, and then until its connection ends.
    eventually(async || upstream::ended() > before).await;
    let (head, framing) = client.head().await;
    assert_eq!(head.status, 200);
    assert!(!framing.is_whole(&client.rest().await), "it is cut off for the client too");
}

#[tokio::test]
async fn what_is_odd_is_an_answer() {
    let gateway = start();
    for what in BEARABLE {
        for _ in 0..3 {
            let answer = gateway.get(&format!("/odd/{what}")).await;
            assert_eq!(answer.brief(), (200, "true", r#"{"honest":true}"#), "{what}");
        }
        assert_eq!(gateway.get(&format!("/odd/{what}/raw")).await.text(), r#"{"honest":true}"#, "{what}");
        let posted = gateway.post(&format!("/odd/{what}"), vec![b'x'; 1 << 20]).await;
        assert_eq!(posted.status, 200, "{what}");
    }
}

#[tokio::test]
async fn a_merge_keeps_what_is_good() {
    let gateway = start();
    let asks = HOPELESS.iter().map(async |(what, _)| (what, gateway.get(&format!("/merged/{what}")).await));
    for (what, answer) in join_all(asks).await {
        assert_eq!(answer.brief(), (200, "false", r#"{"honest":{"honest":true}}"#), "{what}");
    }
}
