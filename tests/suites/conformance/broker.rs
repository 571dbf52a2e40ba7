//! A plain client of the NATS server behind a gateway, for the steps `publish` and `expect_message`.

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::suite::{array, text};
use super::text::{body_of, headers};
use crate::support::soon;

/// A message as it is on the wire.
#[derive(Debug)]
pub(super) struct Message {
    /// `None` without a block of headers.
    pub(super) metadata: Option<BTreeMap<String, String>>,
    pub(super) body: Vec<u8>,
}

/// A connection that is subscribed to everything that the cases expect messages from.
pub(super) struct Broker {
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

impl Broker {
    /// The server that `NATS_SERVER_URL` names.
    pub(super) async fn connect(cases: &[Value]) -> Self {
        let url = env::var("NATS_SERVER_URL").expect("it was started, so its address is known");
        let address = url.split("://").last().unwrap_or_default();
        let stream = TcpStream::connect(address).await.expect("NATS listens");
        let mut broker = Self { stream, bytes: Vec::new(), sources: Vec::new(), waiting: Vec::new() };
        let options = r#"{"verbose":false,"pedantic":false,"headers":true,"lang":"rust","version":"0"}"#;
        broker.write(format!("CONNECT {options}\r\n").as_bytes()).await;
        let steps = cases.iter().flat_map(|case| array(&case["steps"]));
        for source in steps.filter_map(|step| step["expect_message"]["from"].as_str()) {
            if !broker.sources.iter().any(|known| known == source) {
                broker.sources.push(source.to_owned());
                broker.waiting.push(VecDeque::new());
                broker.write(format!("SUB {source} {}\r\n", broker.sources.len()).as_bytes()).await;
            }
        }
        broker.round_trip().await;
        broker
    }

    /// A step `publish`: `to`, `metadata` and a body. The server has it when this returns.
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
        if let Some(wait) = step["wait_ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    /// A step `expect_message`: the next one `from` there, or nothing within `timeout_ms`.
    pub(super) async fn receive(&mut self, step: &Value) -> Option<Message> {
        let source = self.sources.iter().position(|known| known == text(&step["from"])).expect("subscribed");
        let patience = Duration::from_millis(step["timeout_ms"].as_u64().unwrap_or(2000));
        let received = async {
            while self.waiting[source].is_empty() {
                self.advance().await;
            }
        };
        // None that is expected has to come soon; how soon says nothing on a busy machine.
        let patience =
            if step["timeout_ms"].as_u64() < Some(1000) { patience } else { patience.max(Duration::from_secs(10)) };
        let _ = tokio::time::timeout(patience, received).await;
        self.waiting[source].pop_front()
    }

    /// Forgets what an earlier case left.
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
        let metadata = head.map(|_| fields(block));
        let source = number(words.get(2)) - 1;
        Some(Frame::Message { source, message: Message { metadata, body: body.to_vec() } })
    }
}

/// What stands in a block of headers behind its first line.
fn fields(block: &[u8]) -> BTreeMap<String, String> {
    let block = String::from_utf8_lossy(block);
    let fields = block.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}
