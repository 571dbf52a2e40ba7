//! Queues with sessions: each session's messages in order, one at a time, and every session for whoever comes first.

use std::collections::HashMap;
use std::time::Duration;

use sluicegate_drivers::{Broker as _, Delivery as _, Message, ReceiveError, SettleError, Settlement, Subscriber as _};
use tokio::time::{sleep, timeout};

use super::common::{
    MOMENT, NACK, ack, body, far, keyed, nothing, publish, publisher, receive, settle, start, subscriber, until,
};
use crate::log::Log;

const URL: &str = "azuresb://sessions?queue=true&sessions=true";

/// However many ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_session_keeps_its_order() {
    let Some(server) = start(&["queue sessions sessions=yes"]) else { return };
    let (one, other) = (server.broker(), server.broker());
    let topic = publisher(&one, "azuresb://sessions").await;
    for number in 0..10 {
        for session in ["a", "b", "c"] {
            publish(&topic, keyed(session, &format!("{number:02}"))).await;
        }
    }
    let subscribers = [subscriber(&one, URL).await, subscriber(&other, URL).await];
    let seen = std::sync::Mutex::new(HashMap::<String, Vec<String>>::new());
    let take = async |subscriber| {
        while seen.lock().expect("no panic").values().map(Vec::len).sum::<usize>() < 30 {
            let Ok(delivery) = timeout(MOMENT, receive(subscriber)).await else { continue };
            let session = delivery.message().key.clone().expect("a session");
            seen.lock().expect("no panic").entry(session).or_default().push(body(&delivery).to_owned());
            tokio::task::yield_now().await;
            ack(&delivery).await;
        }
    };
    let all = async { tokio::join!(take(&subscribers[0]), take(&subscribers[0]), take(&subscribers[1])) };
    timeout(Duration::from_secs(60), all).await.expect("all messages");
    let expected: Vec<_> = (0..10).map(|number| format!("{number:02}")).collect();
    let seen = seen.into_inner().expect("no panic");
    assert_eq!(seen.len(), 3);
    for (session, bodies) in seen {
        assert_eq!(bodies, expected, "{session}");
    }
    one.close().await;
    other.close().await;
}

