//! Asking a queue for messages, on behalf of those who wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::{Message as Wire, MessageSystemAttributeName};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::delivery::Delivery;
use super::held::{Held, MOST};
use super::queue::{PATIENCE, Queue, attempts};
use super::received::{Reading, Received};
use crate::ReceiveError;
use crate::aws::attributes::unique;
use crate::aws::client::{Attempts, Cause, Failure};
use crate::backoff::Backoff;
use crate::outage::Repeats;

/// The most messages that SQS gives at once.
const MOST_MESSAGES: usize = 10;

/// The most requests at once; they are for a hundred and more who wait.
const MOST_POLLS: usize = 16;

/// The longest that SQS waits for a message.
const MOST_WAIT: Duration = Duration::from_secs(20);

/// How often a queue is asked that is not told to wait for messages.
const PAUSE: Duration = Duration::from_millis(250);

/// How long after its time a poll that has no answer is not counted on.
const OVERDUE: Duration = Duration::from_secs(3);

/// How long closing waits for polls, which may bring messages.
const CLOSING_PATIENCE: Duration = Duration::from_secs(2);

/// How long a delivery is held before it is to be prolonged, where the queue does not say how long it hides messages.
const LEASE: Duration = Duration::from_secs(30);

/// The shortest time that a delivery can be held for with requests that take their time.
const LEAST_LEASE: Duration = Duration::from_secs(5);

/// Those who wait at a queue, and the polls for them.
pub(super) struct Polls {
    queue: Arc<Queue>,
    pub(super) held: Arc<Held>,
    reading: Reading,
    /// How long a poll waits at most.
    wait_time: Duration,
    /// How many messages one asks for at most.
    most: usize,
    nack_lazy: bool,
    state: Mutex<State>,
    closing: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    waiters: VecDeque<Waiter>,
    /// How many messages the polls under way have asked for.
    asked: usize,
    polls: usize,
    closed: bool,
    /// What was said of polls that failed.
    said: Repeats,
}

struct Waiter {
    deadline: Instant,
    received: oneshot::Sender<Result<Delivery, ReceiveError>>,
}

/// Somebody who waits.
pub(super) struct Waiting<'a> {
    polls: &'a Polls,
    received: oneshot::Receiver<Result<Delivery, ReceiveError>>,
}

impl Waiting<'_> {
    pub(super) async fn received(mut self) -> Result<Delivery, ReceiveError> {
        (&mut self.received).await.unwrap_or(Err(ReceiveError::Closed))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // A delivery that is in there is dropped with it, and so given back.
        self.received.close();
        self.polls.state().forget();
    }
}

