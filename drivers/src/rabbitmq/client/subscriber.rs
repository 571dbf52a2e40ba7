//! Receiving: the tasks of subscriptions, each of which has a channel of the connection, so that what a server refuses to one
//! hurts no other.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream as _, future};
use lapin::ErrorKind;
use lapin::protocol::AMQPErrorKind;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::consuming::{Consuming, Live};
use super::credit::Line;
pub use super::delivery::Delivery;
use super::queues;
use super::received::Received;
use super::subscription::Shared;
use crate::rabbitmq::{DRIVER, Subscription};
use crate::supervision::Repeats;
use crate::{ReceiveError, SubscriberOptions};

/// How long nobody asks again, after the server has refused for the first time. Doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_secs(30);

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long closing waits for the server to have taken what was settled.
const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

/// The open subscriptions of a broker.
#[derive(Default)]
pub(super) struct Subscriptions {
    open: Mutex<Vec<Weak<Shared>>>,
}

/// An open subscription.
pub struct Subscriber {
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What a subscription does in the background.
struct Task {
    shared: Arc<Shared>,
    connection: watch::Receiver<Option<Arc<Live>>>,
    log: Repeats,
    next_wait: Duration,
    /// Whether the server's last word was a refusal.
    refused: bool,
}

/// Why a channel is not used any more.
enum End {
    /// The connection is gone.
    Lost,
    /// There is another connection.
    Replaced,
    /// It was closed by us.
    Left,
    /// The server closed the channel, cancelled the consumer or refused to begin. What it said, and whether it had begun.
    Refused(String, bool),
    Closed,
}

impl Subscriptions {
    pub(super) fn open(
        &self,
        consuming: &Arc<Consuming>,
        subscription: &Subscription<'_>,
        options: &SubscriberOptions,
    ) -> Subscriber {
        let Subscription { queue, prefetch_count, priority } = subscription;
        let shared = Arc::new(Shared::new(consuming, queue, *prefetch_count, *priority, options.declare));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|shared| shared.strong_count() > 0);
        open.push(Arc::downgrade(&shared));
        let task = Task {
            shared: Arc::clone(&shared),
            connection: consuming.watch(),
            log: Repeats::default(),
            next_wait: FIRST_WAIT,
            refused: false,
        };
        Subscriber { shared, task: tokio::spawn(task.run()).abort_handle() }
    }

    /// Ends all waits, settles what was held back, and gives back what was received and not settled.
    pub(super) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let lines: Vec<_> = open.iter().filter_map(Weak::upgrade).filter_map(|shared| shared.close()).collect();
        // A server that has closed a channel has done all that it was told on it, and gives back the rest.
        let closing = lines.iter().map(|line| line.channel.close(200, "OK".into()));
        let _ = timeout(CLOSING_PATIENCE, future::join_all(closing)).await;
    }
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    async fn receive(&self, _: std::time::Instant) -> Result<Delivery, ReceiveError> {
        let (receiver, _turn) = self.shared.wait()?;
        // A message that came and was not taken is dropped with the receiver, and so given back.
        receiver.await.unwrap_or(Err(ReceiveError::Closed))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // First, or lapin cancels the consumer of a channel that is closed at once.
        self.shared.leave();
        self.task.abort();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("queue", &self.shared.queue).finish_non_exhaustive()
    }
}

