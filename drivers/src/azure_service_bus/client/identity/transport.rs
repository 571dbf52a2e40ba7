//! What Azure's identities are asked over: HTTP/1.1, a connection for each question. Theirs would bring a client with another
//! idea of whose certificates are trusted. Redirects are not followed.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::CloudConfiguration;
use azure_core::error::{Error, ErrorKind};
pub(super) use azure_core::http::ClientOptions;
use azure_core::http::headers::Headers;
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request, RetryOptions, StatusCode, Transport};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::timeout;

use crate::host_port;
use crate::stream::Stream;

/// From the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long an answer may be.
const MOST: usize = 256 * 1024;

/// Where a machine's metadata service is, unless the variable says otherwise, as it does for Azure's other clients.
const METADATA_HOST: &str = "169.254.169.254";
const METADATA_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

pub(super) struct Http {
    tls: ClientConfig,
}

/// What an identity is made with.
pub(super) fn client_options(http: &Arc<Http>, cloud: Option<Arc<CloudConfiguration>>) -> ClientOptions {
    ClientOptions {
        // Whoever needs the token tries again.
        retry: RetryOptions::none(),
        transport: Some(Transport::new(Arc::clone(http) as _)),
        cloud,
        ..Default::default()
    }
}

type Asked<'a> = Pin<Box<dyn Future<Output = azure_core::Result<AsyncRawResponse>> + Send + 'a>>;

impl Http {
    pub(super) fn new(tls: ClientConfig) -> Self {
        Self { tls }
    }

    /// Whether somebody listens where the metadata service should be.
    pub(super) async fn probe_metadata(&self) -> Result<(), String> {
        let (host, port) = metadata(METADATA_HOST, 80);
        Stream::connect(&host, port).await.map(drop)
    }

    async fn exchange(&self, request: &Request) -> Result<AsyncRawResponse, String> {
        let url = request.url();
        let host = url.host_str().ok_or("its URL has no host")?;
        let port = url.port_or_known_default().ok_or("its URL has no port")?;
        let (host, port) = metadata(host.trim_start_matches('[').trim_end_matches(']'), port);
        let mut stream = Stream::connect(&host, port).await?;
        if url.scheme() == "https" {
            stream = stream.encrypted(self.tls.clone(), &host).await?;
        }
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let method = match request.method() {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
            _ => return Err("it is asked in an unknown way".to_owned()),
        };
        let Body::Bytes(body) = request.body() else { return Err("a question that is a stream".to_owned()) };
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut question = hyper::Request::builder().method(method).uri(target).header(HOST, authority);
        for (name, value) in request.headers().iter() {
            question = question.header(name.as_str(), value.as_str());
        }
        let question = question.header(CONNECTION, "close").body(Full::<Bytes>::new(body.clone()));
        let question = question.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let mut answered = pin!(async move {
            let answer = sender.send_request(question).await.map_err(|error| error.to_string())?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MOST).collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((status, body.to_bytes()))
        });
        let (status, body): (u16, Bytes) = tokio::select! {
            biased;
            answer = &mut answered => answer,
            // What it has read is still to be taken.
            _ = connection => answered.await,
        }?;
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(status), Headers::default(), body))
    }
}

impl HttpClient for Http {
    fn execute_request<'a, 'b, 'c>(&'a self, request: &'b Request) -> Asked<'c>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let host = request.url().host_str().unwrap_or_default().to_owned();
            let asked = timeout(PATIENCE, self.exchange(request)).await;
            let asked = asked.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
            asked.map_err(|reason| Error::with_message(ErrorKind::Io, format!("{host}: {reason}")))
        })
    }
}

/// Where the metadata service is to be found; others stay where they are.
fn metadata(host: &str, port: u16) -> (String, u16) {
    let elsewhere = || {
        let text = super::variable(METADATA_VARIABLE)?;
        let authority = text.strip_prefix("http://").unwrap_or(&text).trim_end_matches('/');
        let (host, port) = host_port::split(authority).ok()?;
        Some((host.to_owned(), port.unwrap_or(80)))
    };
    match host {
        METADATA_HOST => elsewhere().unwrap_or_else(|| (host.to_owned(), port)),
        _ => (host.to_owned(), port),
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}
