//! What is asked of a subscription: one message for each request that waits.
//!
//! A gateway asks by `Pull`, for one message a call, by as many calls as requests wait, up to a bound; each is held by the service until there is a message. So nothing is leased that nobody has asked for, replicas share what there
//! is by who asks, and of messages with the same ordering key no two are out at once.
//!
//! A stream (`StreamingPull`) would have to be told how many messages may be out when it begins: each one more than requests
//! wait is kept from other gateways or bounces, and where fewer are let through than requests wait, these wait for each
//! other. A stream for each request would be a call for each request, too, but a more costly one, whose end the service does
//! not know before it has sent a message. Beside Google's fake, a message reached a request that waited by a pull in 6 ms,
//! and by a stream of its own in 10 ms; 32 requests at once received 620 messages a second by pulls, and a stream with 32
//! messages outstanding 90. Both are the fake's own pace: it looks for messages every 5 and 10 ms.
//!
//! A call whose request has gone stands for another [`LINGER`], and is then cancelled. A message that comes within that time
//! is given back at once. One that the service sends in the moment of the cancelling comes back when its lease ends: nobody
//! knows of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tonic::Code;

use super::delivery::Delivery;
use super::live::{Failure, PULL};
use super::proto::{PullRequest, PullResponse};
use super::subscription::{Shared, Trouble};
use super::troubles::{is_refusal, reason};
use crate::backoff::Backoff;
use crate::gcp_pubsub::DRIVER;
use crate::outage::Repeats;

/// How long a pull stands that nobody waits for.
const LINGER: Duration = Duration::from_millis(200);

/// How long the service is given for one. It answers within 90 seconds by itself.
const PATIENCE: Duration = Duration::from_secs(100);

/// What an answer without a message takes at least; a service that answers sooner is asked again no sooner.
const SHORTEST: Duration = Duration::from_millis(50);

/// After how long without a failure a pull was one that worked.
const STEADY: Duration = Duration::from_secs(5);

/// Between tries.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MOST_WAIT: Duration = Duration::from_secs(2);

/// The task of a subscription.
pub(super) struct Task {
    shared: Arc<Shared>,
    pulls: JoinSet<Pulled>,
    handles: Vec<AbortHandle>,
    /// Since when there are more pulls than requests.
    surplus_since: Option<Instant>,
    /// When nothing is asked before.
    not_before: Instant,
    /// Failures since the last success, and when the last one was.
    failures: u64,
    failed_at: Instant,
    backoff: Backoff,
    lines: Repeats,
    was_said: bool,
}

struct Pulled {
    since: Instant,
    answer: Result<PullResponse, Failure>,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            pulls: JoinSet::new(),
            handles: Vec::new(),
            surplus_since: None,
            not_before: now,
            failures: 0,
            failed_at: now,
            backoff: Backoff::new(FIRST_WAIT, MOST_WAIT),
            lines: Repeats::default(),
            was_said: false,
        }
    }

    pub(super) async fn run(mut self) {
        while let Some(waiting) = self.shared.waiting() {
            let now = Instant::now();
            let wanted = waiting.min(self.shared.most_pulls());
            while self.pulls.len() < wanted && self.not_before <= now {
                let handle = self.pulls.spawn(pull(Arc::clone(&self.shared)));
                self.handles.push(handle);
            }
            self.look_for_surplus(wanted, now);
            let lacks = self.pulls.len() < wanted;
            let due = match self.surplus_since {
                Some(since) => Some(since + LINGER),
                None => lacks.then_some(self.not_before),
            };
            tokio::select! {
                () = self.shared.wake.notified() => {}
                Some(pulled) = self.pulls.join_next() => {
                    if let Ok(pulled) = pulled {
                        self.take(pulled);
                    }
                }
                () = sleep_until(due.unwrap_or(now)), if due.is_some() => {}
            }
        }
        self.pulls.abort_all();
        while let Some(pulled) = self.pulls.join_next().await {
            if let Ok(Pulled { answer: Ok(answer), .. }) = pulled {
                self.hand_over(answer);
            }
        }
        self.shared.ledger.leave();
        self.shared.ended.notify_one();
    }

    /// Cancels pulls that nobody waits for, when it is time.
    fn look_for_surplus(&mut self, wanted: usize, now: Instant) {
        self.handles.retain(|handle| !handle.is_finished());
        if self.pulls.len() <= wanted {
            self.surplus_since = None;
            return;
        }
        let since = *self.surplus_since.get_or_insert(now);
        if since + LINGER <= now {
            let surplus = self.pulls.len() - wanted;
            self.handles.iter().take(surplus).for_each(AbortHandle::abort);
            self.surplus_since = None;
        }
    }

    fn take(&mut self, Pulled { since, answer }: Pulled) {
        let took = since.elapsed();
        let failed = match answer {
            Ok(answer) => {
                self.recovered();
                if answer.received_messages.is_empty() {
                    self.not_before = since + SHORTEST;
                }
                return self.hand_over(answer);
            }
            // There was nothing, and it was said at the end of the time that was given.
            Err(Failure::Status(status)) if status.code() == Code::DeadlineExceeded && took >= STEADY => {
                return self.recovered();
            }
            Err(_) if took >= PATIENCE => return self.recovered(),
            Err(failed) => failed,
        };
        // Many fail together when a connection is lost.
        if self.failures > 0 && since < self.failed_at {
            return;
        }
        let now = Instant::now();
        if took >= STEADY {
            self.failures = 0;
            self.backoff.reset();
        }
        self.failures += 1;
        self.failed_at = now;
        // Without a connection this has cost nothing, and others make it anew.
        let is_unsent = matches!(failed, Failure::NotSent(_)) && !self.shared.service.is_connected();
        let until = if is_unsent { now } else { now + self.backoff.next_wait() };
        self.not_before = until.max(now + FIRST_WAIT / 2);
        // Services restart, and connections end: that is not told before it has failed again.
        let is_refusal = is_refusal(&failed);
        if !is_refusal && self.failures == 1 {
            return;
        }
        let reason = reason(&failed);
        if !is_unsent && self.lines.is_due(&reason) {
            self.was_said = true;
            let Shared { broker, name, .. } = &*self.shared;
            let subscription = &**name;
            tracing::warn!(driver = DRIVER.name, broker, subscription, reason, "cannot receive, will try again");
        }
        self.shared.fail(&Trouble { is_refusal, reason: reason.into() }, until);
    }

    fn recovered(&mut self) {
        if self.failures == 0 {
            return;
        }
        self.failures = 0;
        self.backoff.reset();
        self.not_before = Instant::now();
        self.shared.recovered();
        if std::mem::take(&mut self.was_said) {
            let Shared { broker, name, .. } = &*self.shared;
            let subscription = &**name;
            tracing::info!(driver = DRIVER.name, broker, subscription, "receives again");
        }
    }

    fn hand_over(&self, answer: PullResponse) {
        for received in answer.received_messages {
            let delivery = Delivery::new(&self.shared, received);
            self.shared.hand_over(delivery);
        }
    }
}

async fn pull(shared: Arc<Shared>) -> Pulled {
    let since = Instant::now();
    let subscription = shared.name.to_string();
    let asked = Arc::new(PullRequest { subscription, return_immediately: false, max_messages: 1 });
    let answer = shared.service.unary(&PULL, &shared.name, &asked, PATIENCE).await;
    Pulled { since, answer }
}
