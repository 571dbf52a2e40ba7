//! The backend: the path says what it does wrong.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::support::bind;

/// How many connections have ended with `/unread`.
static ENDED: AtomicUsize = AtomicUsize::new(0);

pub(super) fn ended() -> usize {
    ENDED.load(Ordering::Relaxed)
}

const HONEST: &str = r#"{"honest":true}"#;

/// Serves on a thread of its own, for as long as the process lives.
pub(super) fn serve(address: &'static str) {
    let listener = bind(address);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            loop {
                let (stream, _) = listener.accept().await.expect("connections");
                tokio::spawn(async move {
                    // The gateway may go away at any time.
                    let _ = connection(stream).await;
                });
            }
        });
    });
}

async fn connection(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let head = read_head(&mut stream).await?;
        let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        if path == "early-answer" {
            stream.write_all(honest().as_bytes()).await?;
        }
        if chunked {
            read_chunks(&mut stream).await?;
        }
        if path != "early-answer" && !answer(&mut stream, &path).await? {
            return Ok(());
        }
    }
}

fn honest() -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{HONEST}", HONEST.len())
}

/// False when the connection ends with it.
async fn answer(stream: &mut TcpStream, path: &str) -> std::io::Result<bool> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let chunked = format!("{ok}Transfer-Encoding: chunked\r\n\r\n");
    let text = match path {
        "honest" => return stream.write_all(honest().as_bytes()).await.map(|()| true),
        "close" => String::new(),
        "garbage" => "\u{1}\u{2}\u{3} no HTTP at all \u{7f}\r\n\r\n".repeat(10),
        "http09" => HONEST.to_owned(),
        "half-a-head" => ok.to_owned(),
        "bad-status" => format!("HTTP/1.1 20 OK\r\nContent-Length: 15\r\n\r\n{HONEST}"),
        "bad-version" => format!("HTTP/7.5 200 OK\r\nContent-Length: 15\r\n\r\n{HONEST}"),
        "nul-in-a-header" => format!("{ok}X-A: a\0b\r\nContent-Length: 15\r\n\r\n{HONEST}"),
        "two-lengths" => format!("{ok}Content-Length: 15\r\nContent-Length: 7\r\n\r\n{HONEST}"),
        "bad-length" => format!("{ok}Content-Length: -15\r\n\r\n{HONEST}"),
        "switching-protocols" => {
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned()
        }
        "truncated" => format!("{ok}Content-Length: 65\r\n\r\n{HONEST}"),
        "truncated-chunk" => format!("{chunked}ff\r\n{HONEST}"),
        "bad-chunk" => format!("{chunked}f\r\n{HONEST}\r\nxyz\r\n"),
        "too-long" => format!("{ok}Content-Length: 15\r\n\r\n{HONEST}, and more than was announced"),
        "some-continues" => format!("{}{}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(3), honest()),
        "until-close" => format!("{ok}Connection: close\r\n\r\n{HONEST}"),
        "lower-case" => format!("HTTP/1.1 200 ok\r\ncontent-length:15\r\n\r\n{HONEST}"),
        "bare-line-feeds" => format!("HTTP/1.1 200 OK\nContent-Length: 15\n\n{HONEST}"),
        "bomb" | "flood" | "unread" | "failing-flood" => return flood(stream, path, ok).await,
        "silence" | "slow-head" | "slow-body" | "reset" | "reset-in-the-body" => {
            return slowly(stream, path, ok).await;
        }
        _ => return endlessly(stream, path, ok, &chunked).await,
    };
    stream.write_all(text.as_bytes()).await?;
    Ok(matches!(path, "too-long" | "some-continues" | "lower-case" | "bare-line-feeds"))
}

async fn slowly(stream: &mut TcpStream, path: &str, ok: &str) -> std::io::Result<bool> {
    let pause = Duration::from_millis(30);
    match path {
        "silence" => drop(stream.read_u8().await),
        "slow-head" => {
            for byte in ok.bytes().chain(std::iter::repeat(b'x')) {
                stream.write_all(&[byte]).await?;
                sleep(pause).await;
            }
        }
        "slow-body" => {
            stream.write_all(format!("{ok}Content-Length: 100000\r\n\r\n").as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                sleep(pause).await;
            }
        }
        _ => {
            if path == "reset-in-the-body" {
                stream.write_all(format!("{ok}Content-Length: 100\r\n\r\n{HONEST}").as_bytes()).await?;
                // The head is to arrive before the reset.
                sleep(pause).await;
            }
            socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
        }
    }
    Ok(false)
}

/// Never ends by itself. Some megabytes a second, so that what the gateway gathers in the endpoint's time stays small.
async fn endlessly(stream: &mut TcpStream, path: &str, ok: &str, chunked: &str) -> std::io::Result<bool> {
    let spaces = " ".repeat(4000);
    let (start, again) = match path {
        "endless-headers" => (ok.to_owned(), format!("X-Header: {}\r\n", "x".repeat(500))),
        "endless-header" => (format!("{ok}X-Header: "), spaces),
        "endless-continue" => (String::new(), "HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
        "endless-chunk-size" => (chunked.to_owned(), "0".repeat(4000)),
        "endless-chunks" => (chunked.to_owned(), format!("fa0\r\n{spaces}\r\n")),
        _ => (format!("{ok}Content-Length: 1000000000000\r\n\r\n"), spaces),
    };
    stream.write_all(start.as_bytes()).await?;
    loop {
        stream.write_all(again.as_bytes()).await?;
        sleep(Duration::from_millis(1)).await;
    }
}

/// Much more than anybody wants to keep, as fast as it goes.
async fn flood(stream: &mut TcpStream, path: &str, ok: &str) -> std::io::Result<bool> {
    let spaces = vec![b' '; 1 << 20];
    let (head, again) = match path {
        // Each piece is a megabyte, a thousand times smaller.
        "bomb" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&spaces)?;
            (format!("{ok}Content-Encoding: gzip\r\nConnection: close\r\n\r\n"), encoder.finish()?)
        }
        "flood" | "unread" => (format!("{ok}Connection: close\r\n\r\n"), spaces),
        _ => ("HTTP/1.1 500 No\r\nConnection: close\r\n\r\n".to_owned(), spaces),
    };
    stream.write_all(head.as_bytes()).await?;
    loop {
        let written = stream.write_all(&again).await;
        if path == "unread" && written.is_err() {
            ENDED.fetch_add(1, Ordering::Relaxed);
        }
        written?;
    }
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn read_chunks(stream: &mut TcpStream) -> std::io::Result<()> {
    loop {
        let mut size = Vec::new();
        while !size.ends_with(b"\r\n") {
            size.push(stream.read_u8().await?);
        }
        let size = usize::from_str_radix(String::from_utf8_lossy(&size).trim(), 16).map_err(std::io::Error::other)?;
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).await?;
        if size == 0 {
            return Ok(());
        }
    }
}
