//! Tokens that an endpoint gives.

use std::fs;
use std::time::{Duration, Instant};

use sluicegate_drivers::kafka::Broker;
use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, Subscriber as _};

use super::common::{
    far, kind, open, publish, publisher, ready, settings, try_publish, unique, until, until_connected,
};
use super::groups;
use super::server::Server;
use super::token_endpoint::{Answer, TokenEndpoint};
use crate::log::Log;

const LONG: Duration = Duration::from_secs(600);

/// What a broker with tokens of the endpoint at `url` is told.
fn values<'a>(servers: &'a str, url: &'a str, others: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    let login = [("servers", servers), ("sasl.mechanism", "OAUTHBEARER"), ("sasl.token_endpoint", url)];
    [&login, &[("sasl.client_id", "gate:way"), ("sasl.client_secret", "s3same")][..], others].concat()
}

fn failures(broker: &Broker) -> u64 {
    broker.counters().expect("Kafka counts").connect_failures()
}

/// Publishes until it is not possible for this reason.
async fn until_it_fails_with(broker: &Broker, reason: &str) {
    let topic = publisher(broker, "kafka://t");
    let end = far();
    loop {
        let error = try_publish(&topic, Message::new("x")).await.expect_err("no token");
        assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
        if error.to_string().contains(reason) {
            return;
        }
        assert!(Instant::now() < end, "not {reason}: {error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// With the same client: the time of no token is ever over.
#[tokio::test]
async fn tokens_are_renewed_before_they_end() {
    let Some(server) = Server::shared() else { return };
    // Much shorter ones are over when librdkafka, which looks once a second, logs in anew with them.
    let endpoint = TokenEndpoint::start(Answer::Token(Duration::from_secs(20))).await;
    let url = endpoint.url();
    let others = [("sasl.scope", "read write"), ("sasl.audience", "kafka")];
    let broker = open(&values(&server.sasl, &url, &others));
    until_connected(&broker).await;
    let topic = publisher(&broker, &format!("kafka://{}", unique()));
    ready(&topic).await;
    let until = Instant::now() + Duration::from_secs(35);
    while Instant::now() < until {
        publish(&topic, Message::new("x")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let asked = endpoint.asked();
    assert!((3..=8).contains(&asked.len()), "{} requests", asked.len());
    let login = data_encoding::BASE64.encode(b"gate%3Away:s3same");
    for request in asked {
        assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
        assert!(request.contains(&format!("uthorization: Basic {login}\r\n")), "{request}");
        let body = "\r\n\r\ngrant_type=client_credentials&scope=read%20write&audience=kafka";
        assert!(request.ends_with(body), "{request}");
    }
    broker.close().await;
}

#[tokio::test]
async fn an_endpoint_with_tls() {
    let Some(server) = Server::shared() else { return };
    let (endpoint, certificate) = TokenEndpoint::start_with_tls(Answer::Token(LONG)).await;
    let url = format!("https://localhost:{}/token", endpoint.address.port());
    let ca = server.tls("ca.pem");
    // Of the brokers' alone.
    let broker = open(&values(&server.sasl_ssl, &url, &[("tls.ca_certs", &ca)]));
    until_it_fails_with(&broker, "certificate").await;
    broker.close().await;
    let file = std::env::temp_dir().join(format!("sluicegate-kafka-ca-{}", unique()));
    fs::write(&file, fs::read_to_string(ca).expect("a file") + &certificate).expect("the file can be written");
    let both = file.to_str().expect("text");
    for (servers, others) in [
        (&server.sasl_ssl, &[("tls.ca_certs", both), ("tls.disable_system_ca_pool", "true")][..]),
        // Whom to trust is said for the endpoint alone.
        (&server.sasl, &[("tls.enabled", "false"), ("tls.ca_certs", both)]),
    ] {
        let broker = open(&values(servers, &url, others));
        until_connected(&broker).await;
        publish(&publisher(&broker, &format!("kafka://{}", unique())), Message::new("x")).await;
        broker.close().await;
    }
    fs::remove_file(file).expect("the file can be removed");
}

/// One line, without the secret, which the endpoint repeats; and the next secret is used soon.
#[tokio::test]
async fn a_secret_that_is_refused() {
    let Some(server) = Server::shared() else { return };
    let log = Log::everywhere();
    let endpoint = TokenEndpoint::start(Answer::TokenFor("&client_secret=s4same".to_owned())).await;
    let (url, file) = (endpoint.url(), std::env::temp_dir().join(format!("sluicegate-kafka-secret-{}", unique())));
    fs::write(&file, "s3same").expect("the file can be written");
    let source = format!("file:{}", file.display());
    let mut told = values(&server.sasl, &url, &[("sasl.client_auth", "post")]);
    told.retain(|(name, _)| *name != "sasl.client_secret");
    told.push(("sasl.client_secret", &source));
    let broker = open(&told);
    until_it_fails_with(&broker, "401 Unauthorized: invalid_client: not you").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(endpoint.asked().len() <= 6, "{} requests", endpoint.asked().len());
    let lines = log.lines("invalid_client");
    assert!(matches!(&*lines, [line] if line.contains("WARN") && line.contains("(a secret)")), "{lines:#?}");
    assert!(log.lines("s3same").is_empty());
    fs::write(&file, "s4same\n").expect("the file can be written");
    until_connected(&broker).await;
    publish(&publisher(&broker, &format!("kafka://{}", unique())), Message::new("x")).await;
    broker.close().await;
    fs::remove_file(file).expect("the file can be removed");
}

/// Producers and consumers alike.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_there_yet() {
    let Some(server) = Server::shared() else { return };
    let (topic, group) = groups::make_topic(&server, 1).await;
    // A port that was free just now.
    let address = TokenEndpoint::start(Answer::Nothing).await.address;
    let url = format!("http://{address}/token");
    let broker = open(&values(&server.sasl, &url, &[]));
    let subscriber = groups::subscribe(&broker, &group, &topic);
    until_it_fails_with(&broker, "refused").await;
    let told = subscriber.receive(far()).await.expect_err("nothing can come").to_string();
    assert!(told.contains("`sasl.token_endpoint` of the broker `test` gives no token"), "{told}");
    let endpoint = TokenEndpoint::start_at(address, None, Answer::Token(LONG)).await;
    groups::publish(&broker, &topic, ["one"]).await;
    let end = far();
    let delivery = loop {
        match subscriber.receive(far()).await {
            Ok(delivery) => break delivery,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(groups::body(&delivery), "one");
    groups::ack(&delivery).await;
    // One fetches for all.
    assert_eq!(endpoint.asked().len(), 1);
    broker.close().await;
}

/// Nobody waits for it but those who make clients, and not for longer than until they are closed.
#[tokio::test]
async fn an_endpoint_that_does_not_answer() {
    let Some(server) = Server::shared() else { return };
    let endpoint = TokenEndpoint::start(Answer::Nothing).await;
    let url = endpoint.url();
    let broker = open(&values(&server.sasl, &url, &[]));
    until_it_fails_with(&broker, "it has not answered yet").await;
    until_it_fails_with(&broker, "no answer within 10s").await;
    endpoint.set(Answer::Token(LONG));
    until_connected(&broker).await;
    broker.close().await;
    endpoint.set(Answer::Nothing);
    let broker = Broker::open(&settings(&values(&server.sasl, &url, &[]))).expect("settings");
    let topic = publisher(&broker, "kafka://t");
    assert_eq!(kind(try_publish(&topic, Message::new("x")).await), PublishErrorKind::Unreachable);
    broker.close().await;
    assert_eq!(broker.state(), BrokerState::Closed);
}

#[tokio::test]
async fn answers_that_are_no_token() {
    let Some(server) = Server::shared() else { return };
    let text = |status, body: &str| Answer::Text(status, body.to_owned());
    for (answer, expected) in [
        (text("200 OK", "<html>Welcome!</html>"), "its answer is no JSON"),
        (text("200 OK", r#"{"access_token":"a\u0001b"}"#), "no bearer's"),
        (text("200 OK", r#"{"access_token":"a","expires_in":0}"#), "`expires_in`"),
        (Answer::Text("200 OK", "x".repeat(100_000)), "length limit exceeded"),
        (text("302 Found\r\nLocation: http://127.0.0.1:1/", ""), "it answers 302 Found"),
        (text("not HTTP", ""), "invalid HTTP"),
        (text("500 Internal Server Error", "<html>"), "it answers 500 Internal Server Error"),
    ] {
        let endpoint = TokenEndpoint::start(answer).await;
        let url = endpoint.url();
        let broker = open(&values(&server.sasl, &url, &[]));
        until_it_fails_with(&broker, expected).await;
        endpoint.set(Answer::Token(LONG));
        until_connected(&broker).await;
        broker.close().await;
    }
}

/// As long as the token lasts, nobody notices; after that there is an outage, which ends soon after that of the endpoint.
#[tokio::test]
async fn an_endpoint_that_goes_away() {
    let Some(server) = Server::shared() else { return };
    let endpoint = TokenEndpoint::start(Answer::Token(Duration::from_secs(8))).await;
    let url = endpoint.url();
    let broker = open(&values(&server.sasl, &url, &[]));
    until_connected(&broker).await;
    let topic = publisher(&broker, &format!("kafka://{}", unique()));
    ready(&topic).await;
    endpoint.set(Answer::Text("503 Service Unavailable", String::new()));
    let (since, end) = (Instant::now(), far());
    while try_publish(&topic, Message::new("x")).await.is_ok() {
        assert!(Instant::now() < end, "the token never ends");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("no connection after {:?}, {} failures", since.elapsed(), failures(&broker));
    until_it_fails_with(&broker, "503 Service Unavailable").await;
    endpoint.set(Answer::Token(LONG));
    let since = Instant::now();
    until("it publishes again", || broker.state() == BrokerState::Connected).await;
    println!("connected again {:?} after the endpoint", since.elapsed());
    ready(&topic).await;
    broker.close().await;
}
