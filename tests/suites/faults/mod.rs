//! What becomes of messages when brokers, connections and gateways fail, under a load of many clients.
//!
//! `FAULT_CLIENTS` publishers and as many consumers (200 by default) work through a gateway of its own process while one
//! thing fails; then publishing stops, what is left is consumed, and the ledger is printed as a line of a table:
//!
//! ```sh
//! tests/brokers/with nats rabbitmq kafka moto pubsub servicebus clients -- cargo test --package sluicegate-tests faults -- --nocapture
//! ```
//!
//! `FAULTS=nats/BrokerKilled` runs one of them, `FAULTS=jetstream/` those of one driver.
//!
//! Numbers that depend on time are printed; what is asserted is what a driver promises.

mod ledger;
pub(crate) mod load;
mod proxy;
mod subjects;

use std::time::Duration;

use self::ledger::Sums;
use self::load::Load;
use self::proxy::Proxy;
use crate::support::{Broker, Program, soon};

/// Before anything fails, and after it works again.
const CALM: Duration = Duration::from_secs(2);
const KILLED: Duration = Duration::from_secs(3);
const PAUSED: Duration = Duration::from_secs(10);
/// How long recovering and emptying may take, on a machine that has other things to do.
const RECOVERY_LIMIT: Duration = Duration::from_secs(60);
const FINISH_LIMIT: Duration = Duration::from_secs(180);

/// A driver to be put through it.
struct Subject {
    driver: &'static str,
    /// The script of tests/brokers that starts its broker.
    broker: &'static str,
    /// The suite whose gateway it is, and where that publishes to it and consumes from it.
    suite: &'static str,
    publish: &'static str,
    consume: &'static str,
    /// What a publisher was told and what was stored are the same, and what was stored is delivered.
    at_least_once: bool,
    /// How many publishers and consumers it is put through it with, at most.
    clients: usize,
    /// What was stored is gone when the broker is killed: it only stands for a service.
    in_memory: bool,
    /// The environment that leads the gateway to the broker at a port.
    environment: fn(u16) -> Vec<(&'static str, String)>,
    /// The end of the broker's configuration: what it has to be told of the proxy before it, so that clients do not go
    /// around it.
    configuration: fn(u16) -> String,
    /// Makes what the gateway expects to be there.
    prepare: AsyncOnBroker<()>,
    /// How many messages the broker has taken, where it can say so.
    stored: Option<AsyncOnBroker<u64>>,
    /// Those are counted where nothing is delivered from.
    stored_apart: bool,
}

impl Subject {
    /// Whether nothing that was confirmed may get lost.
    fn keeps_all(&self, fault: Fault) -> bool {
        self.at_least_once && !(self.in_memory && fault == Fault::BrokerKilled)
    }
}

type AsyncOnBroker<T> = fn(u16) -> futures_util::future::BoxFuture<'static, T>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    BrokerKilled,
    BrokerPaused,
    ConnectionsCut,
    GatewayKilled,
    GatewayDrained,
}

const FAULTS: [Fault; 5] =
    [Fault::BrokerKilled, Fault::BrokerPaused, Fault::ConnectionsCut, Fault::GatewayKilled, Fault::GatewayDrained];

