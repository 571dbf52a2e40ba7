//! A queue or subscription with sessions: the next one that is free is taken when a request waits, has one message out at a
//! time, and is let go when it has no more, so that other gateways get it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::amqp::{Error, Event, Failure, Receiver, Value};
use super::inbox::{Ask, Inbox, Slot};
use super::lane::{End, authorized, connection, ended, lost};
use super::live::Live;
use super::management::{Unanswered, ask};
use super::settling::{PATIENCE, is_lost};
use super::subscriber::CLOSING_PATIENCE;
use super::trouble::Trouble;

const FILTER: &str = "com.microsoft:session-filter";

/// How long the service looks for a session with messages, where the URL does not say.
pub(super) const LISTENER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a session's next message may take before the session is taken to have none. It was given because it has a first one.
const QUIET: Duration = Duration::from_millis(250);
const FIRST_QUIET: Duration = Duration::from_secs(2);

/// The wait after another one was quicker.
const BEATEN: Duration = Duration::from_millis(100);

/// How long a session is kept that nobody asks.
const LINGER: Duration = Duration::from_millis(500);

/// How long a session is kept that always has messages, so that others have their turn.
const MOST_TIME: Duration = Duration::from_secs(30);

/// How many sessions are waited for at once. Whoever else waits is served by those.
const MOST_ACCEPTS: usize = 32;

/// The wait after there was no room for another link.
const CROWDED: Duration = Duration::from_secs(1);

/// A session's lock is renewed the first time after this, and then after half of what is left of it.
const FIRST_RENEWAL: Duration = Duration::from_secs(1);
const MOST_RENEWAL: Duration = Duration::from_secs(10);

/// Room for a session's link; while the session is waited for, also among those that are.
struct Place {
    accepting: OwnedSemaphorePermit,
    link: OwnedSemaphorePermit,
}

/// How a session's turn ends.
enum Turn {
    /// A session was there and is let go, or the service has looked for one.
    Over,
    /// Nobody waits for one any more, or there is no room for it now.
    Unwanted,
    /// The service refused, or ended the link.
    Ended(Failure, Duration),
    Lost,
    Unanswered,
}

/// Receives until the subscription is closed.
pub(super) async fn run(inbox: Arc<Inbox>, listener_timeout: Option<Duration>) {
    let mut trouble = Trouble::new();
    while let Some(live) = connection(&inbox).await {
        match serve(&inbox, &live, listener_timeout.unwrap_or(LISTENER_TIMEOUT), &mut trouble).await {
            End::Closed => return,
            End::Replaced => {}
            End::Lost => lost(&inbox).await,
            End::Ended(failure, lasted) => ended(&inbox, &live, &mut trouble, &failure, lasted).await,
            End::Refused(reason) => trouble.refused(&inbox, &reason).await,
            End::Unanswered => inbox.unanswered(&format!("no answer within {PATIENCE:?}")),
        }
    }
}

async fn serve(inbox: &Arc<Inbox>, live: &Arc<Live>, listener_timeout: Duration, trouble: &mut Trouble) -> End {
    if let Err(end) = authorized(inbox, live).await {
        return end;
    }
    let mut changes = inbox.watch();
    let mut turns = JoinSet::new();
    let accepting = Arc::new(Semaphore::new(MOST_ACCEPTS));
    let mut room = Box::pin(place(&accepting, live));
    let (mut retired, mut over) = (std::pin::pin!(live.retired()), std::pin::pin!(live.session().ended()));
    loop {
        if inbox.is_closed() {
            // What is asked for is taken back, and what is out given back.
            let _ = timeout(CLOSING_PATIENCE, async { while turns.join_next().await.is_some() {} }).await;
            leave(turns);
            return End::Closed;
        }
        let is_asking = inbox.is_asking();
        if !is_asking {
            // No room is taken for nobody.
            room.set(place(&accepting, live));
        }
        tokio::select! {
            _ = changes.changed() => {}
            place = &mut room, if is_asking => {
                room.set(self::place(&accepting, live));
                if let (Some(place), Some(asked)) = (place, inbox.ask()) {
                    turns.spawn(turn(Arc::clone(inbox), Arc::clone(live), place, asked, listener_timeout));
                }
            }
            Some(ended) = turns.join_next() => match ended {
                Ok(Turn::Over) => trouble.is_over(inbox),
                Ok(Turn::Unwanted) => {}
                Ok(Turn::Ended(failure, lasted)) => {
                    // The other sessions are not hurt by that.
                    leave(turns);
                    return End::Ended(failure, lasted);
                }
                Ok(Turn::Lost) | Err(_) => return End::Lost,
                Ok(Turn::Unanswered) => {
                    leave(turns);
                    return End::Unanswered;
                }
            },
            () = &mut retired => {
                leave(turns);
                return End::Replaced;
            }
            _ = &mut over => return End::Lost,
        }
    }
}

