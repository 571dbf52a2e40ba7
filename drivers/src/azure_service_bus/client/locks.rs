//! Keeps the locks of messages that are held.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::amqp::Value;
use super::inbox::Inbox;
use super::management::{Unanswered, ask, tokens};
use super::settling::is_lost;

/// How often locks are looked at, while there are any.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How many locks are renewed by one question.
const AT_ONCE: usize = 64;

/// A delivery's number, and the name of its lock.
type Due = (u64, [u8; 16]);

/// What became of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Renewed(SystemTime),
    /// It is tried again.
    NotRenewed,
    Lost,
}

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
            let Some(live) = inbox.shared.live() else {
                // They end by themselves, unless there is a connection before.
                due.iter().for_each(|(number, _)| inbox.renew_later(*number));
                continue;
            };
            let question = |names: Vec<[u8; 16]>| {
                let (inbox, live) = (&inbox, &live);
                async move {
                    let answer = ask(inbox, live, "com.microsoft:renew-lock", vec![tokens(&names)]).await?;
                    Ok(match answer.body.entry("expirations") {
                        Some(Value::Array(times) | Value::List(times)) => times.iter().map(at).collect(),
                        _ => Vec::new(),
                    })
                }
            };
            let conclude = |number, fate| match fate {
                Fate::Renewed(until) => inbox.renewed(number, until),
                Fate::NotRenewed => inbox.renew_later(number),
                Fate::Lost => inbox.lose(number),
            };
            if let Err(reason) = renew(due, question, conclude).await {
                inbox.complain("locks are not renewed", &reason);
            }
        }
    }
}

/// Asks for all at once. One lock that is lost keeps the others from being renewed: which one it is, is found out by halves.
///
/// # Errors
/// Not for that reason: the service does not answer, or has another one. Then none is asked for that is left.
async fn renew<A>(
    due: Vec<Due>,
    mut question: impl FnMut(Vec<[u8; 16]>) -> A,
    mut conclude: impl FnMut(u64, Fate),
) -> Result<(), String>
where
    A: Future<Output = Result<Vec<Option<SystemTime>>, Unanswered>>,
{
    let mut left = vec![&due[..]];
    while let Some(some) = left.pop() {
        let reason = match question(some.iter().map(|(_, token)| *token).collect()).await {
            Ok(times) => {
                for (index, (number, _)) in some.iter().enumerate() {
                    conclude(*number, times.get(index).copied().flatten().map_or(Fate::NotRenewed, Fate::Renewed));
                }
                continue;
            }
            Err(Unanswered::Said(failure)) if is_lost(&failure) => {
                match some {
                    [(number, _)] => conclude(*number, Fate::Lost),
                    _ => {
                        let (one, other) = some.split_at(some.len() / 2);
                        left.extend([other, one]);
                    }
                }
                continue;
            }
            Err(Unanswered::Said(failure)) => failure.to_string(),
            Err(Unanswered::Lost(reason)) => reason,
        };
        for (number, _) in some.iter().chain(left.into_iter().flatten()) {
            conclude(*number, Fate::NotRenewed);
        }
        return Err(reason);
    }
    Ok(())
}

fn at(time: &Value) -> Option<SystemTime> {
    let Value::Timestamp(milliseconds) = time else { return None };
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(*milliseconds).ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::future::ready;

    use super::super::amqp::Failure;
    use super::*;

    const LATER: SystemTime = SystemTime::UNIX_EPOCH;

    fn due() -> Vec<Due> {
        (0..64).map(|number| (number, [number as u8; 16])).collect()
    }

    #[tokio::test]
    async fn one_that_is_lost_is_found_and_the_others_are_renewed() {
        let (mut asked, mut fates) = (0, BTreeMap::new());
        let question = |names: Vec<[u8; 16]>| {
            asked += 1;
            ready(match names.contains(&[13; 16]) {
                true => Err(Unanswered::Said(Failure::new("com.microsoft:message-lock-lost", ""))),
                false => Ok(vec![Some(LATER); names.len()]),
            })
        };
        renew(due(), question, |number, fate| assert!(fates.insert(number, fate).is_none())).await.unwrap();
        assert_eq!(asked, 13, "once for all, and twice for each half of a half");
        assert_eq!((fates.len(), fates.remove(&13)), (64, Some(Fate::Lost)));
        assert!(fates.values().all(|fate| *fate == Fate::Renewed(LATER)));
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_is_asked_once() {
        let refused: fn() -> Unanswered = || Unanswered::Said(Failure::new("amqp:unauthorized-access", "no"));
        for failure in [|| Unanswered::Lost("no answer".to_owned()), refused] {
            let (mut asked, mut fates) = (0, Vec::new());
            let question = |_: Vec<[u8; 16]>| {
                asked += 1;
                ready(Err(failure()))
            };
            renew(due(), question, |number, fate| fates.push((number, fate))).await.unwrap_err();
            let expected: Vec<_> = (0..64).map(|number| (number, Fate::NotRenewed)).collect();
            assert_eq!((asked, fates), (1, expected));
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_too_short_renews_no_more_than_it_says() {
        let mut fates = Vec::new();
        renew(due(), |_| ready(Ok(vec![Some(LATER), None])), |_, fate| fates.push(fate)).await.unwrap();
        assert_eq!(fates[..2], [Fate::Renewed(LATER), Fate::NotRenewed]);
        assert!(fates[2..].iter().all(|fate| *fate == Fate::NotRenewed) && fates.len() == 64);
    }
}