/// Puts a driver through all of it, one fault after the other.
async fn put_through(subject: Subject) {
    if !crate::support::broker(subject.broker) {
        return;
    }
    let only = std::env::var("FAULTS").unwrap_or_default();
    println!("{}", header());
    let mut broken = Vec::new();
    for fault in FAULTS {
        if !format!("{}/{fault:?}", subject.driver).contains(&only) {
            continue;
        }
        let line = Line::of(&subject, fault).await;
        println!("{line}");
        broken.extend(line.broken(&subject));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What came out of one run.
struct Line {
    driver: &'static str,
    fault: Fault,
    stored: Option<u64>,
    sums: Sums,
    recovered: Option<Duration>,
}

impl Line {
    async fn of(subject: &Subject, fault: Fault) -> Self {
        let proxy = Proxy::start().await;
        let name = format!("{}-{fault:?}", subject.driver);
        let broker = Broker::start_with(subject.broker, &name, &(subject.configuration)(proxy.port)).await;
        proxy.to(broker.port);
        (subject.prepare)(broker.port).await;
        let mut gateway = start_gateway(subject, proxy.port, None).await;
        let clients = std::env::var("FAULT_CLIENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
        let clients = usize::min(clients, subject.clients);
        let load = Load::start(&[gateway.address], clients, subject.publish, subject.consume);
        let settled = load.recovered(RECOVERY_LIMIT).await;
        assert!(settled.is_some(), "{}: nothing was confirmed before {fault:?}", subject.driver);
        tokio::time::sleep(CALM).await;
        match fault {
            Fault::BrokerKilled => {
                broker.kill().await;
                tokio::time::sleep(KILLED).await;
                broker.restart().await;
                if subject.in_memory {
                    (subject.prepare)(broker.port).await;
                }
            }
            Fault::BrokerPaused => {
                broker.pause().await;
                tokio::time::sleep(PAUSED).await;
                broker.resume().await;
            }
            Fault::ConnectionsCut => {
                for _ in 0..3 {
                    proxy.cut();
                    tokio::time::sleep(CALM / 2).await;
                }
            }
            Fault::GatewayKilled | Fault::GatewayDrained => {
                let address = gateway.address;
                gateway.signal(if fault == Fault::GatewayKilled { "KILL" } else { "TERM" }).await;
                let status = gateway.ended().await;
                assert_eq!(status.success(), fault == Fault::GatewayDrained, "{}: {status}", subject.driver);
                gateway = start_gateway(subject, proxy.port, Some(address)).await;
            }
        }
        let recovered = load.recovered(RECOVERY_LIMIT).await;
        tokio::time::sleep(CALM).await;
        let sums = load.finish(FINISH_LIMIT, subject.keeps_all(fault)).await.sums();
        let stored = match subject.stored {
            Some(stored) => Some(stored(broker.port).await),
            None => None,
        };
        gateway.signal("TERM").await;
        soon(gateway.ended()).await;
        broker.stop().await;
        Self { driver: subject.driver, fault, stored, sums, recovered }
    }

    /// What a driver promises and did not keep.
    fn broken(&self, subject: &Subject) -> Vec<String> {
        let Sums { confirmed, unknown, delivered, lost, refused_and_delivered, foreign, .. } = self.sums;
        let mut broken = Vec::new();
        let mut holds = |holds: bool, what: String| {
            if !holds {
                broken.push(format!("{} under {:?}: {what}", self.driver, self.fault));
            }
        };
        holds(self.recovered.is_some(), format!("nothing was confirmed for {RECOVERY_LIMIT:?} after it"));
        holds(confirmed > 0, "nothing was confirmed".to_owned());
        holds(foreign == 0, format!("{foreign} messages were delivered that nobody published"));
        holds(refused_and_delivered == 0, format!("{refused_and_delivered} messages were refused, and delivered"));
        if subject.keeps_all(self.fault) {
            holds(lost == 0, format!("{lost} messages were confirmed and lost"));
            if let Some(stored) = self.stored {
                let apart = subject.stored_apart && self.fault == Fault::BrokerKilled;
                let differ = if apart { unknown } else { 0 };
                holds(
                    stored.abs_diff(delivered) <= differ,
                    format!("{stored} messages were stored, {delivered} delivered completely"),
                );
            }
        }
        broken
    }
}

/// At `address` again after one that ended.
async fn start_gateway(subject: &Subject, port: u16, address: Option<std::net::SocketAddr>) -> Program {
    let listen = address.map_or("127.0.0.1:0".to_owned(), |address| address.to_string());
    let mut command = Program::command(subject.suite);
    command.args(["--listen", &listen]).envs((subject.environment)(port));
    let mut program = Program::spawn(command).await;
    program.discard_logs();
    program
}

fn header() -> String {
    format!(
        "\n{:<17} {:<15} {:>9} {:>8} {:>8} {:>7} {:>9} {:>11} {:>10} {:>6} {:>10}",
        "driver",
        "fault",
        "confirmed",
        "refused",
        "unknown",
        "stored",
        "delivered",
        "redelivered",
        "duplicates",
        "lost",
        "recovered"
    )
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sums { confirmed, refused, unknown, delivered, redelivered, duplicates, lost, .. } = self.sums;
        let stored = self.stored.map_or("-".to_owned(), |stored| stored.to_string());
        let recovered = self.recovered.map_or("never".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
        write!(
            f,
            "{:<17} {:<15} {confirmed:>9} {refused:>8} {unknown:>8} {stored:>7} {delivered:>9} {redelivered:>11} \
             {duplicates:>10} {lost:>6} {recovered:>10}",
            self.driver,
            format!("{:?}", self.fault)
        )
    }
}
