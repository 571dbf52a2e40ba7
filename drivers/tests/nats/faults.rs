//! Servers that are away, that stop, and that are killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishErrorKind, Publisher as _, ReceiveError, Subscriber as _,
    SubscriberOptions,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::server::{Server, connected, counters, far, open, publisher, receive_text, until, until_connected};

#[tokio::test]
async fn the_gateway_first_and_the_broker_later() {
    let Some(mut server) = Server::start("") else { return };
    server.kill().await;
    let broker = open(&[("servers", &server.address)]);
    let subscriber = broker.subscriber("nats://later", &SubscriberOptions::default()).expect("a subscription");
    let publisher = publisher(&broker, "nats://later");
    until("a try failed", || counters(&broker).connect_failures() > 0).await;
    assert_eq!(broker.state(), BrokerState::Connecting);
    let error = publisher.publish(Message::new("too early")).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    let error = subscriber.receive(far()).await.unwrap_err();
    assert!(matches!(error, ReceiveError::Unreachable(_)), "{error}");

    server.run();
    let start = Instant::now();
    until_connected(&broker).await;
    println!("connected {:?} after the server's start", start.elapsed());
    publisher.publish(Message::new("now")).await.expect("confirmed");
    // What was refused did not go out later.
    assert_eq!(receive_text(&subscriber).await, "now");
    broker.close().await;
}

#[tokio::test]
async fn a_server_killed_before_its_answer() {
    let Some(mut server) = Server::start("") else { return };
    let broker = connected(&server, &[]).await;
    let subscriber = broker.subscriber("nats://killed", &SubscriberOptions::default()).expect("a subscription");
    let publisher = Arc::new(publisher(&broker, "nats://killed"));
    publisher.publish(Message::new("before")).await.expect("confirmed");
    server.pause().await;
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let publisher = Arc::clone(&publisher);
        tasks.spawn(async move { publisher.publish(Message::new("written")).await });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.kill().await;
    while let Some(ended) = tasks.join_next().await {
        let error = ended.expect("no panic").unwrap_err();
        assert_eq!(error.kind, PublishErrorKind::Unknown, "{error}");
    }
    until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    let error = publisher.publish(Message::new("away")).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
    // What has arrived is still there, and then there is nothing to wait for.
    assert_eq!(receive_text(&subscriber).await, "before");
    let error = subscriber.receive(far()).await.unwrap_err();
    assert!(matches!(error, ReceiveError::Unreachable(_)), "{error}");

    server.run();
    until_connected(&broker).await;
    publisher.publish(Message::new("again")).await.expect("confirmed");
    assert_eq!(receive_text(&subscriber).await, "again");
    broker.close().await;
}

#[tokio::test]
async fn a_wait_ends_with_the_connection() {
    let Some(server) = Server::start("") else { return };
    let broker = connected(&server, &[]).await;
    let subscriber = broker.subscriber("nats://waits", &SubscriberOptions::default()).expect("a subscription");
    let (received, ()) = tokio::join!(subscriber.receive(far()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.kill().await;
    });
    assert!(matches!(received, Err(ReceiveError::Unreachable(_))), "{received:?}");
    broker.close().await;
    assert_eq!(broker.state(), BrokerState::Closed);
}

#[tokio::test]
async fn a_server_that_is_stopped_is_noticed() {
    let Some(server) = Server::start("") else { return };
    let broker = connected(&server, &[]).await;
    let publisher = publisher(&broker, "nats://stopped");
    server.pause().await;
    // Whoever publishes meanwhile waits for as long as it likes.
    assert!(timeout(Duration::from_millis(200), publisher.publish(Message::new("no answer"))).await.is_err());
    let stop = Instant::now();
    let publishing = async {
        // Steadily, so that something is always written.
        loop {
            let Ok(published) = timeout(Duration::from_millis(300), publisher.publish(Message::new("more"))).await
            else {
                continue;
            };
            break published.unwrap_err();
        }
    };
    let error = timeout(Duration::from_secs(60), publishing).await.expect("the loss is seen");
    assert!(matches!(error.kind, PublishErrorKind::Unknown | PublishErrorKind::Unreachable), "{error}");
    println!("noticed after {:?}", stop.elapsed());
    server.signal("CONT");
    until_connected(&broker).await;
    publisher.publish(Message::new("goes on")).await.expect("confirmed");
    broker.close().await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_stopped_server() {
    let Some(server) = Server::start("") else { return };
    let broker = connected(&server, &[]).await;
    let subscriber = broker.subscriber("nats://closing", &SubscriberOptions::default()).expect("a subscription");
    server.pause().await;
    let (received, ()) = tokio::join!(subscriber.receive(far()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        timeout(Duration::from_secs(60), broker.close()).await.expect("it ends");
    });
    assert!(matches!(received, Err(ReceiveError::Closed)), "{received:?}");
    server.signal("CONT");
}

#[tokio::test]
async fn what_is_on_its_way_is_confirmed_before_closing() {
    let Some(server) = Server::start("") else { return };
    let broker = connected(&server, &[]).await;
    let publisher = Arc::new(publisher(&broker, "nats://draining"));
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let publisher = Arc::clone(&publisher);
        tasks.spawn(async move { publisher.publish(Message::new(number.to_string())).await });
    }
    tokio::task::yield_now().await;
    broker.close().await;
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic").expect("confirmed");
    }
}

#[tokio::test]
async fn a_server_that_ends_is_left_for_another() {
    let (Some(first), Some(second)) = (Server::start(""), Server::start("")) else { return };
    let broker = open(&[("servers", &format!("{},{}", first.address, second.address))]);
    until_connected(&broker).await;
    let publisher = publisher(&broker, "nats://moving");
    // Both would end: only one is said to.
    let (other, leaving) = match publisher_is_at(&broker, &first).await {
        true => (second, first),
        false => (first, second),
    };
    leaving.signal("USR2");
    let end = Instant::now() + Duration::from_secs(60);
    while counters(&broker).connects() < 2 {
        assert!(Instant::now() < end, "it stays");
        if let Err(error) = publisher.publish(Message::new("moving")).await {
            // None is left without an answer.
            assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    publisher.publish(Message::new("moved")).await.expect("confirmed");
    assert!(publisher_is_at(&broker, &other).await);
    broker.close().await;
}

/// Whether what `broker` publishes arrives at `server`, which is in no cluster.
async fn publisher_is_at(broker: &sluicegate_drivers::nats::Broker, server: &Server) -> bool {
    let there = connected(server, &[]).await;
    let subscriber = there.subscriber("nats://probe", &SubscriberOptions::default()).expect("a subscription");
    // It stands once something published after it is confirmed.
    publisher(&there, "nats://else").publish(Message::new("")).await.expect("confirmed");
    publisher(broker, "nats://probe").publish(Message::new("here")).await.expect("confirmed");
    let arrived = timeout(Duration::from_secs(5), subscriber.receive(far())).await.is_ok();
    there.close().await;
    arrived
}
