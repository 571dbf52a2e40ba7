//! Whoever waits is served as soon as there is something for him, whatever others do.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, mem};

use lapin::BasicProperties;
use lapin::types::AMQPValue;
use sluicegate_drivers::{Broker as _, Declaration, Delivery as _, Settlement, Subscriber as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::declaring::declared;
use super::receiving::{NOW, ack, all, body, count_is, fill, in_a_moment, queues, receive, subscriber, text};
use super::server::{Server, far, until, until_connected};
use crate::rabbitmq_admin::unique;

const MOMENT: Duration = Duration::from_millis(200);

/// Of two requests that wait one gets a message and does not acknowledge it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_back_is_for_who_waits() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    for queue in queues(&admin, &[]).await {
        for (query, what) in ["", "?prefetch_count=2"].into_iter().flat_map(|query| [0, 1, 2].map(|what| (query, what)))
        {
            let subscriber = subscriber(&broker, &format!("rabbit://{queue}{query}")).await;
            let (mut first, mut second) = (Box::pin(subscriber.receive(far())), Box::pin(subscriber.receive(far())));
            assert!(timeout(MOMENT, &mut first).await.is_err());
            assert!(timeout(MOMENT, &mut second).await.is_err());
            admin.publish("", &queue, b"one", BasicProperties::default()).await;
            let delivery = first.await.expect("the message");
            match what {
                0 => delivery.settle(NOW).await.expect("given back"),
                1 => drop(delivery),
                _ => {
                    let reason = "poison".to_owned();
                    delivery.settle(Settlement::DeadLetter { reason }).await.expect("rejected");
                    sleep(MOMENT).await;
                    admin.publish("", &queue, b"one", BasicProperties::default()).await;
                }
            }
            let delivery = timeout(Duration::from_secs(30), second).await.expect("not forgotten").expect("the message");
            assert_eq!(body(&delivery), "one", "{queue}{query}");
            ack(&delivery).await;
        }
        admin.delete_queue(&queue).await;
    }
}

/// A place that is free is for who waits, whichever consumer had it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_free_place_is_used() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    for queue in queues(&admin, &[]).await {
        let subscriber = subscriber(&broker, &format!("rabbit://{queue}?prefetch_count=10")).await;
        fill(&admin, &queue, 14).await;
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(receive(&subscriber).await);
        }
        ack(&held.pop().expect("ten")).await;
        sleep(MOMENT).await;
        let (mut first, mut second) = (Box::pin(subscriber.receive(far())), Box::pin(subscriber.receive(far())));
        held.push(timeout(Duration::from_secs(30), &mut first).await.expect("a place").expect("a message"));
        assert!(timeout(MOMENT, &mut second).await.is_err(), "ten are out");
        ack(&held.remove(0)).await;
        held.push(timeout(Duration::from_secs(30), &mut second).await.expect("a place").expect("a message"));
        // One that waits for the end of its delay is in nobody's way, whatever else is due.
        let delay = |seconds| Settlement::Nack { delay: Duration::from_secs(seconds) };
        let mut third = Box::pin(subscriber.receive(far()));
        assert!(timeout(MOMENT, &mut third).await.is_err(), "ten are out");
        held.remove(0).settle(delay(50)).await.expect("given back");
        held.push(timeout(Duration::from_secs(30), &mut third).await.expect("a place").expect("a message"));
        let mut fourth = Box::pin(subscriber.receive(far()));
        assert!(timeout(MOMENT, &mut fourth).await.is_err(), "ten are out");
        held.remove(0).settle(delay(55)).await.expect("given back");
        held.push(timeout(Duration::from_secs(30), &mut fourth).await.expect("a place").expect("a message"));
        for delivery in mem::take(&mut held) {
            ack(&delivery).await;
        }
        admin.delete_queue(&queue).await;
    }
}

