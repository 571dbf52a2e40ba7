use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::soon;

/// A client of HTTP/1.1 that writes and reads bytes.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Left alone, the kernel's buffer grows until a large answer fits into it.
        socket.set_recv_buffer_size(128 << 10).expect("SO_RCVBUF");
        let stream = soon(socket.connect(address)).await.expect("the gateway listens");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.expect("the gateway reads");
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let body = body.as_ref();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: gateway.test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.send(head).await;
        self.send(body).await;
        if method == "HEAD" { self.head().await.0 } else { self.answer().await }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, &[], "").await
    }

    /// Reads the next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        let (mut answer, framing) = self.head().await;
        answer.body = match framing {
            Framing::Length(length) => self.take(length).await,
            Framing::Chunked => self.chunks().await,
            Framing::Close => self.rest().await,
        };
        answer
    }

    /// Reads a status line and headers; the body is left.
    pub(crate) async fn head(&mut self) -> (Answer, Framing) {
        let head = self.line("\r\n\r\n").await;
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = lines.map(|line| header(line).unwrap_or_else(|| panic!("not a header: {line}"))).collect();
        let answer = Answer { status: status.expect("a status line"), headers, body: Vec::new() };
        let framing = match (answer.status, answer.header("content-length"), answer.header("transfer-encoding")) {
            (100..200 | 204 | 304, ..) => Framing::Length(0),
            (_, Some(length), _) => Framing::Length(length.parse().expect("a length")),
            (_, _, Some("chunked")) => Framing::Chunked,
            _ => Framing::Close,
        };
        (answer, framing)
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = self.line("\r\n").await;
            let size = usize::from_str_radix(size.trim_end(), 16).expect("the size of a chunk");
            let chunk = self.take(size + 2).await;
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Reads up to and with `end`.
    async fn line(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end.as_bytes()) {
                let line = self.read.drain(..at + end.len()).collect();
                return String::from_utf8(line).expect("text");
            }
            self.more().await;
        }
    }

    async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            self.more().await;
        }
        self.read.drain(..length).collect()
    }

    async fn more(&mut self) {
        let count = soon(self.stream.read_buf(&mut self.read)).await.expect("an answer");
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&self.read));
    }

    /// Reads `length` bytes more of the answer, and keeps none of what came before.
    pub(crate) async fn some(&mut self, length: usize) -> usize {
        if self.read.is_empty() {
            self.more().await;
        }
        let taken = length.min(self.read.len());
        self.read.drain(..taken);
        taken
    }

    /// Reads until at least `length` bytes of what is still to come are here, and says how many are.
    pub(crate) async fn rest_of(&mut self, length: usize) -> usize {
        let mut read = 0;
        while read < length {
            read += self.some(usize::MAX).await;
        }
        read
    }

    /// Reads to the end of the connection; a reset ends it too.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let _ = soon(self.stream.read_to_end(&mut self.read)).await;
        std::mem::take(&mut self.read)
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        let socket = self.stream.into_std().expect("a socket");
        socket2::Socket::from(socket).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }
}

/// How long a body is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    Close,
}

impl Framing {
    /// Whether there is no body.
    pub(crate) fn is_empty(self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// Whether `body`, as it was on the wire, is all of it.
    pub(crate) fn is_whole(self, body: &[u8]) -> bool {
        match self {
            Self::Length(length) => body.len() >= length,
            Self::Chunked => body.ends_with(b"0\r\n\r\n"),
            Self::Close => true,
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status, `X-Krakend-Completed` and body: what most tests are about.
    pub(crate) fn brief(&self) -> (u16, &str, &str) {
        (self.status, self.header("x-krakend-completed").unwrap_or("absent"), self.text())
    }
}
