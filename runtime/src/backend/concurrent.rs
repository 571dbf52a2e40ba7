use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::backend::merge::{AnyBackend, AnyOpenBackend};
use crate::backend::reply::{Data, Reply};
use crate::backend::{Backend, BodyUse, Failure, OpenBackend, Payload, Place};
use crate::deadline::before;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};

/// A backend called several times at once for one request (`concurrent_calls`).
///
/// The first complete answer counts and the other calls are given up (trap 40). They have 75 % of the endpoint's timeout
/// (trap 3).
#[derive(Clone, Copy)]
pub struct Concurrent {
    backend: &'static dyn AnyBackend,
    calls: usize,
}

/// A [`Concurrent`] backend that can be called.
pub struct OpenConcurrent {
    backend: Box<dyn AnyOpenBackend>,
    calls: usize,
    budget: Duration,
}

impl Concurrent {
    /// Calls `backend` as many times as `calls` says. It must be one that may be called more than once: no publisher and
    /// no subscriber.
    #[must_use]
    pub const fn new(backend: &'static dyn AnyBackend, calls: usize) -> Self {
        Self { backend, calls }
    }
}

impl Backend for Concurrent {
    type Open = OpenConcurrent;

    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<OpenConcurrent, OpenFailure> {
        let budget = place.endpoint.timeout * 75 / 100;
        let each = Place { timeout: budget.min(place.timeout), ..*place };
        Ok(OpenConcurrent { backend: self.backend.open_any(opener, &each)?, calls: self.calls, budget })
    }

    fn summary(&self) -> String {
        format!("{} ({} at once)", self.backend.summary_any(), self.calls)
    }

    fn consumes(&self) -> bool {
        self.backend.consumes_any()
    }
}

impl OpenBackend for OpenConcurrent {
    fn body_use(&self) -> BodyUse {
        self.backend.body_use_any().repeated()
    }

    fn max_body_bytes(&self) -> Option<usize> {
        self.backend.max_body_bytes_any()
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let body = body.into_bytes();
        let deadline = Instant::now() + self.budget;
        let call = || self.backend.call_any(incoming, Payload::Whole(body.clone()));
        let mut calls: FuturesUnordered<_> = (0..self.calls).map(|_| call()).collect();
        let mut last = None;
        loop {
            match before(deadline, calls.next()).await {
                Some(Some(Ok(reply))) if counts(&reply) => return Ok(reply),
                // An answer that is not complete is better than none.
                Some(Some(result)) if result.is_ok() || !matches!(last, Some(Ok(_))) => last = Some(result),
                Some(Some(_)) => {}
                Some(None) => break,
                None if matches!(last, Some(Ok(_))) => break,
                None => return Err(self.backend.timed_out_any(self.budget)),
            }
        }
        last.unwrap_or_else(|| Err(Failure::internal("the backend was not called")))
    }

    fn timed_out(&self, after: Duration) -> Failure {
        self.backend.timed_out_any(after)
    }
}

/// Whether an answer is worth giving up the other calls: it is complete, or passed through whatever it is, as in KrakenD.
fn counts(reply: &Reply) -> bool {
    reply.complete || matches!(reply.data, Data::PassThrough(_))
}

impl fmt::Debug for Concurrent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concurrent").field("backend", &self.summary()).finish()
    }
}
