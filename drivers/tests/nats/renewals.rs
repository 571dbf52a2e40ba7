//! Files that change while a connection stands, healthy and idle.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, Publisher as _, SubscriberOptions};

use super::log::Log;
use super::server::{Server, connected, counters, publisher, receive_text, until};

const USERS: &str = r#"authorization { users: [
    { user: old, password: old, permissions: { publish: { deny: ["only.new"] } } }
    { user: new, password: new } ] }"#;

#[tokio::test]
async fn an_idle_connection_is_made_anew_with_another_login() {
    let Some(server) = Server::start(USERS) else { return };
    let log = Log::start();
    let (user, password) = (server.write("user", "old\n"), server.write("password", "old\n"));
    let file = |path: &std::path::Path| format!("file:{}", path.display());
    let broker = connected(&server, &[("user", &file(&user)), ("password", &file(&password))]).await;
    let subscriber = broker.subscriber("nats://any", &SubscriberOptions::default()).expect("a subscription");
    let any = publisher(&broker, "nats://any");
    any.publish(Message::new("before")).await.expect("confirmed");
    let only_new = publisher(&broker, "nats://only.new");
    let error = only_new.publish(Message::new("x")).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Refused, "{error}");

    // Half of a new login is none: what stands is kept.
    fs::write(&user, "new\n").expect("the file can be written");
    until("it was tried", || !log.lines("the connection is kept").is_empty()).await;
    assert_eq!((broker.state(), counters(&broker).connects()), (BrokerState::Connected, 1));
    any.publish(Message::new("meanwhile")).await.expect("confirmed");
    fs::write(&password, "new\n").expect("the file can be written");
    until("it is connected anew", || counters(&broker).connects() == 2).await;
    only_new.publish(Message::new("x")).await.expect("confirmed");
    any.publish(Message::new("after")).await.expect("confirmed");
    for expected in ["before", "meanwhile", "after"] {
        assert_eq!(receive_text(&subscriber).await, expected);
    }
    assert_eq!(counters(&broker).disconnects(), 0);
    assert_eq!((log.lines("old").len(), log.lines("connection lost").len()), (0, 0));
    broker.close().await;
}

/// Nobody who publishes meanwhile notices.
#[tokio::test]
async fn a_busy_connection_is_made_anew() {
    let Some(server) = Server::start("") else { return };
    let token = server.write("token", "one");
    let broker = Arc::new(connected(&server, &[("token", &format!("file:{}", token.display()))]).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..8)
        .map(|number| {
            let (publisher, is_over) = (publisher(&broker, &format!("nats://busy.{number}")), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    publisher.publish(Message::new("x")).await.expect("confirmed");
                }
            })
        })
        .collect();
    for connects in 2..4 {
        fs::write(&token, "a token of another length".repeat(connects as usize)).expect("the file can be written");
        until("it is connected anew", || counters(&broker).connects() == connects).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.await.expect("every message was confirmed");
    }
    broker.close().await;
}
