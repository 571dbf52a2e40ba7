//! The `Content-Type` of a body that came without one, from its first bytes: Go's server writes it, and KrakenD with it.
//!
//! The table is that of Go's `http.DetectContentType`, which is the WHATWG's MIME Sniffing standard with a few changes.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::backend::{Data, Reply};

/// Bytes that are looked at.
const LOOKED_AT: usize = 512;

/// Whether an answer that is passed through has a body without a type.
pub(crate) fn is_needed(reply: &Reply) -> bool {
    let Data::PassThrough(response) = &reply.data else { return false };
    let headers = response.headers();
    !headers.contains_key(CONTENT_TYPE)
        && headers.get(CONTENT_ENCODING).is_none_or(HeaderValue::is_empty)
        && !response.body().is_end_stream()
}

/// Waits for the first bytes of the body and says what they are.
pub(crate) async fn with_type(mut reply: Reply) -> Reply {
    let Data::PassThrough(response) = &mut reply.data else { return reply };
    let mut body = std::mem::take(response.body_mut());
    let mut first = body.frame().await;
    // A frame may hold nothing.
    while first
        .as_ref()
        .is_some_and(|frame| matches!(frame, Ok(frame) if frame.data_ref().is_some_and(Bytes::is_empty)))
    {
        first = body.frame().await;
    }
    if let Some(Ok(frame)) = &first
        && let Some(data) = frame.data_ref()
    {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type(data)));
    }
    *response.body_mut() = match first {
        Some(first) => Body::new(Begun { first: Some(first), rest: body }),
        None => Body::empty(),
    };
    reply
}

/// A body whose first frame was read.
struct Begun {
    first: Option<Result<Frame<Bytes>, axum::Error>>,
    rest: Body,
}

impl HttpBody for Begun {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        match this.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut this.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.rest.size_hint();
        let begun = self.first.as_ref().and_then(|first| first.as_ref().ok()?.data_ref()).map_or(0, Bytes::len) as u64;
        // The upper bound first: it may not be below the lower one.
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(begun));
        }
        hint.set_lower(hint.lower().saturating_add(begun));
        hint
    }
}

/// What `data` is; always some type.
pub(crate) fn content_type(data: &[u8]) -> &'static str {
    let data = &data[..data.len().min(LOOKED_AT)];
    let text = without_space(data);
    if HTML.iter().any(|tag| is_tag(text, tag)) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some((.., found)) = SIGNATURES.iter().find(|(parts, _)| parts.iter().all(|part| part.is_in(data))) {
        return found;
    }
    if is_mp4(data) {
        return "video/mp4";
    }
    if text.iter().any(|byte| matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)) {
        return "application/octet-stream";
    }
    "text/plain; charset=utf-8"
}

/// Without the white space that Go's table passes over.
fn without_space(data: &[u8]) -> &[u8] {
    let start = data.iter().position(|byte| !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' '));
    &data[start.unwrap_or(data.len())..]
}

/// In any case, and then a space or a `>`.
const HTML: [&str; 17] = [
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

fn is_tag(text: &[u8], tag: &str) -> bool {
    text.split_at_checked(tag.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(tag.as_bytes()) && matches!(rest.first(), Some(b' ' | b'>'))
    })
}

