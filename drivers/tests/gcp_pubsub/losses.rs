//! Connections, servers and subscriptions that go and come back.

use std::time::{Duration, Instant};

use sluicegate_drivers::{
    Broker as _, Delivery as _, Message, PublishErrorKind, ReceiveError, SettleError, Settlement,
};
use tokio::time::{sleep, timeout};

use super::place::{Place, ack, body, failure, nothing, receive, receive_at_last, subscriber};
use super::proxy::Proxy;
use super::server::{open, publisher, until_connected};
use crate::gcp_pubsub_admin::{Subscription, url};
use crate::log::Log;

#[tokio::test]
async fn a_subscription_that_is_deleted_and_made_again() {
    let log = Log::start();
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let subscriber = place.subscriber();
    place.publish(["before"]).await;
    ack(&receive(&subscriber).await).await;
    place.admin.delete_subscription(&place.subscription).await;
    for _ in 0..2 {
        let error = failure(&subscriber).await;
        assert!(matches!(error, ReceiveError::Refused(_)), "{error}");
        assert!(error.to_string().contains(&place.subscription), "{error}");
    }
    assert_eq!(log.lines("cannot receive").len(), 1);
    let id = place.subscription.rsplit('/').next().expect("an id");
    place.admin.make_subscription(id, &place.topic, Subscription::default()).await;
    place.publish(["after"]).await;
    let delivery = receive_at_last(&subscriber).await;
    assert_eq!(body(&delivery), "after");
    ack(&delivery).await;
    assert_eq!(log.lines("receives again").len(), 1);
}

#[tokio::test]
async fn a_server_that_ends_and_starts_again() {
    let Some(mut place) = Place::start(Subscription::default()).await else { return };
    let subscriber = place.subscriber();
    place.publish(["held"]).await;
    let held = receive(&subscriber).await;
    place.server.kill().await;
    let error = failure(&subscriber).await;
    assert!(matches!(error, ReceiveError::Unreachable(_)), "{error}");
    let told = held.settle(Settlement::Ack).await;
    assert!(matches!(told, Err(SettleError::Unreachable(_))), "{told:?}");
    // The fake has forgotten everything.
    place.server.run();
    let admin = place.server.admin().await;
    let id = |name: &str| name.rsplit('/').next().expect("an id").to_owned();
    admin.make_topic(&id(&place.topic)).await;
    admin.make_subscription(&id(&place.subscription), &place.topic, Subscription::default()).await;
    until_connected(&place.broker).await;
    place.publish(["after"]).await;
    let delivery = receive_at_last(&subscriber).await;
    assert_eq!(body(&delivery), "after");
    ack(&delivery).await;
}

/// Whatever is on its way, nothing is lost, and what was acknowledged does not come again.
#[tokio::test]
async fn connections_that_are_cut() {
    const MANY: usize = 200;
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 10, ..Subscription::default() }).await else {
        return;
    };
    let proxy = Proxy::start(&place.server.address).await;
    let broker = open(&[("emulator", &proxy.address)]);
    let subscriber = subscriber(&broker, &url(&place.subscription));
    until_connected(&broker).await;
    let bodies: Vec<_> = (0..MANY).map(|number| number.to_string()).collect();
    place.publish(bodies.iter().map(String::as_str)).await;
    let mut acknowledged = std::collections::BTreeSet::new();
    let mut cut_at = Instant::now();
    let end = Instant::now() + Duration::from_secs(120);
    while acknowledged.len() < MANY {
        assert!(Instant::now() < end, "{} of {MANY}", acknowledged.len());
        if acknowledged.len() < MANY / 2 && cut_at.elapsed() > Duration::from_millis(70) {
            proxy.cut();
            cut_at = Instant::now();
        }
        let Ok(Ok(delivery)) = timeout(Duration::from_secs(15), {
            use sluicegate_drivers::Subscriber as _;
            subscriber.receive(super::server::far())
        })
        .await
        else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let body = body(&delivery);
        assert!(!acknowledged.contains(&body), "{body} comes again");
        if delivery.settle(Settlement::Ack).await.is_ok() {
            acknowledged.insert(body);
        }
    }
    nothing(&subscriber, Duration::from_secs(11)).await;
    broker.close().await;
}

/// An acknowledgement that meets a paused server, or a lost connection, is told again.
#[tokio::test]
async fn a_settlement_outlasts_a_short_outage() {
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 60, ..Subscription::default() }).await else {
        return;
    };
    let proxy = Proxy::start(&place.server.address).await;
    let broker = open(&[("emulator", &proxy.address)]);
    let subscriber = subscriber(&broker, &url(&place.subscription));
    until_connected(&broker).await;
    place.publish(["a", "b"]).await;
    let (a, b) = tokio::join!(receive(&subscriber), receive(&subscriber));
    proxy.cut();
    ack(&a).await;
    place.server.signal("STOP");
    let settling = b.settle(Settlement::Ack);
    let resume = async {
        sleep(Duration::from_secs(3)).await;
        place.server.signal("CONT");
    };
    let (told, ()) = tokio::join!(settling, resume);
    told.expect("acknowledged");
    nothing(&subscriber, Duration::from_secs(2)).await;
    assert!(place.rest().await.is_empty());
}

/// Where packets are lost without a word, what is on its way ends with the connection, and the next one is used: requests that
/// wait would be deaf for as long as a pull may take otherwise. An acknowledgement survives it.
#[tokio::test]
async fn a_connection_that_goes_silent() {
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 60, ..Subscription::default() }).await else {
        return;
    };
    let proxy = Proxy::start(&place.server.address).await;
    let broker = open(&[("emulator", &proxy.address)]);
    let subscriber = subscriber(&broker, &url(&place.subscription));
    let publisher = publisher(&broker, &url(&place.topic)).await;
    place.publish(["held"]).await;
    let held = receive(&subscriber).await;
    let receiving = async { tokio::join!(receive_at_last(&subscriber), receive_at_last(&subscriber)) };
    let losing = async {
        // Both are asked for.
        sleep(Duration::from_secs(1)).await;
        proxy.silence();
        let (told, (kind, text)) =
            tokio::join!(held.settle(Settlement::Ack), super::server::failure(&publisher, Message::new("unknown")));
        told.expect("acknowledged");
        assert_eq!(kind, PublishErrorKind::Unknown, "{text}");
        assert!(text.contains("the connection was lost"), "{text}");
        until_connected(&broker).await;
        super::server::publish(&publisher, Message::new("a")).await.expect("it is confirmed");
        place.publish(["b"]).await;
    };
    let received = async {
        let ((a, b), ()) = tokio::join!(receiving, losing);
        (a, b)
    };
    // Less than a pull may take.
    let (a, b) = timeout(Duration::from_secs(60), received).await.expect("both are received on the next connection");
    let mut bodies = [body(&a), body(&b)];
    bodies.sort();
    assert_eq!(bodies, ["a", "b"]);
    ack(&a).await;
    ack(&b).await;
    assert!(place.rest().await.is_empty());
    broker.close().await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_does_not_answer() {
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let subscriber = place.subscriber();
    place.publish(["held"]).await;
    let held = receive(&subscriber).await;
    place.server.signal("STOP");
    let closed = timeout(Duration::from_secs(30), place.broker.close()).await;
    place.server.signal("CONT");
    closed.expect("an end");
    let told = held.settle(Settlement::Ack).await;
    assert!(told.is_err());
}
