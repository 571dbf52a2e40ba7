//! The drivers that are put through it.

use lapin::ExchangeKind;
use serde_json::json;

use super::{Subject, put_through};
use crate::support::{Kafka, Moto, Rabbitmq, nats, standins};

fn core_nats() -> Subject {
    Subject {
        driver: "nats",
        broker: "nats",
        suite: "faults",
        publish: "/nats",
        consume: "/nats",
        at_least_once: false,
        clients: usize::MAX,
        in_memory: false,
        environment: |port| vec![("NATS_SERVER_URL", format!("nats://127.0.0.1:{port}"))],
        configuration: |_| String::new(),
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
        clients: usize::MAX,
        in_memory: false,
        environment: |port| vec![("RABBIT_SERVER_URL", rabbitmq_url(port))],
        configuration: |_| String::new(),
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
        clients: usize::MAX,
        in_memory: false,
        environment: |port| vec![("KAFKA_BROKERS", format!("127.0.0.1:{port}"))],
        // The first address of a server is only where its clients ask for the others.
        configuration: |port| format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n"),
        prepare: |port| {
            Box::pin(async move { Kafka::connect(&format!("127.0.0.1:{port}")).create(&["shared"], 4).await })
        },
        stored: Some(|port| {
            Box::pin(async move { Kafka::connect(&format!("127.0.0.1:{port}")).stored("shared").await })
        }),
        stored_apart: false,
    }
}

/// As many as what stands for a cloud's broker can serve.
const CLOUD_CLIENTS: usize = 40;

fn sqs() -> Subject {
    Subject {
        driver: "sqs",
        broker: "moto",
        suite: "sns_sqs",
        publish: "/shared",
        consume: "/shared",
        at_least_once: true,
        clients: CLOUD_CLIENTS,
        in_memory: true,
        environment: |port| {
            let mut environment: Vec<_> = standins::NOWHERE.map(|(name, value)| (name, value.to_owned())).into();
            for name in ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SNS"] {
                environment.push((name, moto_url(port)));
            }
            environment
        },
        configuration: |_| String::new(),
        prepare: |port| {
            Box::pin(async move {
                let client = Moto::at(&moto_url(port));
                for queue in ["shared", "shared-copy"] {
                    client.create_queue(queue, &[("VisibilityTimeout", "10")]).await;
                }
                client.create_topic("shared", &["shared", "shared-copy"], false).await;
            })
        },
        stored: None,
        stored_apart: false,
    }
}

/// A topic, with the queue behind it that is received from, and another one.
fn sns() -> Subject {
    Subject {
        driver: "sns",
        publish: "/shared-topic",
        stored: Some(|port| Box::pin(async move { Moto::at(&moto_url(port)).messages("shared-copy").await.0 })),
        stored_apart: true,
        ..sqs()
    }
}

fn moto_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn gcp_pubsub() -> Subject {
    Subject {
        driver: "gcp_pubsub",
        broker: "pubsub",
        suite: "gcp_pubsub",
        publish: "/shared",
        consume: "/shared",
        at_least_once: true,
        clients: CLOUD_CLIENTS,
        in_memory: true,
        environment: |port| vec![("PUBSUB_EMULATOR_HOST", format!("127.0.0.1:{port}"))],
        configuration: |_| String::new(),
        prepare: |port| {
            Box::pin(async move {
                let (topic, subscription) = ("projects/suites/topics/shared", "projects/suites/subscriptions/shared");
                let options = json!({"ack_deadline_seconds": 10});
                standins::create_subscription(&format!("127.0.0.1:{port}"), topic, subscription, &options).await;
            })
        },
        stored: None,
        stored_apart: false,
    }
}

fn azure_service_bus() -> Subject {
    Subject {
        driver: "azure_service_bus",
        broker: "servicebus",
        suite: "azure_service_bus",
        publish: "/shared",
        consume: "/shared",
        at_least_once: true,
        clients: CLOUD_CLIENTS,
        in_memory: true,
        environment: |port| {
            let login = "SharedAccessKeyName=gateway;SharedAccessKey=secret";
            let string = format!("Endpoint=sb://127.0.0.1:{port};{login};UseDevelopmentEmulator=true");
            vec![("SERVICEBUS_CONNECTION_STRING", string)]
        },
        // What dies with a lock is delivered again when that ends.
        configuration: |_| "queue suite/shared lock-seconds=10 max-delivery=1000\n".to_owned(),
        prepare: |_| Box::pin(async {}),
        stored: None,
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_loses_nothing() {
    put_through(sqs()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sns_loses_nothing() {
    put_through(sns()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcp_pubsub_loses_nothing() {
    if crate::support::broker("clients") {
        put_through(gcp_pubsub()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_service_bus_loses_nothing() {
    put_through(azure_service_bus()).await;
}
