//! Only what requests have asked for is taken, and each of them gets its message.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use sluicegate_drivers::{Broker as _, Delivery as _, Message, ReceiveError, Subscriber as _, SubscriberOptions};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::place::{Place, ack, body, nothing, receive, subscriber, try_receive};
use super::server::{far, keyed, open, until_connected};
use crate::gcp_pubsub_admin::{Subscription, url};

/// Longer than a pull stands that nobody waits for.
const A_WHILE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn what_a_message_says_of_itself() {
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let subscriber = place.subscriber();
    let mut message = keyed("a key", "a body");
    message.set_attribute("Content-Type", "text/plain");
    message.set_attribute("b", "ü");
    place.publish_message(message.clone()).await;
    let delivery = receive(&subscriber).await;
    let received = delivery.message();
    assert_eq!((&received.body, &received.key), (&message.body, &message.key));
    assert_eq!((received.attribute("Content-Type"), received.attribute("b")), (Some("text/plain"), Some("ü")));
    assert!(received.id.as_deref().is_some_and(|id| !id.is_empty()), "{received:?}");
    let published = delivery.origin().timestamp.expect("a time");
    let age = SystemTime::now().duration_since(published).unwrap_or_default();
    assert!(age < Duration::from_secs(60), "published {age:?} ago");
    assert_eq!(delivery.delivery_count(), None);
    ack(&delivery).await;
    assert!(place.rest().await.is_empty());
}

/// More of them than there may be pulls at once.
#[tokio::test]
async fn each_of_many_requests_gets_a_message() {
    const MANY: usize = 200;
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let subscriber = std::sync::Arc::new(place.subscriber());
    let mut requests = JoinSet::new();
    for _ in 0..MANY {
        let subscriber = subscriber.clone();
        requests.spawn(async move { receive(&subscriber).await });
    }
    sleep(Duration::from_millis(200)).await;
    let bodies: Vec<_> = (0..MANY).map(|number| number.to_string()).collect();
    place.publish(bodies.iter().map(String::as_str)).await;
    // None is settled before each has one.
    let deliveries = requests.join_all().await;
    let received: BTreeSet<_> = deliveries.iter().map(body).collect();
    assert_eq!(received, bodies.into_iter().collect());
    for delivery in &deliveries {
        ack(delivery).await;
    }
    assert!(place.rest().await.is_empty());
}

#[tokio::test]
async fn nothing_is_taken_for_nobody() {
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let subscriber = place.subscriber();
    place.publish(["a", "b", "c", "d"]).await;
    sleep(A_WHILE).await;
    // As many as wait, and no more.
    let (first, second) = tokio::join!(receive(&subscriber), receive(&subscriber));
    sleep(A_WHILE).await;
    let mut all = place.rest().await;
    assert_eq!(all.len(), 2, "{all:?}");
    ack(&first).await;
    ack(&second).await;
    sleep(A_WHILE).await;
    all.extend([body(&first), body(&second)]);
    all.sort();
    assert_eq!(all, ["a", "b", "c", "d"]);
    // Those who were served ask for no more.
    place.publish(["e"]).await;
    sleep(A_WHILE).await;
    assert_eq!(place.rest().await, ["e"]);
}

#[tokio::test]
async fn a_request_that_has_gone_takes_nothing() {
    // What is sent in the moment of a pull's end comes after the lease.
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 10, ..Subscription::default() }).await else {
        return;
    };
    let subscriber = place.subscriber();
    nothing(&subscriber, Duration::from_millis(300)).await;
    sleep(A_WHILE).await;
    place.publish(["late"]).await;
    sleep(A_WHILE).await;
    assert_eq!(place.rest().await, ["late"]);
    // What comes while its pull still stands is back at once, not when its lease ends.
    for round in 0..20 {
        nothing(&subscriber, Duration::from_millis(5)).await;
        place.publish(["early"]).await;
        sleep(Duration::from_millis(5 * round)).await;
        let delivery = receive(&subscriber).await;
        assert_eq!(body(&delivery), "early");
        ack(&delivery).await;
    }
    assert!(place.rest().await.is_empty());
}