/// Bytes at a place.
struct Part(usize, &'static [u8]);

impl Part {
    fn is_in(&self, data: &[u8]) -> bool {
        data.get(self.0..).is_some_and(|rest| rest.starts_with(self.1))
    }
}

/// The first whose parts are all there counts.
const SIGNATURES: [(&[Part], &str); 31] = [
    (&[Part(0, b"%PDF-")], "application/pdf"),
    (&[Part(0, b"%!PS-Adobe-")], "application/postscript"),
    // Byte order marks, with two bytes (one) after them.
    (&[Part(0, b"\xfe\xff"), Part(4, b"")], "text/plain; charset=utf-16be"),
    (&[Part(0, b"\xff\xfe"), Part(4, b"")], "text/plain; charset=utf-16le"),
    (&[Part(0, b"\xef\xbb\xbf"), Part(4, b"")], "text/plain; charset=utf-8"),
    (&[Part(0, b"\x00\x00\x01\x00")], "image/x-icon"),
    (&[Part(0, b"\x00\x00\x02\x00")], "image/x-icon"),
    (&[Part(0, b"BM")], "image/bmp"),
    (&[Part(0, b"GIF87a")], "image/gif"),
    (&[Part(0, b"GIF89a")], "image/gif"),
    (&[Part(0, b"RIFF"), Part(8, b"WEBPVP")], "image/webp"),
    (&[Part(0, b"\x89PNG\r\n\x1a\n")], "image/png"),
    (&[Part(0, b"\xff\xd8\xff")], "image/jpeg"),
    (&[Part(0, b"FORM"), Part(8, b"AIFF")], "audio/aiff"),
    (&[Part(0, b"ID3")], "audio/mpeg"),
    (&[Part(0, b"OggS\x00")], "application/ogg"),
    (&[Part(0, b"MThd\x00\x00\x00\x06")], "audio/midi"),
    (&[Part(0, b"RIFF"), Part(8, b"AVI ")], "video/avi"),
    (&[Part(0, b"RIFF"), Part(8, b"WAVE")], "audio/wave"),
    (&[Part(0, b"\x1a\x45\xdf\xa3")], "video/webm"),
    (&[Part(34, b"LP")], "application/vnd.ms-fontobject"),
    (&[Part(0, b"\x00\x01\x00\x00")], "font/ttf"),
    (&[Part(0, b"OTTO")], "font/otf"),
    (&[Part(0, b"ttcf")], "font/collection"),
    (&[Part(0, b"wOFF")], "font/woff"),
    (&[Part(0, b"wOF2")], "font/woff2"),
    (&[Part(0, b"\x1f\x8b\x08")], "application/x-gzip"),
    (&[Part(0, b"PK\x03\x04")], "application/zip"),
    (&[Part(0, b"Rar!\x1a\x07\x00")], "application/x-rar-compressed"),
    (&[Part(0, b"Rar!\x1a\x07\x01\x00")], "application/x-rar-compressed"),
    (&[Part(0, b"\x00asm")], "application/wasm"),
];

/// A `ftyp` box that names a brand of MP4.
fn is_mp4(data: &[u8]) -> bool {
    let Some((length, _)) = data.split_first_chunk::<4>() else { return false };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if data.len() < 12 || length > data.len() || !length.is_multiple_of(4) || &data[4..8] != b"ftyp" {
        return false;
    }
    // The third group of four bytes is the version of the first brand.
    data[..length].chunks_exact(4).skip(2).enumerate().any(|(index, brand)| index != 1 && brand.starts_with(b"mp4"))
}

#[cfg(test)]
mod tests {
    use http::{Response, StatusCode};

    use super::*;

    #[test]
    fn types_are_those_of_go() {
        for (data, expected) in [
            (&b"plain text"[..], "text/plain; charset=utf-8"),
            (b"{\"a\":1}", "text/plain; charset=utf-8"),
            (b"", "text/plain; charset=utf-8"),
            (b" \t\r\n\x0c", "text/plain; charset=utf-8"),
            (b"  <!doctype html>", "text/html; charset=utf-8"),
            (b"\n<html lang=en>", "text/html; charset=utf-8"),
            (b"<p>", "text/html; charset=utf-8"),
            (b"<pre>", "text/plain; charset=utf-8"),
            (b"<b", "text/plain; charset=utf-8"),
            (b"<!-- x -->", "text/html; charset=utf-8"),
            (b"<?xml version=\"1.0\"?>", "text/xml; charset=utf-8"),
            (b"  <?xml?>", "text/xml; charset=utf-8"),
            (b"<rss>", "text/plain; charset=utf-8"),
            (b"%PDF-1.7", "application/pdf"),
            (b" %PDF-1.7", "text/plain; charset=utf-8"),
            (b"\xef\xbb\xbfa", "text/plain; charset=utf-8"),
            (b"\xfe\xff\x00a", "text/plain; charset=utf-16be"),
            (b"\xff\xfea\x00", "text/plain; charset=utf-16le"),
            (b"\x89PNG\r\n\x1a\n...", "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"RIFF....WAVEfmt ", "audio/wave"),
            (b"RIFF....NONE", "text/plain; charset=utf-8"),
            (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42", "video/mp4"),
            (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1", "application/octet-stream"),
            (b"\x00\x00\x00\x10ftypisommp42", "application/octet-stream"),
            (b"\x1f\x8b\x08\x00", "application/x-gzip"),
            (b"PK\x03\x04", "application/zip"),
            (b"\x00asm\x01", "application/wasm"),
            (b"\x00\x01\x02", "application/octet-stream"),
            (b"caf\xe9", "text/plain; charset=utf-8"),
            (b"bell\x07", "application/octet-stream"),
        ] {
            assert_eq!(content_type(data), expected, "{:?}", data.escape_ascii().to_string());
        }
        let mut late = vec![b'a'; 512];
        late.push(0);
        assert_eq!(content_type(&late), "text/plain; charset=utf-8");
    }

    fn reply(response: http::response::Builder, body: Body) -> Reply {
        Reply::pass_through(response.body(body).unwrap())
    }

    #[tokio::test]
    async fn the_body_is_whole_and_has_a_type() {
        let frames = ["", "<p>", "more"].map(|text| Ok::<_, std::convert::Infallible>(Bytes::from(text)));
        let body = Body::from_stream(futures_util::stream::iter(frames));
        let untyped = reply(Response::builder(), body);
        assert!(is_needed(&untyped));
        let Data::PassThrough(response) = with_type(untyped).await.data else { panic!("it was passed through") };
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "<p>more");

        let Data::PassThrough(response) = with_type(reply(Response::builder(), Body::from("abc"))).await.data else {
            panic!("it was passed through")
        };
        assert_eq!(response.body().size_hint().exact(), Some(3));
    }

    #[tokio::test]
    async fn what_breaks_off_at_once_still_does() {
        let frames = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]);
        let Data::PassThrough(response) = with_type(reply(Response::builder(), Body::from_stream(frames))).await.data
        else {
            panic!("it was passed through")
        };
        assert!(!response.headers().contains_key(CONTENT_TYPE));
        assert!(response.into_body().collect().await.is_err());
    }

    #[test]
    fn other_answers_are_left_alone() {
        let typed = Response::builder().header(CONTENT_TYPE, "");
        let coded = Response::builder().header(CONTENT_ENCODING, "br");
        let empty = Response::builder().status(StatusCode::NO_CONTENT);
        for (response, body) in [(typed, "a"), (coded, "a"), (empty, "")] {
            assert!(!is_needed(&reply(response, Body::from(body))));
        }
    }
}
