//! What suites are written with.

mod broker;
mod client;
mod gateway;
mod http2;
pub(crate) mod kafka;
mod logs;
pub(crate) mod moto;
pub(crate) mod nats;
mod other;
pub(crate) mod poison;
mod program;
pub(crate) mod rabbitmq;
pub(crate) mod standins;
mod upstream;

use std::future::Future;
use std::time::Duration;

pub(crate) use broker::Broker;
pub(crate) use client::{Answer, Client, Framing};
pub(crate) use gateway::Running;
pub(crate) use http2::Http2;
pub(crate) use kafka::Kafka;
pub(crate) use logs::Logs;
pub(crate) use moto::Moto;
pub(crate) use other::Other;
pub(crate) use program::Program;
pub(crate) use rabbitmq::Rabbitmq;
pub(crate) use upstream::{bind, echo, json, never, serve_upstream, status, wait_until_free};

/// Only against hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// More than the socket buffers of both ends take.
pub(crate) const LARGE: usize = 16 << 20;

/// Waits for what must come.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("hangs")
}

/// Asks again until the answer is yes.
pub(crate) async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    soon(async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// What is answered to a body of `length` bytes that is only announced: one that nothing can take is not read.
pub(crate) async fn announced(gateway: &Program, path: &str, length: usize) -> Answer {
    let mut client = gateway.client().await;
    client.send(format!("POST {path} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: {length}\r\n\r\n")).await;
    client.answer().await
}

/// Whether a broker was started for the tests, by `tests/run` or `tests/brokers/with`. One that was not is skipped aloud,
/// and in CI not at all.
pub(crate) fn broker(name: &str) -> bool {
    let there = std::env::var("BROKERS").is_ok_and(|names| names.split(' ').any(|known| known == name));
    assert!(there || std::env::var_os("CI").is_none(), "{name} was not started");
    if !there {
        println!("skipped: {name} was not started (tests/brokers/with {name} -- COMMAND)");
    }
    there
}
