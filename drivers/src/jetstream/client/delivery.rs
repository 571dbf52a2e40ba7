//! A message that was received, and what becomes of it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::acknowledge::Place;
use super::inbox::{Answer, Asked, Unanswered};
use super::link::Link;
use super::subscriber::Shared;
use crate::{Message, Origin, SettleError, Settlement};

/// A message from a [`Subscriber`](super::Subscriber).
pub struct Delivery {
    pub(super) message: Message,
    pub(super) subject: Box<str>,
    pub(super) stream: Arc<str>,
    pub(super) place: Place,
    pub(super) shared: Arc<Shared>,
    /// Its number among the held ones.
    pub(super) number: u64,
}

impl crate::Delivery for Delivery {
    fn message(&self) -> &Message {
        &self.message
    }

    fn delivery_count(&self) -> Option<u32> {
        Some(self.place.deliveries)
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            topic: Some(&self.subject),
            partition: Some(&self.stream),
            offset: Some(self.place.sequence),
            timestamp: Some(self.place.stored),
        }
    }

    /// Sends before it returns; the future waits for the server's answer.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        let Some(held) = self.shared.held.release(self.number) else { return Settling::Failed(SettleError::Expired) };
        let (body, is_final) = match settlement {
            Settlement::Ack => (b"+ACK".to_vec(), true),
            Settlement::Nack { delay } => {
                if held.is_last {
                    self.shared.gave_up(1, Some(self.place.sequence));
                }
                (negative(delay), false)
            }
            Settlement::DeadLetter { reason } => {
                let (subject, id, deliveries) = (&*self.subject, self.message.id.as_deref(), self.place.deliveries);
                let sequence = self.place.sequence;
                tracing::debug!(subject, stream = &*self.stream, sequence, id, deliveries, reason, "message ended");
                self.shared.link.supervision.counters().add_dropped(1);
                (self.shared.link.termination(&reason), true)
            }
        };
        let link = &self.shared.link;
        // A message that was given back comes back without that as well.
        let until = Instant::now() + held.ack_wait;
        match link.ask(&held.reply, &body, Some(until)) {
            Ok(asked) => {
                let again = is_final.then(|| Again { link: Arc::clone(link), reply: held.reply, body, until });
                Settling::Asked(asked, again)
            }
            Err(_) if is_final && !link.is_closed() => {
                Settling::Again(Box::pin(Arc::clone(link).settle(held.reply, body, until)))
            }
            Err(_) => Settling::Failed(unreachable(&Unanswered::NotSent)),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(held) = self.shared.held.release(self.number) {
            if held.is_last {
                self.shared.gave_up(1, Some(self.place.sequence));
            }
            self.shared.link.tell(&held.reply, b"-NAK");
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, subject, place, .. } = self;
        f.debug_struct("Delivery").field("message", message).field("subject", subject).field("place", place).finish()
    }
}

/// Gives a message back.
pub(super) fn negative(delay: Duration) -> Vec<u8> {
    match delay.as_nanos() {
        0 => b"-NAK".to_vec(),
        // The server reads a signed number of 64 bits.
        delay => format!("-NAK {{\"delay\":{}}}", delay.min(i64::MAX as u128)).into_bytes(),
    }
}

/// A settlement on its way.
enum Settling {
    Failed(SettleError),
    /// Sent, and to be sent again if the connection is lost.
    Asked(Asked, Option<Again>),
    Again(Pin<Box<dyn Future<Output = Answer> + Send>>),
    Ended,
}

struct Again {
    link: Arc<Link>,
    reply: Arc<str>,
    body: Vec<u8>,
    until: Instant,
}

impl Future for Settling {
    type Output = Result<(), SettleError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let answer = match &mut *self {
                Self::Failed(_) | Self::Ended => match std::mem::replace(&mut *self, Self::Ended) {
                    Self::Failed(error) => return Poll::Ready(Err(error)),
                    _ => return Poll::Ready(Err(SettleError::Expired)),
                },
                Self::Asked(asked, again) => {
                    let answer = std::task::ready!(Pin::new(asked).poll(context));
                    match (answer, again.take()) {
                        (Err(Unanswered::Disconnected | Unanswered::NotSent), Some(again)) => {
                            let Again { link, reply, body, until } = again;
                            *self = Self::Again(Box::pin(link.settle(reply, body, until)));
                            continue;
                        }
                        (answer, _) => answer,
                    }
                }
                Self::Again(again) => std::task::ready!(again.as_mut().poll(context)),
            };
            *self = Self::Ended;
            return Poll::Ready(match answer {
                // The consumer is gone, and the message with it.
                Ok(answer) if answer.status == Some(503) => Err(SettleError::Expired),
                Ok(_) => Ok(()),
                Err(unanswered) => Err(unreachable(&unanswered)),
            });
        }
    }
}

fn unreachable(unanswered: &Unanswered) -> SettleError {
    SettleError::Unreachable(unanswered.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_back() {
        assert_eq!(negative(Duration::ZERO), b"-NAK");
        assert_eq!(negative(Duration::from_millis(1500)), b"-NAK {\"delay\":1500000000}");
        assert_eq!(negative(Duration::MAX), b"-NAK {\"delay\":9223372036854775807}");
    }
}
