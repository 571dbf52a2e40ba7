use std::pin::pin;
use std::task::Waker;

use super::*;
use crate::{Broker as _, Delivery as _, Publisher as _, PublisherOptions, Subscriber as _, SubscriberOptions};

/// A deadline that the broker in memory does not look at.
pub(super) fn far() -> std::time::Instant {
    std::time::Instant::now()
}

struct Fixture {
    broker: Broker,
    publisher: Publisher,
    subscriber: Subscriber,
}

fn open(subscription: &str) -> Fixture {
    let broker = Broker::open(&Settings::default()).unwrap();
    let topic = subscription.split('?').next().unwrap();
    let publisher = broker.publisher(topic, &PublisherOptions::default()).unwrap();
    let subscriber = broker.subscriber(subscription, &SubscriberOptions::default()).unwrap();
    Fixture { broker, publisher, subscriber }
}

impl Fixture {
    async fn publish(&self, bodies: &[&'static str]) {
        for body in bodies {
            self.publisher.publish(Message::new(*body)).await.unwrap();
        }
    }
}

async fn receive(subscriber: &Subscriber) -> (String, u32, Delivery) {
    let delivery = subscriber.receive(far()).await.unwrap();
    (body(&delivery), delivery.delivery_count().unwrap(), delivery)
}

fn body(delivery: &Delivery) -> String {
    String::from_utf8(delivery.message().body.to_vec()).unwrap()
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn is_empty(subscriber: &Subscriber) -> bool {
    poll_once(pin!(subscriber.receive(far()))).is_pending()
}

const NACK: Settlement = Settlement::Nack { delay: Duration::ZERO };
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn what_is_given_back_finds_its_place_again() {
    let fixture = open("mem://t");
    fixture.publish(&["a", "b", "c", "d"]).await;
    let (_, _, a) = receive(&fixture.subscriber).await;
    let (_, _, b) = receive(&fixture.subscriber).await;
    let (_, _, c) = receive(&fixture.subscriber).await;
    c.settle(NACK).await.unwrap();
    drop(a);
    b.settle(NACK).await.unwrap();
    for expected in [("a", 2), ("b", 2), ("c", 2), ("d", 1)] {
        let (body, count, delivery) = receive(&fixture.subscriber).await;
        assert_eq!((body.as_str(), count), expected);
        delivery.settle(Settlement::Ack).await.unwrap();
    }
    assert!(is_empty(&fixture.subscriber));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_gives_back_in_order_and_wakes_a_receiver() {
    let fixture = open("mem://t?ackdeadline=10s");
    fixture.publish(&["a", "b"]).await;
    let start = Instant::now();
    let (_, _, a) = receive(&fixture.subscriber).await;
    let (_, _, b) = receive(&fixture.subscriber).await;
    let (body, count, again) = receive(&fixture.subscriber).await;
    assert_eq!((body.as_str(), count), ("a", 2));
    // The timer of tokio counts in milliseconds.
    assert!(start.elapsed() >= 10 * SECOND && start.elapsed() < 11 * SECOND, "{:?}", start.elapsed());
    assert!(matches!(a.settle(Settlement::Ack).await, Err(SettleError::Expired)));
    drop(a);
    drop(b);
    again.settle(Settlement::Ack).await.unwrap();
    let (body, count, _b) = receive(&fixture.subscriber).await;
    assert_eq!((body.as_str(), count), ("b", 2));
    assert!(is_empty(&fixture.subscriber));
}

#[tokio::test(start_paused = true)]
async fn the_timer_follows_deadlines_that_are_met() {
    let fixture = open("mem://t?ackdeadline=10s");
    let mut held = Vec::new();
    for body in ["a", "b", "c"] {
        fixture.publish(&[body]).await;
        let (_, _, delivery) = receive(&fixture.subscriber).await;
        tokio::time::sleep(6 * SECOND).await;
        match body {
            "b" => held.push((Instant::now() + 4 * SECOND, delivery)),
            _ => delivery.settle(Settlement::Ack).await.unwrap(),
        }
    }
    let (due, _b) = held.pop().unwrap();
    let (body, count, _) = receive(&fixture.subscriber).await;
    assert_eq!((body.as_str(), count), ("b", 2));
    assert!(Instant::now() >= due);
}

#[tokio::test(start_paused = true)]
async fn a_wait_keeps_a_message_back_and_not_the_others() {
    let fixture = open("mem://t?ackdeadline=1h");
    fixture.publish(&["a", "b"]).await;
    let start = Instant::now();
    let (_, _, a) = receive(&fixture.subscriber).await;
    a.settle(Settlement::Nack { delay: 5 * SECOND }).await.unwrap();
    let (body, _, _b) = receive(&fixture.subscriber).await;
    assert_eq!(body, "b");
    let (body, count, _) = receive(&fixture.subscriber).await;
    assert_eq!((body.as_str(), count), ("a", 2));
    assert!(start.elapsed() >= 5 * SECOND);
    assert!(start.elapsed() < 6 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_is_a_long_one() {
    let fixture = open("mem://t");
    fixture.publish(&["a"]).await;
    let (_, _, a) = receive(&fixture.subscriber).await;
    a.settle(Settlement::Nack { delay: Duration::MAX }).await.unwrap();
    tokio::time::sleep(1000 * SECOND).await;
    assert!(is_empty(&fixture.subscriber));
}

#[tokio::test]
async fn the_first_subscription_gets_what_was_published_before() {
    let broker = Broker::open(&Settings::default()).unwrap();
    let publisher = broker.publisher("mem://t", &PublisherOptions::default()).unwrap();
    publisher.publish(Message::new("early")).await.unwrap();
    let first = broker.subscriber("mem://t?subscription=first", &SubscriberOptions::default()).unwrap();
    let second = broker.subscriber("mem://t?subscription=second", &SubscriberOptions::default()).unwrap();
    publisher.publish(Message::new("late")).await.unwrap();
    let (body, _, _early) = receive(&first).await;
    assert_eq!(body, "early");
    assert_eq!(receive(&first).await.0, "late");
    let (body, _, _late) = receive(&second).await;
    assert_eq!(body, "late");
    assert!(is_empty(&second));
}

#[tokio::test]
async fn a_topic_without_a_subscription_fills_up() {
    let broker = Broker::open(&Settings::default()).unwrap();
    let publisher = broker.publisher("mem://t", &PublisherOptions::default()).unwrap();
    for _ in 0..10_000 {
        publisher.publish(Message::default()).await.unwrap();
    }
    let error = publisher.publish(Message::default()).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Full);
}

#[tokio::test]
async fn a_message_is_taken_by_all_or_none() {
    let broker = Broker::open(&Settings::default()).unwrap();
    let publisher = broker.publisher("mem://t", &PublisherOptions::default()).unwrap();
    let large = broker.subscriber("mem://t?subscription=large", &SubscriberOptions::default()).unwrap();
    let small = broker.subscriber("mem://t?subscription=small&capacity=1", &SubscriberOptions::default()).unwrap();
    publisher.publish(Message::new("a")).await.unwrap();
    let error = publisher.publish(Message::new("b")).await.unwrap_err();
    assert_eq!(error.kind, PublishErrorKind::Full);
    assert_eq!(error.source.to_string(), r#"topic "t", subscription "small" holds 1 messages"#);
    let (_, _, in_large) = receive(&large).await;
    in_large.settle(Settlement::Ack).await.unwrap();
    assert!(is_empty(&large));
    // What is delivered and not settled still takes up its room.
    let (_, _, in_small) = receive(&small).await;
    assert_eq!(publisher.publish(Message::new("b")).await.unwrap_err().kind, PublishErrorKind::Full);
    in_small.settle(Settlement::Ack).await.unwrap();
    publisher.publish(Message::new("c")).await.unwrap();
    assert_eq!(receive(&large).await.0, "c");
}

#[tokio::test]
async fn a_subscription_has_one_set_of_settings() {
    let fixture = open("mem://t?subscription=a&capacity=5");
    assert!(fixture.broker.subscriber("mem://t?capacity=5&subscription=a", &SubscriberOptions::default()).is_ok());
    let error = fixture.broker.subscriber("mem://t?subscription=a", &SubscriberOptions::default()).unwrap_err();
    assert!(matches!(error, OpenError::Url(error) if error.message.contains("other settings")));
}

#[tokio::test]
async fn the_last_delivery_ends_among_the_dead() {
    let fixture = open("mem://t?subscription=s&max_deliveries=2&dead_letter=lost");
    let lost = fixture.broker.subscriber("mem://lost", &SubscriberOptions::default()).unwrap();
    let mut message = Message::new("poison");
    message.set_attribute("X-Kept", "yes");
    message.key = Some("key".to_owned());
    fixture.publisher.publish(message).await.unwrap();
    fixture.publish(&["next"]).await;
    drop(receive(&fixture.subscriber).await);
    let (_, count, delivery) = receive(&fixture.subscriber).await;
    assert_eq!(count, 2);
    delivery.settle(Settlement::Nack { delay: SECOND }).await.unwrap();
    assert_eq!(receive(&fixture.subscriber).await.0, "next");
    let (body, count, delivery) = receive(&lost).await;
    assert_eq!((body.as_str(), count), ("poison", 1));
    assert_eq!(delivery.message().key.as_deref(), Some("key"));
    for (name, value) in [
        ("X-Kept", "yes"),
        (DEAD_LETTER_TOPIC, "t"),
        (DEAD_LETTER_SUBSCRIPTION, "s"),
        (DEAD_LETTER_DELIVERIES, "2"),
        (DEAD_LETTER_REASON, "delivered too often"),
    ] {
        assert_eq!(delivery.message().attribute(name), Some(value), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_deadline_ends_among_the_dead() {
    let fixture = open("mem://t?max_deliveries=1&dead_letter=lost&ackdeadline=1s");
    let lost = fixture.broker.subscriber("mem://lost", &SubscriberOptions::default()).unwrap();
    fixture.publish(&["poison"]).await;
    let _held = receive(&fixture.subscriber).await;
    assert_eq!(receive(&lost).await.0, "poison");
    assert!(is_empty(&fixture.subscriber));
}

#[tokio::test]
async fn without_a_dead_letter_topic_the_dead_are_dropped() {
    let fixture = open("mem://t?max_deliveries=1&capacity=1");
    fixture.publish(&["a"]).await;
    drop(receive(&fixture.subscriber).await);
    assert!(is_empty(&fixture.subscriber));
    fixture.publish(&["b"]).await;
    let (_, _, b) = receive(&fixture.subscriber).await;
    b.settle(Settlement::DeadLetter { reason: "not JSON".to_owned() }).await.unwrap();
    assert!(is_empty(&fixture.subscriber));
    fixture.publish(&["c"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_dead_letter_topic_loses_nothing() {
    let fixture = open("mem://t?max_deliveries=1&dead_letter=lost");
    let lost = fixture.broker.subscriber("mem://lost?capacity=1", &SubscriberOptions::default()).unwrap();
    fixture.publish(&["a", "b", "c"]).await;
    for _ in 0..2 {
        drop(receive(&fixture.subscriber).await);
    }
    let (_, _, c) = receive(&fixture.subscriber).await;
    let error = c.settle(Settlement::DeadLetter { reason: "not JSON".to_owned() }).await.unwrap_err();
    assert!(matches!(error, SettleError::Unreachable(_)));
    for expected in ["a", "b", "c"] {
        let (body, _, delivery) = receive(&lost).await;
        assert_eq!(body, expected);
        delivery.settle(Settlement::Ack).await.unwrap();
    }
    assert!(is_empty(&fixture.subscriber));
}

#[tokio::test]
async fn a_wake_up_that_is_not_used_is_passed_on() {
    let fixture = open("mem://t");
    let (first_woken, second_woken) = (Woken::new(), Woken::new());
    {
        let mut first = Box::pin(fixture.subscriber.receive(far()));
        let mut second = pin!(fixture.subscriber.receive(far()));
        assert!(first.as_mut().poll(&mut Context::from_waker(&first_woken.waker())).is_pending());
        assert!(second.as_mut().poll(&mut Context::from_waker(&second_woken.waker())).is_pending());
        fixture.publish(&["a"]).await;
        assert_eq!((first_woken.times(), second_woken.times()), (1, 0));
        drop(first);
        assert_eq!((first_woken.times(), second_woken.times()), (1, 1));
        let Poll::Ready(Ok(delivery)) = poll_once(second.as_mut()) else { panic!("nothing received") };
        assert_eq!(delivery.delivery_count(), Some(1));
        delivery.settle(Settlement::Ack).await.unwrap();
    }
    // Nothing left waiting: a message wakes nobody.
    fixture.publish(&["b"]).await;
    assert_eq!((first_woken.times(), second_woken.times()), (1, 1));
}

#[tokio::test]
async fn a_message_wakes_one_receiver_once() {
    let fixture = open("mem://t");
    let woken: Vec<_> = (0..3).map(|_| Woken::new()).collect();
    let mut waiting: Vec<_> = woken.iter().map(|_| Box::pin(fixture.subscriber.receive(far()))).collect();
    for (receiver, woken) in waiting.iter_mut().zip(&woken) {
        for _ in 0..2 {
            assert!(receiver.as_mut().poll(&mut Context::from_waker(&woken.waker())).is_pending());
        }
    }
    fixture.publish(&["a", "b"]).await;
    let times: Vec<_> = woken.iter().map(Woken::times).collect();
    assert_eq!(times, [1, 1, 0]);
    // One that comes late may be quicker; the one that was woken keeps its place before the third.
    let _a = receive(&fixture.subscriber).await;
    let _b = receive(&fixture.subscriber).await;
    assert!(waiting[0].as_mut().poll(&mut Context::from_waker(&woken[0].waker())).is_pending());
    fixture.publish(&["c"]).await;
    let times: Vec<_> = woken.iter().map(Woken::times).collect();
    assert_eq!(times, [2, 1, 0]);
}

#[tokio::test]
async fn closing_ends_everything() {
    let fixture = open("mem://t");
    fixture.publish(&["a"]).await;
    let held = fixture.subscriber.receive(far()).await.unwrap();
    let woken = Woken::new();
    let mut waiting = pin!(fixture.subscriber.receive(far()));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&woken.waker())).is_pending());
    assert_eq!(fixture.broker.state(), BrokerState::Connected);
    fixture.broker.close().await;
    fixture.broker.close().await;
    assert_eq!(fixture.broker.state(), BrokerState::Closed);
    assert_eq!(woken.times(), 1);
    assert!(matches!(waiting.await, Err(ReceiveError::Closed)));
    assert!(matches!(held.settle(Settlement::Ack).await, Err(SettleError::Expired)));
    for publisher in [&fixture.publisher, &fixture.broker.publisher("mem://new", &PublisherOptions::default()).unwrap()]
    {
        let error = publisher.publish(Message::default()).await.unwrap_err();
        assert_eq!(error.kind, PublishErrorKind::Unreachable);
    }
    let late = fixture.broker.subscriber("mem://other", &SubscriberOptions::default()).unwrap();
    assert!(matches!(late.receive(far()).await, Err(ReceiveError::Closed)));
}

#[tokio::test]
async fn two_brokers_share_nothing() {
    let (one, other) = (open("mem://t"), open("mem://t"));
    one.publish(&["a"]).await;
    assert!(is_empty(&other.subscriber));
    assert!(!is_empty(&one.subscriber));
}

#[tokio::test]
async fn a_dropped_broker_ends_its_timer_and_not_its_subscribers() {
    let Fixture { broker, publisher, subscriber } = open("mem://t?ackdeadline=1ms");
    let shared = Arc::downgrade(&broker.shared);
    drop(broker);
    publisher.publish(Message::new("a")).await.unwrap();
    let held = subscriber.receive(far()).await.unwrap();
    let again = subscriber.receive(far()).await.unwrap();
    assert_eq!(again.delivery_count(), Some(2));
    drop((held, again, publisher, subscriber));
    assert!(shared.upgrade().is_none());
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_subscription_does_not_starve_other_tasks() {
    let fixture = open("mem://t");
    fixture.publish(&["a"]).await;
    let other = tokio::spawn(async {});
    while !other.is_finished() {
        drop(receive(&fixture.subscriber).await);
    }
}

struct Woken(Arc<Count>);

#[derive(Default)]
struct Count(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn waker(&self) -> Waker {
        Arc::clone(&self.0).into()
    }

    fn times(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }
}
