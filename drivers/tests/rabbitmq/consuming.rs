//! What is taken from queues, what becomes of it, and what is left to others.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use sluicegate_drivers::{Broker as _, Delivery as _, ReceiveError, SettleError, Settlement, Subscriber as _};
use tokio::time::{sleep, timeout};

use super::receiving::{
    NOW, ack, all, body, count_is, fill, in_a_moment, queues, receive, subscriber, text, try_receive,
};
use super::server::{Server, far};
use crate::rabbitmq_admin::unique;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_that_nobody_asks_for() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    for queue in queues(&admin, &[]).await {
        let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
        fill(&admin, &queue, 10).await;
        for left in (0..10).rev() {
            let delivery = receive(&subscriber).await;
            assert_eq!(body(&delivery), (9 - left).to_string());
            assert_eq!(delivery.delivery_count(), None, "{queue} counted a delivery that was none");
            assert!(!delivery.message().attributes.iter().any(|found| found.name == "x-delivery-count"));
            count_is(&admin, &queue, left).await;
            ack(&delivery).await;
            if left % 3 == 0 {
                sleep(Duration::from_millis(50)).await;
                assert_eq!(admin.count(&queue).await, left);
            }
        }
        // A request that waited in vain leaves nothing behind that takes messages.
        assert!(in_a_moment(&subscriber).await.is_none());
        sleep(Duration::from_millis(100)).await;
        fill(&admin, &queue, 5).await;
        sleep(Duration::from_millis(50)).await;
        assert_eq!(admin.count(&queue).await, 5);
        admin.delete_queue(&queue).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_share_a_queue() {
    const MESSAGES: usize = 3_000;
    let Some(server) = Server::shared() else { return };
    let admin = server.admin().await;
    for queue in queues(&admin, &[]).await {
        fill(&admin, &queue, MESSAGES).await;
        let seen = Arc::new(Mutex::new(HashSet::new()));
        let mut tasks = tokio::task::JoinSet::new();
        let brokers = [server.broker(&[]), server.broker(&[])];
        let shares = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        for (broker, share) in brokers.iter().zip(&shares) {
            let subscriber = Arc::new(subscriber(broker, &format!("rabbit://{queue}")).await);
            for _ in 0..32 {
                let (subscriber, seen, share) = (Arc::clone(&subscriber), Arc::clone(&seen), Arc::clone(share));
                tasks.spawn(async move {
                    while seen.lock().expect("no panic").len() < MESSAGES {
                        let Some(delivery) = in_a_moment(&subscriber).await else { continue };
                        let body = body(&delivery);
                        assert!(seen.lock().expect("no panic").insert(body.clone()), "{body} came twice");
                        share.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                        ack(&delivery).await;
                    }
                });
            }
        }
        all(tasks).await;
        assert_eq!(seen.lock().expect("no panic").len(), MESSAGES, "{queue}");
        count_is(&admin, &queue, 0).await;
        for share in shares {
            assert!(share.load(Ordering::Relaxed) > MESSAGES / 20, "{queue}: a gateway starved");
        }
        for broker in brokers {
            broker.close().await;
        }
        count_is(&admin, &queue, 0).await;
        admin.delete_queue(&queue).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quorum_queues_count_and_limit_deliveries() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let (queue, dead) = (unique("limited"), unique("dead"));
    admin.make_queue(&dead, &[]).await;
    let arguments = [
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongInt(2)),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(&dead)),
    ];
    admin.make_queue(&queue, &arguments).await;
    let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
    fill(&admin, &queue, 1).await;
    for count in [None, Some(2), Some(3)] {
        let delivery = receive(&subscriber).await;
        assert_eq!(delivery.delivery_count(), count);
        delivery.settle(NOW).await.expect("given back");
    }
    // The server's own limit moves it, and says so.
    assert!(in_a_moment(&subscriber).await.is_none());
    let dead = self::subscriber(&broker, &format!("rabbit://{dead}")).await;
    let delivery = receive(&dead).await;
    let death = delivery.message().attribute("x-death").expect("the server says what happened");
    let death: serde_json::Value = serde_json::from_str(death).expect("JSON");
    assert_eq!((&death[0]["reason"], &death[0]["queue"]), (&"delivery_limit".into(), &(&*queue).into()));
    ack(&delivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_messages_are_dead_lettered() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let dead = unique("dead");
    admin.make_queue(&dead, &[]).await;
    let place = [("x-dead-letter-exchange", text("")), ("x-dead-letter-routing-key", text(&dead))];
    for queue in queues(&admin, &place).await {
        let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
        fill(&admin, &queue, 2).await;
        let poison = receive(&subscriber).await;
        poison.settle(Settlement::DeadLetter { reason: "not JSON".to_owned() }).await.expect("rejected");
        let next = receive(&subscriber).await;
        assert_eq!(body(&next), "1");
        ack(&next).await;
        count_is(&admin, &dead, 1).await;
        assert_eq!(admin.get(&dead).await.expect("a message").delivery.data, b"0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_given_back_after_its_delay() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    for queue in queues(&admin, &[]).await {
        let subscriber = subscriber(&broker, &format!("rabbit://{queue}?prefetch_count=1")).await;
        fill(&admin, &queue, 2).await;
        let first = receive(&subscriber).await;
        let start = Instant::now();
        first.settle(Settlement::Nack { delay: Duration::from_millis(700) }).await.expect("given back");
        let second = receive(&subscriber).await;
        assert_eq!(body(&second), "1");
        ack(&second).await;
        let again = receive(&subscriber).await;
        assert_eq!(body(&again), "0");
        assert!(start.elapsed() >= Duration::from_millis(700));
        // Another one, whose gateway ends first.
        again.settle(Settlement::Nack { delay: Duration::from_secs(60) }).await.expect("given back");
        assert_eq!(admin.count(&queue).await, 0);
        drop(subscriber);
    }
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_gives_back_what_is_not_settled() {
    let Some(server) = Server::shared() else { return };
    let admin = server.admin().await;
    for queue in queues(&admin, &[]).await {
        let broker = server.broker(&[]);
        let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
        fill(&admin, &queue, 4).await;
        let held = receive(&subscriber).await;
        receive(&subscriber).await.settle(Settlement::Nack { delay: Duration::from_secs(60) }).await.expect("taken");
        ack(&receive(&subscriber).await).await;
        broker.close().await;
        count_is(&admin, &queue, 3).await;
        assert!(matches!(held.settle(Settlement::Ack).await, Err(SettleError::Unreachable(_))));
        assert!(matches!(try_receive(&subscriber).await, Err(ReceiveError::Closed)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_are_out_than_prefetch_count_says() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    for queue in queues(&admin, &[]).await {
        let subscriber = Arc::new(subscriber(&broker, &format!("rabbit://{queue}?prefetch_count=3")).await);
        fill(&admin, &queue, 40).await;
        let (out, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let done = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (subscriber, out, most) = (Arc::clone(&subscriber), Arc::clone(&out), Arc::clone(&most));
            let done = Arc::clone(&done);
            tasks.spawn(async move {
                while done.load(Ordering::SeqCst) < 40 {
                    let Some(delivery) = in_a_moment(&subscriber).await else { continue };
                    most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep(Duration::from_millis(15)).await;
                    out.fetch_sub(1, Ordering::SeqCst);
                    ack(&delivery).await;
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        all(tasks).await;
        count_is(&admin, &queue, 0).await;
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{queue}: {most:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_highest_priority_is_served_first() {
    let Some(server) = Server::shared() else { return };
    let (admin, low, high) = (server.admin().await, server.broker(&[]), server.broker(&[]));
    for queue in queues(&admin, &[]).await {
        let low = subscriber(&low, &format!("rabbit://{queue}")).await;
        let high = subscriber(&high, &format!("rabbit://{queue}?priority=10")).await;
        for number in 0..5 {
            let (mut first, mut second) = (Box::pin(low.receive(far())), Box::pin(high.receive(far())));
            // Both wait at the server.
            assert!(timeout(Duration::from_millis(100), &mut first).await.is_err());
            assert!(timeout(Duration::from_millis(100), &mut second).await.is_err());
            admin.publish("", &queue, format!("{number}").as_bytes(), BasicProperties::default()).await;
            let delivery = second.await.expect("the message");
            assert_eq!(body(&delivery), number.to_string());
            ack(&delivery).await;
            assert!(timeout(Duration::from_millis(50), &mut first).await.is_err());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_others_are_read() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let queue = unique("others");
    admin.make_queue(&queue, &[]).await;
    let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
    let mut headers = FieldTable::default();
    headers.insert("Content-Type".into(), text("application/json"));
    headers.insert("X-Order-Id".into(), text("7"));
    let krakend = BasicProperties::default().with_headers(headers);
    admin.publish("", &queue, br#"{"id":7}"#, krakend).await;
    let delivery = receive(&subscriber).await;
    let message = delivery.message();
    assert_eq!(message.body, br#"{"id":7}"#.as_slice());
    let attributes: Vec<_> = message.attributes.iter().map(|found| (&*found.name, &*found.value)).collect();
    assert_eq!(attributes, [("Content-Type", "application/json"), ("X-Order-Id", "7")]);
    assert_eq!((message.key.as_deref(), message.id.as_deref()), (Some(&*queue), None));
    ack(&delivery).await;
    let properties = BasicProperties::default()
        .with_content_type("text/plain".into())
        .with_message_id("m-1".into())
        .with_priority(3)
        .with_delivery_mode(1)
        .with_reply_to("me".into());
    admin.publish("", &queue, b"", properties).await;
    let delivery = receive(&subscriber).await;
    let message = delivery.message();
    assert_eq!((message.body.len(), message.id.as_deref()), (0, Some("m-1")));
    for (name, value) in
        [("Content-Type", "text/plain"), ("Amqp-Priority", "3"), ("Amqp-Delivery-Mode", "1"), ("Amqp-Reply-To", "me")]
    {
        assert_eq!(message.attribute(name), Some(value), "{name}");
    }
    assert_eq!(delivery.origin().topic, Some(&*queue));
    ack(&delivery).await;
}
