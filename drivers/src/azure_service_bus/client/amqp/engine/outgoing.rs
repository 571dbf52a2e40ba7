//! Messages on their way out.

use std::time::Instant;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Engine, Error, Failure, MOST_UNWRITTEN, Outcome, Parcel, Sending, Side, frame};
use crate::azure_service_bus::client::amqp::frame::Disposition;

/// The message that is being written, frame by frame.
pub(super) struct Current {
    pub(super) link: u64,
    handle: u32,
    id: u32,
    tag: [u8; 4],
    begun: bool,
    left: Bytes,
}

/// A message that the peer has not decided about.
pub(super) struct Outgoing {
    pub(super) link: u64,
    /// Where it ends among all bytes of the connection; not known before its last frame is there.
    pub(super) end: Option<u64>,
    pub(super) since: Instant,
    reply: oneshot::Sender<Sending>,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Outgoing {
    /// Tells who waits how it ended.
    pub(super) fn forget(self, sent: Sending) {
        let _ = self.reply.send(sent);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    pub(super) fn enqueue(&mut self, number: u64, parcel: Parcel) {
        let link = self.links.get_mut(&number).filter(|link| link.detached.is_none());
        match link.map(|link| &mut link.side) {
            Some(Side::Sender { queue, .. }) => {
                if queue.is_empty() {
                    self.ready.push_back(number);
                }
                queue.push_back(parcel);
            }
            _ => {
                let ended = Failure::new("amqp:link:detached", "the link has just ended");
                let _ = parcel.reply.send(Sending::NotSent(Error::Refused(ended)));
            }
        }
    }

    /// Writes messages for as long as the peer takes them, and there are not many that are not written yet.
    pub(super) fn pump(&mut self) {
        while self.remote_window > 0 && self.out.len() - self.at < MOST_UNWRITTEN {
            let Some(mut current) = self.current.take().or_else(|| self.next_message()) else { return };
            let delivery = (!current.begun).then_some((current.id, &current.tag[..], false));
            let taken = frame::transfer(&mut self.out, current.handle, delivery, &current.left, self.max_frame);
            self.remote_window -= 1;
            self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
            current.left.advance(taken);
            current.begun = true;
            if !current.left.is_empty() {
                self.current = Some(current);
                continue;
            }
            let end = self.appended();
            if let Some(outgoing) = self.unsettled.get_mut(&current.id) {
                outgoing.end = Some(end);
            }
            self.finish_drain(current.link);
        }
    }

    /// Gives the credit of a link back that the peer drains, once there is nothing to send.
    pub(super) fn finish_drain(&mut self, number: u64) {
        if self.current.as_ref().is_some_and(|current| current.link == number) {
            return;
        }
        let Some(link) = self.links.get_mut(&number).filter(|link| link.detached.is_none()) else { return };
        let Side::Sender { queue, drains, .. } = &mut link.side else { return };
        if *drains && queue.is_empty() {
            *drains = false;
            link.delivery_count = link.delivery_count.wrapping_add(link.credit);
            link.credit = 0;
            let answer = (link.handle, link.delivery_count, 0, true);
            let windows = self.windows();
            frame::flow(&mut self.out, windows, Some(answer));
        }
    }

    /// The next message of the next link in turn. One that nobody waits for any more is not sent.
    fn next_message(&mut self) -> Option<Current> {
        while let Some(number) = self.ready.pop_front() {
            let Some(link) = self.links.get_mut(&number) else { continue };
            let (handle, may_send) =
                (link.handle, link.attaching.is_none() && link.detached.is_none() && link.credit > 0);
            let Side::Sender { queue, next_tag, .. } = &mut link.side else { continue };
            if !may_send {
                continue;
            }
            let parcel = loop {
                match queue.pop_front() {
                    Some(parcel) if parcel.reply.is_closed() => {}
                    other => break other,
                }
            };
            let Some(parcel) = parcel else {
                self.finish_drain(number);
                continue;
            };
            link.credit -= 1;
            link.delivery_count = link.delivery_count.wrapping_add(1);
            let tag = next_tag.to_be_bytes();
            *next_tag = next_tag.wrapping_add(1);
            if !queue.is_empty() && link.credit > 0 {
                self.ready.push_back(number);
            }
            let id = self.next_delivery;
            self.next_delivery = id.wrapping_add(1);
            let Parcel { payload, reply, permits } = parcel;
            self.unsettled
                .insert(id, Outgoing { link: number, end: None, since: Instant::now(), reply, _permits: permits });
            return Some(Current { link: number, handle, id, tag, begun: false, left: payload });
        }
        None
    }

    /// The peer's word on messages that were sent to it.
    pub(super) fn on_decided(&mut self, said: &Disposition) {
        let sent = match Outcome::read(said.state.clone(), said.settled) {
            Ok(None) => return,
            Ok(Some(outcome)) => Ok(outcome),
            Err(error) => Err(error),
        };
        for id in within(said.first, said.last, self.unsettled.len(), || self.unsettled.keys().copied().collect()) {
            if let Some(outgoing) = self.unsettled.remove(&id) {
                outgoing.forget(match sent.clone() {
                    Ok(outcome) => Sending::Decided(outcome),
                    Err(error) => Sending::Unknown(error),
                });
                if !said.settled {
                    frame::disposition(&mut self.out, false, id, true, said.state.clone());
                }
            }
        }
    }

    /// Tells those who wait for the peer's word on messages of a link that there will be none.
    pub(super) fn forget_messages(&mut self, number: u64, error: &Error) {
        let written = self.written();
        let ended: Vec<_> = self.unsettled.iter().filter(|(_, sent)| sent.link == number).map(|(id, _)| *id).collect();
        for outgoing in ended.into_iter().filter_map(|id| self.unsettled.remove(&id)) {
            let sent = match outgoing.end {
                Some(end) if end <= written => Sending::Unknown(error.clone()),
                _ => Sending::NotSent(error.clone()),
            };
            let _ = outgoing.reply.send(sent);
        }
    }
}

/// The numbers from `first` to `last`, which may pass zero; of those that are `known` where there are fewer of them.
pub(super) fn within(first: u32, last: u32, known: usize, keys: impl FnOnce() -> Vec<u32>) -> Vec<u32> {
    let span = last.wrapping_sub(first);
    if (span as usize) < known {
        (0..=span).map(|at| first.wrapping_add(at)).collect()
    } else {
        keys().into_iter().filter(|id| id.wrapping_sub(first) <= span).collect()
    }
}
