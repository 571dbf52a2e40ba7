//! What the peer says.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use super::outgoing::within;
use super::{Engine, Error, Failure, INCOMING_WINDOW, Outcome, Settling, Side, frame};
use crate::azure_service_bus::client::amqp::frame::{Attached, Disposition, Flow, Frame, Transfer};
use crate::azure_service_bus::client::amqp::link::{Made, Partial};
use crate::azure_service_bus::client::amqp::{Event, Incoming, Value, released};

/// A message of more bytes is none: the service's own limit is 100 MB.
const LARGEST: usize = 128 << 20;

/// How many messages in a row may come over a link without credit, before it is ended.
const MOST_EXCESS: u32 = 8;

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    pub(super) fn on_frame(&mut self, frame: Frame) -> Result<(), String> {
        match frame {
            Frame::Attach(attached) => self.on_attach(attached)?,
            Frame::Flow(flow) => self.on_flow(&flow),
            Frame::Transfer { transfer, payload } => self.on_transfer(transfer, &payload)?,
            Frame::Disposition(said) if said.receives => self.on_decided(&said),
            Frame::Disposition(said) => self.on_confirmed(&said),
            Frame::Detach { handle, failure } => self.on_detach(handle, failure),
            Frame::End(failure) | Frame::Close(failure) => {
                self.answer_goodbye();
                return Err(match failure {
                    _ if self.closing.is_some() => "it is closed".to_owned(),
                    Some(failure) => failure.to_string(),
                    None => "it ended the connection".to_owned(),
                });
            }
            Frame::Empty | Frame::Open { .. } | Frame::Begin { .. } | Frame::Mechanisms(_) | Frame::Outcome(_) => {}
        }
        Ok(())
    }

    /// Says goodbye as well, where that does not have more of messages written, which the peer does not read any more.
    fn answer_goodbye(&mut self) {
        let written = self.written();
        let is_written = self.unsettled.values().all(|sent| sent.end.is_some_and(|end| end <= written));
        if self.closing.is_none() && is_written {
            frame::close(&mut self.out);
            self.answers = true;
        }
    }

    fn on_attach(&mut self, attached: Attached) -> Result<(), String> {
        // Whoever receives there sends here.
        let key = (Box::from(&*attached.name), !attached.receives);
        let Some((number, link)) =
            self.by_name.get(&key).and_then(|number| Some((*number, self.links.get_mut(number)?)))
        else {
            return Ok(());
        };
        if link.remote.replace(attached.handle).is_some() || self.by_remote.insert(attached.handle, number).is_some() {
            return Err("it made a link twice".to_owned());
        }
        if link.spec.receives {
            link.delivery_count = attached.initial_delivery_count;
        }
        // Without one, the link is refused, and its end says why.
        let terminus = if link.spec.receives { &attached.source } else { &attached.target };
        if *terminus == Value::Null {
            return Ok(());
        }
        let Some(reply) = link.attaching.take() else { return Ok(()) };
        let made = Made {
            number,
            max_message_size: attached.max_message_size,
            source: attached.source,
            ended: std::sync::Arc::clone(&link.ended),
        };
        // Nobody may be waiting any more.
        if reply.send(Ok(made)).is_err() {
            self.detach(number);
        }
        Ok(())
    }

    fn on_flow(&mut self, flow: &Flow) {
        // Before the peer knew of the first number, that was 0.
        let theirs = flow.next_incoming_id.unwrap_or_default();
        self.remote_window = theirs.wrapping_add(flow.incoming_window).wrapping_sub(self.next_outgoing_id);
        // More than there can be: the peer counts what it has not seen yet.
        if self.remote_window > i32::MAX as u32 && flow.incoming_window <= i32::MAX as u32 {
            self.remote_window = 0;
        }
        let mut answer = flow.echo.then_some(None);
        if let Some(number) = flow.handle.and_then(|handle| self.by_remote.get(&handle).copied())
            && let Some(link) = self.links.get_mut(&number)
        {
            let (count, credit) = (flow.delivery_count, flow.credit.unwrap_or_default());
            match &mut link.side {
                Side::Sender { queue, drains, .. } => {
                    let had_none = link.credit == 0;
                    let ahead = link.delivery_count.wrapping_sub(count.unwrap_or_default());
                    link.credit = credit.saturating_sub(ahead);
                    *drains = flow.drain;
                    if had_none && link.credit > 0 && !queue.is_empty() {
                        self.ready.push_back(number);
                    }
                }
                Side::Receiver { events, drains, partial, .. } => {
                    // One that the peer has sent before it heard of the last credit says nothing of it.
                    let all = link.delivery_count.wrapping_add(link.credit);
                    if *drains && credit == 0 && count == Some(all) {
                        link.delivery_count = all;
                        link.credit = 0;
                        // Otherwise, when the last message is there.
                        if partial.is_none() {
                            *drains = false;
                            let _ = events.send(Event::Drained);
                        }
                    }
                }
            }
            if answer.is_some() {
                answer = Some(Some((link.handle, link.delivery_count, link.credit, false)));
            }
            self.finish_drain(number);
        }
        if let Some(link) = answer {
            let windows = self.windows();
            frame::flow(&mut self.out, windows, link);
        }
    }

    fn on_transfer(&mut self, transfer: Transfer, payload: &Bytes) -> Result<(), String> {
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        self.incoming_used += 1;
        if self.incoming_used > INCOMING_WINDOW / 2 {
            let windows = self.windows();
            frame::flow(&mut self.out, windows, None);
        }
        let Some(number) = self.by_remote.get(&transfer.handle).copied() else { return Ok(()) };
        let Some(link) = self.links.get_mut(&number) else { return Ok(()) };
        let Side::Receiver { events, drains, partial, excess } = &mut link.side else { return Ok(()) };
        let mut message = match partial.take() {
            Some(partial) => partial,
            None => {
                // The service's own library has a way to send what it has begun with after its credit has gone: nothing
                // is lost by taking that.
                match link.credit.checked_sub(1) {
                    Some(credit) => link.credit = credit,
                    None if *excess < MOST_EXCESS => *excess += 1,
                    None if link.detached.is_some() => return Ok(()),
                    None => {
                        let what = "it sent more messages than it was let";
                        self.give_up(number, Failure::new("amqp:link:transfer-limit-exceeded", what));
                        return Ok(());
                    }
                }
                link.delivery_count = link.delivery_count.wrapping_add(1);
                Partial {
                    id: transfer.delivery_id.ok_or("it sent a message without a number")?,
                    tag: transfer.tag.clone().unwrap_or_default(),
                    payload: BytesMut::new(),
                }
            }
        };
        if transfer.more && !transfer.aborted {
            if message.payload.len() + payload.len() > LARGEST {
                return Err(format!("it sent a message of more than {LARGEST} bytes"));
            }
            message.payload.extend_from_slice(payload);
            *partial = Some(message);
            return Ok(());
        }
        if !transfer.aborted {
            let Partial { id, tag, payload: before } = message;
            let payload = if before.is_empty() {
                payload.clone()
            } else {
                let mut whole = before;
                whole.extend_from_slice(payload);
                whole.freeze()
            };
            let is_taken = events.send(Event::Message(Incoming { id, tag, payload })).is_ok();
            // The end of a link that is given up does not give it back: its lock would stay.
            if !is_taken && !link.spec.settled {
                frame::disposition(&mut self.out, true, id, true, released());
            }
        }
        if *drains && link.credit == 0 {
            *drains = false;
            let _ = events.send(Event::Drained);
        } else if transfer.aborted && !*drains && *excess == 0 {
            // Whoever let it come waits for another.
            self.flow(number, 1, false);
        }
        Ok(())
    }

    /// The peer's word on what was decided of its messages.
    fn on_confirmed(&mut self, said: &Disposition) {
        let outcome = match Outcome::read(said.state.clone(), said.settled) {
            Ok(None) => return,
            Ok(Some(outcome)) => Ok(outcome),
            Err(error) => Err(error),
        };
        for id in within(said.first, said.last, self.settling.len(), || self.settling.keys().copied().collect()) {
            if let Some(Settling { reply, .. }) = self.settling.remove(&id) {
                let _ = reply.send(outcome.clone());
                if !said.settled {
                    frame::disposition(&mut self.out, true, id, true, said.state.clone());
                }
            }
        }
    }

    fn on_detach(&mut self, handle: u32, failure: Option<Failure>) {
        let Some(number) = self.by_remote.remove(&handle) else { return };
        let Some(link) = self.links.get_mut(&number) else { return };
        let (own, detaching) = (link.handle, link.detached.is_some());
        if !detaching {
            frame::detach(&mut self.out, own, None);
        }
        let failure = failure.unwrap_or_else(|| Failure::new("amqp:link:detached", "the service ended the link"));
        let error = match detaching {
            true => Error::Lost("the link was given up".into()),
            false => Error::Refused(failure.clone()),
        };
        self.forget(number, &error, Some(failure));
    }
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Made").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_may_pass_zero_and_cost_no_more_than_what_is_known() {
        assert_eq!(within(3, 5, 10, Vec::new), [3, 4, 5]);
        assert_eq!(within(u32::MAX, 1, 10, Vec::new), [u32::MAX, 0, 1]);
        assert_eq!(within(5, 4, 2, || vec![4, 5]), [4, 5]);
        assert_eq!(within(1, u32::MAX, 2, || vec![0, 7]), [7]);
        assert_eq!(Outcome::read(Value::Null, false), Ok(None));
        assert_eq!(Outcome::read(Value::Null, true), Ok(Some(Outcome::Nothing)));
    }

    #[test]
    fn a_word_that_is_not_known_is_no_success() {
        let state = |descriptor, fields| Value::Described(Box::new((descriptor, Value::List(fields))));
        // Without a state that says so, a settled delivery is not taken for done.
        for strange in [state(Value::Ulong(0x34), vec![]), state(Value::symbol("x:y:list"), vec![]), Value::Uint(1)] {
            assert!(Outcome::read(strange.clone(), true).is_err(), "{strange:?}");
            assert_eq!(Outcome::read(strange, false), Ok(None));
        }
        let accepted = state(Value::symbol("amqp:accepted:list"), vec![]);
        assert_eq!(Outcome::read(accepted, true), Ok(Some(Outcome::Accepted)));
        let error = state(Value::symbol("amqp:error:list"), vec![Value::symbol("a:lost")]);
        let rejected = state(Value::symbol("amqp:rejected:list"), vec![error]);
        assert_eq!(Outcome::read(rejected, true), Ok(Some(Outcome::Rejected(Some(Failure::new("a:lost", ""))))));
        // A reason that cannot be read is one.
        let rejected = state(Value::Ulong(0x25), vec![Value::Uint(1)]);
        assert!(matches!(Outcome::read(rejected, true), Ok(Some(Outcome::Rejected(Some(_))))));
    }
}
