//! What lapin is asked for on a subscription's channel: the queue, where it is declared, and its consumers.

use futures_util::future::try_join;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer, Error};

use super::declaring::table;
use super::subscription::{Shared, Wanted};
use crate::Declaration;

/// Makes a queue and its bindings, or makes sure that they are like this.
///
/// # Errors
/// The server refused, or the connection was lost.
pub(super) async fn declare(channel: &Channel, queue: &str, declaration: &Declaration) -> Result<(), Error> {
    let Declaration { kind, durable, auto_delete, arguments, bindings } = *declaration;
    let mut arguments = table(arguments);
    if let Some(kind) = kind {
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
    }
    let options = QueueDeclareOptions { durable, auto_delete, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), options, arguments).await?;
    for binding in bindings {
        let (exchange, key) = (binding.exchange.into(), binding.routing_key.into());
        channel.queue_bind(queue.into(), exchange, key, QueueBindOptions::default(), table(binding.arguments)).await?;
    }
    Ok(())
}

/// Makes a consumer: two words to the server, and one round trip. `prefetch` is what the channel's next consumers have.
///
/// # Errors
/// The server refused, or the connection was lost.
pub(super) async fn consume(
    shared: &Shared,
    channel: &Channel,
    wanted: &Wanted,
    prefetch: &mut Option<u16>,
) -> Result<Consumer, Error> {
    let mut arguments = FieldTable::default();
    if let Some(priority) = shared.priority {
        arguments.insert("x-priority".into(), AMQPValue::LongInt(priority));
    }
    let limit = async {
        match *prefetch == Some(wanted.prefetch) {
            true => Ok(()),
            false => channel.basic_qos(wanted.prefetch, BasicQosOptions::default()).await,
        }
    };
    let queue = shared.queue.as_ref().into();
    let consumer = channel.basic_consume(queue, wanted.tag.clone(), BasicConsumeOptions::default(), arguments);
    let (_, consumer) = try_join(limit, consumer).await?;
    *prefetch = Some(wanted.prefetch);
    Ok(consumer)
}
