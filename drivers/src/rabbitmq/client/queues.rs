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

/// Makes a consumer: two words to the server, and one round trip. `limits` says that the channel's next consumers have another
/// prefetch count than the ones before.
pub(super) fn consume(
    shared: &Shared,
    channel: &Channel,
    wanted: &Wanted,
    limits: bool,
) -> impl Future<Output = Result<Consumer, Error>> + Send + 'static {
    let mut arguments = FieldTable::default();
    // 0 is what it is without, but that a stream refuses it: a consumer of a stream takes nothing from it.
    arguments.insert("x-priority".into(), AMQPValue::LongInt(shared.priority.unwrap_or(0)));
    let (channel, prefetch, tag) = (channel.clone(), wanted.prefetch, wanted.tag.clone());
    let queue = shared.queue.as_ref().into();
    async move {
        let limit = async {
            match limits {
                true => channel.basic_qos(prefetch, BasicQosOptions::default()).await,
                false => Ok(()),
            }
        };
        let consumer = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), arguments);
        let (_, consumer) = try_join(limit, consumer).await?;
        Ok(consumer)
    }
}
