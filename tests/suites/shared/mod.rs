//! Two gateways of processes of their own, which share one queue or one group.

use std::env;
use std::time::Duration;

use lapin::ExchangeKind;

use crate::faults::load::Load;
use crate::support::{Broker, Kafka, Program, Rabbitmq, eventually};

/// How long both work, and how long the one that stays works alone.
const CALM: Duration = Duration::from_secs(2);
/// A group notices that a member is gone when it has not heard of it for a while.
const TAKEN_OVER: Duration = Duration::from_secs(120);

async fn start(suite: &str, variable: (&str, &str)) -> Program {
    let mut command = Program::command(suite);
    command.args(["--listen", "127.0.0.1:0"]).env(variable.0, variable.1);
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();
    let connected = async || gateway.get("/__ready").await.json()["brokers"][suite]["state"] == "connected";
    eventually(connected).await;
    gateway
}

fn clients() -> usize {
    env::var("FAULT_CLIENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(50)
}

/// Both work, and nothing comes twice or is lost.
async fn share(one: &Program, other: &Program) {
    let load = Load::start(&[one.address, other.address], clients(), "/shared", "/shared");
    assert!(load.recovered(TAKEN_OVER).await.is_some(), "nothing was confirmed");
    tokio::time::sleep(CALM).await;
    let shares = load.shares();
    let sums = load.finish(TAKEN_OVER, true).await.sums();
    println!("two gateways delivered {shares:?}: {sums:?}");
    assert!(shares.iter().all(|share| *share > 0), "both deliver: {shares:?}");
    assert!(sums.confirmed > 0);
    assert_eq!((sums.lost, sums.duplicates, sums.foreign, sums.unknown, sums.refused), (0, 0, 0, 0, 0));
    assert_eq!(sums.delivered, sums.confirmed);
}

/// One is killed under load, and the other goes on with what that had.
async fn take_over(one: Program, other: Program) {
    let load = Load::start(&[one.address, other.address], clients(), "/shared", "/shared");
    assert!(load.recovered(TAKEN_OVER).await.is_some(), "nothing was confirmed");
    tokio::time::sleep(CALM).await;
    one.signal("KILL").await;
    let recovered = load.recovered(TAKEN_OVER).await;
    tokio::time::sleep(CALM).await;
    let sums = load.finish(TAKEN_OVER, true).await.sums();
    println!("one gateway killed, the other confirmed after {recovered:?}: {sums:?}");
    assert!(recovered.is_some(), "the other goes on");
    assert_eq!((sums.lost, sums.foreign, sums.refused_and_delivered), (0, 0, 0));
    // What was on its way to clients of the one that was killed may come again, and nothing else.
    assert!(sums.duplicates <= sums.delivered / 2, "{sums:?}");
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rabbitmq() {
    if !crate::support::broker("rabbitmq") {
        return;
    }
    let broker = Broker::start("rabbitmq", "shared").await;
    let url = broker.variable("RABBIT_SERVER_URL");
    let client = Rabbitmq::connect(url).await;
    client.declare("shared", ExchangeKind::Fanout, "shared", "").await;
    let variable = ("RABBIT_SERVER_URL", url);
    let (one, other) = (start("rabbitmq", variable).await, start("rabbitmq", variable).await);
    share(&one, &other).await;
    eventually(async || client.waiting("shared").await == 0).await;
    take_over(one, other).await;
    // All that waited is acknowledged, now that nobody has it any more.
    assert_eq!(client.waiting("shared").await, 0);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_kafka() {
    if !crate::support::broker("kafka") {
        return;
    }
    let broker = Broker::start("kafka", "shared").await;
    let servers = broker.variable("KAFKA_BROKERS");
    let client = Kafka::connect(servers);
    client.create(&["shared"], 4).await;
    let variable = ("KAFKA_BROKERS", servers);
    let (one, other) = (start("kafka", variable).await, start("kafka", variable).await);
    client.settled(&["shared"], 2).await;
    share(&one, &other).await;
    take_over(one, other).await;
    let committed: i64 = client.committed("shared", "shared").await.values().sum();
    assert_eq!(u64::try_from(committed), Ok(client.stored("shared").await), "all is settled");
    broker.stop().await;
}