impl Task {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            let live = self.connection.borrow_and_update().clone();
            let Some(live) = live else {
                shared.unreachable();
                tokio::select! {
                    // The sender lives as long as `shared`.
                    _ = self.connection.changed() => {}
                    () = shared.wake.notified() => {}
                }
                if shared.is_closed() {
                    return;
                }
                continue;
            };
            // What is declared is there from the start, and not only when somebody asks for it.
            while shared.declare.is_none() && !shared.is_wanted() && !shared.is_closed() {
                tokio::select! {
                    _ = self.connection.changed() => break,
                    () = shared.wake.notified() => {}
                }
            }
            if shared.is_closed() {
                return;
            }
            let is_same = self.connection.borrow().as_ref().is_some_and(|now| now.generation == live.generation);
            if !is_same {
                continue;
            }
            match self.serve(&live).await {
                End::Closed => return,
                End::Replaced => shared.leave(),
                End::Left => {}
                End::Lost => {
                    shared.end();
                    // The connection's own task finds out as well.
                    let _ = timeout(Duration::from_millis(100), self.connection.changed()).await;
                }
                End::Refused(reason, had_begun) => {
                    shared.end();
                    self.refused(&reason, had_begun).await;
                }
            }
        }
    }

    /// Waits until it makes sense to ask again.
    async fn refused(&mut self, reason: &str, had_begun: bool) {
        let queue = &*self.shared.queue;
        if self.log.is_due(reason) {
            tracing::error!(driver = DRIVER.name, queue, reason, "the server refuses the subscription");
        }
        if had_begun {
            // Whether it would still have it is found out at once.
            self.next_wait = FIRST_WAIT;
            tokio::time::sleep(Duration::from_millis(100)).await;
            return;
        }
        self.refused = true;
        let until = Instant::now() + self.next_wait;
        self.next_wait = (self.next_wait * 2).min(MOST_WAIT);
        self.shared.refuse(reason, until);
        loop {
            tokio::select! {
                _ = self.connection.changed() => return,
                () = sleep_until(until) => return,
                () = self.shared.wake.notified() => if self.shared.is_closed() { return },
            }
        }
    }

    /// Uses a channel of this connection for as long as it lasts.
    async fn serve(&mut self, live: &Arc<Live>) -> End {
        let shared = Arc::clone(&self.shared);
        let line = match timeout(PATIENCE, self.begin(live)).await {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return end(&error, false),
            Err(_) => return no_answer(),
        };
        let mut consumers: Vec<(u32, lapin::Consumer)> = Vec::new();
        let mut prefetch = None;
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            let (due, wanted) = shared.look();
            if shared.is_closed() {
                return End::Closed;
            }
            if !shared.uses(&line) {
                return End::Left;
            }
            if let Some(wanted) = wanted {
                let consuming = queues::consume(&shared, &line.channel, &wanted, &mut prefetch);
                match timeout(PATIENCE, consuming).await {
                    Ok(Ok(consumer)) => consumers.push((wanted.number, consumer)),
                    Ok(Err(error)) => return end(&error, false),
                    Err(_) => return no_answer(),
                }
                self.accepted();
                continue;
            }
            if let Some(due) = due {
                timer.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                ended = receive(&shared, &line, &mut consumers) => {
                    if let Some(end) = ended {
                        return end;
                    }
                }
                () = shared.wake.notified() => {}
                () = &mut timer, if due.is_some() => {}
                _ = self.connection.changed() => {
                    return match &*self.connection.borrow() {
                        Some(now) if now.generation == live.generation => continue,
                        Some(_) => End::Replaced,
                        None => End::Lost,
                    };
                }
            }
        }
    }

    async fn begin(&mut self, live: &Live) -> Result<Arc<Line>, lapin::Error> {
        let channel = live.connection.create_channel().await?;
        if let Some(declaration) = self.shared.declare {
            queues::declare(&channel, &self.shared.queue, declaration).await?;
            self.accepted();
        }
        Ok(self.shared.begin(channel))
    }

    fn accepted(&mut self) {
        self.next_wait = FIRST_WAIT;
        if std::mem::take(&mut self.refused) {
            let queue = &*self.shared.queue;
            tracing::info!(driver = DRIVER.name, queue, "the server accepts the subscription again");
        }
    }
}

/// Hands on what has come, all of it, and waits where nothing has.
async fn receive(shared: &Arc<Shared>, line: &Arc<Line>, consumers: &mut Vec<(u32, lapin::Consumer)>) -> Option<End> {
    future::poll_fn(|cx| {
        let (mut index, mut came) = (0, false);
        while let Some((number, consumer)) = consumers.get_mut(index) {
            match Pin::new(consumer).poll_next(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Some(Ok(delivery))) => {
                    came = true;
                    let tag = delivery.delivery_tag;
                    shared.dispatch(line, *number, Received::new(delivery), tag);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(end(&error, true))),
                Poll::Ready(None) => {
                    if !shared.is_cancelled(line, *number) {
                        // Of its own accord: the queue is deleted, or its server is gone.
                        let reason = "the server cancelled the consumer".to_owned();
                        return Poll::Ready(Some(End::Refused(reason, true)));
                    }
                    consumers.swap_remove(index);
                }
            }
        }
        if came { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// A quorum queue without a majority is silent.
fn no_answer() -> End {
    End::Refused(format!("no answer within {PATIENCE:?}"), false)
}

/// What an error means for the channel.
fn end(error: &lapin::Error, had_begun: bool) -> End {
    match error.kind() {
        ErrorKind::ProtocolError(error) if matches!(error.kind(), AMQPErrorKind::Soft(_)) => {
            End::Refused(error.get_message().as_str().to_owned(), had_begun)
        }
        ErrorKind::ChannelsLimitReached => {
            End::Refused("there are as many channels as the server allows".to_owned(), had_begun)
        }
        ErrorKind::InvalidChannelState(..) => End::Refused("the server closed the channel".to_owned(), true),
        _ => End::Lost,
    }
}