impl Polls {
    /// Must be called on a tokio runtime.
    pub(super) fn new(queue: Arc<Queue>, reading: Reading, wait_time: Option<Duration>, nack_lazy: bool) -> Self {
        Self {
            held: Arc::new(Held::new(Arc::clone(&queue))),
            // Several may be of one group, whose second is nobody's while the first is held.
            most: if queue.fifo { 1 } else { MOST_MESSAGES },
            queue,
            reading,
            wait_time: wait_time.unwrap_or(MOST_WAIT),
            nack_lazy,
            state: Mutex::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// Asks for a message.
    ///
    /// # Errors
    /// There is no connection, or it is closed.
    pub(super) fn wait(self: &Arc<Self>, deadline: Instant) -> Result<Waiting<'_>, ReceiveError> {
        if self.state().closed {
            return Err(ReceiveError::Closed);
        }
        self.queue.account.client().map_err(Failure::receive)?;
        self.queue.look();
        let (sender, received) = oneshot::channel();
        {
            let mut state = self.state();
            if state.closed {
                return Err(ReceiveError::Closed);
            }
            state.waiters.push_back(Waiter { deadline, received: sender });
        }
        self.start();
        Ok(Waiting { polls: self, received })
    }

    /// Ends all waiting, and gives back what is held.
    pub(super) async fn close(&self) {
        let waiters = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.waiters)
        };
        for waiter in waiters {
            let _ = waiter.received.send(Err(ReceiveError::Closed));
        }
        self.closing.send_replace(true);
        let ended = async {
            while self.state().polls > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(2 * CLOSING_PATIENCE, ended).await;
        self.held.close(super::CLOSING_PATIENCE).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts polls for those whom none is under way for.
    fn start(self: &Arc<Self>) {
        let mut state = self.state();
        while state.polls < MOST_POLLS
            && let Some(poll) = state.next(self.most)
        {
            state.polls += 1;
            tokio::spawn(Arc::clone(self).poll(poll));
        }
    }

    /// Polls for as long as somebody waits whom nobody else polls for.
    async fn poll(self: Arc<Self>, first: Poll) {
        // However it ends.
        let ended = Ended(Arc::clone(&self));
        let mut backoff = Backoff::new(PAUSE, MOST_WAIT);
        let mut poll = first;
        loop {
            // Counted on until what it brings has found its takers.
            let mut counted = Some(Counted { polls: &self, count: poll.messages });
            let lease = self.lease().await;
            let asked_at = Instant::now();
            let answer = self.ask(&poll, lease, &mut counted).await;
            let pause = match answer {
                Ok(messages) => {
                    backoff.reset();
                    // Told not to wait, or of a service that does not: it is not asked all the time.
                    let is_empty = messages.is_empty();
                    self.deliver(messages, lease);
                    if is_empty { PAUSE.saturating_sub(asked_at.elapsed()) } else { Duration::ZERO }
                }
                Err(failure) if matches!(failure.cause, Cause::Unanswered | Cause::Throttled) => {
                    let pause = backoff.next_wait();
                    self.complain(&failure, Instant::now() + pause);
                    pause
                }
                Err(failure) => {
                    self.fail(&failure);
                    Duration::ZERO
                }
            };
            drop(counted);
            if !pause.is_zero() {
                sleep(pause).await;
            }
            match self.next() {
                Some(next) => poll = next,
                None => break,
            }
        }
        drop(ended);
    }

    fn next(&self) -> Option<Poll> {
        self.state().next(self.most)
    }

    /// Asks once. The poll is counted on for as long as it may take.
    async fn ask(
        self: &Arc<Self>,
        poll: &Poll,
        lease: Duration,
        counted: &mut Option<Counted<'_>>,
    ) -> Result<Vec<Wire>, Failure> {
        let wait = poll.wait(self.wait_time);
        let request = self.request(poll, wait, lease)?;
        tokio::pin!(request);
        let mut closing = self.closing.subscribe();
        let closed = async {
            let _ = closing.wait_for(|closing| *closing).await;
            sleep(CLOSING_PATIENCE).await;
        };
        tokio::pin!(closed);
        tokio::select! {
            answer = &mut request => return answer,
            () = &mut closed => return Err(Failure::new(Cause::Closed, "the broker is closed")),
            () = sleep(wait + OVERDUE) => {}
        }
        counted.take();
        self.start();
        tokio::select! {
            answer = request => answer,
            () = closed => Err(Failure::new(Cause::Closed, "the broker is closed")),
        }
    }

    fn request(
        &self,
        poll: &Poll,
        wait: Duration,
        lease: Duration,
    ) -> Result<impl Future<Output = Result<Vec<Wire>, Failure>> + use<'_>, Failure> {
        let request = self
            .queue
            .account
            .client()?
            .receive_message()
            .queue_url(&self.queue.url)
            .max_number_of_messages(poll.messages as i32)
            .wait_time_seconds(wait.as_secs() as i32)
            .visibility_timeout(lease.as_secs() as i32)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let watched = Attempts::default();
        // Under one name, a FIFO queue gives the same messages again; one of another kind hides those of the answer that was
        // lost.
        let name = self.queue.fifo.then(unique);
        let config = attempts(wait + PATIENCE, if self.queue.fifo { 2 } else { 1 });
        let request = request.set_receive_request_attempt_id(name);
        let request = request.customize().config_override(config).interceptor(watched.clone());
        Ok(async move { Ok(self.queue.told(request.send().await, &watched)?.messages.unwrap_or_default()) })
    }

