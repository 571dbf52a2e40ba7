//! Who gives tokens, on loopback: what Azure has for it, in three forms. The tokens are ones that the stand-in checks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// Ends with the value.
pub(super) struct TokenEndpoint {
    pub(super) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

/// What is answered.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// A token that lasts as many seconds.
    Token(u64),
    /// A refusal, as Entra says it.
    No,
}

impl TokenEndpoint {
    pub(super) async fn start(tls: Option<TlsAcceptor>, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, tls) = (Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, answer, &log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, answer, &log).await;
                            }
                        }
                    }
                });
            }
        };
        Self { port, asked, task: tokio::spawn(serve).abort_handle() }
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

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A token for the whole namespace.
pub(super) fn token(seconds: u64) -> String {
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (resource, end) = (escape("amqps://localhost/"), now() + seconds);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let signature = BASE64.encode(hmac::sign(&key, format!("{resource}\n{end}").as_bytes()).as_ref());
    format!("SharedAccessSignature sr={resource}&sig={}&se={end}&skn=gateway", escape(&signature))
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer, asked: &Mutex<Vec<String>>) {
    let request = read(&mut stream).await;
    if request.is_empty() {
        // Only to see whether somebody is there.
        return;
    }
    let is_entra = request.contains("/oauth2/v2.0/token");
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let (status, body) = match answer {
        Answer::Token(seconds) if is_entra => {
            let token = token(seconds);
            let body = format!(
                r#"{{"token_type":"Bearer","expires_in":{seconds},"ext_expires_in":{seconds},"access_token":"{token}"}}"#
            );
            ("200 OK", body)
        }
        Answer::Token(seconds) => {
            let (token, end) = (token(seconds), now() + seconds);
            let resource = "https://servicebus.azure.net";
            let body = format!(
                r#"{{"access_token":"{token}","expires_on":"{end}","token_type":"Bearer","resource":"{resource}"}}"#
            );
            ("200 OK", body)
        }
        Answer::No => {
            let text = r"AADSTS7000215: Invalid client secret provided (hunter2).\r\nTrace ID: 0";
            (
                "401 Unauthorized",
                format!(r#"{{"error":"invalid_client","error_description":"{text}","error_codes":[7000215]}}"#),
            )
        }
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
