//! Answers that a backend has compressed.

use std::io;

use async_compression::tokio::bufread::GzipDecoder;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use http_body::Body as HttpBody;
use http_body_util::BodyDataStream;
use tokio_util::io::{ReaderStream, StreamReader};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How much is decompressed at a time. A small input can become a thousand times as large, so this is a bound.
const PIECE_BYTES: usize = 16 << 10;

/// Whether `Content-Encoding` says gzip, and nothing else (trap 58): what the bytes look like is not asked.
pub(crate) fn is_gzip(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

/// The same answer decompressed while it is read, without what was said of the compressed bytes. As in Go, several gzip
/// members in a row are one body, and a body that breaks off or fails its checksum is an error.
pub(crate) fn decompress<B>(response: Response<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_ENCODING);
    head.headers.remove(CONTENT_LENGTH);
    let bytes = BodyDataStream::new(body).map_err(|error| io::Error::other(error.into())).boxed();
    let mut decoder = GzipDecoder::new(StreamReader::new(bytes));
    decoder.multiple_members(true);
    Response::from_parts(head, Body::from_stream(ReaderStream::with_capacity(decoder, PIECE_BYTES)))
}

#[cfg(test)]
pub(crate) mod tests {
    use async_compression::tokio::write::GzipEncoder;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::body::read_body;

    pub(crate) async fn compress(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    }

    async fn decompressed(bytes: Vec<u8>) -> Result<Bytes, String> {
        let response = Response::builder().header("content-encoding", "GZIP").header("content-length", bytes.len());
        let response = response.body(http_body_util::Full::new(Bytes::from(bytes))).unwrap();
        assert!(is_gzip(response.headers()));
        let response = decompress(response);
        assert!(response.headers().is_empty());
        read_body(response.into_body(), None).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_was_compressed_comes_out() {
        let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        for bytes in [&b""[..], b"hello", &large] {
            assert_eq!(decompressed(compress(bytes).await).await.unwrap(), bytes);
        }
        let two = [compress(b"one,").await, compress(b"two").await].concat();
        assert_eq!(decompressed(two).await.unwrap(), "one,two");
    }

    #[tokio::test]
    async fn what_is_broken_is_an_error() {
        let whole = compress(b"hello, hello, hello").await;
        let mut wrong = whole.clone();
        let checksum = wrong.len() - 8;
        wrong[checksum] ^= 1;
        for bytes in [b"{\"plain\":1}".to_vec(), whole[..whole.len() - 9].to_vec(), whole[..5].to_vec(), wrong] {
            decompressed(bytes).await.unwrap_err();
        }
    }
}
