//! A server of a test's own, and what tests do with a client of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use sluicegate_drivers::{
    Broker as _, BrokerState, Counters, Delivery as _, PublisherOptions, Settings, Settlement, Source, nats,
};

/// A server that ends with the value. It keeps its port when it is started again.
pub(super) struct Server {
    pub(super) folder: PathBuf,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
}

impl Server {
    /// Starts one whose configuration has `extra`, where `BROKERS` says that there can be any.
    pub(super) fn start(extra: &str) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        if !env::var("BROKERS").is_ok_and(|brokers| brokers.split(' ').any(|broker| broker == "nats")) {
            assert!(env::var_os("CI").is_none(), "`nats` is not in BROKERS");
            println!("skipped: `nats` is not in BROKERS");
            return None;
        }
        let name = format!("sluicegate-nats-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut server = Self { folder: env::temp_dir().join(name), address: String::new() };
        fs::create_dir_all(&server.folder).expect("a folder");
        server.configure(extra);
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
        let output = Command::new(script("start-nats.sh")).arg(&self.folder).output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        self.address = text.trim().strip_prefix("NATS_SERVER_URL=nats://").expect("an address").to_owned();
    }

    pub(super) async fn kill(&self) {
        self.signal("KILL");
        while std::net::TcpStream::connect(&self.address).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it where it is, until it is sent `CONT`.
    pub(super) async fn pause(&self) {
        self.signal("STOP");
        // A thread may still answer until it has seen the signal.
        let threads = format!("/proc/{}/task", self.pid());
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
        let pid = self.pid();
        let status = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill");
        assert!(status.success(), "{signal} {pid}");
    }

    fn pid(&self) -> String {
        let pid = fs::read_to_string(self.folder.join("pid")).expect("it was started");
        pid.split(' ').next().unwrap_or_default().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new(script("stop-nats.sh")).arg(&self.folder).status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/brokers").join(name)
}

/// A named broker with these values.
pub(super) fn settings(values: &[(&'static str, &str)]) -> Settings {
    let one = |(name, value): &(&'static str, &str)| {
        let source: &'static str = (*value).to_owned().leak();
        let source = match source.strip_prefix("file:") {
            Some(path) => Source::File(path),
            None => Source::Literal(source),
        };
        let sources: &'static [Source] = vec![source].leak();
        (*name, sources)
    };
    let values: Vec<_> = values.iter().map(one).collect();
    Settings { name: Some("test"), values: values.leak(), base: PathBuf::new() }
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

/// When a test stops to wait, at the latest.
pub(super) fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(super) async fn until_connected(broker: &nats::Broker) {
    until("it is connected", || broker.state() == BrokerState::Connected).await;
}

pub(super) async fn until(what: &str, mut it_is: impl FnMut() -> bool) {
    let end = far();
    while !it_is() {
        assert!(Instant::now() < end, "not seen in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
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
