//! What the parts of one connection share: the accept loop, the driver of the connection, its IO and
//! the bodies of its responses.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::settle::{Settlements, Unsettled, lock};

/// All open connections of a server.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Weak<Link>>>,
    next_id: AtomicU64,
    all_closed: Notify,
}

impl Connections {
    pub(super) fn open(self: &Arc<Self>) -> Arc<Link> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let link = Arc::new(Link {
            id,
            connections: self.clone(),
            order: AtomicU8::new(RUN),
            waker: AtomicWaker::new(),
            settlements: Settlements::default(),
            held: Mutex::default(),
            requests: AtomicU64::new(0),
            body_expected: AtomicBool::new(false),
            open_streams: AtomicUsize::new(0),
            unflushed: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            phase: AtomicU32::new(Phase::Head as u32),
            opened: Instant::now(),
            head_started_micros: AtomicU64::new(0),
        });
        lock(&self.open).insert(id, Arc::downgrade(&link));
        link
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.open).len()
    }

    /// Tells every connection to finish what it has accepted.
    pub(super) fn finish(&self) {
        self.order(FINISH);
    }

    /// Tells every connection to stop where it is.
    pub(super) fn cut(&self) {
        self.order(CUT);
    }

    fn order(&self, order: u8) {
        // Collected first: a link that is dropped here would lock again.
        let links: Vec<_> = lock(&self.open).values().filter_map(Weak::upgrade).collect();
        for link in links {
            link.order.fetch_max(order, Ordering::AcqRel);
            link.waker.wake();
        }
    }

    /// Waits until no connection is open.
    pub(super) async fn closed(&self) {
        loop {
            let mut notified = pin!(self.all_closed.notified());
            notified.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }
}

const RUN: u8 = 0;
const FINISH: u8 = 1;
const CUT: u8 = 2;

/// What an HTTP/1 connection is doing, as far as its timeouts care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Phase {
    /// The head of a request is awaited, and has begun or must begin now.
    Head = 0,
    /// A request was accepted and its response is not yet flushed.
    Busy = 1,
    /// All bytes of the response are in hyper's buffer; the next flush ends the exchange.
    Flushing = 2,
    /// Between two requests.
    Idle = 3,
}

const PHASE_BITS: u32 = 2;

/// The shared state of one connection.
pub(super) struct Link {
    id: u64,
    connections: Arc<Connections>,
    order: AtomicU8,
    waker: AtomicWaker,
    pub(super) settlements: Settlements,
    /// Flushed for a client that has closed its sending side: it may be gone altogether, which shows
    /// only when it answers with a reset.
    pub(super) held: Mutex<Vec<Unsettled>>,
    requests: AtomicU64,
    body_expected: AtomicBool,
    open_streams: AtomicUsize,
    unflushed: AtomicBool,
    writes: AtomicU64,
    /// The phase in the low bits, a count of changes above: a change and back is still seen.
    phase: AtomicU32,
    opened: Instant,
    head_started_micros: AtomicU64,
}

impl Link {
    /// Whoever drives the connection is woken by orders and by what happens to its streams.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    pub(super) fn is_finishing(&self) -> bool {
        self.order.load(Ordering::Acquire) >= FINISH
    }

    pub(super) fn is_cut(&self) -> bool {
        self.order.load(Ordering::Acquire) == CUT
    }

    /// Waits for `future`, or `None` when the server shuts down first.
    pub(super) async fn unless_finishing<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.register(cx.waker());
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if self.is_finishing() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Waits for `future`, or `None` when the connection is cut first.
    pub(super) async fn unless_cut<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.register(cx.waker());
            if self.is_cut() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }

    pub(super) fn request_started(&self, has_body: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.body_expected.store(has_body, Ordering::Relaxed);
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether the last request came with a body, so that some of it may still be on its way.
    pub(super) fn body_expected(&self) -> bool {
        self.body_expected.load(Ordering::Relaxed)
    }

    /// HTTP/2: requests and chunks of responses that are not yet written.
    pub(super) fn open_streams(&self) -> usize {
        self.open_streams.load(Ordering::Acquire)
    }

    /// Whether bytes were written since the last flush that completed.
    pub(super) fn is_unflushed(&self) -> bool {
        self.unflushed.load(Ordering::Relaxed)
    }

    pub(super) fn set_unflushed(&self, unflushed: bool) {
        self.unflushed.store(unflushed, Ordering::Relaxed);
    }

    /// Counts writes that moved bytes.
    pub(super) fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// The phase, with a number that differs from every earlier one.
    pub(super) fn phase(&self) -> (Phase, u32) {
        let word = self.phase.load(Ordering::Acquire);
        let phase = match word & ((1 << PHASE_BITS) - 1) {
            0 => Phase::Head,
            1 => Phase::Busy,
            2 => Phase::Flushing,
            _ => Phase::Idle,
        };
        (phase, word)
    }

    pub(super) fn enter(&self, phase: Phase) {
        if phase == Phase::Head {
            let micros = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.head_started_micros.store(micros, Ordering::Release);
        }
        let changes = self.phase.load(Ordering::Relaxed) >> PHASE_BITS;
        self.phase.store((changes.wrapping_add(1) << PHASE_BITS) | phase as u32, Ordering::Release);
    }

    /// When the head of the current request began: its first byte, or for the first request the
    /// moment the connection was ready.
    pub(super) fn head_started(&self) -> Instant {
        self.opened + Duration::from_micros(self.head_started_micros.load(Ordering::Acquire))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut open = lock(&self.connections.open);
        open.remove(&self.id);
        if open.is_empty() {
            self.connections.all_closed.notify_waiters();
        }
    }
}

/// Closes the settlements of a connection when its driver ends, in whatever way.
pub(super) struct CloseOnDrop(pub(super) Arc<Link>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.settlements.close();
        let held = mem::take(&mut *lock(&self.0.held));
        drop(held);
    }
}

/// Counts as an open stream while it lives.
pub(super) struct OpenStream(Arc<Link>);

impl OpenStream {
    pub(super) fn new(link: &Arc<Link>) -> Self {
        link.open_streams.fetch_add(1, Ordering::AcqRel);
        Self(link.clone())
    }
}

impl Clone for OpenStream {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if self.0.open_streams.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.wake();
        }
    }
}
