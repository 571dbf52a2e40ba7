//! The drivers that are put through it.

use lapin::ExchangeKind;

use super::{Subject, put_through};
use crate::support::{Kafka, Rabbitmq, nats};

fn core_nats() -> Subject {
    Subject {
        driver: "nats",
        broker: "nats",
        suite: "faults",
        publish: "/nats",
        consume: "/nats",
        at_least_once: false,
        environment: |port| ("NATS_SERVER_URL", format!("nats://127.0.0.1:{port}")),
        advertise: |_| String::new(),
        prepare: |_| Box::pin(async {}),
        stored: None,
        stored_apart: false,
    }
}

fn jetstream() -> Subject {
    Subject {
        driver: "jetstream",
        publish: "/jetstream",
        consume: "/jetstream",
        at_least_once: true,
        prepare: |port| Box::pin(nats::create_stream(port, "ORDERS", "orders")),
        stored: Some(|port| Box::pin(nats::stored(port, "ORDERS"))),
        ..core_nats()
    }
}

/// A queue that gets what the other gets, and that nobody takes from.
const COPY: &str = "shared.copy";

fn rabbitmq() -> Subject {
    Subject {
        driver: "rabbitmq",
        broker: "rabbitmq",
        suite: "rabbitmq",
        publish: "/shared",
        consume: "/shared",
        at_least_once: true,
        environment: |port| ("RABBIT_SERVER_URL", rabbitmq_url(port)),
        advertise: |_| String::new(),
        prepare: |port| {
            Box::pin(async move {
                let client = Rabbitmq::connect(&rabbitmq_url(port)).await;
                for queue in ["shared", COPY] {
                    client.declare("shared", ExchangeKind::Fanout, queue, "").await;
                }
            })
        },
        // A message is confirmed once both queues have it. When the server dies, one that is not may be in one of them.
        stored: Some(|port| {
            Box::pin(async move { Rabbitmq::connect(&rabbitmq_url(port)).await.waiting(COPY).await.into() })
        }),
        stored_apart: true,
    }
}

fn rabbitmq_url(port: u16) -> String {
    format!("amqp://guest:guest@127.0.0.1:{port}/")
}

fn kafka() -> Subject {
    Subject {
        driver: "kafka",
        broker: "kafka",
        suite: "kafka",
        publish: "/shared",
        consume: "/shared",
        at_least_once: true,
        environment: |port| ("KAFKA_BROKERS", format!("127.0.0.1:{port}")),
        // The first address of a server is only where its clients ask for the others.
        advertise: |port| format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n"),
        prepare: |port| {
            Box::pin(async move { Kafka::connect(&format!("127.0.0.1:{port}")).create(&["shared"], 4).await })
        },
        stored: Some(|port| {
            Box::pin(async move { Kafka::connect(&format!("127.0.0.1:{port}")).stored("shared").await })
        }),
        stored_apart: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jetstream_loses_nothing() {
    put_through(jetstream()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_says_what_it_lost() {
    put_through(core_nats()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_loses_nothing() {
    put_through(rabbitmq()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_loses_nothing() {
    put_through(kafka()).await;
}
