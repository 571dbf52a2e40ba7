//! Copies of requests for backends whose answers nobody sees.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::backend::merge::{AnyBackend, AnyOpenBackend};
use crate::backend::{Backend, BodyUse, Failure, OpenBackend, Payload, Place, Reply};
use crate::deadline::before;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};

/// How many calls of one shadow backend may be under way. They are not waited for, so nothing else bounds them.
const MAX_IN_FLIGHT: u16 = 1_024;

/// A backend, and others that get a copy of every request (`proxy.shadow`).
///
/// A shadow backend's answer is ignored, and neither delays nor fails the endpoint's. It has a timeout of its own (trap
/// 41). While 1,024 of its calls are under way it is left out, with a line in the log.
#[derive(Clone, Copy)]
pub struct Shadowed {
    backend: &'static dyn AnyBackend,
    shadows: &'static [Shadow],
}

/// A shadow backend of a [`Shadowed`] one.
#[derive(Clone, Copy)]
pub struct Shadow {
    backend: &'static dyn AnyBackend,
    timeout: Option<Duration>,
}

/// A [`Shadowed`] backend that can be called.
pub struct OpenShadowed {
    backend: Box<dyn AnyOpenBackend>,
    shadows: Box<[Arc<OpenShadow>]>,
}

struct OpenShadow {
    backend: Box<dyn AnyOpenBackend>,
    timeout: Duration,
    permits: Arc<Semaphore>,
    ended: watch::Receiver<bool>,
    /// How many calls were left out since the last one that was not.
    left_out: AtomicUsize,
    endpoint: (&'static str, &'static str),
    summary: String,
}

/// The shadow calls of a gateway that are under way.
#[derive(Debug, Default)]
pub(crate) struct Shadows {
    permits: Vec<Arc<Semaphore>>,
    ended: watch::Sender<bool>,
}

impl Shadowed {
    /// Answers what `backend` does.
    #[must_use]
    pub const fn new(backend: &'static dyn AnyBackend, shadows: &'static [Shadow]) -> Self {
        Self { backend, shadows }
    }
}

impl Shadow {
    /// A shadow backend that has the endpoint's timeout.
    #[must_use]
    pub const fn new(backend: &'static dyn AnyBackend) -> Self {
        Self { backend, timeout: None }
    }

    /// `shadow_timeout`.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl Backend for Shadowed {
    type Open = OpenShadowed;

    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<OpenShadowed, OpenFailure> {
        let mut open = |shadow: &'static Shadow| {
            let timeout = shadow.timeout.unwrap_or(place.endpoint.timeout);
            let each = Place { merged: false, timeout, ..*place };
            let backend = shadow.backend.open_any(opener, &each)?;
            let (permits, ended) = opener.shadows().add();
            Ok::<_, OpenFailure>(Arc::new(OpenShadow {
                backend,
                timeout,
                permits,
                ended,
                left_out: AtomicUsize::new(0),
                endpoint: (place.endpoint.method.as_str(), place.endpoint.path),
                summary: shadow.backend.summary_any(),
            }))
        };
        let shadows = self.shadows.iter().map(&mut open).collect::<Result<_, _>>()?;
        Ok(OpenShadowed { backend: self.backend.open_any(opener, place)?, shadows })
    }

    fn summary(&self) -> String {
        let shadows: Vec<_> = self.shadows.iter().map(|shadow| shadow.backend.summary_any()).collect();
        format!("{} (shadowed by {})", self.backend.summary_any(), shadows.join(" + "))
    }

    fn consumes(&self) -> bool {
        self.backend.consumes_any()
    }
}

impl OpenBackend for OpenShadowed {
    fn body_use(&self) -> BodyUse {
        let shadows = self.shadows.iter().map(|shadow| shadow.backend.body_use_any());
        shadows.fold(self.backend.body_use_any(), BodyUse::max).repeated()
    }

    fn max_body_bytes(&self) -> Option<usize> {
        self.backend.max_body_bytes_any()
    }

    fn publishes(&self) -> Option<&'static str> {
        self.backend.publishes_any()
    }

    fn refuse(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Failure> {
        self.backend.refuse_any(incoming, body)
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let body = body.into_bytes();
        // What the endpoint refuses is nobody's request: there is no copy of it.
        self.refuse(incoming, &body)?;
        for shadow in &self.shadows {
            shadow.start(incoming, &body);
        }
        self.backend.call_any(incoming, Payload::Whole(body)).await
    }

    fn timed_out(&self, after: Duration) -> Failure {
        self.backend.timed_out_any(after)
    }
}

impl OpenShadow {
    fn start(self: &Arc<Self>, incoming: &Incoming, body: &Bytes) {
        if let Some(max) = self.backend.max_body_bytes_any().filter(|max| body.len() > *max) {
            let reason = format!("left out: {} bytes are more than the {max} that it can take", body.len());
            return self.failed(&Failure::new(StatusCode::PAYLOAD_TOO_LARGE, reason));
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return self.leave_out() };
        self.log_left_out();
        let mut copy = incoming.clone();
        copy.deadline = Instant::now() + self.timeout;
        let (shadow, body) = (Arc::clone(self), Payload::Whole(body.clone()));
        tokio::spawn(async move {
            let mut ended = shadow.ended.clone();
            let result = tokio::select! {
                result = before(copy.deadline, shadow.backend.call_any(&copy, body)) => {
                    result.unwrap_or_else(|| Err(shadow.backend.timed_out_any(shadow.timeout)))
                }
                // Also when the gateway is gone.
                _ = ended.wait_for(|ended| *ended) => Err(Failure::internal("the gateway has shut down")),
            };
            if let Err(failure) = result {
                shadow.failed(&failure);
            }
            drop(permit);
        });
    }

