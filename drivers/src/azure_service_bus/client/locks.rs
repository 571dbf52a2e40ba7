//! Keeps the locks of messages that are held.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::amqp::{Response, Value};
use super::inbox::Inbox;
use super::live::Live;
use super::management::{Unanswered, ask, tokens};
use super::settling::is_lost;

/// How often locks are looked at, while there are any.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How many locks are renewed by one question.
const AT_ONCE: usize = 64;

/// Renews locks until the subscription is closed.
pub(super) async fn run(inbox: Arc<Inbox>) {
    while !inbox.is_closed() {
        inbox.holding().await;
        sleep(LOOK_EVERY).await;
        // Each of them is due later after that, whatever the answer is.
        loop {
            let due = inbox.due(AT_ONCE);
            if due.is_empty() {
                break;
            }
            match inbox.shared.live() {
                Some(live) => renew(&inbox, &live, &due).await,
                // They end by themselves, unless there is a connection before.
                None => due.iter().for_each(|(number, _)| inbox.renew_later(*number)),
            }
        }
    }
}

async fn renew(inbox: &Inbox, live: &Live, due: &[(u64, [u8; 16])]) {
    let names: Vec<_> = due.iter().map(|(_, token)| *token).collect();
    let mut answered = ask(inbox, live, "com.microsoft:renew-lock", vec![tokens(&names)]).await;
    if let Ok(response) = &answered {
        let expirations = match response.body.entry("expirations") {
            Some(Value::Array(expirations) | Value::List(expirations)) => &expirations[..],
            _ => &[],
        };
        for (index, (number, _)) in due.iter().enumerate() {
            match expirations.get(index) {
                Some(Value::Timestamp(milliseconds)) => inbox.renewed(*number, at(*milliseconds)),
                _ => inbox.renew_later(*number),
            }
        }
        return;
    }
    if due.len() > 1 {
        // Which one it was is found out by asking for each.
        for one in due {
            answered = Box::pin(ask(inbox, live, "com.microsoft:renew-lock", vec![tokens(&[one.1])])).await;
            conclude(inbox, one.0, &answered);
        }
        return;
    }
    for (number, _) in due {
        conclude(inbox, *number, &answered);
    }
}

/// What the answer to a question about one lock means.
fn conclude(inbox: &Inbox, number: u64, answered: &Result<Response, Unanswered>) {
    match answered {
        Ok(response) => match response.body.entry("expirations") {
            Some(Value::Array(times) | Value::List(times)) => match times.first() {
                Some(Value::Timestamp(milliseconds)) => inbox.renewed(number, at(*milliseconds)),
                _ => inbox.renew_later(number),
            },
            _ => inbox.renew_later(number),
        },
        Err(Unanswered::Said(failure)) if is_lost(failure) => inbox.lose(number),
        Err(Unanswered::Said(failure)) => {
            tracing::debug!(entity = &*inbox.entity, %failure, "a lock was not renewed");
            inbox.renew_later(number);
        }
        Err(Unanswered::Lost(_)) => inbox.renew_later(number),
    }
}

fn at(milliseconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
}
