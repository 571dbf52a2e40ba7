//! Signals: what runs is finished, what comes is refused, and nothing is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Program, eventually, soon};

const DRAINING: &str = "shutting down: finishing the requests that run, a second signal ends at once";
const GET_WAIT: &str = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
const POST_WAIT: &str = "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";

/// A client whose request runs until a message is published, and one that has begun to publish it.
async fn busy(program: &Program) -> (Client, Client) {
    let mut waiting = program.client().await;
    waiting.send(GET_WAIT).await;
    let mut publishing = program.client().await;
    publishing.send(POST_WAIT).await;
    // Answered on both connections before, so both were accepted; another request makes sure that the heads were read.
    for _ in 0..3 {
        assert_eq!(program.get("/__health").await.status, 200);
    }
    (waiting, publishing)
}

#[tokio::test]
async fn requests_that_run_are_finished_and_the_port_is_closed() {
    let mut program = Program::start("program").await;
    let (mut waiting, mut publishing) = busy(&program).await;
    program.signal("TERM").await;
    program.logged(DRAINING).await;
    let address = program.address;
    eventually(async || TcpStream::connect(address).await.is_err()).await;
    publishing.send("done").await;
    let published = publishing.answer().await;
    assert_eq!((published.status, published.text()), (200, "{}"));
    assert_eq!(published.header("connection"), Some("close"));
    assert_eq!(waiting.answer().await.text(), "done");
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn under_load_every_accepted_request_is_answered() {
    let mut program = Program::start("program").await;
    let (address, answered) = (program.address, Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                // A connection that is not accepted any more is the only way out.
                while let Ok(stream) = TcpStream::connect(address).await {
                    if !request_all(stream, &answered).await {
                        return;
                    }
                }
            })
        })
        .collect();
    eventually(async || answered.load(Ordering::Relaxed) > 500).await;
    program.signal("TERM").await;
    for client in clients {
        soon(client).await.expect("no request was cut off");
    }
    let stopped = program.logged("stopped").await;
    assert_eq!(stopped["cut_off"], 0);
    assert!(program.ended().await.success());
}

/// Requests on one connection until the gateway closes it. Whether it was accepted at all: a connection that the kernel
/// took and the gateway did not ends without a byte.
async fn request_all(stream: TcpStream, answered: &AtomicUsize) -> bool {
    let mut stream = stream;
    let mut first = true;
    loop {
        let request = b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
        if soon(stream.write_all(request)).await.is_err() {
            return !first;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n{}") {
            let read = soon(stream.read_buf(&mut answer)).await.unwrap_or(0);
            if read == 0 {
                assert!(answer.is_empty(), "cut off after {:?}", String::from_utf8_lossy(&answer));
                return !first;
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answer));
        answered.fetch_add(1, Ordering::Relaxed);
        first = false;
        let head = String::from_utf8_lossy(&answer);
        if head.contains("connection: close") {
            return true;
        }
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
        program.logged(DRAINING).await;
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
