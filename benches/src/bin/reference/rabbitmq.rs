//! The endpoints of `rabbitmq.json`, with lapin.

use std::error::Error;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, StatusCode};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions, BasicRejectOptions,
    ConfirmSelectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Acker, BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use sluicegate_benches::RABBITMQ_REFERENCE;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::timeout;

use crate::broker::{Settle, delivered, is_object, read, unavailable};
use crate::routes::{TIMEOUT, WAIT, failed, finish, json, status};

/// How many messages may be on their way to the server. Each has a channel to itself for that time: lapin could not tell
/// which one was given back otherwise.
const CHANNELS: usize = 64;
/// As in `rabbitmq.json`.
const PREFETCH: u16 = 64;
const PERSISTENT: u8 = 2;

/// What the handlers share.
pub(crate) struct Rabbitmq {
    publishing: Connection,
    idle: StdMutex<Vec<Channel>>,
    turns: Semaphore,
    exchange: ShortString,
    consumer: Mutex<Consumer>,
    settlements: mpsc::UnboundedSender<Settlement>,
    /// Its end would be the consumer's.
    _consuming: Connection,
}

enum Settlement {
    Ack(Acker),
    GiveBack(Acker),
    Reject(Acker),
}

/// A message that is in flight.
struct Received {
    acker: Acker,
    settlements: mpsc::UnboundedSender<Settlement>,
}

impl Rabbitmq {
    /// Connects, once to publish and once to consume, so that flow control of the one does not stop the other.
    pub(crate) async fn open(url: &str) -> Result<Arc<Self>, Box<dyn Error>> {
        let connect = || Connection::connect(url, ConnectionProperties::default().enable_auto_recover());
        let (publishing, consuming) = (connect().await?, connect().await?);
        let channel = consuming.create_channel().await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let (queue, tag) = (ShortString::from(RABBITMQ_REFERENCE), ShortString::default());
        let consumer = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await?;
        let (settlements, waiting) = mpsc::unbounded_channel();
        tokio::spawn(settle(waiting));
        Ok(Arc::new(Self {
            publishing,
            idle: StdMutex::default(),
            turns: Semaphore::new(CHANNELS),
            exchange: RABBITMQ_REFERENCE.into(),
            consumer: Mutex::new(consumer),
            settlements,
            _consuming: consuming,
        }))
    }

    async fn publish(&self, properties: BasicProperties, body: &[u8]) -> lapin::Result<Confirmation> {
        // Never closed.
        let _turn = self.turns.acquire().await;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let channel = match idle {
            Some(channel) if channel.status().connected() => channel,
            _ => {
                let channel = self.publishing.create_channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                channel
            }
        };
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (self.exchange.clone(), ShortString::default());
        let confirmation = channel.basic_publish(exchange, key, options, body, properties).await?.await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
        Ok(confirmation)
    }
}

/// Settles one after the other, so that no request waits for it and none takes a task.
async fn settle(mut waiting: mpsc::UnboundedReceiver<Settlement>) {
    while let Some(settlement) = waiting.recv().await {
        let settled = match settlement {
            Settlement::Ack(acker) => acker.ack(BasicAckOptions::default()).await,
            Settlement::GiveBack(acker) => {
                acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await
            }
            Settlement::Reject(acker) => acker.reject(BasicRejectOptions { requeue: false }).await,
        };
        if let Err(error) = settled {
            eprintln!("not settled: {error}");
        }
    }
}

/// `POST /rabbitmq/publish`: answered once the server has the message in a queue.
pub(crate) async fn publish(State(rabbitmq): State<Arc<Rabbitmq>>, request: Request) -> Response {
    let (content_type, body) = match read(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    if let Some(content_type) = content_type.as_ref().and_then(short) {
        properties = properties.with_content_type(content_type);
    }
    match timeout(TIMEOUT, rabbitmq.publish(properties, &body)).await {
        Ok(Ok(Confirmation::Ack(None))) => json(Bytes::from_static(b"{}")),
        // No queue gets it, or one that does not take it.
        Ok(Ok(_)) => failed(StatusCode::BAD_GATEWAY),
        Ok(Err(_)) => unavailable(),
        Err(_) => failed(StatusCode::GATEWAY_TIMEOUT),
    }
}

/// `GET /rabbitmq/consume`: the next message, acknowledged when the connection has taken the response.
pub(crate) async fn consume(State(rabbitmq): State<Arc<Rabbitmq>>) -> Response {
    let next = async { rabbitmq.consumer.lock().await.next().await };
    let delivery = match timeout(WAIT, next).await {
        Ok(Some(Ok(delivery))) => delivery,
        Ok(_) => return unavailable(),
        Err(_) => return finish(status(StatusCode::NO_CONTENT), false),
    };
    let received = Received { acker: delivery.acker, settlements: rabbitmq.settlements.clone() };
    if !is_object(&delivery.data) {
        received.end(Settlement::Reject);
        return failed(StatusCode::BAD_GATEWAY);
    }
    delivered(delivery.data.into(), received)
}

/// A Content-Type as AMQP can carry it.
fn short(value: &HeaderValue) -> Option<ShortString> {
    value.to_str().ok().filter(|text| text.len() <= usize::from(u8::MAX)).map(ShortString::from)
}

impl Received {
    fn end(self, how: fn(Acker) -> Settlement) {
        // Fails only when the program ends.
        let _ = self.settlements.send(how(self.acker));
    }
}

impl Settle for Received {
    fn ack(self) {
        self.end(Settlement::Ack);
    }

    fn give_back(self, _: Bytes) {
        self.end(Settlement::GiveBack);
    }
}
