//! The endpoints of `kafka.json`, with rdkafka.

mod watermarks;

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, ClientContext};
use sluicegate_benches::KAFKA_REFERENCE;
use tokio::sync::Notify;
use tokio::time::timeout;

use self::watermarks::{Message, Watermarks};
use crate::broker::{Settle, delivered, is_object, read, unavailable};
use crate::routes::{TIMEOUT, WAIT, failed, finish, json, status};

/// What the handlers share.
pub(crate) struct Kafka {
    producer: FutureProducer,
    consumer: StreamConsumer<Context>,
}

/// What the group's rebalances change.
struct Context {
    watermarks: Mutex<Watermarks>,
    given_back: Notify,
}

/// A message that is in flight.
struct Received {
    kafka: Arc<Kafka>,
    message: Message,
}

impl Kafka {
    /// Joins the group, and connects in the background.
    pub(crate) fn open(brokers: &str) -> Result<Arc<Self>, Box<dyn Error>> {
        let config = |values: &[(&str, &str)]| {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", brokers);
            for (name, value) in values {
                config.set(*name, *value);
            }
            config
        };
        let producer = config(&[
            ("acks", "all"),
            ("enable.idempotence", "true"),
            // As in `kafka.json`.
            ("partitioner", "fnv1a_random"),
            // A client waits for each: what gathers meanwhile is a batch.
            ("linger.ms", "0"),
            ("message.timeout.ms", "10000"),
        ]);
        let consumer = config(&[
            ("group.id", KAFKA_REFERENCE),
            ("auto.offset.reset", "earliest"),
            // What is stored is what is settled.
            ("enable.auto.offset.store", "false"),
            ("auto.commit.interval.ms", "50"),
            // As much ahead of the requests as the generated gateway takes, and no more.
            ("queued.min.messages", "1000"),
            ("queued.max.messages.kbytes", "1024"),
            ("fetch.queue.backoff.ms", "20"),
        ]);
        let context = Context { watermarks: Mutex::default(), given_back: Notify::new() };
        let consumer: StreamConsumer<Context> = consumer.create_with_context(context)?;
        consumer.subscribe(&[KAFKA_REFERENCE])?;
        Ok(Arc::new(Self { producer: producer.create()?, consumer }))
    }

    /// Waits for the next message, without a limit. Loses none when it is dropped.
    async fn receive(&self) -> Result<(Message, Bytes), KafkaError> {
        let context = self.consumer.context();
        loop {
            if let Some(given_back) = context.watermarks().take() {
                return Ok(given_back);
            }
            tokio::select! {
                message = self.consumer.recv() => {
                    let message = message?;
                    let body = Bytes::copy_from_slice(message.payload().unwrap_or_default());
                    return Ok((context.watermarks().receive(message.partition(), message.offset()), body));
                }
                () = context.given_back.notified() => {}
            }
        }
    }

    /// Everything before the watermark is committed within 50 milliseconds.
    fn settle(&self, message: Message) {
        let Some(watermark) = self.consumer.context().watermarks().settle(message) else { return };
        // As librdkafka has it, which adds one.
        if let Err(error) = self.consumer.store_offset(KAFKA_REFERENCE, message.partition, watermark - 1) {
            eprintln!("not settled: {error}");
        }
    }
}

/// `POST /kafka/publish`: answered once all in-sync replicas have the message.
pub(crate) async fn publish(State(kafka): State<Arc<Kafka>>, request: Request) -> Response {
    let (content_type, body) = match read(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let mut record = FutureRecord::<[u8], [u8]>::to(KAFKA_REFERENCE).payload(&body);
    if let Some(value) = content_type.as_ref().map(HeaderValue::as_bytes) {
        let header = Header { key: "Content-Type", value: Some(value) };
        record = record.headers(OwnedHeaders::new_with_capacity(1).insert(header));
    }
    let delivery = match kafka.producer.send_result(record) {
        Ok(delivery) => delivery,
        Err((error, _)) => return refused(&error),
    };
    match timeout(TIMEOUT, delivery).await {
        Ok(Ok(Ok(_))) => json(Bytes::from_static(b"{}")),
        Ok(Ok(Err((error, _)))) => refused(&error),
        _ => failed(StatusCode::GATEWAY_TIMEOUT),
    }
}

/// `GET /kafka/consume`: the next message of the group, settled when the connection has taken the response.
pub(crate) async fn consume(State(kafka): State<Arc<Kafka>>) -> Response {
    let (message, body) = match timeout(WAIT, kafka.receive()).await {
        Ok(Ok(received)) => received,
        Ok(Err(_)) => return unavailable(),
        Err(_) => return finish(status(StatusCode::NO_CONTENT), false),
    };
    if !is_object(&body) {
        kafka.settle(message);
        return failed(StatusCode::BAD_GATEWAY);
    }
    delivered(body, Received { kafka, message })
}

fn refused(error: &KafkaError) -> Response {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => failed(StatusCode::PAYLOAD_TOO_LARGE),
        Some(RDKafkaErrorCode::QueueFull) => unavailable(),
        Some(RDKafkaErrorCode::MessageTimedOut) => failed(StatusCode::GATEWAY_TIMEOUT),
        _ => failed(StatusCode::BAD_GATEWAY),
    }
}

// === impl Context ===

impl Context {
    fn watermarks(&self) -> MutexGuard<'_, Watermarks> {
        self.watermarks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            for partition in partitions.elements() {
                self.watermarks().revoke(partition.partition());
            }
        }
    }
}

// === impl Received ===

impl Settle for Received {
    fn ack(self) {
        self.kafka.settle(self.message);
    }

    fn give_back(self, body: Bytes) {
        let context = self.kafka.consumer.context();
        context.watermarks().give_back(self.message, body);
        context.given_back.notify_one();
    }
}
