use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Running, soon};

/// A client of HTTP/2: one connection, which clones share.
#[derive(Clone)]
pub(crate) struct Http2(http2::SendRequest<Body>);

impl Http2 {
    /// Without TLS, by prior knowledge.
    pub(crate) async fn connect(gateway: &Running) -> Self {
        let stream = TcpStream::connect(gateway.address).await.expect("the gateway listens");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Self::over(stream).await
    }

    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) =
            soon(http2::handshake(TokioExecutor::new(), TokioIo::new(stream))).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Dropping the answer's body before its end resets the stream.
    pub(crate) async fn send(&mut self, method: &str, path: &str, body: impl Into<Bytes>) -> Response<Incoming> {
        self.send_with(method, path, ("x-test", "yes".to_owned()), body).await
    }

    pub(crate) async fn send_with(
        &mut self,
        method: &str,
        path: &str,
        header: (&str, String),
        body: impl Into<Bytes>,
    ) -> Response<Incoming> {
        let request = Request::builder().method(method).uri(format!("http://gateway.test{path}"));
        let request = request.header(header.0, header.1).body(Body::from(body.into())).expect("a request");
        soon(self.0.send_request(request)).await.expect("an answer")
    }

    /// Status and body.
    pub(crate) async fn get(&mut self, path: &str) -> (u16, Bytes) {
        let answer = self.send("GET", path, "").await;
        let status = answer.status().as_u16();
        (status, soon(answer.into_body().collect()).await.expect("complete").to_bytes())
    }
}
