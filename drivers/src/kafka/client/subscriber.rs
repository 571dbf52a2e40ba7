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
    /// All that have not ended: those of `members`, and those that are leaving, which nobody has any more.
    groups: Vec<Arc<Group>>,
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
        open.groups.retain(|group| !group.has_ended());
        let group = if open.closed {
            Group::closed(wanted.clone(), &self.shared)
        } else {
            // One that leaves still has the instance's id.
            let others = open.groups.iter().filter(|other| is_static && other.wanted.group == wanted.group);
            Group::join(wanted.clone(), &self.shared, others.cloned().collect())
        };
        open.groups.push(Arc::clone(&group));
        let member = Arc::new(Member(group));
        open.members.insert(wanted, Arc::downgrade(&member));
        Ok(Subscriber { member })
    }

    /// Leaves all groups, also those that nobody receives from any more, which takes a few seconds at most.
    pub(super) async fn close(&self) {
        let groups = {
            let mut open = self.lock();
            open.closed = true;
            std::mem::take(&mut open.groups)
        };
        for group in &groups {
            group.shut();
        }
        let until = Instant::now() + CLOSING_PATIENCE;
        for group in groups {
            group.close(until).await;
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
        if let Some(handed) = group.take() {
            return Ok(Delivery::new(handed, group));
        }
        let _successor = Successor(group);
        loop {
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

/// Only those that began to wait after a message was given back know when it is due: whoever of them stops to wait, for
/// whatever reason, has another one look.
struct Successor<'a>(&'a Group);

impl Drop for Successor<'_> {
    fn drop(&mut self) {
        self.0.pass_on();
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
