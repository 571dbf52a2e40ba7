//! What this side does with links.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::{Engine, Error, Failure, Link, Made, Outcome, Sending, Settling, Side, frame};
use crate::azure_service_bus::client::amqp::{Attach, Event, Value};

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    pub(super) fn attach(&mut self, spec: Attach, side: Side, reply: oneshot::Sender<Result<Made, Error>>) {
        if reply.is_closed() {
            return;
        }
        let Some(handle) = (0..=self.handle_max).find(|handle| !self.by_handle.contains_key(handle)) else {
            let failure = Failure::new("amqp:resource-limit-exceeded", "the connection has as many links as it may");
            let _ = reply.send(Err(Error::Refused(failure)));
            return;
        };
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

    /// Says that a link ends. It is forgotten when the peer has said so as well.
    pub(super) fn detach(&mut self, number: u64) {
        let Some(link) = self.links.get_mut(&number) else { return };
        if link.detached.is_some() {
            return;
        }
        link.detached = Some(Instant::now());
        frame::detach(&mut self.out, link.handle);
        if let Side::Sender { queue, .. } = &mut link.side {
            let ended = Error::Lost("the link was given up".into());
            queue.drain(..).for_each(|parcel| drop(parcel.reply.send(Sending::NotSent(ended.clone()))));
        }
        if self.current.as_ref().is_some_and(|current| current.link == number) {
            self.current = None;
        }
    }

    pub(super) fn flow(&mut self, number: u64, add: u32, drain: bool) {
        let windows = self.windows();
        let Some(link) = self.links.get_mut(&number).filter(|link| link.detached.is_none()) else { return };
        let Side::Receiver { events, drains, .. } = &mut link.side else { return };
        link.credit = link.credit.saturating_add(add);
        if drain && link.credit == 0 {
            let _ = events.send(Event::Drained);
            return;
        }
        *drains = drain;
        frame::flow(&mut self.out, windows, Some((link.handle, link.delivery_count, link.credit, drain)));
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
    }
}
