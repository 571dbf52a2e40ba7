//! A token endpoint of a test's own, whose answers the test chooses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::logins::token;

/// What is answered.
#[derive(Clone)]
pub(super) enum Answer {
    /// A token of that life.
    Token(Duration),
    /// A token, to whoever shows this in the head or the body of the request; 401 to others, with what they sent.
    TokenFor(String),
    /// This status line, and this body.
    Text(&'static str, String),
    /// Nothing, for as long as the caller waits.
    Nothing,
}

/// Ends with the value.
pub(super) struct TokenEndpoint {
    pub(super) address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl TokenEndpoint {
    pub(super) async fn start(answer: Answer) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), None, answer).await
    }

    /// With TLS, by a certificate for `localhost` whose PEM is returned.
    pub(super) async fn start_with_tls(answer: Answer) -> (Self, String) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .expect("a certificate");
        let tls = Some(TlsAcceptor::from(Arc::new(config)));
        let endpoint = Self::start_at("127.0.0.1:0".parse().expect("an address"), tls, answer).await;
        (endpoint, certified.cert.pem())
    }

    pub(super) async fn start_at(address: SocketAddr, tls: Option<TlsAcceptor>, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::default());
        let (of_task, log) = (Arc::clone(&answer), Arc::clone(&asked));
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, asked, tls) = (Arc::clone(&of_task), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &answer, &asked).await,
                        Some(tls) => {
                            // Who does not trust it goes away.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &answer, &asked).await;
                            }
                        }
                    }
                });
            }
        };
        Self { address, answer, asked, task: tokio::spawn(serve).abort_handle() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    pub(super) fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TokenEndpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Mutex<Answer>, asked: &Mutex<Vec<String>>) {
    let request = read(&mut stream).await;
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let chosen = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let given = |lasts: Duration| {
        let (token, seconds) = (token(lasts), lasts.as_secs());
        ("200 OK", format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{seconds}}}"#))
    };
    let (status, body) = match chosen {
        Answer::Token(lasts) => given(lasts),
        Answer::TokenFor(secret) if request.contains(&secret) => given(Duration::from_secs(600)),
        Answer::TokenFor(_) => {
            let sent = request.escape_default().to_string().replace('\\', "/");
            ("401 Unauthorized", format!(r#"{{"error":"invalid_client","error_description":"not you: {sent}"}}"#))
        }
        Answer::Text(status, body) => (status, body),
        Answer::Nothing => return drop(stream.read_to_end(&mut Vec::new()).await),
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // Who has read enough goes away.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A request with its body.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = String::new();
    let mut bytes = [0; 4096];
    loop {
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return request;
            }
        }
        match stream.read(&mut bytes).await {
            Ok(count) if count > 0 => request += &String::from_utf8_lossy(&bytes[..count]),
            _ => return request,
        }
    }
}
