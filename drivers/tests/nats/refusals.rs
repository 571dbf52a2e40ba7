//! What a server says besides that a subject is not allowed.

use std::net::SocketAddr;

use sluicegate_drivers::{
    Broker as _, Message, PublishErrorKind, Publisher as _, ReceiveError, Subscriber as _, SubscriberOptions,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::log::Log;
use super::server::{Server, connected, counters, far, open, publisher, receive_text, until_connected};

#[tokio::test]
async fn a_subscription_too_many_is_refused_and_no_other() {
    let Some(server) = Server::start("max_subscriptions: 2") else { return };
    let log = Log::start();
    let broker = connected(&server, &[]).await;
    let subscribers = [1, 2, 3, 4].map(|number| {
        broker.subscriber(&format!("nats://s.{number}"), &SubscriberOptions::default()).expect("a subscription")
    });
    for number in 1..=4 {
        publisher(&broker, &format!("nats://s.{number}")).publish(Message::new("in")).await.expect("confirmed");
    }
    for (index, subscriber) in subscribers.iter().enumerate() {
        if index < 2 {
            assert_eq!(receive_text(subscriber).await, "in");
        } else {
            let error = subscriber.receive(far()).await.unwrap_err();
            assert!(matches!(error, ReceiveError::Refused(_)), "{error}");
            assert!(error.to_string().contains("maximum subscriptions exceeded"), "{error}");
            assert!(log.error(&format!("subject=\"s.{}\"", index + 1)).contains("subscription refused"));
        }
    }
    assert_eq!(counters(&broker).disconnects(), 0);
    broker.close().await;
}

/// What no server of today says, or only where it ends the connection as well.
#[tokio::test]
async fn an_error_that_is_not_known_confirms_nothing() {
    let log = Log::start();
    let broker = open(&[("servers", &script().await.to_string())]);
    until_connected(&broker).await;
    let (first, second) = (publisher(&broker, "nats://odd"), publisher(&broker, "nats://fine"));
    let error = first.publish(Message::new("x")).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Unknown, "{error}");
    assert!(error.to_string().contains("Something New"), "{error}");
    second.publish(Message::new("x")).await.expect("confirmed");
    assert_eq!(log.lines("error of the server").len(), 1);
    broker.close().await;
}

/// Answers as a server does, and with an unknown error to what is published to `odd`.
async fn script() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = BufReader::new(stream);
        let info = b"INFO {\"version\":\"2.99.0\",\"max_payload\":1024,\"headers\":true}\r\n";
        stream.write_all(info).await.expect("written");
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
            let answer: &[u8] = match line.trim_end() {
                "PING" => b"PONG\r\n",
                line if line.starts_with("PUB odd ") => b"-ERR 'Something New'\r\n",
                _ => b"",
            };
            stream.write_all(answer).await.expect("written");
            line.clear();
        }
    });
    address
}
