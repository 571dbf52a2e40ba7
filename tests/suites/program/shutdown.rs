//! Signals: what runs is finished, what comes is refused, and nothing is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Program, eventually, json, serve_upstream, soon};

const DRAINING: &str = "shutting down: finishing the requests that run, a second signal ends at once";
const GET_WAIT: &str = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
const POST_WAIT: &str = "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";

/// A client whose request runs until a message is published, and one that has begun to publish it.
async fn busy(program: &Program) -> (Client, Client) {
    let mut waiting = program.client().await;
    waiting.send(GET_WAIT).await;
    let mut publishing = program.client().await;
    publishing.send(POST_WAIT).await;
    // Connections are accepted in order, so these two were; their heads are read meanwhile.
    for _ in 0..3 {
        assert_eq!(program.get("/__health").await.status, 200);
    }
    (waiting, publishing)
}

/// Waits until the port is closed: the gateway drains.
async fn closed(program: &Program) {
    eventually(async || TcpStream::connect(program.address).await.is_err()).await;
}

#[tokio::test]
async fn requests_that_run_are_finished_and_the_port_is_closed() {
    let mut program = Program::start("program").await;
    let (mut waiting, mut publishing) = busy(&program).await;
    program.signal("TERM").await;
    closed(&program).await;
    publishing.send("done").await;
    let published = publishing.answer().await;
    assert_eq!((published.status, published.text()), (200, "{}"));
    assert!(publishing.rest().await.is_empty(), "the connection is closed");
    assert_eq!(waiting.answer().await.text(), "done");
    assert!(program.ended().await.success());
}

/// Requests that have reached the upstream, whose answers take a moment.
static ARRIVED: AtomicUsize = AtomicUsize::new(0);

async fn answer(_: Request<Body>) -> Response<Body> {
    ARRIVED.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    json(r#"{"a":1}"#)
}

#[tokio::test]
async fn under_load_every_request_that_was_accepted_is_answered() {
    serve_upstream("127.0.0.1:18174", answer);
    let mut program = Program::start("program").await;
    let (address, answered) = (program.address, Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                while let Ok(stream) = TcpStream::connect(address).await {
                    ask_until_closed(stream, &answered).await;
                }
            })
        })
        .collect();
    eventually(async || answered.load(Ordering::Relaxed) > 500).await;
    program.signal("TERM").await;
    for client in clients {
        soon(client).await.expect("no answer was cut off");
    }
    assert_eq!(program.logged("stopped").await["cut_off"], 0);
    assert!(program.ended().await.success());
    assert_eq!(answered.load(Ordering::Relaxed), ARRIVED.load(Ordering::Relaxed), "answered and arrived");
}

/// Requests on one connection until the gateway closes it, which it may do instead of reading the next one.
async fn ask_until_closed(mut stream: TcpStream, answered: &AtomicUsize) {
    while soon(stream.write_all(b"GET /counted HTTP/1.1\r\nHost: a\r\n\r\n")).await.is_ok() {
        let mut answer = Vec::new();
        while !answer.ends_with(br#"{"a":1}"#) {
            if soon(stream.read_buf(&mut answer)).await.unwrap_or(0) == 0 {
                assert!(answer.is_empty(), "cut off after {:?}", String::from_utf8_lossy(&answer));
                return;
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answer));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn while_it_drains_it_is_not_ready() {
    // A connection that was accepted gets its first answer, if it asks soon enough: otherwise once more.
    eventually(async || {
        let mut program = Program::start("program").await;
        let (_waiting, mut publishing) = busy(&program).await;
        let mut probe = program.client().await;
        probe.send("GET /__ready HTTP/1.1\r\nHost: a\r\n").await;
        assert_eq!(program.get("/__health").await.status, 200);
        program.signal("TERM").await;
        closed(&program).await;
        // Breaks where the connection was closed already; then nothing can be read either.
        let _ = probe.stream.write_all(b"\r\n").await;
        let answer = String::from_utf8(probe.rest().await).expect("text");
        publishing.send("done").await;
        assert!(program.ended().await.success());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{answer}");
        answer.contains(r#""status":"shutting down""#)
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut program = Program::start("program").await;
    let (mut waiting, _publishing) = busy(&program).await;
    program.signal("TERM").await;
    program.logged(DRAINING).await;
    program.signal("TERM").await;
    program.logged("second signal: ending at once").await;
    assert_eq!(program.ended().await.code(), Some(1));
    assert!(waiting.rest().await.is_empty());
}
