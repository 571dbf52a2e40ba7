//! Receiving: subscriptions, each of which is a member of a consumer group that it shares with those of the same URL.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Shared;
use super::delivery::Delivery;
use super::group::{Group, Wanted};
use crate::kafka::Subscription;
use crate::{OpenError, ReceiveError, UrlError};

/// How long closing waits for a group to be left.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);

/// The subscriptions of a broker.
pub(super) struct Subscriptions {
    shared: Arc<Shared>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    members: HashMap<Wanted, Weak<Member>>,
    closed: bool,
}

/// A member of a group, which ends with the last subscriber of it.
struct Member(Arc<Group>);

/// An open subscription of a [`Broker`](super::Broker).
pub struct Subscriber {
    member: Arc<Member>,
}

impl Subscriptions {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), open: Mutex::default() }
    }

    /// Begins to join the group, where nobody has yet who wants the same.
    pub(super) fn open(&self, url: &str) -> Result<Subscriber, OpenError> {
        let wanted = Wanted::new(&Subscription::parse(url).map_err(OpenError::Url)?);
        let options = &self.shared.options;
        let is_static = options.instance_id()?.is_some();
        let mut open = self.lock();
        open.members.retain(|_, member| member.strong_count() > 0);
        if let Some(member) = open.members.get(&wanted).and_then(Weak::upgrade) {
            return Ok(Subscriber { member });
        }
        if is_static && open.members.keys().any(|known| known.group == wanted.group) {
            let what = "the group is already received from with other topics or options, under one `group_instance_id`";
            let help = "write the same URL wherever the group is used, or leave `group_instance_id` out";
            return Err(OpenError::Url(UrlError::new(0..url.len(), what).with_help(help)));
        }
        let join = if open.closed { Group::closed } else { Group::join };
        let group = join(wanted.clone(), &self.shared);
        let member = Arc::new(Member(group));
        open.members.insert(wanted, Arc::downgrade(&member));
        Ok(Subscriber { member })
    }

    /// Leaves all groups, which takes a few seconds at most.
    pub(super) async fn close(&self) {
        let members: Vec<_> = {
            let mut open = self.lock();
            open.closed = true;
            open.members.values().filter_map(Weak::upgrade).collect()
        };
        for member in &members {
            member.0.shut();
        }
        let until = Instant::now() + CLOSING_PATIENCE;
        for member in members {
            member.0.close(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing panics with the lock held.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl crate::Subscriber for Subscriber {
    type Delivery = Delivery;

    /// Takes a message only when it is polled, and returns it from that very poll: dropping it loses nothing.
    async fn receive(&self, _: Instant) -> Result<Delivery, ReceiveError> {
        let group = &self.member.0;
        loop {
            if let Some(handed) = group.take() {
                return Ok(Delivery::new(handed, group));
            }
            let mut notified = pin!(group.notified());
            notified.as_mut().enable();
            // What has come since is seen now; what comes later wakes.
            if let Some(handed) = group.take() {
                return Ok(Delivery::new(handed, group));
            }
            group.wait(notified).await?;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.shut();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted { group, topics, .. } = &self.member.0.wanted;
        f.debug_struct("Subscriber").field("group", group).field("topics", topics).finish_non_exhaustive()
    }
}
