//! One binary with every scheme, that starts while every broker is down.

use std::time::Duration;

use lapin::ExchangeKind::Fanout;
use serde_json::{Value, json};

use crate::support::{Broker, Kafka, Moto, PATIENCE, Program, Rabbitmq, eventually, nats, standins};

const AWAY: &str = r#"{"error":"the message broker is not available now, try again"}"#;

/// Which drivers each server is for.
const SERVERS: [(&str, &[&str]); 6] = [
    ("nats", &["nats", "jetstream"]),
    ("rabbitmq", &["rabbitmq"]),
    ("kafka", &["kafka"]),
    ("moto", &["sqs", "sns"]),
    ("pubsub", &["gcp_pubsub"]),
    ("servicebus", &["azure_service_bus"]),
];

#[tokio::test]
async fn it_starts_without_any_broker_and_finds_each_as_it_comes() {
    if !SERVERS.iter().all(|(name, _)| crate::support::broker(name)) || !crate::support::broker("clients") {
        return;
    }
    // They keep their ports, and are gone before the gateway starts.
    let started = SERVERS.map(|(name, _)| Broker::start(name, "eight-schemes"));
    let servers = futures_util::future::join_all(started).await;
    for server in &servers {
        prepare(server).await;
        server.kill().await;
    }
    let mut command = Program::command("eight_schemes");
    command.args(["--listen", "127.0.0.1:0"]).envs(servers.iter().flat_map(Broker::environment));
    let mut gateway = Program::spawn(command).await;
    gateway.discard_logs();

    let away: Vec<_> = SERVERS.iter().flat_map(|(_, drivers)| drivers.iter().copied()).collect();
    let mut sorted = away.clone();
    sorted.sort_unstable();
    let ready = gateway.get("/__ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("ready")), "none is required");
    let listed: Vec<_> = brokers(&gateway).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, sorted);
    for driver in &away {
        let path = format!("/{driver}");
        let answer = gateway.post(&path, "{}").await;
        assert_eq!((answer.brief(), answer.header("retry-after")), ((503, "false", AWAY), Some("1")), "{driver}");
    }
    let listed = brokers(&gateway).await;
    assert_eq!(connected(&listed), Vec::<&str>::new(), "{listed:?}");
    assert_eq!(gateway.get("/__health").await.status, 200);

    let mut there = Vec::new();
    for (server, (name, drivers)) in servers.iter().zip(SERVERS) {
        server.restart().await;
        if matches!(name, "moto" | "pubsub" | "rabbitmq") {
            // What it had went with it; what RabbitMQ was told just before may not have come as far as its disk.
            prepare(server).await;
        }
        let started = std::time::Instant::now();
        for driver in drivers {
            passes(&gateway, driver).await;
            println!("{driver}: passed {:.2} s after its broker had started", started.elapsed().as_secs_f64());
            there.push(*driver);
        }
        there.sort_unstable();
        // Those that have come, and none that is still away.
        let mut listed = Vec::new();
        let agrees = async {
            loop {
                listed = brokers(&gateway).await;
                if connected(&listed) == there {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, agrees).await;
        let running: Vec<_> = servers.iter().filter(|server| server.is_running()).map(|server| server.name).collect();
        assert!(
            in_time.is_ok(),
            "{name} has come: {there:?} are to be connected, listed is {listed:?}; of the servers, {running:?} run"
        );
    }
    gateway.stop().await;
    for server in servers {
        server.stop().await;
    }
}

/// Makes what the gateway expects to be there.
async fn prepare(server: &Broker) {
    match server.name {
        "nats" => nats::create_stream(server.port, "ORDERS", "orders").await,
        "rabbitmq" => {
            let client = Rabbitmq::connect(server.variable("RABBIT_SERVER_URL")).await;
            client.declare("eight", Fanout, "eight", "").await;
        }
        "kafka" => Kafka::connect(server.variable("KAFKA_BROKERS")).create(&["eight"], 1).await,
        "moto" => {
            let moto = Moto::at(server.variable("AWS_ENDPOINT_URL_SQS"));
            moto.create_queue("eight", &[]).await;
            moto.create_topic("eight", &["eight"], false).await;
        }
        "pubsub" => {
            let emulator = server.variable("PUBSUB_EMULATOR_HOST");
            let (topic, subscription) = ("projects/myproject/topics/eight", "projects/myproject/subscriptions/eight");
            standins::create_subscription(emulator, topic, subscription, &json!({})).await;
        }
        // It has what the gateway uses by itself.
        name => assert_eq!(name, "servicebus"),
    }
}

/// A message through a driver; what SNS gets is received from the queue behind it.
async fn passes(gateway: &Program, driver: &str) {
    let body = json!({ "driver": driver });
    eventually(async || {
        let answer = gateway.post(&format!("/{driver}"), body.to_string()).await;
        // What was sent while it came back may have been stored.
        assert!(matches!(answer.status, 200 | 502..=504), "{driver}: {answer:?}");
        answer.status == 200
    })
    .await;
    let from = if driver == "sns" { "sqs" } else { driver };
    eventually(async || {
        let answer = gateway.get(&format!("/{from}")).await;
        assert!(matches!(answer.status, 200 | 204 | 502 | 503), "{driver}: {answer:?}");
        answer.status == 200 && answer.json() == body
    })
    .await;
}

/// What `/__ready` says, by name.
async fn brokers(gateway: &Program) -> Vec<(String, Value)> {
    let mut answer = gateway.get("/__ready").await.json();
    let brokers = answer["brokers"].as_object_mut().map(std::mem::take).expect("an object");
    let mut brokers: Vec<_> = brokers.into_iter().collect();
    brokers.sort_by(|(a, _), (b, _)| a.cmp(b));
    brokers
}

/// The names of those that are said to be connected.
fn connected(listed: &[(String, Value)]) -> Vec<&str> {
    listed.iter().filter(|(_, it)| it["state"] == "connected").map(|(name, _)| &**name).collect()
}
