//! `declare`: exchanges and queues that are made by those who use them.

use std::time::Duration;

use lapin::types::AMQPValue;
use sluicegate_drivers::rabbitmq::{Broker, Subscriber};
use sluicegate_drivers::{
    Argument, Binding, Broker as _, Declaration, Message, PublisherOptions, ReceiveError, Subscriber as _,
    SubscriberOptions,
};
use tokio::time::{sleep, timeout};

use super::receiving::{ack, body, receive, try_receive};
use super::server::{Server, far, keyed, publish, until_connected};
use crate::rabbitmq_admin::unique;

fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

pub(super) fn declared(broker: &Broker, queue: &str, declaration: Declaration) -> Subscriber {
    let options = SubscriberOptions { declare: Some(keep(declaration)) };
    broker.subscriber(&format!("rabbit://{queue}"), &options).expect("a subscription")
}

/// An exchange and two queues of it, whoever is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_declared_is_there() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let (exchange, queue): (&'static str, _) = (unique("declared").leak(), unique("declared"));
    let bindings = [Binding::new(exchange).routing_key("eu.#")];
    let quorum = Declaration::new()
        .kind("quorum")
        .arguments(&[("x-delivery-limit", Argument::Integer(7)), ("x-overflow", Argument::Text("reject-publish"))])
        .bindings(keep(bindings));
    // Its exchange is not there yet: it is looked at again.
    let subscriber = declared(&broker, &queue, quorum);
    until_connected(&broker).await;
    let options = PublisherOptions { declare: Some(keep(Declaration::new())), ..PublisherOptions::default() };
    let topic = broker.publisher(&format!("rabbit://{exchange}"), &options).expect("a topic");
    let mut published = publish(&topic, keyed("eu.de", "hello")).await;
    for _ in 0..200 {
        if published.is_ok() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
        published = publish(&topic, keyed("eu.de", "hello")).await;
    }
    published.expect("routed to the queue");
    let delivery = receive(&subscriber).await;
    assert_eq!(body(&delivery), "hello");
    ack(&delivery).await;
    let unroutable = publish(&topic, Message { key: Some("us".to_owned()), ..Message::new("x") }).await;
    assert!(unroutable.is_err());
    // Exactly this queue, and it can be declared again.
    admin
        .make_queue(
            &queue,
            &[
                ("x-queue-type", AMQPValue::LongString("quorum".into())),
                ("x-delivery-limit", AMQPValue::LongLongInt(7)),
                ("x-overflow", AMQPValue::LongString("reject-publish".into())),
            ],
        )
        .await;
    admin.delete_queue(&queue).await;
    admin.delete_exchange(exchange).await;
}

/// Another queue of that name is an error of this endpoint, not a loop of crashes, and no other's business.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mismatch_is_refused_until_it_is_none() {
    let Some(server) = Server::shared() else { return };
    let (admin, broker) = (server.admin().await, server.broker(&[]));
    let (queue, other) = (unique("mismatch"), unique("other"));
    admin.make_queue(&queue, &[]).await;
    let wrong = declared(&broker, &queue, Declaration::new().kind("quorum"));
    let right = declared(&broker, &other, Declaration::new().kind("classic"));
    until_connected(&broker).await;
    let error = try_receive(&wrong).await.expect_err("refused");
    let ReceiveError::Refused(why) = &error else { panic!("{error}") };
    assert!(why.to_string().contains("PRECONDITION_FAILED") && why.to_string().contains("x-queue-type"), "{why}");
    let mut waits = Box::pin(right.receive(far()));
    assert!(timeout(Duration::from_millis(200), &mut waits).await.is_err());
    admin.publish("", &other, b"fine", lapin::BasicProperties::default()).await;
    ack(&waits.await.expect("the message")).await;
    admin.delete_queue(&queue).await;
    let mut waits = Box::pin(async {
        loop {
            match try_receive(&wrong).await {
                Ok(delivery) => return delivery,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    });
    // It makes the queue itself.
    assert!(timeout(Duration::from_secs(3), &mut waits).await.is_err());
    admin.publish("", &queue, b"now", lapin::BasicProperties::default()).await;
    assert_eq!(body(&waits.await), "now");
    admin.delete_queue(&queue).await;
    admin.delete_queue(&other).await;
}
