//! A client that sends exactly what a case says, and says what came back whatever it was.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::suite::text;
use super::text::{body_of, headers, latin1};

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// 0 when there was no answer.
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// As Python's http.client calls it.
    pub(super) error: Option<&'static str>,
    pub(super) took: Duration,
}

/// Sends one request on a connection of its own: what the case says, `Host` and the framing of the body, nothing else.
pub(super) async fn send(gateway: SocketAddr, request: &Value) -> Received {
    let started = Instant::now();
    let mut received = match tokio::time::timeout(Duration::from_secs(60), exchange(gateway, request)).await {
        Ok(received) => received,
        Err(_) => Received { error: Some("timeout"), ..Received::default() },
    };
    received.took = started.elapsed();
    received
}

async fn exchange(gateway: SocketAddr, request: &Value) -> Received {
    let mut stream = TcpStream::connect(gateway).await.expect("the gateway listens");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    // A gateway may answer before it has read everything, and close.
    let _ = stream.write_all(&written(request)).await;
    let method = request["method"].as_str().unwrap_or("GET");
    let mut reader = Reader { stream, bytes: Vec::new() };
    loop {
        let Some(mut received) = reader.head().await else {
            return Received { error: Some("RemoteDisconnected"), ..Received::default() };
        };
        if (100..200).contains(&received.status) {
            continue;
        }
        reader.body(method, &mut received).await;
        return received;
    }
}

fn written(request: &Value) -> Vec<u8> {
    let method = request["method"].as_str().unwrap_or("GET");
    let mut fields = headers(request);
    let has =
        |fields: &[(String, String)], wanted: &str| fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if !has(&fields, "host") {
        fields.insert(0, ("Host".to_owned(), "gateway.test".to_owned()));
    }
    let mut body = body_of(request);
    if request["chunked"] == true {
        fields.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
        let size = request["chunk_size"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(1000);
        body = Some(chunked(&body.unwrap_or_default(), size));
    } else if let Some(body) = &body
        && !has(&fields, "content-length")
    {
        fields.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    let mut head = format!("{method} {} HTTP/1.1\r\n", text(&request["path"]));
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = match request["latin1"] == true {
        true => head.chars().map(|character| u8::try_from(character).expect("latin 1")).collect(),
        false => head.into_bytes(),
    };
    bytes.extend(body.unwrap_or_default());
    bytes
}

pub(super) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(size) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

struct Reader {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Reader {
    async fn more(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.bytes).await, Ok(count) if count > 0)
    }

    /// What comes up to and with `end`.
    async fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        let mut searched = 0_usize;
        loop {
            let from = searched.saturating_sub(end.len());
            if let Some(at) = self.bytes[from..].windows(end.len()).position(|window| window == end) {
                return Some(self.bytes.drain(..from + at + end.len()).collect());
            }
            searched = self.bytes.len();
            if !self.more().await {
                return None;
            }
        }
    }

    async fn head(&mut self) -> Option<Received> {
        let head = latin1(&self.until(b"\r\n\r\n").await?);
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        };
        Some(Received { status, headers: lines.filter_map(field).collect(), ..Received::default() })
    }

    async fn body(&mut self, method: &str, received: &mut Received) {
        let header = |name: &str| received.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let length = header("content-length").and_then(|length| length.parse().ok());
        let is_chunked = header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        if method == "HEAD" || matches!(received.status, 204 | 304) {
            return;
        }
        let complete = match (is_chunked, length) {
            (true, _) => self.chunks(&mut received.body).await,
            (false, Some(length)) => self.take(length, &mut received.body).await,
            (false, None) => {
                while self.more().await {}
                received.body = std::mem::take(&mut self.bytes);
                true
            }
        };
        if !complete {
            received.error = Some("IncompleteRead");
        }
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(size) = self.until(b"\r\n").await else { return false };
            let size = latin1(&size);
            let Ok(size) = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16) else {
                return false;
            };
            if size == 0 {
                // Trailers, up to an empty line.
                while let Some(line) = self.until(b"\r\n").await {
                    if line == b"\r\n" {
                        return true;
                    }
                }
                return false;
            }
            if !self.take(size, body).await || self.until(b"\r\n").await.is_none() {
                return false;
            }
        }
    }

    async fn take(&mut self, length: usize, body: &mut Vec<u8>) -> bool {
        while self.bytes.len() < length {
            if !self.more().await {
                body.append(&mut self.bytes);
                return false;
            }
        }
        body.extend(self.bytes.drain(..length));
        true
    }
}
