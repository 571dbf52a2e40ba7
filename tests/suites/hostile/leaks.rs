//! After thousands of bad answers there are as many tasks and files as before.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::io::AsyncReadExt;

use super::{HOPELESS, start, start_upstream};
use crate::support::{Client, Program, eventually};

const AT_ONCE: usize = 64;

/// How often each of the two dozen bad answers is asked for: 417 of `HOSTILE_ROUNDS` are ten thousand.
fn rounds() -> usize {
    std::env::var("HOSTILE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(84)
}

/// Asks for everything hopeless, in every way; some clients go away before the answer.
async fn ask_all(address: std::net::SocketAddr) {
    let cases = (0..rounds()).flat_map(|_| HOPELESS.iter().map(|(what, _)| *what));
    let asks = cases.enumerate().map(|(index, what)| async move {
        let endpoint = ["json", "raw", "merged"][index % 3];
        let mut client = Client::connect(address).await;
        let request = format!("GET /{endpoint}/{what} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.send(request).await;
        match index % 5 {
            0 => drop(client),
            1 => {
                let _ = tokio::time::timeout(Duration::from_millis(20), client.stream.read_u8()).await;
                client.reset();
            }
            _ => drop(client.rest().await),
        }
    });
    stream::iter(asks).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test]
async fn no_task_is_left() {
    let gateway = start();
    assert_eq!(gateway.get("/odd/honest").await.status, 200);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    // What a gateway at rest has: the accept loop, and the pool's connections.
    let before = tasks();
    ask_all(gateway.address).await;
    assert_eq!(gateway.get("/odd/honest").await.status, 200);
    // Two connections to the backend may wait for more, where there was one.
    eventually(async || tasks() <= before + 1).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_file_is_left() {
    start_upstream();
    let mut program = Program::start("hostile").await;
    program.discard_logs();
    assert_eq!(program.get("/odd/honest").await.status, 200);
    let files = || std::fs::read_dir(format!("/proc/{}/fd", program.id())).expect("a process").count();
    let before = files();
    ask_all(program.address).await;
    assert_eq!(program.get("/odd/honest").await.status, 200);
    eventually(async || files() <= before + 1).await;
}
