//! Queues that cannot be received from, and servers that are gone.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use sluicegate_drivers::{Broker as _, Delivery as _, ReceiveError, SettleError, Settlement, Subscriber as _};
use tokio::time::{sleep, timeout};

use super::receiving::{ack, body, count_is, fill, in_a_moment, queues, receive, subscriber, text, try_receive};
use super::server::{Server, far};
use crate::rabbitmq_admin::unique;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_goes_and_comes_back() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    for (queue, other) in queues(&admin, &[]).await.into_iter().zip(queues(&admin, &[]).await) {
        let gone = subscriber(&broker, &format!("rabbit://{queue}")).await;
        let other_one = subscriber(&broker, &format!("rabbit://{other}")).await;
        let mut waits = Box::pin(gone.receive(far()));
        assert!(timeout(Duration::from_millis(200), &mut waits).await.is_err());
        admin.delete_queue(&queue).await;
        let error = timeout(Duration::from_secs(60), waits).await.expect("an end").expect_err("refused");
        assert!(matches!(&error, ReceiveError::Refused(why) if why.to_string().contains("NOT_FOUND")), "{error}");
        assert!(matches!(try_receive(&gone).await, Err(ReceiveError::Refused(_))));
        fill(&admin, &other, 1).await;
        ack(&receive(&other_one).await).await;
        admin.make_queue(&queue, &[]).await;
        fill(&admin, &queue, 1).await;
        let delivery = loop {
            match try_receive(&gone).await {
                Ok(delivery) => break delivery,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        ack(&delivery).await;
        admin.delete_queue(&queue).await;
        admin.delete_queue(&other).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exclusive_queue_is_refused() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let queue = unique("exclusive");
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    admin.channel.queue_declare((&*queue).into(), options, FieldTable::default()).await.expect("a queue");
    let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
    let error = try_receive(&subscriber).await.expect_err("refused");
    assert!(matches!(&error, ReceiveError::Refused(why) if why.to_string().contains("RESOURCE_LOCKED")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_messages_are_out() {
    let Some(mut server) = Server::start("") else { return };
    let broker = server.broker(&[]);
    let queue = unique("killed");
    server.admin().await.make_queue(&queue, &[("x-queue-type", text("quorum"))]).await;
    server.write_down();
    let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
    fill(&server.admin().await, &queue, 20).await;
    for number in 0..5 {
        let delivery = receive(&subscriber).await;
        assert_eq!(body(&delivery), number.to_string());
        ack(&delivery).await;
    }
    // Held back for no longer than a moment.
    sleep(Duration::from_millis(300)).await;
    let held = receive(&subscriber).await;
    let delayed = receive(&subscriber).await;
    delayed.settle(Settlement::Nack { delay: Duration::from_secs(60) }).await.expect("taken");
    server.kill().await;
    let gone = try_receive(&subscriber).await.map(|delivery| body(&delivery));
    assert!(matches!(gone, Err(ReceiveError::Unreachable(_))) || gone.is_ok(), "{gone:?}");
    super::server::until("the loss is seen", || broker.state() != sluicegate_drivers::BrokerState::Connected).await;
    assert!(matches!(held.settle(Settlement::Ack).await, Err(SettleError::Unreachable(_))));
    server.run();
    let end = far();
    let mut seen = HashSet::new();
    while seen.len() < 15 {
        assert!(Instant::now() < end, "{seen:?}");
        match try_receive(&subscriber).await {
            Ok(delivery) => {
                assert!(seen.insert(body(&delivery)), "{} came twice", body(&delivery));
                ack(&delivery).await;
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
    assert!((5..20).all(|number| seen.contains(&number.to_string())), "{seen:?}");
    assert!(in_a_moment(&subscriber).await.is_none());
}

/// A stream has no messages to be settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_refused() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let queue = unique("stream");
    admin.make_queue(&queue, &[("x-queue-type", text("stream"))]).await;
    let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
    let error = try_receive(&subscriber).await.expect_err("refused");
    assert!(matches!(&error, ReceiveError::Refused(why) if why.to_string().contains("stream")), "{error}");
    admin.delete_queue(&queue).await;
}

/// A consumer that a server makes too late takes nothing from others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_too_late() {
    let Some(server) = Server::start("") else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[("heartbeat", "60s")]));
    let queue = unique("late");
    admin.make_queue(&queue, &[]).await;
    fill(&admin, &queue, 5).await;
    let subscriber = subscriber(&broker, &format!("rabbit://{queue}")).await;
    let held = receive(&subscriber).await;
    // Its consumer is cancelled.
    sleep(Duration::from_millis(200)).await;
    server.signal("STOP");
    let refused = try_receive(&subscriber).await;
    server.signal("CONT");
    let error = refused.expect_err("no answer");
    assert!(matches!(&error, ReceiveError::Refused(why) if why.to_string().contains("no answer")), "{error}");
    // Something may have been in the way.
    let other = server.admin().await;
    count_is(&other, &queue, 4).await;
    ack(&held).await;
    for number in 1..5 {
        let delivery = loop {
            match try_receive(&subscriber).await {
                Ok(delivery) => break delivery,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        assert_eq!(body(&delivery), number.to_string());
        ack(&delivery).await;
    }
    assert!(in_a_moment(&subscriber).await.is_none());
    broker.close().await;
    count_is(&other, &queue, 0).await;
}
