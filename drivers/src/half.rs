//! One of a broker's connections, made once there is a use for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::BrokerState;
use crate::supervision::{Link, Supervision, Supervisor};

pub(crate) struct Half<L> {
    pub(crate) supervision: Arc<Supervision>,
    runtime: Handle,
    task: Mutex<Task<L>>,
}

enum Task<L> {
    Unused(L),
    Started(#[expect(dead_code, reason = "kept for its drop")] Supervisor),
    /// Closed before it was used, or about to be started.
    Neither,
}

impl<L: Link> Half<L> {
    /// Does not connect yet. Must be called on a tokio runtime.
    pub(crate) fn new(supervision: Arc<Supervision>, link: L) -> Self {
        Self { supervision, runtime: Handle::current(), task: Mutex::new(Task::Unused(link)) }
    }

    /// Begins to connect, the first time.
    pub(crate) fn start(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        *task = match std::mem::replace(&mut *task, Task::Neither) {
            Task::Unused(link) => {
                let _guard = self.runtime.enter();
                Task::Started(self.supervision.start(link))
            }
            other => other,
        };
    }

    /// `None` where it is not used.
    pub(crate) fn state(&self) -> Option<BrokerState> {
        self.is_started().then(|| self.supervision.state())
    }

    /// Ends the connection in order, and waits for that.
    pub(crate) async fn close(&self) {
        if self.is_started() {
            self.supervision.close().await;
        }
    }

    /// Never connects, where it has not begun to.
    pub(crate) fn forget(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*task, Task::Unused(_)) {
            *task = Task::Neither;
        }
    }

    fn is_started(&self) -> bool {
        matches!(*self.task.lock().unwrap_or_else(PoisonError::into_inner), Task::Started(_))
    }
}
