//! A gateway over real sockets, with upstreams that answer whatever a test says.

mod brokers;
#[cfg(feature = "mem")]
mod messages;
#[cfg(feature = "mem")]
mod publishers;
mod upstreams;

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::description::Description;
use crate::gateway::Gateway;
use crate::router::RouterOptions;
use crate::serve::AnyEndpoint;
use crate::server::Listener;

/// Only against hangs.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("hangs")
}

/// For descriptions, which are statics in a real gateway.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Serves `endpoints` until the test's runtime ends.
fn gateway(endpoints: &'static [&'static dyn AnyEndpoint], router: RouterOptions) -> SocketAddr {
    let description = leak(Description::new("test.json", "", endpoints).router(router));
    let listener = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Gateway::open(description).unwrap();
    tokio::spawn(gateway.serve(listener, pending()));
    address
}

/// An upstream that answers each connection's first request with `answer` and closes. What it was asked comes out.
async fn upstream(answer: &'static str) -> (&'static [&'static str], mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let host: &str = leak(format!("http://{}", listener.local_addr().unwrap()));
    let (asked, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut text = String::new();
                while !text.contains("\r\n\r\n") {
                    let mut buffer = [0; 4096];
                    let count = stream.read(&mut buffer).await.unwrap();
                    text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
                    if count == 0 {
                        break;
                    }
                }
                let _ = asked.send(text);
                let _ = stream.write_all(answer.as_bytes()).await;
                // Whatever else comes is read, so that closing does not reset the connection.
                let _ = stream.shutdown().await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            });
        }
    });
    (leak([host]), receiver)
}

/// What the gateway answers to `request`, as far as it comes.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon(stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

/// A GET for `path` on a connection of its own.
async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n")).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

/// The values of a header.
fn header<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
