//! Ten thousand connections that say nothing.

use futures_util::future::try_join_all;
use tokio::net::TcpStream;

use crate::support::{Program, soon};

const CROWD: usize = 10_000;

/// Descriptors for the crowd in one process, and for everything else that runs beside it.
const NEEDED: u64 = CROWD as u64 + 1_000;

/// Raises the limit of this process, and so of the program that it starts, which holds the other ends.
fn raise_limit() {
    let raised = rlimit::increase_nofile_limit(NEEDED.max(20_000)).unwrap_or(0);
    assert!(raised >= NEEDED, "this test needs {NEEDED} open files and may have {raised}: raise `ulimit -Hn`");
}

#[tokio::test]
async fn a_silent_crowd_leaves_the_others_served() {
    raise_limit();
    let mut program = Program::start("program").await;
    let mut active = program.client().await;
    assert_eq!(active.get("/__health").await.status, 200);
    let mut crowd: Vec<TcpStream> = Vec::with_capacity(CROWD);
    while crowd.len() < CROWD {
        let connecting = (0..250).map(|_| TcpStream::connect(program.address));
        crowd.extend(soon(try_join_all(connecting)).await.expect("the gateway accepts"));
    }
    // One that was there before, one that comes now, and one of the crowd.
    for _ in 0..100 {
        assert_eq!(active.request("POST", "/orders", &[], r#"{"id":1}"#).await.status, 200);
        assert_eq!(active.get("/orders").await.text(), r#"{"id":1}"#);
    }
    assert_eq!(program.get("/orders").await.status, 204);
    let last = crowd.last_mut().expect("a crowd");
    tokio::io::AsyncWriteExt::write_all(last, b"GET /__health HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it is open");
    let mut start = [0; 12];
    soon(tokio::io::AsyncReadExt::read_exact(last, &mut start)).await.expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 200");
    // The gateway's end goes first, so that the crowd's ports are free for the next tests.
    program.signal("KILL").await;
    assert!(!program.ended().await.success());
}
