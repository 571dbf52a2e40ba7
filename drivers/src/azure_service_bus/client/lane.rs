//! A queue or subscription without sessions: one link, which is allowed as many messages as requests wait for.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::amqp::{Error, Event, Failure, Receiver, Value};
use super::inbox::Inbox;
use super::live::{Live, NoToken};
use super::settling::PATIENCE;
use super::trouble::Trouble;

/// How long a link is kept that is given up, for what the service may still send over it: with much to do, it takes more than
/// a minute to say that there is no more.
const LEAVING_PATIENCE: Duration = Duration::from_secs(120);

/// How the use of a connection ends.
pub(super) enum End {
    Closed,
    /// The connection is gone.
    Lost,
    /// There is another connection, or the link is to be made anew.
    Replaced,
    /// The service refused, or ended the link after it stood for so long.
    Ended(Failure, Duration),
    /// There is no token.
    Refused(String),
    /// The service does not answer.
    Unanswered,
}

/// A link, and what the service may still send over it.
struct Link {
    receiver: Receiver,
    credit: u32,
    /// Until when it may take that back, where it is asked to.
    draining: Option<Instant>,
}

/// Receives until the subscription is closed.
pub(super) async fn run(inbox: Arc<Inbox>) {
    let mut trouble = Trouble::new();
    let mut leaving = JoinSet::new();
    while let Some(live) = connection(&inbox).await {
        while leaving.try_join_next().is_some() {}
        match serve(&inbox, &live, &mut trouble, &mut leaving).await {
            End::Closed => break,
            End::Replaced => {}
            End::Lost => lost(&inbox).await,
            End::Ended(failure, lasted) => ended(&inbox, &live, &mut trouble, &failure, lasted).await,
            End::Refused(reason) => trouble.refused(&inbox, &reason).await,
            End::Unanswered => inbox.unanswered(&format!("no answer within {PATIENCE:?}")),
        }
    }
    // Whoever closes waits for that, for a while.
    while leaving.join_next().await.is_some() {}
}

/// The next connection. None once the subscription is closed.
pub(super) async fn connection(inbox: &Inbox) -> Option<Arc<Live>> {
    let (mut connections, mut changes) = (inbox.shared.watch(), inbox.watch());
    loop {
        if inbox.is_closed() {
            return None;
        }
        let live = connections.borrow_and_update().clone();
        if let Some(live) = live {
            return Some(live);
        }
        inbox.unreachable();
        tokio::select! {
            // The sender lives as long as the inbox.
            _ = connections.changed() => {}
            _ = changes.changed() => {}
        }
    }
}

/// The connection's own task finds out as well, a moment later.
pub(super) async fn lost(inbox: &Inbox) {
    let mut connections = inbox.shared.watch();
    let _ = timeout(Duration::from_millis(100), connections.changed()).await;
}

/// The service refused, or ended the link: by its word perhaps because of the token.
pub(super) async fn ended(inbox: &Inbox, live: &Live, trouble: &mut Trouble, failure: &Failure, lasted: Duration) {
    if failure.is("amqp:unauthorized-access") {
        live.forget(&inbox.entity).await;
    }
    trouble.ended(inbox, failure, lasted).await;
}

/// Has the service let this connection receive.
pub(super) async fn authorized(inbox: &Inbox, live: &Live) -> Result<(), End> {
    match timeout(PATIENCE, live.authorize(&inbox.entity)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(NoToken::Denied(failure))) => Err(End::Ended(failure, Duration::ZERO)),
        Ok(Err(NoToken::Lost(_))) => Err(End::Lost),
        Ok(Err(error @ NoToken::None(_))) => Err(End::Refused(error.to_string())),
        Err(_) => Err(End::Unanswered),
    }
}

async fn serve(inbox: &Arc<Inbox>, live: &Live, trouble: &mut Trouble, leaving: &mut JoinSet<()>) -> End {
    if let Err(end) = authorized(inbox, live).await {
        return end;
    }
    let session = live.session();
    let opening = session.open_receiver(session.receiving(&inbox.entity, Value::Null, Value::Null));
    let receiver = match timeout(PATIENCE, opening).await {
        Ok(Ok(receiver)) => receiver,
        Ok(Err(Error::Refused(failure))) => return End::Ended(failure, Duration::ZERO),
        Ok(Err(Error::Lost(_))) => return End::Lost,
        Err(_) => return End::Unanswered,
    };
    trouble.is_over(inbox);
    let mut link = Link { receiver, credit: 0, draining: None };
    let end = receive(inbox, live, &mut link).await;
    if link.credit > 0 && matches!(end, End::Closed | End::Replaced) {
        leaving.spawn(leave(Arc::clone(inbox), link));
    }
    end
}

/// Receives for as long as the link is of use.
async fn receive(inbox: &Arc<Inbox>, live: &Live, link: &mut Link) -> End {
    let since = Instant::now();
    let mut changes = inbox.watch();
    let mut retired = std::pin::pin!(live.retired());
    let Link { receiver, credit, draining } = link;
    loop {
        if inbox.is_closed() {
            return End::Closed;
        }
        let waiting = inbox.waiting();
        if draining.is_none() && waiting > *credit {
            receiver.add_credit(waiting - *credit);
            *credit = waiting;
        } else if draining.is_none() && waiting < *credit {
            receiver.drain();
            *draining = Some(Instant::now() + PATIENCE);
        }
        tokio::select! {
            biased;
            event = receiver.next() => match event {
                Some(Event::Message(incoming)) => {
                    *credit = credit.saturating_sub(1);
                    inbox.dispatch(incoming, receiver.settler(), None, None);
                }
                Some(Event::Drained) => {
                    *credit = 0;
                    *draining = None;
                }
                Some(Event::Detached(failure)) => return End::Ended(failure, since.elapsed()),
                None => return End::Lost,
            },
            () = &mut retired => return End::Replaced,
            _ = changes.changed() => {}
            // Whoever has come since then asks over another link; whether there is an answer is found out with that.
            () = sleep_until(draining.unwrap_or_else(far)), if draining.is_some() => return End::Replaced,
        }
    }
}

/// Leaves a link in order. Messages that are on their way when a link ends stay locked, and count as delivered: the service is
/// asked to take back what it may still send, and what comes all the same goes to whoever waits, or back.
async fn leave(inbox: Arc<Inbox>, mut link: Link) {
    if link.draining.is_none() {
        link.receiver.drain();
    }
    let all = async {
        while let Some(Event::Message(incoming)) = link.receiver.next().await {
            inbox.dispatch(incoming, link.receiver.settler(), None, None);
        }
    };
    // Drained, or the link or connection has ended.
    let _ = timeout(LEAVING_PATIENCE, all).await;
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
