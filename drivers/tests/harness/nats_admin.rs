//! What tests tell a NATS server, without the drivers' code.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// A connection, which blocks.
pub(crate) struct Admin {
    stream: BufReader<TcpStream>,
}

impl Admin {
    /// Connects to the first server of `url`, which needs no login.
    pub(crate) fn connect(url: &str) -> Self {
        let address = url.split(',').next().unwrap_or_default().trim_start_matches("nats://");
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let mut admin = Self { stream: BufReader::new(stream) };
        admin.send("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB admin.inbox 1\r\n");
        admin
    }

    /// Asks JetStream's API, which does not refuse.
    pub(crate) fn api(&mut self, what: &str, request: &Value) -> Value {
        let answer = self.try_api(what, request);
        assert!(answer.get("error").is_none(), "{what}: {answer}");
        answer
    }

    /// Asks JetStream's API.
    pub(crate) fn try_api(&mut self, what: &str, request: &Value) -> Value {
        let request = request.to_string();
        self.send(&format!("PUB $JS.API.{what} admin.inbox {}\r\n{request}\r\n", request.len()));
        loop {
            let line = self.line();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("PING") => self.send("PONG\r\n"),
                Some("MSG") => {
                    let length: usize = words.next_back().and_then(|length| length.parse().ok()).expect("a length");
                    let mut body = vec![0; length + 2];
                    self.stream.read_exact(&mut body).expect("the message");
                    return serde_json::from_slice(&body[..length]).expect("JSON");
                }
                Some("HMSG") => panic!("the server has no JetStream"),
                _ => {}
            }
        }
    }

    /// Makes a stream of `subject` in memory, with `config` besides.
    pub(crate) fn make_stream(&mut self, name: &str, subject: &str, config: &Value) {
        let mut stream = json!({ "name": name, "subjects": [subject], "storage": "memory" });
        let fields = config.as_object().expect("an object").clone();
        stream.as_object_mut().expect("an object").extend(fields);
        self.api(&format!("STREAM.CREATE.{name}"), &stream);
    }

    #[allow(dead_code, reason = "the conformance suite does not ask")]
    /// What the server knows of a consumer.
    pub(crate) fn consumer(&mut self, stream: &str, durable: &str) -> Value {
        self.api(&format!("CONSUMER.INFO.{stream}.{durable}"), &json!({}))
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.stream.read_line(&mut line).expect("the server writes"), 0, "the server has gone");
        assert!(!line.starts_with("-ERR"), "{line}");
        line
    }
}

/// A name that no other test has.
pub(crate) fn unique() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
