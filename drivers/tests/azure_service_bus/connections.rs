//! Every way to the service: plain TCP, TLS, WebSockets; and settings that change.

use std::fs;
use std::time::Duration;

use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, PublisherOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::server::{
    Proxy, Server, certificate, failure, open, publish, publisher, string, tls_string, until, until_connected,
};
use crate::azure_service_bus_admin::unique;
use futures_util::{SinkExt as _, StreamExt as _};

#[tokio::test]
async fn tls_and_whom_it_trusts() {
    let Some(server) = Server::start() else { return };
    let (proxy, pem) = Proxy::start_with_tls(&server.address).await;
    let file = std::env::temp_dir().join(unique("sluicegate-servicebus-ca"));
    fs::write(&file, pem).expect("a file");
    let (file, string) = (file.to_str().expect("text"), tls_string(&proxy.by_name()));
    let broker = open(&[("connection_string", &string), ("tls.ca_certs", file)]);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    publish(&topic, Message::new("over TLS")).await.expect("confirmed");
    publish(&topic, Message::new(vec![7; 200_000])).await.expect("confirmed");
    broker.close().await;
    // Nobody says that it can be trusted; and it is not called that.
    for (string, expected) in [(string, "invalid peer certificate"), (tls_string(&proxy.address), "certificate")] {
        let broker = open(&[("connection_string", &string)]);
        let topic = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect("a topic");
        until("it has tried", || broker.counters().expect("it counts").connect_failures() > 0).await;
        let (kind, text) = failure(&topic, Message::new("x")).await;
        assert_eq!(kind, PublishErrorKind::Unreachable);
        assert!(text.contains(expected), "{text}");
        broker.close().await;
    }
    // One that does not speak TLS.
    let broker = open(&[("connection_string", &tls_string(&server.address))]);
    let _topic = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect("a topic");
    until("it has tried", || broker.counters().expect("it counts").connect_failures() > 0).await;
    broker.close().await;
    fs::remove_file(file).expect("the file can be removed");
}

#[tokio::test]
async fn websockets() {
    let Some(server) = Server::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (acceptor, pem) = certificate();
    let target = server.address.clone();
    let serve = tokio::spawn(async move {
        let mut encrypted = false;
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&target).await.expect("the stand-in");
            match std::mem::replace(&mut encrypted, true) {
                false => drop(tokio::spawn(bridge(client, server))),
                true => {
                    let client = acceptor.accept(client).await.expect("TLS");
                    tokio::spawn(bridge(client, server));
                }
            }
        }
    });
    // First without TLS, then with it.
    let broker = open(&[("connection_string", &string(&address)), ("transport", "websockets")]);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    publish(&topic, Message::new("over a WebSocket")).await.expect("confirmed");
    publish(&topic, Message::new(vec![7; 200_000])).await.expect("confirmed");
    broker.close().await;
    let file = std::env::temp_dir().join(unique("sluicegate-servicebus-ca"));
    fs::write(&file, pem).expect("a file");
    let (path, address) = (file.to_str().expect("text"), address.replace("127.0.0.1", "localhost"));
    let string = format!("{};TransportType=AmqpWebSockets", tls_string(&address));
    let broker = open(&[("connection_string", &string), ("tls.ca_certs", path)]);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    let all = (0..200).map(|number| publish(&topic, Message::new(format!("{number}"))));
    for receipt in futures_util::future::join_all(all).await {
        receipt.expect("confirmed");
    }
    broker.close().await;
    serve.abort();
    fs::remove_file(file).expect("the file can be removed");
    // One that speaks no WebSockets.
    let broker = open(&[("connection_string", &server.string()), ("transport", "websockets")]);
    let _topic = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect("a topic");
    until("it has tried", || broker.counters().expect("it counts").connect_failures() > 0).await;
    broker.close().await;
}

/// Carries the bytes of a WebSocket to a server, and back.
async fn bridge<S>(client: S, mut server: TcpStream)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    #[allow(clippy::result_large_err, reason = "tungstenite's own type")]
    let check = |request: &Request, mut response: Response| {
        assert_eq!(request.uri().path(), "/$servicebus/websocket");
        assert_eq!(request.headers()["Sec-WebSocket-Protocol"], "amqp");
        response.headers_mut().insert("Sec-WebSocket-Protocol", "amqp".parse().expect("a header"));
        Ok(response)
    };
    let mut client: WebSocketStream<S> = accept_hdr_async(client, check).await.expect("a WebSocket");
    let mut bytes = vec![0; 5_000];
    loop {
        tokio::select! {
            frame = client.next() => match frame {
                Some(Ok(Frame::Binary(bytes))) if server.write_all(&bytes).await.is_ok() => {}
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                _ => return,
            },
            read = server.read(&mut bytes) => match read {
                Ok(count) if count > 0 => {
                    // A ping besides, as a gateway sends them.
                    let ping = client.send(Frame::Ping(vec![1].into())).await;
                    let sent = client.send(Frame::Binary(bytes[..count].to_vec().into())).await;
                    if ping.is_err() || sent.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

/// A connection string in a file is read again when it changes, without a message being lost.
#[tokio::test]
async fn settings_that_change() {
    let (Some(one), Some(other)) = (Server::start(), Server::start()) else { return };
    let file = std::env::temp_dir().join(unique("sluicegate-servicebus-string"));
    fs::write(&file, one.string()).expect("a file");
    let broker = open(&[("connection_string", &format!("file:{}", file.display()))]);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    publish(&topic, Message::new("x")).await.expect("confirmed");
    // One that leads nowhere is not followed.
    fs::write(&file, string("127.0.0.1:9")).expect("a file");
    tokio::time::sleep(Duration::from_secs(4)).await;
    publish(&topic, Message::new("x")).await.expect("confirmed");
    fs::write(&file, other.string()).expect("a file");
    let connects = || broker.counters().expect("it counts").connects();
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while connects() < 2 {
        publish(&topic, Message::new("x")).await.expect("confirmed");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(std::time::Instant::now() < end, "it is not followed");
    }
    one.kill().await;
    for _ in 0..20 {
        publish(&topic, Message::new("x")).await.expect("confirmed");
    }
    until_connected(&broker).await;
    assert_eq!(broker.state(), BrokerState::Connected);
    broker.close().await;
    fs::remove_file(file).expect("the file can be removed");
}
