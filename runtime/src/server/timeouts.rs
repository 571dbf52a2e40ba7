//! The timeouts of a connection, with the meaning that Go's net/http gives them. Nothing here exists
//! for a connection whose server has none configured.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::link::{Link, Phase};

/// The effective timeouts: Go's fallbacks are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// The whole request, from its first byte.
    pub(super) read: Option<Duration>,
    /// The head of a request.
    pub(super) head: Option<Duration>,
    /// From the end of the head to the last byte of the response.
    pub(super) write: Option<Duration>,
    /// Between requests.
    pub(super) idle: Option<Duration>,
}

impl Timeouts {
    /// Zero means none, as in Go.
    pub(super) fn new(
        read: Option<Duration>,
        head: Option<Duration>,
        write: Option<Duration>,
        idle: Option<Duration>,
    ) -> Self {
        let set = |duration: Option<Duration>| duration.filter(|duration| !duration.is_zero());
        let read = set(read);
        Self { read, head: set(head).or(read), write: set(write), idle: set(idle).or(read) }
    }

    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// The one timer of an HTTP/1 connection.
pub(super) struct PhaseTimer {
    timeouts: Timeouts,
    seen: Option<u32>,
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
    /// The number of the request whose write timeout runs.
    writing: Option<u64>,
}

impl PhaseTimer {
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, seen: None, sleep: None, armed: false, writing: None }
    }

    /// Follows the connection's phase; ready with the phase whose time is up.
    pub(super) fn poll(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<Phase> {
        let (phase, change) = link.phase();
        if self.seen != Some(change) {
            self.seen = Some(change);
            let now = Instant::now;
            match phase {
                Phase::Head => self.arm(self.timeouts.head.map(|timeout| link.head_started() + timeout)),
                Phase::Idle => self.arm(self.timeouts.idle.map(|timeout| now() + timeout)),
                // Flushing goes on with the timeout that began with Busy.
                Phase::Busy | Phase::Flushing if self.writing == Some(link.requests()) => {}
                Phase::Busy | Phase::Flushing => {
                    self.arm(self.timeouts.write.map(|timeout| now() + timeout));
                    self.writing = Some(link.requests());
                }
            }
        }
        self.poll_sleep(phase, cx)
    }

    fn arm(&mut self, deadline: Option<Instant>) {
        self.armed = deadline.is_some();
        match (&mut self.sleep, deadline) {
            (_, None) => {}
            (Some(sleep), Some(deadline)) => sleep.as_mut().reset(deadline),
            (None, Some(deadline)) => self.sleep = Some(Box::pin(sleep_until(deadline))),
        }
    }

    fn poll_sleep(&mut self, phase: Phase, cx: &mut Context<'_>) -> Poll<Phase> {
        match &mut self.sleep {
            Some(sleep) if self.armed => sleep.as_mut().poll(cx).map(|()| phase),
            _ => Poll::Pending,
        }
    }
}

/// A timer that runs while a condition holds.
pub(super) struct While {
    duration: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl While {
    pub(super) fn new(duration: Duration) -> Self {
        Self { duration, sleep: None }
    }

    /// Begins the duration again.
    pub(super) fn restart(&mut self) {
        self.sleep = None;
    }

    /// Ready when `condition` has held at every poll for the whole duration.
    pub(super) fn poll(&mut self, condition: bool, cx: &mut Context<'_>) -> Poll<()> {
        if !condition {
            self.sleep = None;
            return Poll::Pending;
        }
        let duration = self.duration;
        self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(duration))).as_mut().poll(cx)
    }
}

/// Waits for `future` at most `limit`, or for ever; `None` when the time is up.
pub(super) async fn within<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fallbacks_are_those_of_go() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            ((None, None, None, None), (None, None, None, None)),
            ((seconds(5), None, None, None), (seconds(5), seconds(5), None, seconds(5))),
            ((seconds(5), seconds(1), seconds(2), seconds(3)), (seconds(5), seconds(1), seconds(2), seconds(3))),
            ((None, None, None, seconds(3)), (None, None, None, seconds(3))),
            ((seconds(0), seconds(0), seconds(0), seconds(0)), (None, None, None, None)),
        ];
        for ((read, head, write, idle), (want_read, want_head, want_write, want_idle)) in cases {
            let want = Timeouts { read: want_read, head: want_head, write: want_write, idle: want_idle };
            assert_eq!(Timeouts::new(read, head, write, idle), want);
            assert_eq!(want.any(), want != Timeouts::default());
        }
    }
}
