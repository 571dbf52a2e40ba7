use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Message, sources};
use crate::conformance::suite::text;
use crate::conformance::text::{body_of, headers};
use crate::support::soon;

/// A connection that is subscribed to everything that the cases expect messages from.
pub(super) struct Nats {
    stream: TcpStream,
    bytes: Vec<u8>,
    sources: Vec<String>,
    /// What came for each of `sources`, and nobody asked for yet.
    waiting: Vec<VecDeque<Message>>,
}

enum Frame {
    Message { source: usize, message: Message },
    Ping,
    Pong,
    Other,
}

impl Nats {
    pub(super) async fn connect(url: &str, cases: &[Value]) -> Self {
        let address = url.split("://").last().unwrap_or_default();
        let stream = TcpStream::connect(address).await.expect("NATS listens");
        let mut broker = Self { stream, bytes: Vec::new(), sources: Vec::new(), waiting: Vec::new() };
        let options = r#"{"verbose":false,"pedantic":false,"headers":true,"lang":"rust","version":"0"}"#;
        broker.write(format!("CONNECT {options}\r\n").as_bytes()).await;
        for source in cases.iter().flat_map(sources) {
            if !broker.sources.iter().any(|known| known == source) {
                broker.sources.push(source.to_owned());
                broker.waiting.push(VecDeque::new());
                broker.write(format!("SUB {source} {}\r\n", broker.sources.len()).as_bytes()).await;
            }
        }
        broker.round_trip().await;
        broker
    }

    pub(super) async fn publish(&mut self, step: &Value) {
        let body = body_of(step).unwrap_or_default();
        let fields: String = headers(&serde_json::json!({"headers": step["metadata"]}))
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let to = text(&step["to"]);
        let mut frame = match fields.is_empty() {
            true => format!("PUB {to} {}\r\n", body.len()),
            false => {
                let block = format!("NATS/1.0\r\n{fields}\r\n");
                format!("HPUB {to} {} {}\r\n{block}", block.len(), block.len() + body.len())
            }
        }
        .into_bytes();
        frame.extend(body);
        frame.extend(b"\r\n");
        self.write(&frame).await;
        self.round_trip().await;
    }

    /// May be dropped at any time.
    pub(super) async fn receive(&mut self, from: &str) -> Message {
        let source = self.sources.iter().position(|known| known == from).expect("subscribed");
        loop {
            if let Some(message) = self.waiting[source].pop_front() {
                return message;
            }
            self.advance().await;
        }
    }

    pub(super) async fn drain(&mut self) {
        self.round_trip().await;
        self.waiting.iter_mut().for_each(VecDeque::clear);
    }

    /// Until the server has seen all that was written, and we have what it sent before.
    async fn round_trip(&mut self) {
        self.write(b"PING\r\n").await;
        soon(async { while !self.advance().await {} }).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("NATS reads");
    }

    /// Takes one frame in; whether it was a PONG. May be dropped at any time.
    async fn advance(&mut self) -> bool {
        let frame = loop {
            if let Some(frame) = self.frame() {
                break frame;
            }
            let count = self.stream.read_buf(&mut self.bytes).await.expect("NATS writes");
            assert_ne!(count, 0, "NATS closed the connection");
        };
        match frame {
            Frame::Message { source, message } => self.waiting[source].push_back(message),
            Frame::Ping => self.write(b"PONG\r\n").await,
            Frame::Pong => return true,
            Frame::Other => {}
        }
        false
    }

    /// The next frame, once it is there as a whole.
    fn frame(&mut self) -> Option<Frame> {
        let end = self.bytes.windows(2).position(|window| window == b"\r\n")?;
        let line = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        let words: Vec<_> = line.split(' ').collect();
        let start = end + 2;
        let number = |word: Option<&&str>| word.and_then(|word| word.parse::<usize>().ok()).expect("a number");
        let (head, length) = match words[0] {
            "MSG" => (None, number(words.last())),
            "HMSG" => (Some(number(words.get(words.len() - 2))), number(words.last())),
            word => {
                assert_ne!(word, "-ERR", "NATS refuses: {line}");
                self.bytes.drain(..start);
                return Some(match word {
                    "PING" => Frame::Ping,
                    "PONG" => Frame::Pong,
                    _ => Frame::Other,
                });
            }
        };
        if self.bytes.len() < start + length + 2 {
            return None;
        }
        let payload: Vec<u8> = self.bytes.drain(..start + length + 2).skip(start).take(length).collect();
        let (block, body) = payload.split_at(head.unwrap_or(0));
        let wire = if head.is_some() { "nats-headers" } else { "plain" };
        let source = number(words.get(2)) - 1;
        let message = Message { wire, metadata: fields(block), body: body.to_vec(), more: Vec::new() };
        Some(Frame::Message { source, message })
    }
}

/// What stands in a block of headers behind its first line.
fn fields(block: &[u8]) -> BTreeMap<String, String> {
    let block = String::from_utf8_lossy(block);
    let fields = block.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}