/// Numbers that differ enough, the same ones in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// Receivers that do what they like: each message is acknowledged once, and nobody waits for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_do_what_they_like() {
    const MESSAGES: usize = 600;
    let Some(server) = Server::shared() else { return };
    let admin = server.admin().await;
    for (round, query) in ["", "?prefetch_count=1", "?prefetch_count=5"].into_iter().enumerate() {
        let [classic, quorum] = [unique("classic"), unique("quorum")];
        admin.make_queue(&classic, &[]).await;
        let limit = AMQPValue::LongInt(100_000);
        admin.make_queue(&quorum, &[("x-queue-type", text("quorum")), ("x-delivery-limit", limit)]).await;
        for queue in [classic, quorum] {
            let acknowledged = Arc::new(Mutex::new(HashSet::new()));
            let is_over = watch::Sender::new(false);
            let mut tasks = JoinSet::new();
            let brokers = [server.broker(&[]), server.broker(&[])];
            for (index, broker) in brokers.iter().enumerate() {
                let subscriber = Arc::new(subscriber(broker, &format!("rabbit://{queue}{query}")).await);
                for worker in 0..8 {
                    let (subscriber, acknowledged) = (Arc::clone(&subscriber), Arc::clone(&acknowledged));
                    let (is_over, mut over) = (is_over.clone(), is_over.subscribe());
                    let mut dice = Dice(1 + worker + 10 * index as u64 + 100 * round as u64);
                    (0..10).for_each(|_| _ = dice.below(2));
                    tasks.spawn(async move {
                        while !*over.borrow() {
                            let patience = match dice.below(3) {
                                0 => Duration::from_millis(dice.below(8)),
                                // Longer than all of it takes: who is not served until then was forgotten.
                                _ => Duration::from_secs(100),
                            };
                            let received = tokio::select! {
                                received = timeout(patience, subscriber.receive(far())) => received,
                                _ = over.wait_for(|over| *over) => return,
                            };
                            let Ok(received) = received else {
                                assert!(patience < Duration::from_secs(100), "forgotten");
                                continue;
                            };
                            let delivery = received.expect("a message");
                            let number = body(&delivery);
                            assert!(!acknowledged.lock().expect("no panic").contains(&number), "{number} comes again");
                            if dice.below(3) == 0 {
                                sleep(Duration::from_millis(dice.below(12))).await;
                            }
                            match dice.below(10) {
                                0 => drop(delivery),
                                1 => delivery.settle(NOW).await.expect("given back"),
                                2 => {
                                    let delay = Duration::from_millis(dice.below(60));
                                    delivery.settle(Settlement::Nack { delay }).await.expect("given back");
                                }
                                _ => {
                                    let (settled, is_last) = {
                                        let mut acknowledged = acknowledged.lock().expect("no panic");
                                        let settled = delivery.settle(Settlement::Ack);
                                        assert!(acknowledged.insert(number));
                                        (settled, acknowledged.len() == MESSAGES)
                                    };
                                    settled.await.expect("acknowledged");
                                    if is_last {
                                        is_over.send_replace(true);
                                    }
                                }
                            }
                        }
                    });
                }
            }
            // Bursts, and moments in which there is nothing.
            let mut dice = Dice(7 + round as u64);
            for number in 0..MESSAGES {
                admin.publish("", &queue, number.to_string().as_bytes(), BasicProperties::default()).await;
                if dice.below(40) == 0 {
                    sleep(Duration::from_millis(dice.below(40))).await;
                }
            }
            all(tasks).await;
            assert_eq!(acknowledged.lock().expect("no panic").len(), MESSAGES);
            for broker in brokers {
                broker.close().await;
            }
            count_is(&admin, &queue, 0).await;
            admin.delete_queue(&queue).await;
        }
    }
}

/// A connection that is made anew takes over, and what is out is settled on the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_made_anew_while_messages_are_out() {
    let Some(server) = Server::shared() else { return };
    let admin = server.admin().await;
    let temporary = unique("temporary");
    let name = unique("renewed");
    let folder = std::env::temp_dir().join(&name);
    fs::create_dir_all(&folder).expect("a folder");
    let password = folder.join("password");
    fs::write(&password, "guest").expect("the file can be written");
    let broker = server.broker(&[("user", "guest"), ("password", &format!("file:{}", password.display()))]);
    let [classic, quorum] = queues(&admin, &[]).await;
    // Its messages are here before anybody asks for them.
    let standing = Declaration::new().auto_delete();
    let subscribers = [
        declared(&broker, &format!("{temporary}?prefetch_count=4"), standing),
        subscriber(&broker, &format!("rabbit://{classic}")).await,
        subscriber(&broker, &format!("rabbit://{quorum}?prefetch_count=4")).await,
    ];
    until_connected(&broker).await;
    assert!(in_a_moment(&subscribers[0]).await.is_none());
    let queues = [&temporary, &classic, &quorum];
    let mut held = Vec::new();
    for (subscriber, queue) in subscribers.iter().zip(queues) {
        for number in 0..8 {
            admin.publish("", queue, number.to_string().as_bytes(), BasicProperties::default()).await;
        }
        held.push(receive(subscriber).await);
        receive(subscriber)
            .await
            .settle(Settlement::Nack { delay: Duration::from_secs(20) })
            .await
            .expect("given back");
    }
    fs::write(&password, "guest\n").expect("the file can be written");
    until("it is connected anew", || broker.counters().is_some_and(|counters| counters.connects() == 2)).await;
    sleep(MOMENT).await;
    for ((subscriber, queue), held) in subscribers.iter().zip(queues).zip(held) {
        ack(&held).await;
        let mut seen = HashSet::new();
        for _ in 1..8 {
            let delivery = receive(subscriber).await;
            assert!(seen.insert(body(&delivery)), "{queue}: {} comes twice", body(&delivery));
            ack(&delivery).await;
        }
        assert!(!seen.contains("0"), "{queue}");
        count_is(&admin, queue, 0).await;
    }
    broker.close().await;
    for queue in [&classic, &quorum] {
        count_is(&admin, queue, 0).await;
        admin.delete_queue(queue).await;
    }
    fs::remove_dir_all(&folder).expect("removed");
}