/// Waits for room. There always is some at last: nobody closes these.
async fn place(accepting: &Arc<Semaphore>, live: &Live) -> Option<Place> {
    let accepting = Arc::clone(accepting).acquire_owned().await.ok()?;
    let link = Arc::clone(live.places()).acquire_owned().await.ok()?;
    Some(Place { accepting, link })
}

/// Lets sessions that have a message out go on until it is settled.
fn leave(mut turns: JoinSet<Turn>) {
    turns.detach_all();
}

/// Takes the next session that is free, and has its messages out one after the other.
async fn turn(inbox: Arc<Inbox>, live: Arc<Live>, place: Place, asked: Ask, listener_timeout: Duration) -> Turn {
    let Place { accepting, link: _link } = place;
    let mut asked = Some(asked);
    let mut receiver = match accept(&inbox, &live, &mut asked, listener_timeout).await {
        Ok(receiver) => receiver,
        Err(end) => return end,
    };
    drop(accepting);
    let Some(id) = session_id(&receiver) else {
        let failure = Failure::new("amqp:not-allowed", "the service did not say which session it gave");
        return Turn::Ended(failure, Duration::ZERO);
    };
    let slot = Arc::<Slot>::default();
    let began = Instant::now();
    let mut changes = inbox.watch();
    let (mut credit, mut draining, mut asked_at, mut idle) = (0, false, began, began);
    let mut renewal = began + FIRST_RENEWAL;
    let mut quiet = FIRST_QUIET;
    loop {
        let is_busy = slot.is_busy();
        if credit > 0 && !draining {
            let is_surplus = match asked.take().map(Ask::give_up) {
                Some(Err(still)) => {
                    asked = Some(still);
                    false
                }
                Some(Ok(())) | None => true,
            };
            if is_surplus || asked_at.elapsed() >= quiet {
                receiver.drain();
                draining = true;
            }
        }
        if credit == 0 && !is_busy {
            let is_current = inbox.shared.live().is_some_and(|current| Arc::ptr_eq(&current, &live));
            let is_wanted = is_current && began.elapsed() < MOST_TIME || asked.is_some();
            match asked.take().or_else(|| is_wanted.then(|| inbox.ask()).flatten()) {
                Some(one) => {
                    asked = Some(one);
                    receiver.add_credit(1);
                    (credit, asked_at) = (1, Instant::now());
                }
                None if !is_wanted || idle.elapsed() >= LINGER || inbox.is_closed() => return Turn::Over,
                None => {}
            }
        }
        let next = match (is_busy, credit > 0) {
            (true, _) => renewal,
            (false, true) if draining => asked_at + quiet + PATIENCE,
            (false, true) => asked_at + quiet,
            (false, false) => idle + LINGER,
        };
        tokio::select! {
            biased;
            event = receiver.next() => match event {
                Some(Event::Message(incoming)) => {
                    (credit, quiet) = (0, QUIET);
                    let busy = slot.take();
                    inbox.dispatch(incoming, receiver.settler(), asked.take(), Some(busy));
                    idle = Instant::now();
                }
                // It has no more, or nobody waits for them.
                Some(Event::Drained) if draining => {
                    draining = false;
                    if credit > 0 {
                        return Turn::Over;
                    }
                }
                Some(Event::Drained) => {}
                Some(Event::Detached(failure)) => {
                    inbox.lose_session(&slot);
                    return if is_lost(&failure) { Turn::Over } else { Turn::Ended(failure, began.elapsed()) };
                }
                None => {
                    inbox.lose_session(&slot);
                    return Turn::Lost;
                }
            },
            () = slot.freed.notified() => idle = Instant::now(),
            _ = changes.changed(), if !is_busy => {}
            () = sleep_until(next) => {
                if draining && asked_at.elapsed() >= quiet + PATIENCE {
                    // The session is let go all the same; the others are not hurt by that.
                    return Turn::Unwanted;
                }
                if is_busy {
                    match renew(&inbox, &live, &id).await {
                        Some(wait) => renewal = Instant::now() + wait,
                        None => {
                            inbox.lose_session(&slot);
                            return Turn::Over;
                        }
                    }
                }
            }
        }
    }
}

