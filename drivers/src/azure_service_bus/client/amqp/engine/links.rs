//! What this side does with links.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::{DECISION, Engine, Error, Failure, Link, Outcome, Sending, Settling, Side, Waiting, frame};
use crate::azure_service_bus::client::amqp::{Event, Value};

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    /// Makes a link, or has it wait for the end of another where there are as many as the peer takes.
    pub(super) fn attach(&mut self, waiting: Waiting) {
        if waiting.reply.is_closed() {
            return;
        }
        // The service says 255, and takes as many: one less than numbers up to 255 are.
        let mut handles = 0..self.handle_max.max(1);
        let Some(handle) = handles.find(|handle| !self.by_handle.contains_key(handle)) else {
            self.waiting.push_back(waiting);
            return;
        };
        let Waiting { spec, side, reply } = waiting;
        let number = self.next_link;
        self.next_link += 1;
        frame::attach(&mut self.out, handle, &spec);
        self.by_handle.insert(handle, number);
        self.by_name.insert((spec.name.clone(), spec.receives), number);
        let link = Link {
            spec,
            handle,
            remote: None,
            attaching: Some(reply),
            detached: None,
            ended: Arc::default(),
            delivery_count: 0,
            credit: 0,
            side,
        };
        self.links.insert(number, link);
    }

    /// Ends a link that something is wrong with, and says so to whoever uses it.
    pub(super) fn give_up(&mut self, number: u64, failure: Failure) {
        let Some(link) = self.links.get_mut(&number).filter(|link| link.detached.is_none()) else { return };
        let _ = link.ended.set(failure.clone());
        frame::detach(&mut self.out, link.handle, Some(&failure));
        link.detached = Some(Instant::now());
        match &mut link.side {
            Side::Sender { queue, .. } => {
                let ended = Error::Refused(failure);
                queue.drain(..).for_each(|parcel| drop(parcel.reply.send(Sending::NotSent(ended.clone()))));
            }
            Side::Receiver { events, .. } => drop(events.send(Event::Detached(failure))),
        }
        if self.current.as_ref().is_some_and(|current| current.link == number) {
            self.current = None;
        }
    }

    /// Says that a link ends. It is forgotten when the peer has said so as well.
    pub(super) fn detach(&mut self, number: u64) {
        let Some(link) = self.links.get_mut(&number) else { return };
        if link.detached.is_some() {
            return;
        }
        link.detached = Some(Instant::now());
        frame::detach(&mut self.out, link.handle, None);
        if let Side::Sender { queue, .. } = &mut link.side {
            let ended = Error::Lost("the link was given up".into());
            queue.drain(..).for_each(|parcel| drop(parcel.reply.send(Sending::NotSent(ended.clone()))));
        }
        if self.current.as_ref().is_some_and(|current| current.link == number) {
            self.current = None;
        }
    }

    pub(super) fn flow(&mut self, number: u64, add: u32, drain: bool) {
        let Some(link) = self.links.get_mut(&number).filter(|link| link.detached.is_none()) else { return };
        let Side::Receiver { events, drains, excess, .. } = &mut link.side else { return };
        if add > 0 {
            *excess = 0;
        }
        link.credit = link.credit.saturating_add(add);
        if drain && link.credit == 0 {
            let _ = events.send(Event::Drained);
            return;
        }
        *drains = drain;
        let said = (link.handle, link.delivery_count, link.credit, drain);
        let windows = self.windows();
        frame::flow(&mut self.out, windows, Some(said));
    }

    pub(super) fn settle(
        &mut self,
        number: u64,
        id: u32,
        state: Value,
        reply: oneshot::Sender<Result<Outcome, Error>>,
    ) {
        match self.links.get(&number).filter(|link| link.detached.is_none()) {
            Some(link) => {
                let settled = link.spec.settled;
                frame::disposition(&mut self.out, true, id, settled, state);
                if !settled {
                    self.settling.insert(id, Settling { link: number, since: Instant::now(), reply });
                }
            }
            None => drop(reply.send(Err(Error::Lost("the link has ended".into())))),
        }
    }

    /// Tells everybody who waits for something of a link that it has ended.
    pub(super) fn forget(&mut self, number: u64, error: &Error, failure: Option<Failure>) {
        let Some(mut link) = self.links.remove(&number) else { return };
        self.by_handle.remove(&link.handle);
        if let Some(remote) = link.remote {
            self.by_remote.remove(&remote);
        }
        self.by_name.remove(&(link.spec.name.clone(), link.spec.receives));
        if let Some(failure) = &failure {
            let _ = link.ended.set(failure.clone());
        }
        if self.current.as_ref().is_some_and(|current| current.link == number) {
            self.current = None;
        }
        if let Some(reply) = link.attaching.take() {
            let _ = reply.send(Err(error.clone()));
        }
        match link.side {
            Side::Sender { queue, .. } => {
                self.forget_messages(number, error);
                queue.into_iter().for_each(|parcel| drop(parcel.reply.send(Sending::NotSent(error.clone()))));
            }
            Side::Receiver { events, .. } => {
                if let Some(failure) = failure {
                    let _ = events.send(Event::Detached(failure));
                }
            }
        }
        let ended: Vec<_> =
            self.settling.iter().filter(|(_, settling)| settling.link == number).map(|(id, _)| *id).collect();
        for id in ended {
            if let Some(settling) = self.settling.remove(&id) {
                let _ = settling.reply.send(Err(error.clone()));
            }
        }
        while self.closing.is_none()
            && let Some(waiting) = self.waiting.pop_front()
        {
            if !waiting.reply.is_closed() {
                self.attach(waiting);
                break;
            }
        }
    }

    /// Does not wait any more for answers that have not come for long, or that nobody waits for.
    pub(super) fn forget_unanswered(&mut self, now: Instant) {
        let is_old = |since: Instant| now.duration_since(since) >= DECISION;
        let silent = || Error::Lost(format!("the service has not said for {DECISION:?} what became of it").into());
        // Whoever settles has given up long before.
        self.settling.retain(|_, settling| !is_old(settling.since));
        let old = self.unsettled.iter().filter(|(_, sent)| is_old(sent.since)).map(|(id, sent)| (*id, sent.link));
        for (id, link) in old.collect::<Vec<_>>() {
            if let Some(sent) = self.unsettled.remove(&id) {
                sent.forget(Sending::Unknown(silent()));
            }
            // The next message has another link.
            self.give_up(link, Failure::new("amqp:link:detached", "the service did not answer over the link"));
        }
    }

    /// Gives room to others that nobody waits for any more: messages that are not begun, and links.
    pub(super) fn forget_unwanted(&mut self) {
        self.waiting.retain(|waiting| !waiting.reply.is_closed());
        let mut emptied = Vec::new();
        for (number, link) in &mut self.links {
            let Side::Sender { queue, .. } = &mut link.side else { continue };
            let before = queue.len();
            queue.retain(|parcel| !parcel.reply.is_closed());
            if queue.is_empty() && before > 0 {
                emptied.push(*number);
            }
        }
        for number in emptied {
            self.ready.retain(|ready| *ready != number);
            self.finish_drain(number);
        }
    }
}
