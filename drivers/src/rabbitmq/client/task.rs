//! The tasks of subscriptions, each of which has a channel of the connection, so that what a server refuses to one
//! hurts no other. There is an exception: a quorum queue without a majority ends the whole connection of whoever asks for it,
//! after a while, so it is asked for seldom.

use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream as _, future};
use lapin::ErrorKind;
use lapin::protocol::AMQPErrorKind;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::consuming::Live;
use super::credit::{Line, start};
use super::leaving::{Asking, Leaving};
use super::queues;
use super::received::Received;
use super::subscription::Shared;
use crate::rabbitmq::DRIVER;
use crate::supervision::Repeats;

/// How long nobody asks again, after the server has refused for the first time. Doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_secs(30);

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a subscription does in the background.
pub(super) struct Task {
    shared: Arc<Shared>,
    connection: watch::Receiver<Option<Arc<Live>>>,
    log: Repeats,
    next_wait: Duration,
    /// Whether the server's last word was a refusal.
    refused: bool,
    /// What the channel before still has, until a consumer of the present one stands.
    before: Option<Leaving>,
    /// A channel on which the server has not answered, and how that ends.
    unanswered: Option<JoinHandle<Option<lapin::Error>>>,
}

/// A channel in use.
struct Serving {
    line: Arc<Line>,
    consumers: Vec<(u32, lapin::Consumer)>,
    /// A consumer that the server has not answered for, and when it should have.
    asking: Option<(Asking, Instant)>,
    /// The prefetch count of the channel's next consumer.
    prefetch: Option<u16>,
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
    /// The server closed the whole connection because it was asked for this queue.
    Harmful(String),
    /// The server does not answer.
    Unanswered,
    Closed,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let connection = shared.consuming.watch();
        let log = Repeats::default();
        Self { shared, connection, log, next_wait: FIRST_WAIT, refused: false, before: None, unanswered: None }
    }

    /// Ends once the subscription is closed.
    pub(super) async fn run(mut self) {
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
                End::Replaced | End::Left => {}
                End::Lost => {
                    shared.end();
                    // The connection's own task finds out as well.
                    let _ = timeout(Duration::from_millis(100), self.connection.changed()).await;
                }
                End::Refused(reason, had_begun) => {
                    shared.end();
                    self.refused(&reason, had_begun).await;
                }
                End::Unanswered => self.refused(&no_answer(), false).await,
                End::Harmful(reason) => {
                    shared.end();
                    self.harmful(&reason).await;
                }
            }
        }
    }

    /// Waits until it makes sense to ask again.
    async fn refused(&mut self, reason: &str, had_begun: bool) {
        self.log_refusal(reason);
        if had_begun {
            // Whether it would still have it is found out at once.
            self.next_wait = FIRST_WAIT;
            tokio::time::sleep(Duration::from_millis(100)).await;
            return;
        }
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

    /// The same after what was asked for has cost all subscriptions their connection.
    async fn harmful(&mut self, reason: &str) {
        self.log_refusal(reason);
        let until = Instant::now() + MOST_WAIT;
        self.next_wait = MOST_WAIT;
        loop {
            self.shared.refuse(reason, until);
            tokio::select! {
                _ = self.connection.changed() => {}
                () = sleep_until(until) => return,
                () = self.shared.wake.notified() => if self.shared.is_closed() { return },
            }
        }
    }

    fn log_refusal(&mut self, reason: &str) {
        self.refused = true;
        if self.log.is_due(reason) {
            let (broker, queue) = (self.shared.consuming.broker, &*self.shared.queue);
            tracing::error!(driver = DRIVER.name, broker, queue, reason, "the server refuses the subscription");
        }
    }

    /// Uses a channel of this connection for as long as it lasts.
    async fn serve(&mut self, live: &Arc<Live>) -> End {
        if let Some(unanswered) = self.unanswered.take() {
            if !unanswered.is_finished() {
                self.unanswered = Some(unanswered);
                return End::Unanswered;
            }
            if let Ok(Some(error)) = unanswered.await
                && let End::Harmful(reason) = end(&error, false, &self.shared.queue)
            {
                return End::Harmful(reason);
            }
        }
        let line = match self.begin(live).await {
            Ok(line) => line,
            Err(end) => return end,
        };
        let mut serving = Serving { line, consumers: Vec::new(), asking: None, prefetch: None };
        let end = self.attend(live, &mut serving).await;
        let tags = match end {
            End::Replaced => self.shared.leave(true),
            End::Unanswered => self.shared.leave(false),
            End::Left | End::Closed => Vec::new(),
            End::Lost | End::Refused(..) | End::Harmful(_) => return end,
        };
        let is_followed = !tags.is_empty();
        let Serving { line, consumers, asking, .. } = serving;
        let leaving = Leaving { line, tags, consumers, asking: asking.map(|(asking, _)| asking) };
        if let Some(before) = self.before.take() {
            before.begin();
        }
        match end {
            End::Unanswered => self.unanswered = Some(leaving.begin()),
            _ if is_followed => self.before = Some(leaving),
            _ => _ = leaving.begin(),
        }
        end
    }

    async fn attend(&mut self, live: &Arc<Live>, serving: &mut Serving) -> End {
        let shared = Arc::clone(&self.shared);
        let queue = &*shared.queue;
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            let (due, wanted) = shared.look();
            if shared.is_closed() {
                return End::Closed;
            }
            if !shared.uses(&serving.line) {
                return End::Left;
            }
            if let Some(wanted) = wanted {
                let limits = serving.prefetch != Some(wanted.prefetch);
                serving.prefetch = Some(wanted.prefetch);
                let consuming = queues::consume(&shared, &serving.line.channel, &wanted, limits);
                serving.asking = Some((Asking::new(wanted, consuming), Instant::now() + PATIENCE));
            }
            if let Some(due) = due {
                timer.as_mut().reset(due);
            }
            // A queue that is deleted with its last consumer is not to lose the one that is on its way.
            let until = serving.asking.as_ref().map(|(_, until)| *until).filter(|_| !shared.always_stands());
            tokio::select! {
                biased;
                made = made(&mut serving.asking) => {
                    let Some((Asking { wanted, .. }, _)) = serving.asking.take() else { continue };
                    match made {
                        Ok(consumer) => serving.consumers.push((wanted.number, consumer)),
                        Err(error) => return end(&error, false, queue),
                    }
                    shared.made(&serving.line, &wanted);
                    if let Some(before) = self.before.take() {
                        before.begin();
                    }
                    self.accepted();
                }
                ended = receive(&shared, &serving.line, &mut serving.consumers) => {
                    if let Some(end) = ended {
                        return end;
                    }
                }
                () = shared.wake.notified() => {}
                () = &mut timer, if due.is_some() => {}
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return End::Unanswered,
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

    async fn begin(&mut self, live: &Live) -> Result<Arc<Line>, End> {
        let queue = &*self.shared.queue;
        let refused = |error: &lapin::Error| end(error, false, queue);
        let unanswered = || End::Refused(no_answer(), false);
        let made = timeout(PATIENCE, live.connection.create_channel()).await.map_err(|_| unanswered())?;
        let channel = made.map_err(|error| refused(&error))?;
        if let Some(declaration) = self.shared.declare {
            match timeout(PATIENCE, queues::declare(&channel, queue, declaration)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(refused(&error)),
                Err(_) => {
                    start(channel.close(200, "OK".into()));
                    return Err(unanswered());
                }
            }
            self.accepted();
        }
        Ok(self.shared.begin(channel))
    }

    fn accepted(&mut self) {
        self.next_wait = FIRST_WAIT;
        if mem::take(&mut self.refused) {
            let (broker, queue) = (self.shared.consuming.broker, &*self.shared.queue);
            tracing::info!(driver = DRIVER.name, broker, queue, "the server accepts the subscription again");
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
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(end(&error, true, &shared.queue))),
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

/// Waits for the consumer that is asked for.
async fn made(asking: &mut Option<(Asking, Instant)>) -> Result<lapin::Consumer, lapin::Error> {
    match asking {
        Some((asking, _)) => asking.made.as_mut().await,
        None => future::pending().await,
    }
}

/// A quorum queue without a majority is silent.
fn no_answer() -> String {
    format!("no answer within {PATIENCE:?}")
}

/// What an error means for the channel.
fn end(error: &lapin::Error, had_begun: bool, queue: &str) -> End {
    match error.kind() {
        ErrorKind::ProtocolError(error) => {
            let reason = error.get_message().as_str();
            match error.kind() {
                AMQPErrorKind::Soft(_) => End::Refused(reason.to_owned(), had_begun),
                AMQPErrorKind::Hard(_) if !had_begun && reason.contains(&format!("'{queue}'")) => {
                    End::Harmful(reason.to_owned())
                }
                AMQPErrorKind::Hard(_) => End::Lost,
            }
        }
        ErrorKind::ChannelsLimitReached => {
            End::Refused("there are as many channels as the server allows".to_owned(), had_begun)
        }
        ErrorKind::InvalidChannelState(..) => End::Refused("the server closed the channel".to_owned(), true),
        _ => End::Lost,
    }
}
