//! Settlement of a response: what happens once its fate is known.
//!
//! A handler that consumed a message puts a [`Settling`] into the extensions of its response. The
//! connection takes it out, follows the bytes of that response, and calls [`Settle::delivered`] when
//! all of them are with the kernel's socket, or [`Settle::given_back`] when that can no longer happen.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What waits for the fate of a response. Exactly one of the two methods is called, once, on
/// whatever thread finds out: neither may block or panic.
pub trait Settle: Sized + Send + 'static {
    /// Every byte of the response was handed to the socket.
    ///
    /// This is as far as a server can see: bytes that the kernel took for a client that then vanished
    /// count as delivered.
    fn delivered(self);

    /// The response did not reach the socket completely: the client went away, the connection broke,
    /// the body failed, the response was dropped, or the server was shut down hard.
    fn given_back(self);
}

/// A [`Settle`] on its way through a response's extensions.
///
/// Clones share the one settlement. When the last of them is dropped before a connection took it,
/// it is given back.
#[derive(Clone)]
pub struct Settling(Arc<dyn Ending>);

impl Settling {
    /// Wraps `settle`. Allocates once.
    pub fn new(settle: impl Settle) -> Self {
        Self(Arc::new(Cell { taken: AtomicBool::new(false), settle: Mutex::new(Some(settle)) }))
    }

    /// One settlement of several, which share the fate of the response. `None` where there are none.
    pub fn all(mut settlings: Vec<Self>) -> Option<Self> {
        match settlings.len() {
            0 | 1 => settlings.pop(),
            _ => Some(Self::new(All(settlings.iter().filter_map(Self::take).collect()))),
        }
    }

    /// The settlement, the first time.
    pub(super) fn take(&self) -> Option<Unsettled> {
        self.0.take().then(|| Unsettled(Some(Arc::clone(&self.0))))
    }
}

/// A [`Settle`] of any type, which ends once.
trait Ending: Send + Sync {
    /// Whether this is the first call.
    fn take(&self) -> bool;
    fn end(&self, delivered: bool);
}

struct Cell<S: Settle> {
    taken: AtomicBool,
    settle: Mutex<Option<S>>,
}

impl<S: Settle> Ending for Cell<S> {
    fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    fn end(&self, delivered: bool) {
        // Out of the lock before it is called.
        let settle = lock(&self.settle).take();
        match settle {
            Some(settle) if delivered => settle.delivered(),
            Some(settle) => settle.given_back(),
            None => {}
        }
    }
}

impl<S: Settle> Drop for Cell<S> {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// Settlements that share one fate.
struct All(Vec<Unsettled>);

impl Settle for All {
    fn delivered(self) {
        self.0.into_iter().for_each(Unsettled::delivered);
    }

    // Dropping each gives it back.
    fn given_back(self) {}
}

impl fmt::Debug for Settling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settling")
    }
}

/// What a connection holds of a [`Settling`]. Dropping it gives back.
pub(super) struct Unsettled(Option<Arc<dyn Ending>>);

impl Unsettled {
    pub(super) fn delivered(mut self) {
        if let Some(ending) = self.0.take() {
            ending.end(true);
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if let Some(ending) = self.0.take() {
            ending.end(false);
        }
    }
}

/// The settlements of one connection whose bytes have all left the response, but perhaps not yet the
/// buffers below it.
#[derive(Default)]
pub(super) struct Settlements {
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Unsettled>,
    closed: bool,
}

impl Settlements {
    /// Takes over a settlement; gives it back at once when the connection is gone.
    pub(super) fn add(&self, unsettled: Unsettled) {
        let refused = {
            let mut state = lock(&self.state);
            if state.closed {
                Some(unsettled)
            } else {
                state.waiting.push(unsettled);
                self.any.store(true, Ordering::Release);
                None
            }
        };
        drop(refused);
    }

    /// Moves everything that waits to the end of `to`.
    pub(super) fn take_into(&self, to: &mut Vec<Unsettled>) {
        if self.any.load(Ordering::Acquire) {
            let mut state = lock(&self.state);
            self.any.store(false, Ordering::Relaxed);
            to.append(&mut state.waiting);
        }
    }

    /// Gives back everything that waits, and everything that comes later.
    pub(super) fn close(&self) {
        let waiting = {
            let mut state = lock(&self.state);
            state.closed = true;
            mem::take(&mut state.waiting)
        };
        drop(waiting);
    }
}

/// A poisoned lock protects nothing here that could be half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::{Fate, Probe};

    #[test]
    fn a_dropped_settling_is_given_back_once() {
        let (settling, probe) = Probe::settling();
        let clone = settling.clone();
        drop(settling);
        assert_eq!(probe.seen(), []);
        drop(clone);
        assert_eq!(probe.seen(), [Fate::GivenBack]);
    }

    #[test]
    fn a_clone_that_stays_alive_does_not_keep_the_settlement() {
        let (settling, probe) = Probe::settling();
        let clone = settling.clone();
        drop(settling.take());
        assert_eq!(probe.seen(), [Fate::GivenBack]);
        assert!(clone.take().is_none());
    }

    #[test]
    fn several_share_one_fate() {
        for delivered in [true, false] {
            let (first, first_probe) = Probe::settling();
            let (second, second_probe) = Probe::settling();
            let all = Settling::all(vec![first, second]).and_then(|all| all.take()).expect("there are two");
            let fate = if delivered {
                all.delivered();
                Fate::Delivered
            } else {
                drop(all);
                Fate::GivenBack
            };
            assert_eq!((first_probe.seen(), second_probe.seen()), (vec![fate], vec![fate]));
        }
        assert!(Settling::all(Vec::new()).is_none());
    }

    #[test]
    fn a_closed_connection_gives_back_what_waits_and_what_comes_later() {
        let settlements = Settlements::default();
        let (first, first_probe) = Probe::settling();
        let (late, late_probe) = Probe::settling();
        settlements.add(first.take().expect("not taken before"));
        settlements.close();
        assert_eq!(first_probe.seen(), [Fate::GivenBack]);
        settlements.add(late.take().expect("not taken before"));
        assert_eq!(late_probe.seen(), [Fate::GivenBack]);
    }

    #[test]
    fn what_was_delivered_is_not_given_back() {
        let settlements = Settlements::default();
        let (settling, probe) = Probe::settling();
        settlements.add(settling.take().expect("not taken before"));
        let mut taken = Vec::new();
        settlements.take_into(&mut taken);
        taken.into_iter().for_each(Unsettled::delivered);
        settlements.close();
        assert_eq!(probe.seen(), [Fate::Delivered]);
    }
}