    /// How long deliveries are held at first: as the queue has it.
    async fn lease(&self) -> Duration {
        self.queue.known_at_last().await.visibility.unwrap_or(LEASE).clamp(LEAST_LEASE, MOST)
    }

    /// Hands messages to those who wait, and gives back what nobody waits for.
    fn deliver(&self, messages: Vec<Wire>, lease: Duration) {
        for message in messages {
            let Some(received) = Received::new(message, &self.reading) else {
                let (broker, queue) = (self.queue.broker, &*self.queue.url);
                tracing::error!(
                    driver = super::DRIVER.name,
                    broker,
                    queue,
                    "a message without a receipt is left alone"
                );
                continue;
            };
            let mut delivery = Delivery::new(&self.held, received, lease, self.nack_lazy);
            loop {
                let Some(waiter) = self.state().waiters.pop_front() else {
                    drop(delivery);
                    break;
                };
                match waiter.received.send(Ok(delivery)) {
                    Err(Ok(refused)) => delivery = refused,
                    Ok(()) | Err(Err(_)) => break,
                }
            }
        }
    }

    /// A poll failed of what may pass. Whoever does not wait until the `next` one is told; otherwise it would look as if the
    /// queue were empty.
    fn complain(&self, failure: &Failure, next: Instant) {
        let reason = failure.to_string();
        let mut state = self.state();
        if state.said.is_due(&reason) {
            let (broker, queue) = (self.queue.broker, &*self.queue.url);
            tracing::warn!(
                driver = super::DRIVER.name,
                broker,
                queue,
                reason,
                "the queue could not be asked for messages"
            );
        }
        let (leaving, staying) = std::mem::take(&mut state.waiters).into_iter().partition(|one| one.deadline <= next);
        state.waiters = staying;
        drop(state);
        let leaving: VecDeque<Waiter> = leaving;
        for waiter in leaving {
            let _ = waiter.received.send(Err(failure.clone().receive()));
        }
    }

    /// Tells all who wait that it does not go.
    fn fail(&self, failure: &Failure) {
        let waiters = std::mem::take(&mut self.state().waiters);
        for waiter in waiters {
            let _ = waiter.received.send(Err(failure.clone().receive()));
        }
    }
}

/// What a poll asks for.
struct Poll {
    messages: usize,
    /// How long the last of those waits whom it is for.
    until: Instant,
}

impl Poll {
    /// How long it may wait from now on.
    fn wait(&self, most: Duration) -> Duration {
        let wait = self.until.saturating_duration_since(Instant::now());
        Duration::from_secs(wait.min(most).min(MOST_WAIT).as_secs())
    }
}

impl State {
    fn forget(&mut self) {
        self.waiters.retain(|waiter| !waiter.received.is_closed());
    }

    /// A poll for those whom none is under way for, which waits no longer than they do, for `most` messages at most.
    fn next(&mut self, most: usize) -> Option<Poll> {
        self.forget();
        let messages = self.waiters.len().saturating_sub(self.asked).min(most);
        if messages == 0 || self.closed {
            return None;
        }
        self.asked += messages;
        let last = self.waiters.iter().skip(self.asked - messages).map(|waiter| waiter.deadline).max();
        Some(Poll { messages, until: last.unwrap_or_else(Instant::now) })
    }
}

/// A poll that is counted on.
struct Counted<'a> {
    polls: &'a Polls,
    count: usize,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.polls.state().asked -= self.count;
    }
}

struct Ended(Arc<Polls>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.state().polls -= 1;
        // Somebody may have come in between.
        self.0.start();
    }
}
