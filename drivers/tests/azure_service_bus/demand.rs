//! Nothing is taken for a request that does not exist.

use std::time::Duration;

use sluicegate_drivers::{Broker as _, Delivery as _, Message, Subscriber as _};
use tokio::time::{sleep, timeout};

use super::common::{MOMENT, ack, body, far, nothing, publish, publisher, receive, start, subscriber};
use super::server::open;
use crate::azure_service_bus_admin::unique;

/// Who looks for messages meanwhile finds them all, delivered for the first time.
#[tokio::test]
async fn nothing_is_locked_while_nobody_waits() {
    let Some(server) = start(&["queue idle"]) else { return };
    let (one, other) = (server.broker(), server.broker());
    let idle = subscriber(&one, "azuresb://idle?queue=true").await;
    // It had waited, and does not any more.
    for _ in 0..3 {
        nothing(&idle, Duration::from_millis(50)).await;
    }
    let topic = publisher(&other, "azuresb://idle").await;
    for number in 0..10 {
        publish(&topic, Message::new(number.to_string())).await;
    }
    sleep(MOMENT).await;
    let busy = subscriber(&other, "azuresb://idle?queue=true").await;
    for number in 0..10 {
        let delivery = receive(&busy).await;
        assert_eq!((body(&delivery), delivery.delivery_count()), (&*number.to_string(), Some(1)));
        ack(&delivery).await;
    }
    one.close().await;
    other.close().await;
}

/// One message for each of those who wait.
#[tokio::test]
async fn as_many_are_taken_as_wait() {
    let Some(server) = start(&["queue few"]) else { return };
    let (one, other) = (server.broker(), server.broker());
    let few = subscriber(&one, "azuresb://few?queue=true").await;
    let topic = publisher(&other, "azuresb://few").await;
    for number in 0..6 {
        publish(&topic, Message::new(number.to_string())).await;
    }
    let (first, second) = tokio::join!(receive(&few), receive(&few));
    sleep(MOMENT).await;
    let rest = subscriber(&other, "azuresb://few?queue=true").await;
    for _ in 0..4 {
        let delivery = receive(&rest).await;
        assert_eq!(delivery.delivery_count(), Some(1));
        ack(&delivery).await;
    }
    nothing(&rest, MOMENT).await;
    ack(&first).await;
    ack(&second).await;
    one.close().await;
    other.close().await;
}

/// A message that comes for a request that has gone is not counted as delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_late_goes_back_unseen() {
    let Some(server) = start(&["queue late max-delivery=2"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://late").await;
    let subscriber = subscriber(&broker, "azuresb://late?queue=true").await;
    for round in 0..50 {
        let published = publish(&topic, Message::new("late"));
        let left = timeout(Duration::from_micros(round * 100), subscriber.receive(far()));
        let (_, left) = tokio::join!(published, left);
        let delivery = match left {
            Ok(received) => received.expect("a message"),
            Err(_) => receive(&subscriber).await,
        };
        assert_eq!((body(&delivery), delivery.delivery_count()), ("late", Some(1)), "round {round}");
        ack(&delivery).await;
    }
    nothing(&subscriber, MOMENT).await;
    broker.close().await;
}

/// A message on its way when a broker closes is given back: its lock, which lasts much longer than the test, ends with that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_a_broker_closes_goes_back() {
    let Some(server) = start(&["queue closing lock-seconds=600"]) else { return };
    let other = server.broker();
    let topic = publisher(&other, "azuresb://closing").await;
    let rest = subscriber(&other, "azuresb://closing?queue=true").await;
    for round in 0..20_u64 {
        let broker = server.broker();
        let closing = subscriber(&broker, "azuresb://closing?queue=true").await;
        let close = async {
            sleep(MOMENT).await;
            tokio::join!(publish(&topic, Message::new(round.to_string())), async {
                sleep(Duration::from_micros(round * 200)).await;
                broker.close().await;
            })
        };
        let (received, _) = tokio::join!(closing.receive(far()), close);
        // Where it came before that, it was held, which counts.
        let most = if received.is_ok() { 2 } else { 1 };
        drop(received);
        let delivery = receive(&rest).await;
        assert_eq!(body(&delivery), round.to_string());
        assert!(delivery.delivery_count().is_some_and(|count| count <= most), "round {round}: {delivery:?}");
        ack(&delivery).await;
    }
    other.close().await;
}

/// A key that is renewed takes no message from those who wait, and counts none twice.
#[tokio::test]
async fn what_comes_while_settings_change_is_not_lost() {
    let Some(server) = start(&["queue renewed lock-seconds=600"]) else { return };
    let file = std::env::temp_dir().join(unique("sluicegate-servicebus-renewed"));
    std::fs::write(&file, server.string()).expect("a file");
    let (one, other) = (open(&[("connection_string", &format!("file:{}", file.display()))]), server.broker());
    let topic = publisher(&other, "azuresb://renewed").await;
    let subscriber = subscriber(&one, "azuresb://renewed?queue=true").await;
    let connects = || one.counters().expect("it counts").connects();
    let mut number = 0;
    for changes in 1..=3_u64 {
        std::fs::write(&file, format!("{}{}", server.string(), ";".repeat(changes as usize))).expect("a file");
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while connects() <= changes {
            assert!(std::time::Instant::now() < until, "it is not followed");
            let (delivery, ()) = tokio::join!(receive(&subscriber), publish(&topic, Message::new(number.to_string())));
            assert_eq!((body(&delivery), delivery.delivery_count()), (&*number.to_string(), Some(1)));
            ack(&delivery).await;
            number += 1;
        }
    }
    nothing(&subscriber, MOMENT).await;
    one.close().await;
    other.close().await;
    std::fs::remove_file(file).expect("the file can be removed");
}

/// `max_recv_batch_size` bounds what is asked for at once.
#[tokio::test]
async fn who_waits_is_served_whatever_the_bound() {
    let Some(server) = start(&["queue bound"]) else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://bound").await;
    let subscriber = subscriber(&broker, "azuresb://bound?queue=true&max_recv_batch_size=1").await;
    for number in 0..5 {
        publish(&topic, Message::new(number.to_string())).await;
    }
    let all = timeout(Duration::from_secs(30), async {
        tokio::join!(
            receive(&subscriber),
            receive(&subscriber),
            receive(&subscriber),
            receive(&subscriber),
            receive(&subscriber)
        )
    });
    let (a, b, c, d, e) = all.await.expect("all of them");
    for delivery in [a, b, c, d, e] {
        ack(&delivery).await;
    }
    broker.close().await;
}
