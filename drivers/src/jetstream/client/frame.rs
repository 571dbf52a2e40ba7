//! A message of the inbox, as it lies in the connection's buffer.

use bytes::Bytes;

use super::publisher::ID;
use crate::Message;
use crate::nats::client::{gob, headers};

/// A message, not copied yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) subject: &'a str,
    /// Where it is answered; empty where it is not.
    pub(super) reply: &'a str,
    /// The code and text of a server's own message.
    pub(super) status: Option<(u16, &'a str)>,
    /// The block of headers; empty where there are none.
    pub(super) headers: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Frame<'_> {
    /// A message in memory of its own.
    pub(super) fn message(&self) -> Message {
        let body = Bytes::copy_from_slice(self.body);
        if self.headers.is_empty() {
            // A stream may have what a KrakenD published without JetStream.
            let (attributes, body) = gob::read(&body).unwrap_or((Vec::new(), body));
            return Message { attributes, ..Message::new(body) };
        }
        let mut message = Message { attributes: headers::read(self.headers), ..Message::new(body) };
        if let Some(at) = message.attributes.iter().position(|attribute| attribute.name == ID) {
            message.id = Some(message.attributes.remove(at).value);
        }
        message
    }
}

/// The status in the first line of a block of headers: `NATS/1.0 408 Request Timeout`.
pub(super) fn status(headers: &[u8]) -> Option<(u16, &str)> {
    let end = headers.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let line = std::str::from_utf8(&headers[..end]).ok()?;
    let rest = line.strip_prefix("NATS/1.0")?.trim_start();
    let (code, text) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((code.parse().ok()?, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        for (headers, expected) in [
            (&b"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n"[..], Some((408, "Request Timeout"))),
            (b"NATS/1.0 503\r\n\r\n", Some((503, ""))),
            (b"NATS/1.0\r\nA: 503\r\n\r\n", None),
            (b"NATS/1.0 5x3\r\n\r\n", None),
            (b"", None),
        ] {
            assert_eq!(status(headers), expected);
        }
    }
}
