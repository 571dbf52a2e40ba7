//! TLS and logins.

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind};

use super::common::{connected, open, publish, publisher, ready, try_publish, unique, until, until_connected};
use super::server::Server;
use crate::log::Log;

#[tokio::test]
async fn tls_and_each_way_to_log_in() {
    let Some(server) = Server::shared() else { return };
    let ca = server.tls("ca.pem");
    let ways: [(&str, &[(&'static str, &str)]); 6] = [
        (&server.ssl, &[("tls.ca_certs", &ca)]),
        (&server.ssl, &[("tls.ca_certs", &ca), ("tls.disable_system_ca_pool", "true")]),
        (&server.sasl, &[("sasl.mechanism", "PLAIN")]),
        (&server.sasl_ssl, &[("tls.ca_certs", &ca), ("sasl.mechanism", "PLAIN")]),
        (&server.sasl_ssl, &[("tls.ca_certs", &ca), ("sasl.mechanism", "SCRAM-SHA-256")]),
        (&server.sasl_ssl, &[("tls.ca_certs", &ca), ("sasl.mechanism", "SCRAM-SHA-512")]),
    ];
    for (servers, values) in ways {
        let login: &[(&'static str, &str)] = match values.iter().any(|(name, _)| *name == "sasl.mechanism") {
            true => &[("sasl.user", "alice"), ("sasl.password", "alice-secret")],
            false => &[],
        };
        let broker = connected(&[&[("servers", servers)], values, login].concat()).await;
        let topic = publisher(&broker, &format!("kafka://{}", unique()));
        publish(&topic, Message::new("over this connection")).await;
        broker.close().await;
        assert_eq!(broker.state(), BrokerState::Closed);
    }
}

/// Without a signature, as the server is told to take it.
pub(super) fn token(lasts: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = format!(r#"{{"sub":"ann","iat":{now},"exp":{}}}"#, now + lasts.as_secs());
    let encode = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims))
}

/// By the same client: librdkafka asks for another token before the time of the one that it has is over.
#[tokio::test]
async fn a_token_that_somebody_renews() {
    let Some(server) = Server::shared() else { return };
    let file = std::env::temp_dir().join(format!("sluicegate-kafka-token-{}", unique()));
    fs::write(&file, "not a token").expect("the file can be written");
    let source = format!("file:{}", file.display());
    let values = [("servers", &*server.sasl), ("sasl.mechanism", "OAUTHBEARER"), ("sasl.token", &source)];
    let broker = open(&values);
    until("it fails", || broker.counters().expect("Kafka counts").connect_failures() > 0).await;
    fs::write(&file, token(Duration::from_secs(20))).expect("the file can be written");
    until_connected(&broker).await;
    let topic = publisher(&broker, &format!("kafka://{}", unique()));
    ready(&topic).await;
    fs::write(&file, token(Duration::from_secs(600))).expect("the file can be written");
    let until = Instant::now() + Duration::from_secs(25);
    while Instant::now() < until {
        publish(&topic, Message::new("x")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    broker.close().await;
    fs::remove_file(file).expect("the file can be removed");
}

#[tokio::test]
async fn a_client_certificate() {
    let Some(server) = Server::shared() else { return };
    let (ca, certificate, key) = (server.tls("ca.pem"), server.tls("client.pem"), server.tls("client.key"));
    let tls =
        [("servers", &*server.ssl), ("tls.ca_certs", &ca), ("tls.client_cert", &certificate), ("tls.client_key", &key)];
    let broker = connected(&tls).await;
    publish(&publisher(&broker, &format!("kafka://{}", unique())), Message::new("x")).await;
    broker.close().await;
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for() {
    let Some(server) = Server::shared() else { return };
    let broker = open(&[("servers", &server.ssl), ("tls.enabled", "true")]);
    until("it fails", || broker.counters().expect("Kafka counts").connect_failures() > 0).await;
    let error = try_publish(&publisher(&broker, "kafka://t"), Message::new("x")).await.expect_err("no connection");
    assert_eq!(error.kind, PublishErrorKind::Unreachable);
    assert!(error.to_string().contains("certificate"), "{error}");
    broker.close().await;
}

#[tokio::test]
async fn a_wrong_password_is_one_line_and_no_storm() {
    let Some(server) = Server::shared() else { return };
    let log = Log::everywhere();
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let broker = open(&[
            ("servers", &*server.sasl),
            ("sasl.mechanism", mechanism),
            ("sasl.user", "alice"),
            ("sasl.password", "hunter2"),
        ]);
        let topic = publisher(&broker, "kafka://t");
        let failures = || broker.counters().expect("Kafka counts").connect_failures();
        until("it fails", || failures() > 0).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!((1..=12).contains(&failures()), "{} attempts", failures());
        let error = try_publish(&topic, Message::new("x")).await.expect_err("no login");
        assert!(error.to_string().contains("uthentication failed"), "{error}");
        assert_eq!(error.kind, PublishErrorKind::Unreachable);
        broker.close().await;
    }
    let lines = log.lines("uthentication failed");
    assert!((1..=4).contains(&lines.len()), "{lines:#?}");
    assert!(log.lines("hunter2").is_empty());
}
