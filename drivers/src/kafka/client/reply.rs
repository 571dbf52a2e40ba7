//! The answer to one message, which the thread of a producer gives to whoever published it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedMessage;

/// What became of a message.
pub(super) type Outcome = Result<Place, Failure>;

/// Where a message was stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) partition: i32,
    /// `None` where the broker had it already from an earlier try.
    pub(super) offset: Option<u64>,
}

/// Why a message was not confirmed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: RDKafkaErrorCode,
    /// Whether a partition was chosen for it: one without has never been sent.
    pub(super) has_partition: bool,
    /// The message, where it was refused with a batch and may be none of those that the broker does not take.
    pub(super) again: Option<Box<OwnedMessage>>,
}

/// Shared by both ends. One allocation for each message, and none of its parts outlives it.
#[derive(Default)]
pub(super) struct Reply(Mutex<State>);

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// The end that waits.
pub(super) struct Waiting(pub(super) Arc<Reply>);

impl Reply {
    pub(super) fn give(&self, outcome: Outcome) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.outcome = Some(outcome);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Waiting {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                match &mut state.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}
