//! The gateway of `gateway.json`, written by hand with axum: what the generated one is measured against.
//!
//! The duties of both are listed in the README of this package. Written once, as well as its authors
//! could, and then left alone: a change here moves the scale, not the result.

mod broker;
mod http_backend;
#[cfg(feature = "kafka")]
mod kafka;
mod nats;
mod queue;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
mod routes;

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::routing::{get, post};
use axum::serve::{IncomingStream, Listener};
use http::HeaderValue;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::http_backend::HttpBackend;
use crate::queue::Queue;

/// The capacity of the subscription, as in `gateway.json`.
const CAPACITY: usize = 1_000_000;
/// A message that was not settled for this long is delivered again.
const ACK_DEADLINE: Duration = Duration::from_secs(60);

/// What the handlers share.
struct Gateway {
    backend: HttpBackend,
    queue: Arc<Queue>,
}

/// The client of a connection; its address is rendered once, not with every request.
#[derive(Clone)]
struct Peer {
    address: HeaderValue,
}

/// A TCP listener whose connections send small responses at once.
struct NoDelayListener(TcpListener);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { address, nats, rabbitmq, kafka } = arguments()?;
    let queue = Queue::new(CAPACITY, ACK_DEADLINE);
    tokio::spawn(redeliver(Arc::clone(&queue)));

    let router = Router::new()
        .route("/pass", get(routes::pass))
        .route("/filter/{id}", get(routes::filter))
        .route("/publish", post(routes::publish))
        .route("/consume", get(routes::consume))
        .route("/__health", get(routes::health))
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .with_state(Arc::new(Gateway { backend: HttpBackend::new(), queue }));
    let mut router = router;
    if let Some(url) = nats {
        router = router.merge(nats_routes(&url).await?);
    }
    if let Some(url) = rabbitmq {
        router = router.merge(rabbitmq_routes(&url).await?);
    }
    if let Some(brokers) = kafka {
        router = router.merge(kafka_routes(&brokers)?);
    }

    let listener = TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    println!("listening on {address}");
    axum::serve(NoDelayListener(listener), router.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(terminated())
        .await?;
    Ok(())
}

async fn nats_routes(url: &str) -> Result<Router, Box<dyn Error>> {
    Ok(Router::new()
        .route("/nats/publish", post(nats::publish))
        .route("/nats/consume", get(nats::consume))
        .route("/jetstream/publish", post(nats::jetstream_publish))
        .route("/jetstream/consume", get(nats::jetstream_consume))
        .with_state(nats::Nats::open(url).await?))
}

#[cfg(feature = "rabbitmq")]
async fn rabbitmq_routes(url: &str) -> Result<Router, Box<dyn Error>> {
    Ok(Router::new()
        .route("/rabbitmq/publish", post(rabbitmq::publish))
        .route("/rabbitmq/consume", get(rabbitmq::consume))
        .with_state(rabbitmq::Rabbitmq::open(url).await?))
}

#[cfg(not(feature = "rabbitmq"))]
async fn rabbitmq_routes(_: &str) -> Result<Router, Box<dyn Error>> {
    Err("--rabbitmq needs a build with the feature `rabbitmq`".into())
}

#[cfg(feature = "kafka")]
fn kafka_routes(brokers: &str) -> Result<Router, Box<dyn Error>> {
    Ok(Router::new()
        .route("/kafka/publish", post(kafka::publish))
        .route("/kafka/consume", get(kafka::consume))
        .with_state(kafka::Kafka::open(brokers)?))
}

#[cfg(not(feature = "kafka"))]
fn kafka_routes(_: &str) -> Result<Router, Box<dyn Error>> {
    Err("--kafka needs a build with the feature `kafka`".into())
}

/// Where to listen, and the brokers that there are.
struct Arguments {
    address: SocketAddr,
    nats: Option<String>,
    rabbitmq: Option<String>,
    kafka: Option<String>,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    use lexopt::prelude::*;

    let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut arguments = Arguments { address, nats: None, rabbitmq: None, kafka: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("listen") => arguments.address = parser.value()?.parse()?,
            Long("nats") => arguments.nats = Some(parser.value()?.string()?),
            Long("rabbitmq") => arguments.rabbitmq = Some(parser.value()?.string()?),
            Long("kafka") => arguments.kafka = Some(parser.value()?.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(arguments)
}

async fn redeliver(queue: Arc<Queue>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        queue.give_back_expired(Instant::now());
    }
}

async fn terminated() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(error) => {
            eprintln!("SIGTERM cannot be handled: {error}");
            std::future::pending::<()>().await;
        }
    }
}

// === impl NoDelayListener ===

impl Listener for NoDelayListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Only fails on a connection that is already gone; the first read will say so.
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

// === impl Peer ===

impl Connected<IncomingStream<'_, NoDelayListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, NoDelayListener>) -> Self {
        Self::new(stream.remote_addr().ip())
    }
}

impl Peer {
    fn new(address: IpAddr) -> Self {
        // The text of an address holds only digits, letters, dots and colons.
        let address = HeaderValue::try_from(address.to_string()).unwrap_or(HeaderValue::from_static("unknown"));
        Self { address }
    }
}
