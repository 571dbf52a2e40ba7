//! What becomes of messages by the service's answers, or without one.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::gcp_pubsub::{Broker, Publisher};
use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind};

use super::gate::{Gate, Reply, Seen};
use super::server::{failure, open, publish, publisher, until, until_connected};
use crate::support;

const TOPIC: &str = "gcppubsub://project/topic";

/// A client of a gate, that somebody's credentials are shown to.
pub(super) async fn client(gate: &Gate, token_uri: &str) -> (Broker, Publisher) {
    let json = format!(
        r#"{{"type":"authorized_user","client_id":"id","client_secret":"s","refresh_token":"r","token_uri":"{token_uri}"}}"#
    );
    let broker = open(&[("endpoint", &gate.address), ("tls.ca_certs", &gate.ca), ("credentials_json", &json)]);
    let publisher = publisher(&broker, TOPIC).await;
    (broker, publisher)
}

/// Answers those who ask whether it is there, and publishes by `answer`.
pub(super) fn publishes(mut answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> impl FnMut(&Seen) -> Reply + Send {
    move |seen| if seen.path.ends_with("/Publish") { answer(seen) } else { Reply::Bytes(b"") }
}

#[tokio::test]
async fn answers_are_told_apart() {
    use PublishErrorKind::{Full, Refused, Unknown};
    let tokens = super::identity::Tokens::start().await;
    let gate = Gate::start(publishes(|_| Reply::Ids)).await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    for (reply, expected) in [
        (Reply::Status(3, "a schema"), Refused),
        (Reply::Status(5, "no topic"), Refused),
        (Reply::Status(7, "not yours"), Refused),
        (Reply::Status(8, "quota"), Full),
        (Reply::Status(4, "too late"), Unknown),
        // What is made of an answer that cannot be read.
        (Reply::Status(11, "too long"), Unknown),
        (Reply::Status(12, "compressed"), Unknown),
        (Reply::Status(13, "a fault"), Unknown),
        (Reply::Status(14, "not now"), Unknown),
        (Reply::Reset, Unknown),
        // Ids are missing, a field that is none, and a length beyond the end.
        (Reply::Bytes(b""), Unknown),
        (Reply::Bytes(b"\x0a\x7fid"), Unknown),
        (Reply::Bytes(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Unknown),
    ] {
        let chosen = reply.clone();
        gate.set(publishes(move |_| chosen.clone()));
        let (kind, text) = failure(&publisher, Message::new("hello")).await;
        assert_eq!(kind, expected, "{reply:?}: {text}");
        if let Reply::Status(_, words) = reply {
            assert!(text.contains(words), "{reply:?}: {text}");
        }
    }
    gate.set(publishes(|_| Reply::Ids));
    publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
    assert_eq!(broker.state(), BrokerState::Connected);
    broker.close().await;
}

/// What the service asks to send again is sent again, and what it did not look at as well.
#[tokio::test]
async fn what_may_be_sent_again_is() {
    let tokens = super::identity::Tokens::start().await;
    let gate = Gate::start(publishes(|_| Reply::Ids)).await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    let mut replies = vec![Reply::Ids, Reply::Status(14, "not now"), Reply::Status(10, "again")];
    gate.set(publishes(move |_| replies.pop().expect("no more than three")));
    publish(&publisher, Message::new("again")).await.expect("it is confirmed");
    assert_eq!(gate.published().len(), 3);
    // Once it may have been stored, nothing that is said later makes it certain.
    let mut replies = vec![Reply::Status(5, "no topic"), Reply::Status(14, "not now")];
    gate.set(publishes(move |_| replies.pop().expect("no more than two")));
    let (kind, text) = failure(&publisher, Message::new("doubtful")).await;
    assert_eq!(kind, PublishErrorKind::Unknown, "{text}");
    gate.set(publishes(|_| Reply::Refused));
    let (kind, text) = failure(&publisher, Message::new("refused")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    broker.close().await;
}

/// One message that the service does not take is no other's fault.
#[tokio::test]
async fn a_message_that_is_refused_is_refused_alone() {
    let tokens = super::identity::Tokens::start().await;
    let gate = Gate::start(publishes(|_| Reply::Later(Duration::from_secs(5)))).await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    let publisher = Arc::new(publisher);
    // As many as may be on their way, so that those behind them are gathered.
    let send = |body: String| {
        let publisher = Arc::clone(&publisher);
        tokio::spawn(async move { (body.clone(), publish(&publisher, Message::new(body)).await) })
    };
    let mut sent = Vec::new();
    for number in 0..8 {
        sent.push(send(format!("first-{number}")));
        until("it is on its way", || gate.published().len() > number).await;
    }
    gate.set(publishes(|seen| match seen.bodies.iter().any(|body| body == "bad") {
        true => Reply::Status(3, "a schema"),
        false => Reply::Ids,
    }));
    sent.extend((1..=31).map(|number| send(format!("good-{number}"))));
    sent.push(send("bad".to_owned()));
    for published in sent {
        let (body, result) = published.await.expect("no panic");
        assert_eq!(
            result.map(drop).map_err(|error| error.kind),
            match &*body {
                "bad" => Err(PublishErrorKind::Refused),
                _ => Ok(()),
            },
            "{body}"
        );
    }
    let requests: Vec<_> = gate.published().iter().map(|seen| seen.bodies.len()).collect();
    assert_eq!(requests[8], 32, "they were gathered");
    // Found by halves: 16, 8, 4, 2 and 1, and the other half of each.
    assert_eq!(requests.len(), 8 + 1 + 10, "{requests:?}");
    broker.close().await;
}

/// A service that ends a connection in order, as Google's does now and then, is nothing that anybody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_ends_in_order() {
    let tokens = super::identity::Tokens::start().await;
    let gate = Gate::start(publishes(|_| Reply::Later(Duration::from_millis(20)))).await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    let publisher = Arc::new(publisher);
    let publishers: Vec<_> = (0..8)
        .map(|number| {
            let publisher = Arc::clone(&publisher);
            tokio::spawn(async move {
                for message in 0..80 {
                    let sent = publish(&publisher, Message::new(format!("{number}-{message}"))).await;
                    sent.unwrap_or_else(|error| panic!("{number}-{message}: {error}"));
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let (connections, published) = (gate.connections(), gate.published().len());
        until("something is published", || gate.published().len() > published + 20).await;
        gate.say_go_away();
        until("there is another connection", || gate.connections() > connections).await;
    }
    for publisher in publishers {
        publisher.await.expect("no panic");
    }
    assert_eq!(broker.state(), BrokerState::Connected);
    let bodies: Vec<_> = gate.published().into_iter().flat_map(|seen| seen.bodies).collect();
    let once: std::collections::HashSet<_> = bodies.iter().collect();
    assert_eq!((once.len(), bodies.len()), (640, 640), "each is sent once");
    broker.close().await;
}

/// What ends every connection as soon as it stands is not tried without waits in between.
#[tokio::test]
async fn connections_that_end_at_once() {
    let tokens = super::identity::Tokens::start().await;
    let gate = Gate::start(publishes(|_| Reply::Ids)).await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
    for _ in 0..300 {
        gate.say_go_away();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(gate.connections() < 60, "{} connections", gate.connections());
    until_connected(&broker).await;
    broker.close().await;
}

/// A service that says for long that it is not available is not asked for signs of life by every request, nor left.
#[tokio::test]
async fn many_failures_are_no_loss() {
    let tokens = super::identity::Tokens::start().await;
    let gate = Gate::start(publishes(|_| Reply::Ids)).await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    gate.set(publishes(|_| Reply::Status(14, "not now")));
    let since = std::time::Instant::now();
    for _ in 0..8 {
        assert_eq!(failure(&publisher, Message::new("hello")).await.0, PublishErrorKind::Unknown);
    }
    let probes = || gate.seen().iter().filter(|seen| seen.path.ends_with("/TestIamPermissions")).count();
    let probed = probes();
    // One each two seconds, and the first of the connection.
    let most = since.elapsed().as_secs() / 2 + 3;
    assert!(probed as u64 <= most, "{probed} probes");
    // Once is not enough, whatever is asked.
    let mut was_asked = false;
    gate.set(move |seen| match seen.path.ends_with("/Publish") {
        false if !std::mem::replace(&mut was_asked, true) => Reply::Status(14, "not now"),
        false => Reply::Bytes(b""),
        true => Reply::Status(14, "not now"),
    });
    assert_eq!(failure(&publisher, Message::new("hello")).await.0, PublishErrorKind::Unknown);
    until("it was asked twice", || probes() > probed + 1).await;
    assert_eq!((broker.state(), gate.connections()), (BrokerState::Connected, 1));
    broker.close().await;
}

/// A request that is never answered ends, and so does waiting for it.
#[tokio::test]
async fn closing_does_not_wait_for_ever() {
    let tokens = super::identity::Tokens::start().await;
    let gate = Gate::start(publishes(|_| Reply::Silence)).await;
    let (broker, publisher) = client(&gate, &tokens.url()).await;
    let publisher = Arc::new(publisher);
    let waiting = tokio::spawn({
        let publisher = Arc::clone(&publisher);
        async move { failure(&publisher, Message::new("hello")).await }
    });
    until("it is on its way", || !gate.published().is_empty()).await;
    tokio::time::timeout(support::far().saturating_duration_since(std::time::Instant::now()), broker.close())
        .await
        .expect("an end within a minute");
    let (kind, text) = waiting.await.expect("no panic");
    assert_eq!(kind, PublishErrorKind::Unknown, "{text}");
}
