//! A plain client of RabbitMQ, which is none of the gateway's.

use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};

use super::{eventually, soon};

/// A connection with one channel, in confirm mode.
pub(crate) struct Rabbitmq {
    _connection: Connection,
    channel: Channel,
}

impl Rabbitmq {
    /// To `amqp://USER:PASSWORD@HOST:PORT/`.
    pub(crate) async fn connect(url: &str) -> Self {
        // To this client an empty name is a virtual host of its own.
        let url = url.trim_end_matches('/');
        let connection = soon(Connection::connect(url, ConnectionProperties::default())).await.expect("it listens");
        let channel = soon(connection.create_channel()).await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { _connection: connection, channel }
    }

    /// A durable exchange of `kind`, and a durable queue that gets what it gets under `key`.
    pub(crate) async fn declare(&self, exchange: &str, kind: ExchangeKind, queue: &str, key: &str) {
        self.declare_with(exchange, kind, queue, key, &[]).await;
    }

    /// As `declare`, with arguments of the queue.
    pub(crate) async fn declare_with(
        &self,
        exchange: &str,
        kind: ExchangeKind,
        queue: &str,
        key: &str,
        arguments: &[(&str, AMQPValue)],
    ) {
        self.exchange(exchange, kind).await;
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert((*name).into(), value.clone());
        }
        soon(self.channel.queue_declare(queue.into(), durable, table)).await.expect("a queue");
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        let bound = self.channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none);
        soon(bound).await.expect("a binding");
    }

    /// A durable exchange of `kind`.
    pub(crate) async fn exchange(&self, name: &str, kind: ExchangeKind) {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let declared = self.channel.exchange_declare(name.into(), kind, options, FieldTable::default());
        soon(declared).await.expect("an exchange");
    }

    /// Stored in a queue when this returns.
    pub(crate) async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let sent = self.channel.basic_publish(exchange.into(), key.into(), options, body, properties);
        let confirmed = soon(soon(sent).await.expect("sent")).await.expect("an answer");
        assert!(matches!(confirmed, Confirmation::Ack(None)), "{confirmed:?}");
    }

    /// The next message of a queue, which is acknowledged with it.
    pub(crate) async fn take(&self, queue: &str) -> Option<BasicGetMessage> {
        soon(self.channel.basic_get(queue.into(), BasicGetOptions { no_ack: true })).await.expect("the queue is there")
    }

    /// The next message of a queue, as soon as there is one.
    pub(crate) async fn next(&self, queue: &str) -> BasicGetMessage {
        let mut message = None;
        eventually(async || {
            message = self.take(queue).await;
            message.is_some()
        })
        .await;
        message.expect("a message")
    }

    /// How many messages wait in a queue; those that are delivered and not settled are not among them.
    pub(crate) async fn waiting(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = self.channel.queue_declare(queue.into(), options, FieldTable::default());
        soon(queue).await.expect("the queue is there").message_count()
    }

    pub(crate) async fn purge(&self, queue: &str) {
        soon(self.channel.queue_purge(queue.into(), QueuePurgeOptions::default())).await.expect("the queue is there");
    }
}
