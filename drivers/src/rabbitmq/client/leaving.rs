//! What is left on a subscription's channel that nothing more is taken from: consumers to be cancelled, and messages that the
//! server sent before it knew.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use lapin::types::ShortString;
use lapin::{Consumer, Error};
use tokio::task::JoinHandle;

use super::credit::{Line, cancel, give_back};
use super::subscription::Wanted;

/// A consumer that the server has not answered for.
pub(super) struct Asking {
    pub(super) wanted: Wanted,
    pub(super) made: Pin<Box<dyn Future<Output = Result<Consumer, Error>> + Send>>,
}

/// A channel that is left. Whatever was handed out before is settled on it.
pub(super) struct Leaving {
    pub(super) line: Arc<Line>,
    /// Consumers that are not cancelled.
    pub(super) tags: Vec<ShortString>,
    pub(super) consumers: Vec<(u32, Consumer)>,
    pub(super) asking: Option<Asking>,
}

impl Asking {
    pub(super) fn new(wanted: Wanted, made: impl Future<Output = Result<Consumer, Error>> + Send + 'static) -> Self {
        Self { wanted, made: Box::pin(made) }
    }
}

impl Leaving {
    /// Gives back what still comes, until the server has ended the consumers. That may take as long as the connection.
    pub(super) fn begin(self) -> JoinHandle<Option<Error>> {
        tokio::spawn(self.run())
    }

    /// What the server refused, where it did.
    async fn run(self) -> Option<Error> {
        let Self { line, tags, mut consumers, asking } = self;
        for tag in tags {
            cancel(&line.channel, tag);
        }
        if let Some(Asking { wanted, made }) = asking {
            match made.await {
                Ok(consumer) => {
                    cancel(&line.channel, wanted.tag);
                    consumers.push((wanted.number, consumer));
                }
                Err(error) => return Some(error),
            }
        }
        for (_, mut consumer) in consumers {
            while let Some(Ok(delivery)) = consumer.next().await {
                give_back(&line.channel, delivery.delivery_tag);
            }
        }
        None
    }
}
