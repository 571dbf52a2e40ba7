//! AMQP over WebSockets: for networks that let nothing through but HTTPS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::azure_service_bus::options::Server;
use crate::stream::Stream;

const PATH: &str = "/$servicebus/websocket";
const PROTOCOL: &str = "amqp";

/// The bytes that go over a WebSocket, in whatever messages they come.
pub(super) struct Socket {
    inner: WebSocketStream<Stream>,
    read: Bytes,
}

/// Makes a stream a WebSocket.
///
/// # Errors
/// The server does not want to.
pub(super) async fn connect(stream: Stream, server: &Server) -> Result<Socket, String> {
    let scheme = if server.encrypted { "wss" } else { "ws" };
    let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
    let mut request =
        format!("{scheme}://{host}:{}{PATH}", server.port).into_client_request().map_err(|error| said(&error))?;
    let protocol = PROTOCOL.parse().map_err(|_| "no protocol".to_owned())?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    // A frame of AMQP is much smaller.
    let config = WebSocketConfig::default().max_message_size(Some(1 << 20)).max_frame_size(Some(1 << 20));
    let connected = client_async_with_config(request, stream, Some(config)).await;
    let (inner, _) = connected.map_err(|error| said(&error))?;
    Ok(Socket { inner, read: Bytes::new() })
}

/// An answer's body may be anything.
fn said(error: &Error) -> String {
    match error {
        Error::Http(answer) => format!("it does not speak WebSockets here: it answers {}", answer.status()),
        other => other.to_string(),
    }
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::UnexpectedEof.into(),
        other => io::Error::other(said(&other)),
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.read.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => this.read = bytes,
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                // Pings are answered beneath, and nothing else is said here.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let part = this.read.split_to(this.read.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let inner = Pin::new(&mut self.get_mut().inner);
        let mut inner = inner;
        ready!(inner.as_mut().poll_ready(cx)).map_err(broken)?;
        inner.start_send(Message::Binary(Bytes::copy_from_slice(bytes))).map_err(broken)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_close(cx).map_err(broken)
    }
}
