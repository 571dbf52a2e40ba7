use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Failure;
use crate::route::{Expected, Route};
use crate::server::Server;

const LIMIT: Duration = Duration::from_secs(10);

/// Sends one request as wrk does, checks the answer, and returns its length in bytes, head and all.
pub(crate) async fn check(server: &Server, route: Route) -> Result<u64, Failure> {
    let failed = |what: String| server.failure(&format!("answers {} wrongly: {what}", route.path()));
    let answer = timeout(LIMIT, exchange(&server.address, route)).await;
    let answer = answer.map_err(|_| failed("no whole answer in time".into()))?.map_err(|e| failed(e.to_string()))?;
    let response = Response::parse(&answer).ok_or_else(|| failed("not a response with a Content-Length".into()))?;
    verify(&response, route).map_err(failed)?;
    Ok(answer.len() as u64)
}

async fn exchange(address: &str, route: Route) -> Result<Vec<u8>, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let (method, path) = (route.method(), route.path());
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    if let Some(body) = route.request_body() {
        request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    } else {
        request += "\r\n";
    }
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        match Response::parse(&answer) {
            Some(response) if response.body.len() >= response.content_length => return Ok(answer),
            None if answer.windows(4).any(|window| window == b"\r\n\r\n") => return Ok(answer),
            _ => {}
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(format!("the connection ended after {:?}", String::from_utf8_lossy(&answer)).into());
        }
    }
}

fn verify(response: &Response<'_>, route: Route) -> Result<(), String> {
    if response.status != "200" {
        return Err(format!("status {}", response.status));
    }
    for header in ["x-krakend", "x-krakend-completed", "content-type"] {
        if response.header(header).is_none() {
            return Err(format!("there is no header {header}"));
        }
    }
    let same = match route.expected() {
        Expected::Bytes(bytes) => response.body == bytes,
        Expected::Json(value) => serde_json::from_slice::<serde_json::Value>(response.body).is_ok_and(|v| v == value),
    };
    if same { Ok(()) } else { Err(format!("unexpected body {:?}", String::from_utf8_lossy(response.body))) }
}

/// An HTTP/1.1 response, as far as it was read.
struct Response<'a> {
    status: &'a str,
    head: &'a str,
    content_length: usize,
    body: &'a [u8],
}

impl<'a> Response<'a> {
    /// `None` while the head is not complete, and for what is framed in another way.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
        let response = Self { status, head, content_length: 0, body: &bytes[end + 4..] };
        // A 204 has no body and no length.
        let content_length = match response.header("content-length") {
            Some(length) => length.parse().ok()?,
            None if status == "204" => 0,
            None => return None,
        };
        Some(Self { content_length, ..response })
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        let mut headers = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_response() {
        let bytes = b"HTTP/1.1 200 OK\r\nX-Krakend: a\r\ncontent-Length: 2\r\n\r\n{}";
        let response = Response::parse(bytes).unwrap();
        assert_eq!((response.status, response.content_length, response.body), ("200", 2, b"{}".as_slice()));
        assert_eq!(response.header("x-krakend"), Some("a"));
        assert_eq!(response.header("x-krakend-completed"), None);
        assert!(Response::parse(&bytes[..40]).is_none(), "half a head");
        assert_eq!(Response::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().content_length, 0);
        assert!(Response::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_none());
    }

    #[test]
    fn tells_what_is_wrong() {
        let answer = |status: &str, headers: &str, body: &str| {
            format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
        };
        let headers = "Content-Type: application/json\r\nX-Krakend: a\r\nX-Krakend-Completed: true\r\n";
        for (text, reason) in [
            (answer("200", headers, "{}"), None),
            (answer("503", headers, ""), Some("status 503")),
            (answer("200", "X-Krakend: a\r\n", "{}"), Some("no header x-krakend-completed")),
            (answer("200", headers, "null"), Some("unexpected body")),
        ] {
            let outcome = verify(&Response::parse(text.as_bytes()).unwrap(), Route::Publish);
            match (outcome, reason) {
                (Ok(()), None) => {}
                (Err(error), Some(reason)) => assert!(error.contains(reason), "{error}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }
}