/// A message that is there when the request goes is for the next one.
#[tokio::test]
async fn what_was_handed_over_and_not_taken_goes_on() {
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 600, ..Subscription::default() }).await else {
        return;
    };
    let subscriber = place.subscriber();
    for _ in 0..20 {
        {
            let mut receiving = pin!(subscriber.receive(far()));
            assert!(receiving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            place.publish(["it"]).await;
            sleep(Duration::from_millis(50)).await;
        }
        let delivery = receive(&subscriber).await;
        assert_eq!(body(&delivery), "it");
        ack(&delivery).await;
    }
    assert!(place.rest().await.is_empty());
}

/// Replicas of a gateway: what one does not ask for is the other's.
#[tokio::test]
async fn two_gateways_share_a_subscription() {
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let other = place.server.broker();
    let (here, there) = (place.subscriber(), subscriber(&other, &url(&place.subscription)));
    until_connected(&other).await;
    for _ in 0..5 {
        let mut waiting = Vec::new();
        for subscriber in [&here, &here, &here, &there] {
            waiting.push(receive(subscriber));
        }
        let publishing = async {
            sleep(Duration::from_millis(100)).await;
            place.publish(["1", "2", "3", "4"]).await;
        };
        let (deliveries, ()) = tokio::join!(futures_util::future::join_all(waiting), publishing);
        let mut bodies: Vec<_> = deliveries.iter().map(body).collect();
        bodies.sort();
        assert_eq!(bodies, ["1", "2", "3", "4"]);
        for delivery in &deliveries {
            ack(delivery).await;
        }
    }
    other.close().await;
}

/// One key's messages come one after the other, to whoever asks.
#[tokio::test]
async fn a_keys_messages_are_out_one_at_a_time() {
    let wanted = Subscription { enable_message_ordering: true, ..Subscription::default() };
    let Some(place) = Place::start(wanted).await else { return };
    let subscriber = place.subscriber();
    for body in ["1", "2", "3"] {
        place.publish_message(keyed("k", body)).await;
    }
    place.publish_message(keyed("other", "4")).await;
    let (one, another) = tokio::join!(receive(&subscriber), receive(&subscriber));
    let (one, another) = if body(&one) == "1" { (one, another) } else { (another, one) };
    assert_eq!((body(&one), body(&another)), ("1".to_owned(), "4".to_owned()));
    ack(&another).await;
    nothing(&subscriber, A_WHILE).await;
    // Given back, it comes before the others.
    drop(one);
    for number in ["1", "2", "3"] {
        let delivery = receive(&subscriber).await;
        assert_eq!(body(&delivery), number);
        ack(&delivery).await;
    }
}

#[tokio::test]
async fn closing_gives_everything_back() {
    let Some(place) = Place::start(Subscription { ack_deadline_seconds: 600, ..Subscription::default() }).await else {
        return;
    };
    let subscriber = place.subscriber();
    place.publish(["a", "b", "c"]).await;
    let (a, b) = tokio::join!(receive(&subscriber), receive(&subscriber));
    let waits = tokio::join!(try_receive(&subscriber), place.broker.close());
    // It may have had the third message before.
    match waits.0 {
        Ok(delivery) => drop(delivery),
        Err(error) => assert!(matches!(error, ReceiveError::Closed), "{error}"),
    }
    assert_eq!(place.rest().await, ["a", "b", "c"]);
    drop((a, b));
    assert!(matches!(try_receive(&subscriber).await, Err(ReceiveError::Closed)));
}

/// As many as may ask at once on one connection.
#[tokio::test]
async fn a_broker_has_room_for_64_subscriptions() {
    let broker = open(&[("emulator", "127.0.0.1:1")]);
    let open = |number| broker.subscriber(&format!("gcppubsub://project/sub-{number}"), &SubscriberOptions::default());
    let mut subscribers: Vec<_> = (0..64).map(|number| open(number).expect("room")).collect();
    let error = open(64).expect_err("no room").to_string();
    assert!(error.contains("at most 64 subscriptions"), "{error}");
    drop(subscribers.pop());
    open(64).expect("room");
    broker.close().await;
}

#[tokio::test]
async fn the_greatest_message() {
    let Some(place) = Place::start(Subscription::default()).await else { return };
    let subscriber = place.subscriber();
    let message = Message::new(vec![7; 9_990_000]);
    place.publish_message(message.clone()).await;
    let delivery = receive(&subscriber).await;
    assert_eq!(delivery.message().body.len(), message.body.len());
    assert!(delivery.message().body == message.body);
    ack(&delivery).await;
}