    fn failed(&self, failure: &Failure) {
        let ((method, path), backend, reason) = (self.endpoint, self.summary.as_str(), failure.message.as_str());
        match self.backend.publishes_any() {
            Some(_) => tracing::error!(method, path, backend, reason, "message of a shadow backend not published"),
            None => tracing::warn!(method, path, backend, reason, "shadow backend failed"),
        }
    }

    /// A copy that is not sent. A message is never lost without an error; of anything else the first is reported, and how
    /// many there were once there is room again.
    fn leave_out(&self) {
        let before = self.left_out.fetch_add(1, Ordering::Relaxed);
        if self.backend.publishes_any().is_some() || before == 0 {
            self.failed(&Failure::internal(format!("left out: {MAX_IN_FLIGHT} calls are under way")));
        }
    }

    fn log_left_out(&self) {
        if self.left_out.load(Ordering::Relaxed) > 0 {
            let calls = self.left_out.swap(0, Ordering::Relaxed);
            let ((method, path), backend) = (self.endpoint, self.summary.as_str());
            tracing::warn!(method, path, backend, calls, "shadow backend was left out");
        }
    }
}

// === impl Shadows ===

impl Shadows {
    fn add(&mut self) -> (Arc<Semaphore>, watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(MAX_IN_FLIGHT.into()));
        self.permits.push(Arc::clone(&permits));
        (permits, self.ended.subscribe())
    }

    /// Waits for the calls that are under way, for at most `limit`, and gives up the others. Each has a timeout of its own,
    /// so this ends without a limit too.
    pub(crate) async fn end(&self, limit: Option<Duration>) {
        let ended = match limit {
            None => true,
            Some(limit) => timeout(limit, self.idle()).await.is_ok(),
        };
        if !ended {
            self.ended.send_replace(true);
        }
        self.idle().await;
    }

    async fn idle(&self) {
        for permits in &self.permits {
            // They are never closed.
            drop(permits.acquire_many(MAX_IN_FLIGHT.into()).await);
        }
    }
}

impl fmt::Debug for Shadowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadowed").field("backend", &self.summary()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::tests::incoming;

    /// Calls wait until they may go on.
    struct Waiting(Arc<Semaphore>);

    impl OpenBackend for Waiting {
        fn body_use(&self) -> BodyUse {
            BodyUse::None
        }

        fn max_body_bytes(&self) -> Option<usize> {
            Some(4)
        }

        async fn call(&self, _: &Incoming, _: Payload) -> Result<Reply, Failure> {
            drop(self.0.acquire().await);
            Ok(Reply::nothing())
        }

        fn timed_out(&self, after: Duration) -> Failure {
            Failure::deadline(after)
        }
    }

    fn shadow(shadows: &mut Shadows, timeout: Duration) -> (Arc<OpenShadow>, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let (permits, ended) = shadows.add();
        let shadow = OpenShadow {
            backend: Box::new(Waiting(Arc::clone(&gate))),
            timeout,
            permits,
            ended,
            left_out: AtomicUsize::new(0),
            endpoint: ("GET", "/"),
            summary: String::new(),
        };
        (Arc::new(shadow), gate)
    }

    fn under_way(shadow: &OpenShadow) -> usize {
        usize::from(MAX_IN_FLIGHT) - shadow.permits.available_permits()
    }

    #[tokio::test]
    async fn calls_are_left_out_above_the_limit() {
        let mut shadows = Shadows::default();
        let (shadow, gate) = shadow(&mut shadows, Duration::from_secs(60));
        let request = incoming("GET", "/", &[]);
        for _ in 0..MAX_IN_FLIGHT + 3 {
            shadow.start(&request, &Bytes::new());
        }
        assert_eq!((under_way(&shadow), shadow.left_out.load(Ordering::Relaxed)), (MAX_IN_FLIGHT.into(), 3));
        gate.add_permits(1);
        shadows.end(None).await;
        assert_eq!(under_way(&shadow), 0);
        shadow.start(&request, &Bytes::from_static(b"12345"));
        assert_eq!(under_way(&shadow), 0, "more than it can take");
        shadow.start(&request, &Bytes::from_static(b"1234"));
        assert_eq!(under_way(&shadow), 1);
        assert_eq!(shadow.left_out.load(Ordering::Relaxed), 0, "they were reported");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_end_with_their_time_or_that_of_the_shutdown() {
        let mut shadows = Shadows::default();
        let request = incoming("GET", "/", &[]);
        let (short, _) = shadow(&mut shadows, Duration::from_secs(1));
        short.start(&request, &Bytes::new());
        let started = Instant::now();
        shadows.end(None).await;
        assert_eq!((under_way(&short), started.elapsed().as_secs()), (0, 1));
        let (long, _) = shadow(&mut shadows, Duration::from_secs(60));
        long.start(&request, &Bytes::new());
        shadows.end(Some(Duration::from_secs(3))).await;
        assert_eq!((under_way(&long), started.elapsed().as_secs()), (0, 4));
    }
}
