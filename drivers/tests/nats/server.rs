//! A server of a test's own, and what tests do with a client of it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sluicegate_drivers::{Broker as _, BrokerState, Counters, Delivery as _, PublisherOptions, Settlement, nats};

use crate::support;
pub(super) use crate::support::{far, settings, until};

/// A server that ends with the value. It keeps its port when it is started again.
pub(super) struct Server {
    pub(super) folder: PathBuf,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
}

impl Server {
    /// Starts one whose configuration has `extra`, where `BROKERS` says that there can be any.
    pub(super) fn start(extra: &str) -> Option<Self> {
        if !support::can_start("nats") {
            return None;
        }
        let mut server = Self { folder: support::folder("nats", extra), address: String::new() };
        server.run();
        Some(server)
    }

    /// What its configuration has besides, from the next start on.
    pub(super) fn configure(&self, extra: &str) {
        self.write("extra.conf", extra);
    }

    /// Writes a file beside the configuration.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("the file can be written");
        path
    }

    pub(super) fn run(&mut self) {
        let text = support::start("nats", &self.folder);
        self.address = text.trim().strip_prefix("NATS_SERVER_URL=nats://").expect("an address").to_owned();
    }

    pub(super) async fn kill(&self) {
        support::kill(&self.folder, &self.address).await;
    }

    /// Stops it where it is, until it is sent `CONT`.
    pub(super) async fn pause(&self) {
        self.signal("STOP");
        // A thread may still answer until it has seen the signal.
        let threads = format!("/proc/{}/task", support::pid(&self.folder));
        until("every thread is stopped", || {
            let threads = fs::read_dir(&threads).expect("it runs");
            threads.flatten().all(|thread| {
                let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
                stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
            })
        })
        .await;
    }

    pub(super) fn signal(&self, signal: &str) {
        support::signal(&self.folder, signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        support::stop("nats", &self.folder);
    }
}

/// A client with these settings.
pub(super) fn open(values: &[(&'static str, &str)]) -> nats::Broker {
    nats::Broker::open(&settings(values)).unwrap_or_else(|error| panic!("{error}"))
}

/// A client of `server`, connected.
pub(super) async fn connected(server: &Server, values: &[(&'static str, &str)]) -> nats::Broker {
    let broker = open(&[&[("servers", &*server.address)], values].concat());
    until_connected(&broker).await;
    broker
}

pub(super) fn counters(broker: &nats::Broker) -> &Counters {
    broker.counters().expect("NATS counts")
}

pub(super) fn publisher(broker: &nats::Broker, url: &str) -> nats::Publisher {
    broker.publisher(url, &PublisherOptions::default()).expect("a topic")
}

pub(super) async fn until_connected(broker: &nats::Broker) {
    until("it is connected", || broker.state() == BrokerState::Connected).await;
}

pub(super) async fn receive(subscriber: &nats::Subscriber) -> nats::Delivery {
    use sluicegate_drivers::Subscriber as _;
    let received = tokio::time::timeout(Duration::from_secs(60), subscriber.receive(far())).await;
    received.expect("a message in a minute").expect("a message")
}

pub(super) async fn receive_text(subscriber: &nats::Subscriber) -> String {
    let delivery = receive(subscriber).await;
    delivery.settle(Settlement::Ack).await.expect("acknowledged");
    String::from_utf8(delivery.message().body.to_vec()).expect("text")
}