/// Requests that go away lose nothing, and change no order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sessions_and_impatient_requests() {
    const SESSIONS: usize = 20;
    const EACH: usize = 5;
    let Some(server) = start(&["queue sessions sessions=yes"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://sessions").await;
    for number in 0..EACH {
        for session in 0..SESSIONS {
            publish(&topic, keyed(&format!("s{session}"), &number.to_string())).await;
        }
    }
    let subscriber = subscriber(&broker, URL).await;
    let seen = std::sync::Mutex::new(HashMap::<String, Vec<String>>::new());
    let count = || seen.lock().expect("no panic").values().map(Vec::len).sum::<usize>();
    let take = async |seed: u64| {
        let mut patience = seed;
        while count() < SESSIONS * EACH {
            patience = (patience * 31 + 7) % 400;
            let waited = timeout(Duration::from_millis(patience), subscriber.receive(far())).await;
            let Ok(Ok(delivery)) = waited else { continue };
            let session = delivery.message().key.clone().expect("a session");
            seen.lock().expect("no panic").entry(session).or_default().push(body(&delivery).to_owned());
            ack(&delivery).await;
        }
    };
    let all = async { tokio::join!(take(1), take(2), take(3), take(4), take(5), take(6)) };
    timeout(Duration::from_secs(60), all).await.expect("all messages");
    let expected: Vec<_> = (0..EACH).map(|number| number.to_string()).collect();
    for (session, bodies) in seen.into_inner().expect("no panic") {
        assert_eq!(bodies, expected, "{session}");
    }
    nothing(&subscriber, MOMENT).await;
    broker.close().await;
}

#[tokio::test]
async fn a_session_has_one_message_out() {
    let Some(server) = start(&["queue sessions sessions=yes"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://sessions").await;
    let subscriber = subscriber(&broker, URL).await;
    publish(&topic, keyed("a", "first")).await;
    publish(&topic, keyed("a", "second")).await;
    let first = receive(&subscriber).await;
    assert_eq!((body(&first), first.message().key.as_deref()), ("first", Some("a")));
    nothing(&subscriber, MOMENT).await;
    // Given back, it comes before the other one.
    settle(&first, NACK).await;
    let again = receive(&subscriber).await;
    assert_eq!((body(&again), again.delivery_count()), ("first", Some(2)));
    // Another session is in nobody's way.
    publish(&topic, keyed("b", "other")).await;
    let other = receive(&subscriber).await;
    assert_eq!(body(&other), "other");
    ack(&again).await;
    let second = receive(&subscriber).await;
    assert_eq!(body(&second), "second");
    ack(&second).await;
    ack(&other).await;
    nothing(&subscriber, MOMENT).await;
    broker.close().await;
}

/// Other gateways get it soon, whether it has more messages or not.
#[tokio::test]
async fn a_session_that_nobody_asks_is_let_go() {
    let Some(server) = start(&["queue sessions sessions=yes lock-seconds=60"]) else { return };
    let (one, other) = (server.broker(), server.broker());
    let topic = publisher(&one, "azuresb://sessions").await;
    let (first, second) = (subscriber(&one, URL).await, subscriber(&other, URL).await);
    publish(&topic, keyed("a", "1")).await;
    publish(&topic, keyed("a", "2")).await;
    ack(&receive(&first).await).await;
    let delivery = timeout(Duration::from_secs(20), receive(&second)).await.expect("not after its lock's end");
    assert_eq!((body(&delivery), delivery.delivery_count()), ("2", Some(1)));
    ack(&delivery).await;
    one.close().await;
    other.close().await;
}

/// For twice as long as the lock of the session lasts.
#[tokio::test]
async fn the_lock_of_a_session_is_kept_while_a_message_is_out() {
    let Some(server) = start(&["queue sessions sessions=yes lock-seconds=6"]) else { return };
    let (one, other) = (server.broker(), server.broker());
    let topic = publisher(&one, "azuresb://sessions").await;
    let (first, second) = (subscriber(&one, URL).await, subscriber(&other, URL).await);
    publish(&topic, keyed("a", "held")).await;
    let held = receive(&first).await;
    nothing(&second, Duration::from_secs(13)).await;
    ack(&held).await;
    nothing(&second, Duration::from_secs(7)).await;
    one.close().await;
    other.close().await;
}

/// More requests than a connection has links, and nobody is in nobody's way.
#[tokio::test]
async fn more_requests_than_there_are_links() {
    const WAITING: usize = 300;
    let Some(server) = start(&["queue sessions sessions=yes lock-seconds=60"]) else { return };
    let (one, other) = (server.broker(), server.broker());
    let subscriber = subscriber(&one, URL).await;
    let topic = publisher(&other, "azuresb://sessions").await;
    let waiting = (0..WAITING).map(|_| async {
        let delivery = receive(&subscriber).await;
        ack(&delivery).await;
        body(&delivery).to_owned()
    });
    let publishing = async {
        sleep(MOMENT).await;
        for number in 0..WAITING {
            publish(&topic, keyed(&format!("s{}", number % 100), &number.to_string())).await;
        }
        // One more connection's link, beside all of those.
        publish(&publisher(&one, "azuresb://myqueue").await, Message::new("x")).await;
    };
    let (seen, ()) = tokio::join!(futures_util::future::join_all(waiting), publishing);
    let seen: std::collections::HashSet<_> = seen.into_iter().collect();
    assert_eq!(seen.len(), WAITING);
    let counters = one.counters().expect("it counts");
    assert_eq!((counters.connects(), counters.disconnects()), (1, 0));
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_session_that_is_lost_is_an_expired_delivery() {
    let Some(server) = start(&["queue sessions sessions=yes lock-seconds=2"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://sessions").await;
    let subscriber = subscriber(&broker, URL).await;
    publish(&topic, keyed("a", "held")).await;
    let held = receive(&subscriber).await;
    server.signal("STOP");
    sleep(Duration::from_secs(3)).await;
    server.signal("CONT");
    let again = receive(&subscriber).await;
    assert_eq!(body(&again), "held");
    let late = held.settle(Settlement::Ack).await;
    assert!(matches!(late, Err(SettleError::Expired | SettleError::Unreachable(_))), "{late:?}");
    ack(&again).await;
    broker.close().await;
}

/// No session is taken for nobody.
#[tokio::test]
async fn sessions_are_taken_for_those_who_wait() {
    let Some(server) = start(&["queue sessions sessions=yes lock-seconds=60"]) else { return };
    let (one, other) = (server.broker(), server.broker());
    let idle = subscriber(&one, URL).await;
    nothing(&idle, MOMENT).await;
    let topic = publisher(&other, "azuresb://sessions").await;
    for session in ["a", "b", "c"] {
        publish(&topic, keyed(session, session)).await;
    }
    sleep(MOMENT).await;
    let busy = subscriber(&other, URL).await;
    for _ in 0..3 {
        let delivery = timeout(Duration::from_secs(20), receive(&busy)).await.expect("it is not locked");
        assert_eq!(delivery.delivery_count(), Some(1));
        ack(&delivery).await;
    }
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn the_option_and_the_queue_have_to_agree() {
    let Some(server) = start(&["queue sessions sessions=yes", "queue plain"]) else { return };
    let log = Log::start();
    let broker = server.broker();
    for (url, help) in [
        ("azuresb://sessions?queue=true", "needs `sessions=true`"),
        ("azuresb://plain?queue=true&sessions=true", "must not say `sessions=true`"),
    ] {
        let subscriber = subscriber(&broker, url).await;
        let refused = async {
            loop {
                match subscriber.receive(far()).await {
                    Err(ReceiveError::Refused(reason)) => return reason.to_string(),
                    other => assert!(matches!(other, Err(ReceiveError::Unreachable(_))), "{other:?}"),
                }
            }
        };
        let reason = timeout(Duration::from_secs(30), refused).await.expect("refused");
        assert!(reason.contains(help), "{reason}");
        until("the line is there", || !log.lines(help).is_empty()).await;
    }
    broker.close().await;
}

#[tokio::test]
async fn sessions_come_back_after_the_connection() {
    let Some(server) = start(&["queue sessions sessions=yes"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://sessions").await;
    let subscriber = subscriber(&broker, URL).await;
    publish(&topic, keyed("a", "held")).await;
    let held = receive(&subscriber).await;
    server.entities.add("disconnect");
    until("the loss is seen", || broker.counters().is_some_and(|counters| counters.disconnects() > 0)).await;
    // Its session has ended with the connection.
    let late = held.settle(Settlement::Ack).await;
    assert!(matches!(late, Err(SettleError::Unreachable(_) | SettleError::Expired)), "{late:?}");
    let again = async {
        loop {
            if let Ok(delivery) = subscriber.receive(far()).await {
                return delivery;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let again = timeout(Duration::from_secs(30), again).await.expect("it comes again");
    assert_eq!(body(&again), "held");
    ack(&again).await;
    publish(&topic, keyed("a", "next")).await;
    ack(&receive(&subscriber).await).await;
    // A link that the service ends is made anew as well.
    publish(&topic, keyed("b", "held")).await;
    let held = receive(&subscriber).await;
    server.entities.add("detach sessions");
    sleep(MOMENT).await;
    drop(held);
    ack(&receive(&subscriber).await).await;
    broker.close().await;
}
