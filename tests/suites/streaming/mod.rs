//! What nobody has to read is not kept: large bodies pass through, and the program's memory stays as it is.
//!
//! `STREAMED_MEGABYTES=1024 cargo test -p sluicegate-tests streaming` moves a gigabyte each way.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::sync::Once;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::BodyExt;

use crate::support::{Client, Framing, Program, json, serve_upstream};

const MEGABYTE: usize = 1 << 20;
static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];

/// How much more the program may have used at any time than before.
const MORE_KILOBYTES: u64 = 8 << 10;

fn megabytes() -> usize {
    std::env::var("STREAMED_MEGABYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(256)
}

async fn start() -> Program {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18266", answer));
    Program::start("streaming").await
}

async fn answer(mut request: Request<Body>) -> Response<Body> {
    if let Some(megabytes) = request.uri().path().strip_prefix("/download/") {
        let pieces = megabytes.parse::<usize>().expect("a number") * MEGABYTE / PIECE.len();
        let pieces = (0..pieces).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&PIECE)));
        return Response::new(Body::from_stream(stream::iter(pieces)));
    }
    if let Some(megabytes) = request.uri().path().strip_prefix("/zipped/") {
        // A megabyte is a member of the stream.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..MEGABYTE / PIECE.len() {
            encoder.write_all(&PIECE).expect("memory");
        }
        let member = Bytes::from(encoder.finish().expect("memory"));
        let members = (0..megabytes.parse().expect("a number")).map(move |_| Ok::<_, std::io::Error>(member.clone()));
        let body = Body::from_stream(stream::iter(members));
        return Response::builder().header("Content-Encoding", "gzip").body(body).expect("a response");
    }
    let mut length = 0;
    while let Some(frame) = request.body_mut().frame().await {
        length += frame.expect("a body").data_ref().map_or(0, Bytes::len);
    }
    json(&format!(r#"{{"bytes":{length}}}"#))
}

async fn download(client: &mut Client, path: &str, megabytes: usize) {
    client.send(format!("GET {path}/{megabytes} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let (head, framing) = client.head().await;
    assert_eq!((head.status, matches!(framing, Framing::Chunked)), (200, true));
    // A client that does not read for a while makes the backend wait, not the gateway gather.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let read = client.rest_of(megabytes * MEGABYTE).await;
    assert!(read >= megabytes * MEGABYTE);
}

async fn upload(client: &mut Client, path: &str, megabytes: usize) {
    let length = megabytes * MEGABYTE;
    client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")).await;
    for _ in 0..length / PIECE.len() {
        client.send(PIECE).await;
    }
    assert_eq!(client.answer().await.json()["bytes"], length);
}

#[tokio::test]
async fn downloads_and_uploads_cost_no_memory() {
    let program = start().await;
    // What a first request needs is not what is measured.
    download(&mut program.client().await, "/download", 4).await;
    download(&mut program.client().await, "/zipped", 4).await;
    upload(&mut program.client().await, "/upload", 4).await;
    let before = program.peak();
    download(&mut program.client().await, "/download", megabytes()).await;
    let down = program.peak();
    // The client takes no gzip, so it is decompressed on the way.
    download(&mut program.client().await, "/zipped", megabytes()).await;
    let unzipped = program.peak();
    upload(&mut program.client().await, "/upload", megabytes()).await;
    upload(&mut program.client().await, "/upload/json", megabytes()).await;
    let up = program.peak();
    assert!(down < before + MORE_KILOBYTES, "a download: from {before} to {down} kB");
    assert!(unzipped < before + MORE_KILOBYTES, "a download that is decompressed: from {before} to {unzipped} kB");
    assert!(up < before + MORE_KILOBYTES, "an upload: from {before} to {up} kB");
}