/// Waits for a session, for as long as somebody waits for its message.
async fn accept(
    inbox: &Inbox,
    live: &Live,
    asked: &mut Option<Ask>,
    listener_timeout: Duration,
) -> Result<Receiver, Turn> {
    let session = live.session();
    let any = Value::Described(Box::new((Value::symbol(FILTER), Value::Null)));
    let milliseconds = u32::try_from(listener_timeout.as_millis()).unwrap_or(u32::MAX).max(100);
    let properties = Value::Map(vec![(Value::symbol("com.microsoft:timeout"), Value::Uint(milliseconds))]);
    let spec = session.receiving(&inbox.entity, Value::Map(vec![(Value::symbol(FILTER), any)]), properties);
    let mut opening = std::pin::pin!(session.open_receiver(spec));
    let mut changes = inbox.watch();
    let until = Instant::now() + listener_timeout + PATIENCE;
    loop {
        match asked.take().map(Ask::give_up) {
            Some(Err(still)) => *asked = Some(still),
            Some(Ok(())) | None => return Err(Turn::Unwanted),
        }
        tokio::select! {
            opened = &mut opening => return match opened {
                Ok(receiver) => Ok(receiver),
                Err(Error::Lost(_)) => Err(Turn::Lost),
                // There is none with messages.
                Err(Error::Refused(failure)) if failure.is("com.microsoft:timeout") => Err(Turn::Over),
                // Another one was quicker.
                Err(Error::Refused(failure)) if failure.is("com.microsoft:session-cannot-be-locked") => {
                    sleep(BEATEN).await;
                    Err(Turn::Over)
                }
                Err(Error::Refused(failure)) if failure.is("amqp:resource-limit-exceeded") => {
                    inbox.complain("there is no room to wait for another session", &failure.to_string());
                    sleep(CROWDED).await;
                    Err(Turn::Unwanted)
                }
                Err(Error::Refused(failure)) => Err(Turn::Ended(failure, Duration::ZERO)),
            },
            _ = changes.changed() => {}
            () = sleep_until(until) => return Err(Turn::Unanswered),
        }
    }
}

/// The service says in the link's source which session it is.
fn session_id(receiver: &Receiver) -> Option<String> {
    let Value::Described(source) = receiver.source() else { return None };
    let Value::List(fields) = &source.1 else { return None };
    let filter = fields.get(7)?.entry(FILTER)?;
    let id = match filter {
        Value::Described(described) => &described.1,
        plain => plain,
    };
    id.as_text().map(str::to_owned)
}

/// Renews the lock of a session. When to do that again; none where it is lost.
async fn renew(inbox: &Inbox, live: &Live, id: &str) -> Option<Duration> {
    let body = vec![(Value::string("session-id"), Value::string(id))];
    match ask(inbox, live, "com.microsoft:renew-session-lock", body).await {
        Ok(response) => {
            let until = match response.body.entry("expiration") {
                Some(Value::Timestamp(milliseconds)) => u64::try_from(*milliseconds).unwrap_or_default(),
                _ => 0,
            };
            let until = std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(until);
            let left = until.duration_since(std::time::SystemTime::now()).unwrap_or_default();
            Some((left / 2).clamp(FIRST_RENEWAL / 2, MOST_RENEWAL))
        }
        Err(Unanswered::Said(failure)) if is_lost(&failure) => None,
        Err(Unanswered::Said(failure)) => {
            inbox.complain("the lock of a session is not renewed", &failure.to_string());
            Some(FIRST_RENEWAL)
        }
        Err(Unanswered::Lost(reason)) => {
            inbox.complain("the lock of a session is not renewed", &reason);
            Some(FIRST_RENEWAL)
        }
    }
}
