//! Clients that publish and consume through a gateway, and write down what they see.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::ledger::{Ledger, Told};

/// How long a publisher rests between two messages: a load, and not a measurement.
const REST: Duration = Duration::from_millis(100);
/// Longer than any endpoint takes.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long everything has to be silent before nothing is taken to be left.
const SILENCE: Duration = Duration::from_secs(8);

/// The clients of one run.
pub(crate) struct Load {
    state: Arc<State>,
    clients: JoinSet<()>,
}

struct State {
    gateways: Vec<SocketAddr>,
    ledger: Ledger,
    /// How much each gateway has delivered.
    shares: Vec<AtomicU64>,
    next: AtomicU64,
    publishing: AtomicUsize,
    phase: watch::Sender<Phase>,
    begun: Instant,
    /// When something was last delivered, and last confirmed, in milliseconds since `begun`.
    last_delivery: AtomicU64,
    last_confirmation: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Phase {
    All,
    Consume,
    End,
}

impl Load {
    /// Starts as many publishers as consumers, which share the gateways among them.
    pub(crate) fn start(gateways: &[SocketAddr], clients: usize, publish: &'static str, consume: &'static str) -> Self {
        let state = Arc::new(State {
            gateways: gateways.to_vec(),
            ledger: Ledger::default(),
            shares: gateways.iter().map(|_| AtomicU64::new(0)).collect(),
            next: AtomicU64::new(0),
            publishing: AtomicUsize::new(clients),
            phase: watch::Sender::new(Phase::All),
            begun: Instant::now(),
            last_delivery: AtomicU64::new(0),
            last_confirmation: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let gateway = client % gateways.len();
            tasks.spawn(Arc::clone(&state).publish_all(gateway, publish));
            tasks.spawn(Arc::clone(&state).consume_all(gateway, consume));
        }
        Self { state, clients: tasks }
    }

    /// How long it took from now until a message was confirmed that was sent after now; `None` when it takes too long.
    pub(crate) async fn recovered(&self, limit: Duration) -> Option<Duration> {
        let (start, since) = (Instant::now(), self.state.now());
        while self.state.last_confirmation.load(Ordering::Relaxed) <= since {
            if start.elapsed() > limit {
                return None;
            }
            sleep(Duration::from_millis(10)).await;
        }
        Some(start.elapsed())
    }

    /// How much each gateway has delivered so far.
    pub(crate) fn shares(&self) -> Vec<u64> {
        self.state.shares.iter().map(|share| share.load(Ordering::Relaxed)).collect()
    }

    /// Stops publishing, consumes until nothing comes any more, and returns the ledger.
    ///
    /// Where nothing may get lost, what is missing is waited for: a broker may take its time until it gives it to another.
    pub(crate) async fn finish(mut self, limit: Duration, at_least_once: bool) -> Ledger {
        self.state.phase.send_replace(Phase::Consume);
        let deadline = Instant::now() + limit;
        let silence = u64::try_from(SILENCE.as_millis()).unwrap_or(u64::MAX);
        let stopped = self.state.now();
        loop {
            let last = self.state.last_delivery.load(Ordering::Relaxed).max(stopped);
            let silent = self.state.now().saturating_sub(last) > silence;
            let silent = silent && !(at_least_once && self.state.ledger.sums().lost > 0);
            if (silent && self.state.publishing.load(Ordering::Relaxed) == 0) || Instant::now() > deadline {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.state.phase.send_replace(Phase::End);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        let Ok(state) = Arc::try_unwrap(self.state) else { panic!("every client has ended") };
        state.ledger
    }
}

impl State {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_in(&self, phase: Phase) -> bool {
        *self.phase.borrow() <= phase
    }

    async fn publish_all(self: Arc<Self>, gateway: usize, path: &'static str) {
        let mut connection = None;
        while self.is_in(Phase::All) {
            let id = format!("m{}", self.next.fetch_add(1, Ordering::Relaxed));
            let sent = self.now();
            let body = format!(r#"{{"id":"{id}"}}"#);
            // Nothing was sent where there was no connection.
            let Some(answer) = self.exchange(gateway, &mut connection, Method::POST, path, body).await else {
                sleep(REST).await;
                continue;
            };
            let told = match answer {
                Some((StatusCode::OK, ..)) => Told::Confirmed,
                Some((StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE, ..)) => Told::Refused,
                Some((StatusCode::GATEWAY_TIMEOUT, ..)) | None => Told::Unknown,
                Some((status, ..)) => panic!("publishing was answered {status}"),
            };
            self.ledger.told(&id, told);
            if told == Told::Confirmed {
                self.last_confirmation.fetch_max(sent, Ordering::Relaxed);
            }
            sleep(REST).await;
        }
        self.publishing.fetch_sub(1, Ordering::Relaxed);
    }

    async fn consume_all(self: Arc<Self>, gateway: usize, path: &'static str) {
        let mut connection = None;
        while self.is_in(Phase::Consume) {
            match self.exchange(gateway, &mut connection, Method::GET, path, String::new()).await {
                Some(Some((StatusCode::OK, count, body))) => {
                    let message: serde_json::Value = serde_json::from_slice(&body).expect("what was published is JSON");
                    self.ledger.delivered(message["id"].as_str().expect("what was published has an id"), count);
                    self.shares[gateway].fetch_add(1, Ordering::Relaxed);
                    self.last_delivery.fetch_max(self.now(), Ordering::Relaxed);
                }
                Some(Some((StatusCode::NO_CONTENT, ..))) => {}
                Some(Some((StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY, ..))) | Some(None) | None => {
                    sleep(REST).await;
                }
                Some(Some((status, ..))) => panic!("consuming was answered {status}"),
            }
        }
    }

    /// One request. `None`: it was never sent. `Some(None)`: it was, and its answer did not come whole.
    async fn exchange(
        &self,
        gateway: usize,
        connection: &mut Option<SendRequest<Full<Bytes>>>,
        method: Method,
        path: &str,
        body: String,
    ) -> Option<Option<(StatusCode, Option<u32>, Bytes)>> {
        let mut sender = match connection.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => connect(self.gateways[gateway]).await?,
        };
        sender.ready().await.ok()?;
        let request = Request::builder().method(method).uri(path).header("host", "gateway.test");
        let request = request.header("content-type", "application/json").body(Full::from(body)).expect("a request");
        let answer = timeout(PATIENCE, async {
            let response = sender.send_request(request).await.ok()?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            let count = head.headers.get("x-deliveries").and_then(|count| count.to_str().ok()?.parse().ok());
            Some((head.status, count, body))
        });
        let answer = answer.await.ok().flatten();
        if answer.is_some() {
            *connection = Some(sender);
        }
        Some(answer)
    }
}

async fn connect(gateway: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(gateway).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // It ends with its sender; what it ended with shows in the exchange.
    tokio::spawn(connection);
    Some(sender)
}
