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
pub trait Settle: Send + 'static {
    /// Every byte of the response was handed to the socket.
    ///
    /// This is as far as a server can see: bytes that the kernel took for a client that then vanished
    /// count as delivered.
    fn delivered(self: Box<Self>);

    /// The response did not reach the socket completely: the client went away, the connection broke,
    /// the body failed, the response was dropped, or the server was shut down hard.
    fn given_back(self: Box<Self>);
}

/// A [`Settle`] on its way through a response's extensions.
///
/// Clones share the one settlement. When the last of them is dropped before a connection took it,
/// it is given back.
#[derive(Clone)]
pub struct Settling(Arc<Mutex<Option<Unsettled>>>);

impl Settling {
    /// Wraps `settle`. Allocates twice.
    pub fn new(settle: impl Settle) -> Self {
        Self(Arc::new(Mutex::new(Some(Unsettled(Some(Box::new(settle)))))))
    }

    /// One settlement of several, which share the fate of the response. `None` where there are none.
    pub fn all(mut settlings: Vec<Self>) -> Option<Self> {
        match settlings.len() {
            0 | 1 => settlings.pop(),
            _ => Some(Self::new(All(settlings.iter().filter_map(Self::take).collect()))),
        }
    }

    pub(super) fn take(&self) -> Option<Unsettled> {
        lock(&self.0).take()
    }
}

/// Settlements that share one fate.
struct All(Vec<Unsettled>);

impl Settle for All {
    fn delivered(self: Box<Self>) {
        self.0.into_iter().for_each(Unsettled::delivered);
    }

    // Dropping each gives it back.
    fn given_back(self: Box<Self>) {}
}

impl fmt::Debug for Settling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settling")
    }
}

/// The only owner of a [`Settle`]. Dropping it gives back.
pub(super) struct Unsettled(Option<Box<dyn Settle>>);

impl Unsettled {
    pub(super) fn delivered(mut self) {
        if let Some(settle) = self.0.take() {
            settle.delivered();
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if let Some(settle) = self.0.take() {
            settle.given_back();
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
