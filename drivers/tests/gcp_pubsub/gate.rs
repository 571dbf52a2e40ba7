//! A service of a test's own, behind TLS, whose answers the test chooses, and which sees who asks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64_NOPAD;
use h2::server::{self, SendResponse};
use http::{HeaderMap, Request, Response};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

/// Ends with the value.
pub(super) struct Gate {
    /// `localhost:PORT`.
    pub(super) address: String,
    /// Its certificate's PEM file.
    pub(super) ca: String,
    answer: Shared<Answer>,
    seen: Shared<Vec<Seen>>,
    /// Counts how often connections were asked to end.
    leave: watch::Sender<u64>,
    /// How many connections there were.
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

type Shared<T> = Arc<Mutex<T>>;

/// How a publish is answered.
pub(super) type Answer = Box<dyn FnMut(&Seen) -> Reply + Send>;

#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// As many ids as there are messages.
    Ids,
    /// This status, by its number.
    Status(u32, &'static str),
    /// The same, with details.
    Detailed(u32, &'static str, Vec<u8>),
    /// The stream is refused before it was looked at.
    Refused,
    /// The stream ends in the middle.
    Reset,
    /// Nothing.
    Silence,
    /// Ids, after a while.
    Later(Duration),
    /// The end in the middle, after a while.
    ResetLater(Duration),
    /// These bytes as a message, and success.
    Bytes(&'static [u8]),
}

/// A request that was seen.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) authority: String,
    pub(super) headers: HeaderMap,
    /// The bodies of its messages, where it publishes.
    pub(super) bodies: Vec<String>,
    /// The message itself.
    pub(super) request: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct PublishRequest {
    #[prost(string, tag = "1")]
    topic: String,
    #[prost(message, repeated, tag = "2")]
    messages: Vec<Published>,
}

#[derive(Clone, PartialEq, Message)]
struct Published {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
    #[prost(btree_map = "string, string", tag = "2")]
    attributes: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct PublishResponse {
    #[prost(string, repeated, tag = "1")]
    message_ids: Vec<String>,
}

impl Gate {
    pub(super) async fn start(answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .expect("a certificate");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let ca = std::env::temp_dir().join(format!("sluicegate-gate-{}-{port}.pem", std::process::id()));
        std::fs::write(&ca, certified.cert.pem()).expect("the file can be written");
        let answer: Shared<Answer> = Arc::new(Mutex::new(Box::new(answer)));
        let (seen, leave) = (Shared::<Vec<Seen>>::default(), watch::Sender::new(0));
        let (to, log, leaving) = (Arc::clone(&answer), Arc::clone(&seen), leave.clone());
        let connections = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&connections);
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (to, log, leaving, acceptor) =
                    (Arc::clone(&to), Arc::clone(&log), leaving.subscribe(), acceptor.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, to, log, leaving).await;
                    }
                });
            }
        };
        let task = tokio::spawn(serve).abort_handle();
        let ca = ca.to_str().expect("text").to_owned();
        Self { address: format!("localhost:{port}"), ca, answer, seen, leave, connections, task }
    }

    /// Answers otherwise from now on.
    pub(super) fn set(&self, answer: impl FnMut(&Seen) -> Reply + Send + 'static) {
        *lock(&self.answer) = Box::new(answer);
    }

    /// Ends connections in order: what was asked is answered, and nothing more is taken.
    pub(super) fn say_go_away(&self) {
        self.leave.send_modify(|leave| *leave += 1);
    }

    /// How many connections there were so far.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// What was published so far, or tried to be.
    pub(super) fn published(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path.ends_with("/Publish")).collect()
    }

    /// Everything that was asked.
    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.ca);
    }
}

fn lock<T>(it: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Shared<Answer>,
    seen: Shared<Vec<Seen>>,
    mut leaving: watch::Receiver<u64>,
) {
    // As many as Google's servers take.
    let Ok(mut connection) = server::Builder::new().max_concurrent_streams(100).handshake(stream).await else { return };
    let mut asked = false;
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            Ok(()) = leaving.changed(), if !asked => {
                asked = true;
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, respond))) = accepted else { return };
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        tokio::spawn(respond_to(request, respond, answer, seen));
    }
}

async fn respond_to(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    answer: Shared<Answer>,
    log: Shared<Vec<Seen>>,
) {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
        bytes.extend_from_slice(&data);
    }
    let is_publish = head.uri.path().ends_with("/Publish");
    let request = match is_publish {
        true => PublishRequest::decode(bytes.get(5..).unwrap_or_default()).expect("a request"),
        false => PublishRequest::default(),
    };
    let text = |message: &Published| String::from_utf8_lossy(&message.data).into_owned();
    let seen = Seen {
        path: head.uri.path().to_owned(),
        authority: head.uri.authority().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        bodies: request.messages.iter().map(text).collect(),
        request: Bytes::copy_from_slice(bytes.get(5..).unwrap_or_default()),
    };
    lock(&log).push(seen.clone());
    let reply = lock(&answer)(&seen);
    let reply = match reply {
        Reply::Later(time) | Reply::ResetLater(time) => {
            tokio::time::sleep(time).await;
            if matches!(reply, Reply::Later(_)) { Reply::Ids } else { Reply::Reset }
        }
        at_once => at_once,
    };
    let mut details = None;
    let (message, status) = match reply {
        Reply::Ids => {
            let ids = (0..request.messages.len()).map(|number| format!("id-{number}")).collect();
            (PublishResponse { message_ids: ids }.encode_to_vec(), (0, ""))
        }
        Reply::Bytes(bytes) => (bytes.to_vec(), (0, "")),
        Reply::Status(code, text) => (Vec::new(), (code, text)),
        Reply::Detailed(code, text, bytes) => {
            details = Some(BASE64_NOPAD.encode(&bytes));
            (Vec::new(), (code, text))
        }
        Reply::Refused => return respond.send_reset(h2::Reason::REFUSED_STREAM),
        Reply::Reset => return respond.send_reset(h2::Reason::INTERNAL_ERROR),
        Reply::Silence | Reply::Later(_) | Reply::ResetLater(_) => return std::future::pending().await,
    };
    let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
    let Ok(mut stream) = respond.send_response(head, false) else { return };
    if status.0 == 0 {
        let length = u32::try_from(message.len()).expect("a short message");
        let frame = [&[0], &length.to_be_bytes()[..], &message].concat();
        let _ = stream.send_data(frame.into(), false);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.0.into());
    trailers.insert("grpc-message", http::HeaderValue::from_static(status.1));
    if let Some(details) = details {
        trailers.insert("grpc-status-details-bin", details.parse().expect("a header"));
    }
    let _ = stream.send_trailers(trailers);
}
