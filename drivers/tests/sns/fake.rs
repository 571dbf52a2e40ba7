//! A service of a test's own over HTTP, whose answers the test chooses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// `POST /path?query`.
    pub(super) line: String,
    head: String,
    pub(super) body: String,
}

/// What is done about it.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// This status, and this body of this content type.
    Answer(u16, &'static str, String),
    /// The same, after a wait.
    Late(Duration, Box<Reply>),
    /// Nothing, for as long as the caller waits.
    Silence,
    /// The connection is closed.
    Hangup,
}

/// Ends with the value.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
    task: AbortHandle,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whose key the request is signed with.
    pub(super) fn key(&self) -> Option<&str> {
        self.header("authorization")?.split_once("Credential=")?.1.split('/').next()
    }

    /// Whether its form has this field.
    pub(super) fn is(&self, field: &str) -> bool {
        self.body.split('&').any(|found| found == field)
    }
}

impl Fake {
    /// Starts one.
    pub(super) async fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(answer, |stream| std::future::ready(Some(stream))).await
    }

    /// Starts one with TLS, by a certificate for `localhost` whose PEM is returned.
    #[cfg(feature = "nats")]
    pub(super) async fn start_with_tls(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Self, String) {
        use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs};
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .expect("a certificate");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        // Who does not trust it goes away.
        let accept = move |stream| {
            let acceptor = acceptor.clone();
            async move { acceptor.accept(stream).await.ok() }
        };
        (Self::start_with(answer, accept).await, certified.cert.pem())
    }

    async fn start_with<S, F>(
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
        accept: impl Fn(TcpStream) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
        F: Future<Output = Option<S>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::<Mutex<Vec<Request>>>::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer, accept) = (Arc::clone(&log), Arc::clone(&answer), accept.clone());
                tokio::spawn(async move {
                    let Some(stream) = accept(stream).await else { return };
                    let _ = serve(stream, |request| {
                        log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
                        answer(request)
                    })
                    .await;
                });
            }
        };
        Self { address, asked, task: tokio::spawn(serve).abort_handle() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    answer: impl Fn(&Request) -> Reply,
) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        let Some(request) = next(&mut stream, &mut read).await? else { return Ok(()) };
        let mut reply = answer(&request);
        while let Reply::Late(wait, then) = reply {
            tokio::time::sleep(wait).await;
            reply = *then;
        }
        match reply {
            Reply::Late(..) | Reply::Hangup => return Ok(()),
            Reply::Silence => std::future::pending::<()>().await,
            Reply::Answer(status, kind, body) => {
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 600\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(body.as_bytes()).await?;
            }
        }
    }
}

async fn next(stream: &mut (impl AsyncRead + Unpin), read: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    loop {
        if let Some(end) = read.windows(4).position(|found| found == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let (line, head) = head.split_once("\r\n").unwrap_or((&head, ""));
            let line = line.strip_suffix(" HTTP/1.1").unwrap_or(line).to_owned();
            let mut request = Request { line, head: head.to_owned(), body: String::new() };
            let length = request.header("content-length").map_or(0, |length| length.parse().expect("a length"));
            if read.len() >= end + 4 + length {
                request.body = String::from_utf8_lossy(&read[end + 4..end + 4 + length]).into_owned();
                read.drain(..end + 4 + length);
                return Ok(Some(request));
            }
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}
