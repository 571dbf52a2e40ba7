//! What an endpoint does when its broker is away, busy, or does not count: a broker that does what a test says.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use sluicegate_drivers::{
    Broker, BrokerState, Capabilities, Confirm, DEAD_LETTER_DELIVERIES as DELIVERIES, DEAD_LETTER_REASON as REASON,
    DEAD_LETTER_SUBSCRIPTION as SUBSCRIPTION, DEAD_LETTER_TOPIC as TOPIC, Delivery, Driver, Message, OpenError, Origin,
    PublishError, PublishErrorKind, Publisher, PublisherOptions, Receipt, ReceiveError, Settings, SettleError,
    Settlement, Subscriber, SubscriberOptions,
};
use tokio::sync::{Barrier, Notify};

use super::*;
use crate::backend::{AnyBackend, Merge, Publish, Subscribe};
use crate::broker::NamedBroker;
use crate::endpoint::Method::{Get, Post};
use crate::serve::*;

static DRIVER: Driver = Driver {
    name: "fake",
    schemes: &["fake"],
    topic: None,
    subscription: None,
    environment: &[],
    settings: &[],
    capabilities: Capabilities {
        nack: true,
        nack_delay: true,
        redelivery: true,
        ordering: true,
        dead_letter: false,
        delivery_count: false,
        empty_body: true,
        binary_body: true,
        key: true,
        dedup: true,
        confirm: &[Confirm::All],
        offset: false,
        timestamp: false,
        attributes: true,
        declare: false,
        max_body_bytes: None,
    },
    has_client: true,
    covers: None,
    check_attribute: None,
    reserved_attributes: &[],
    check_settings: None,
    check_declaration: None,
    check_message: None,
};

/// Brokers that are called `together` close when the other one does.
static TOGETHER: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

/// What happened to the broker that is called `slow`, which takes its time to settle, and to its messages.
static SLOW: Mutex<Vec<&str>> = Mutex::new(Vec::new());

/// A broker whose URLs say how its topics behave: `fake://stuck` never confirms, `fake://refuses` refuses, `fake://seen`
/// takes every id for one that it has, `fake://narrow` takes two attributes, `fake://plain` none, `fake://tiny` nothing. It
/// forgets nothing and counts nothing.
struct Fake(Arc<Queue>, Option<&'static Barrier>, bool);

#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Message>>,
    published: Mutex<Vec<(String, Message)>>,
    arrived: Notify,
}

struct Topic(Arc<Queue>, String);

struct Delivered(Arc<Queue>, Mutex<Option<Message>>, Message);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    fn add(&self, message: Message) {
        lock(&self.waiting).push_back(message);
        self.arrived.notify_one();
    }
}

impl Broker for Fake {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Topic;
    type Subscriber = Topic;

    fn open(settings: &Settings) -> Result<Self, OpenError> {
        let together = settings.name.is_some_and(|name| name.starts_with("together")).then(|| &*TOGETHER);
        Ok(Self(Arc::default(), together, settings.name == Some("slow")))
    }

    fn publisher(&self, url: &str, _: &PublisherOptions) -> Result<Topic, OpenError> {
        Ok(Topic(Arc::clone(&self.0), url.to_owned()))
    }

    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<Topic, OpenError> {
        Ok(Topic(Arc::clone(&self.0), url.to_owned()))
    }

    fn state(&self) -> BrokerState {
        BrokerState::Disconnected { reason: "hunter2@10.0.0.1 refused".to_owned() }
    }

    async fn close(&self) {
        if let Some(together) = self.1 {
            together.wait().await;
        }
        if self.2 {
            lock(&SLOW).push("closed");
        }
    }
}

impl Publisher for Topic {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        match self.1.as_str() {
            "fake://stuck" => pending().await,
            "fake://refuses" => return Err(PublishError::new(PublishErrorKind::Refused, "no")),
            "fake://narrow" if message.attributes.len() > 2 => {
                return Err(PublishError::new(PublishErrorKind::TooLarge, "3"));
            }
            "fake://plain" if !message.attributes.is_empty() => {
                return Err(PublishError::new(PublishErrorKind::Invalid, "a name"));
            }
            "fake://tiny" => return Err(PublishError::new(PublishErrorKind::TooLarge, "1")),
            "fake://queue" => self.0.add(message),
            "fake://seen" if message.id.is_some() => return Ok(Receipt { duplicate: true, ..Receipt::default() }),
            topic => lock(&self.0.published).push((topic.to_owned(), message)),
        }
        Ok(Receipt::default())
    }
}

impl Subscriber for Topic {
    type Delivery = Delivered;

    async fn receive(&self, _: Instant) -> Result<Delivered, ReceiveError> {
        match self.1.as_str() {
            "fake://away" => return Err(ReceiveError::Unreachable("hunter2@10.0.0.1 refused".into())),
            "fake://forbidden" => return Err(ReceiveError::Refused("not for hunter2@10.0.0.1".into())),
            _ => {}
        }
        if self.1 == "fake://slow" {
            let mut message = Message::new("{}");
            message.set_attribute("Slow", "yes");
            return Ok(Delivered(Arc::clone(&self.0), Mutex::default(), message));
        }
        if self.1 == "fake://published" {
            let (topic, mut message) = lock(&self.0.published).pop().ok_or(ReceiveError::Closed)?;
            message.set_attribute("Published-To", topic);
            return Ok(Delivered(Arc::clone(&self.0), Mutex::default(), message));
        }
        loop {
            let arrived = self.0.arrived.notified();
            if let Some(message) = lock(&self.0.waiting).pop_front() {
                return Ok(Delivered(Arc::clone(&self.0), Mutex::new(Some(message.clone())), message));
            }
            arrived.await;
        }
    }
}

impl Delivery for Delivered {
    fn message(&self) -> &Message {
        &self.2
    }

    fn delivery_count(&self) -> Option<u32> {
        None
    }

    fn origin(&self) -> Origin<'_> {
        Origin { topic: self.2.attribute("Published-To"), ..Origin::default() }
    }

    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<(), SettleError>> + Send + Unpin + 'static {
        match (settlement, lock(&self.1).take()) {
            (Settlement::Nack { .. }, Some(message)) => self.0.add(message),
            (Settlement::DeadLetter { reason }, Some(message)) => {
                lock(&self.0.published).push((format!("given up: {reason}"), message));
            }
            _ => {}
        }
        let is_slow = self.2.attribute("Slow").is_some();
        Box::pin(async move {
            if is_slow {
                tokio::time::sleep(Duration::from_millis(200)).await;
                lock(&SLOW).push("settled");
            }
            Ok(())
        })
    }
}

endpoints_of! { Publish<Fake>, Subscribe<Fake> }

const WAIT: Duration = Duration::from_millis(600);

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// `POST /` puts a message into the queue, `GET /` receives with `subscribe`, `GET /published` what was published.
fn queue(subscribe: Subscribe<Fake>) -> SocketAddr {
    static METADATA: [(&str, crate::backend::Metadata); 3] = [
        ("x-topic", crate::backend::Metadata::Attribute("Published-To")),
        ("x-reason", crate::backend::Metadata::Attribute("Dead-Letter-Reason")),
        ("x-deliveries", crate::backend::Metadata::Attribute("Dead-Letter-Deliveries")),
    ];
    let endpoints: [&'static dyn AnyEndpoint; 3] = [
        leak(Endpoint::new(Post, "/", "", Publish::<Fake>::new("fake://queue"))),
        leak(Endpoint::new(Get, "/", "", subscribe).timeout(WAIT)),
        leak(
            Endpoint::new(
                Get,
                "/published",
                "",
                Subscribe::<Fake>::new("fake://published").no_op().metadata(&METADATA),
            )
            .no_op()
            .timeout(WAIT),
        ),
    ];
    gateway(leak(endpoints), RouterOptions::DEFAULT)
}

/// What `GET /published` answers once there is something.
async fn published(address: SocketAddr) -> String {
    soon(async {
        loop {
            let answer = get(address, "/published").await;
            if status(&answer) == "200" {
                return answer;
            }
        }
    })
    .await
}

#[tokio::test]
async fn readiness_depends_on_required_brokers_and_says_no_reasons() {
    static REQUIRED: NamedBroker = NamedBroker::new("billing").required();
    static OPTIONAL: NamedBroker = NamedBroker::new("stock");
    for (named, expected, ready) in [
        (
            Some(&REQUIRED),
            "503",
            r#"{"brokers":{"billing":{"required":true,"state":"disconnected"}},"status":"not ready"}"#,
        ),
        (Some(&OPTIONAL), "200", r#"{"brokers":{"stock":{"state":"disconnected"}},"status":"ready"}"#),
        (None, "200", r#"{"brokers":{"fake":{"state":"disconnected"}},"status":"ready"}"#),
    ] {
        let publish = Publish::<Fake>::new("fake://queue");
        let publish = named.map_or(publish, |named| publish.broker(named));
        let endpoints: [&'static dyn AnyEndpoint; 1] = [leak(Endpoint::new(Post, "/", "", publish))];
        let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
        let answer = get(address, "/__ready").await;
        let found: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
        assert_eq!((status(&answer), found), (expected, serde_json::from_str(ready).unwrap()));
    }
}

#[tokio::test]
async fn what_is_over_the_limit_is_told_at_once() {
    static ONE: NamedBroker = NamedBroker::new("one").max_in_flight(1);
    let endpoints: [&'static dyn AnyEndpoint; 3] = [
        leak(
            Endpoint::new(Post, "/stuck", "", Publish::<Fake>::new("fake://stuck").broker(&ONE)).timeout(PATIENCE / 5),
        ),
        leak(Endpoint::new(Post, "/", "", Publish::<Fake>::new("fake://queue").broker(&ONE))),
        leak(Endpoint::new(Get, "/", "", Subscribe::<Fake>::new("fake://queue").broker(&ONE)).timeout(PATIENCE)),
    ];
    let address = gateway(leak(endpoints), RouterOptions::DEFAULT);
    // One of two consumers waits, and leaves publishers their room.
    let ask_for = |request: String| tokio::spawn(async move { ask(address, &request).await });
    let request = || "GET / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n".to_owned();
    let (refused, waits) = first_of(ask_for(request()), ask_for(request())).await;
    assert_eq!((status(&refused), header(&refused, "retry-after")), ("503", vec!["1"]));
    assert_eq!(status(&ask(address, &post("/", r#"{"n":1}"#)).await), "200");
    assert_eq!(body(&soon(waits).await.unwrap()), r#"{"n":1}"#);
    // One of two publishes waits for its confirmation.
    let (refused, waits) = first_of(ask_for(post("/stuck", "{}")), ask_for(post("/stuck", "{}"))).await;
    assert_eq!((status(&refused), header(&refused, "retry-after")), ("503", vec!["1"]));
    assert_eq!(header(&refused, "x-krakend-completed"), ["false"]);
    assert_eq!(status(&ask(address, &post("/", "{}")).await), "503", "of the same broker");
    waits.abort();
    let consumer = ask_for(request());
    soon(async { while status(&ask(address, &post("/", r#"{"n":2}"#)).await) != "200" {} }).await;
    assert_eq!(body(&soon(consumer).await.unwrap()), r#"{"n":2}"#);
}

type Asked = tokio::task::JoinHandle<String>;

/// The first answer of two, and the other request.
async fn first_of(one: Asked, other: Asked) -> (String, Asked) {
    match soon(futures_util::future::select(one, other)).await {
        futures_util::future::Either::Left((answer, other)) => (answer.unwrap(), other),
        futures_util::future::Either::Right((answer, one)) => (answer.unwrap(), one),
    }
}

#[tokio::test]
async fn why_nothing_is_received_is_told_without_addresses() {
    let away = Subscribe::<Fake>::new("fake://away");
    let forbidden = Subscribe::<Fake>::new("fake://forbidden");
    let both: [&'static dyn AnyBackend; 2] = [leak(away), leak(forbidden)];
    let endpoints: [&'static dyn AnyEndpoint; 3] = [
        leak(Endpoint::new(Get, "/away", "", away)),
        leak(Endpoint::new(Get, "/forbidden", "", forbidden)),
        leak(Endpoint::new(Get, "/both", "", Merge::new(leak(both)))),
    ];
    let address = gateway(leak(endpoints), RouterOptions { return_error_msg: true, ..RouterOptions::DEFAULT });
    let (one, other) =
        ("fake://away: the broker cannot be reached", "fake://forbidden: the broker refused the subscription");
    for (path, expected) in [
        ("/away", ("503", one.to_owned())),
        ("/forbidden", ("502", other.to_owned())),
        ("/both", ("500", format!("{one}\n{other}"))),
    ] {
        let answer = get(address, path).await;
        assert_eq!((status(&answer), body(&answer).to_owned()), expected, "{answer}");
    }
}

#[tokio::test]
async fn the_gateway_counts_where_the_broker_does_not() {
    let subscribe = Subscribe::new("fake://queue").max_deliveries(3).dead_letter("fake://lost");
    let address = queue(subscribe);
    assert_eq!(status(&ask(address, &post("/", "{broken")).await), "200");
    for _ in 0..3 {
        assert_eq!(status(&get(address, "/").await), "502");
    }
    let answer = published(address).await;
    assert_eq!((body(&answer), header(&answer, "x-topic")), ("{broken", vec!["fake://lost"]));
    assert_eq!(header(&answer, "x-deliveries"), ["3"]);
    assert!(header(&answer, "x-reason")[0].contains("invalid JSON"), "{answer}");
    assert_eq!(status(&get(address, "/").await), "204", "acknowledged");
}

#[tokio::test]
async fn what_the_topic_refuses_comes_back_and_not_for_ever() {
    let address = queue(Subscribe::new("fake://queue").max_deliveries(2).dead_letter("fake://refuses"));
    assert_eq!(status(&ask(address, &post("/", "{broken")).await), "200");
    for _ in 0..2 {
        assert_eq!(status(&get(address, "/").await), "502");
    }
    // It goes to and fro, and is not handed out meanwhile.
    soon(async { while status(&get(address, "/").await) != "204" {} }).await;
    let answer = published(address).await;
    assert_eq!(body(&answer), "{broken");
    let topic = header(&answer, "x-topic");
    assert_eq!(topic, ["given up: delivered 102 times without success"], "{answer}");
}

fn delivery_of(message: Message) -> (Arc<Queue>, Delivered) {
    let queue = Arc::new(Queue::default());
    let delivery = Delivered(Arc::clone(&queue), Mutex::new(Some(message.clone())), message);
    (queue, delivery)
}

/// What is published when a message of two attributes is dead-lettered, and how many of them came back.
async fn buried(topic: &str, capabilities: &'static Capabilities) -> (Vec<(String, Message)>, usize) {
    let mut message = Message { id: Some("7".to_owned()), key: Some("k".to_owned()), ..Message::new("x") };
    message.set_attribute("A", "1");
    message.set_attribute("B", "2");
    message.set_attribute("fake-rollup", "all");
    let (queue, delivery) = delivery_of(message);
    crate::backend::bury(Topic(Arc::clone(&queue), topic.to_owned()), capabilities, delivery).await;
    let published = std::mem::take(&mut *lock(&queue.published));
    let waiting = lock(&queue.waiting).len();
    (published, waiting)
}

#[tokio::test]
async fn a_topic_gets_what_it_takes_of_a_message() {
    for (topic, expected, attributes, id) in [
        ("fake://dead", "fake://dead", vec!["A", "B", SUBSCRIPTION, DELIVERIES, REASON], true),
        ("fake://narrow", "fake://narrow", vec!["A", "B"], true),
        ("fake://plain", "fake://plain", vec![], false),
        ("fake://tiny", "given up: test", vec!["A", "B", "fake-rollup"], true),
    ] {
        let (published, waiting) = buried(topic, &DRIVER.capabilities).await;
        let [(to, message)] = published.as_slice() else { panic!("{published:?}") };
        let names: Vec<_> = message.attributes.iter().map(|attribute| &*attribute.name).collect();
        assert_eq!((to.as_str(), names), (expected, attributes), "{topic}");
        assert_eq!((&*message.body, message.id.is_some(), message.key.is_some()), (&b"x"[..], id, id), "{topic}");
        assert_eq!(waiting, 0, "{topic}: it does not come back");
    }
}

#[tokio::test]
async fn a_copy_that_comes_back_is_not_copied_again() {
    for (subscription, origin, earlier, expected) in [
        ("fake://s", Some("dead"), Some("orders"), "given up: test"),
        ("fake://s", None, None, "given up: test"),
        ("fake://s", Some("orders"), Some("orders"), "fake://dead"),
        ("fake://other", Some("dead"), Some("orders"), "fake://dead"),
    ] {
        let mut message = Message::new("x");
        message.set_attribute(SUBSCRIPTION, subscription);
        let topics = [("Published-To", origin), (TOPIC, earlier)];
        for (name, topic) in topics.into_iter().filter_map(|(name, topic)| Some((name, topic?))) {
            message.set_attribute(name, topic);
        }
        let (queue, delivery) = delivery_of(message);
        let publisher = Topic(Arc::clone(&queue), "fake://dead".to_owned());
        crate::backend::bury(publisher, &DRIVER.capabilities, delivery).await;
        let published = std::mem::take(&mut *lock(&queue.published));
        let to: Vec<_> = published.iter().map(|(to, _)| to.as_str()).collect();
        assert_eq!(to, [expected], "{subscription} {origin:?} {earlier:?}");
    }
}

/// A broker that takes a message back into the gateway's own memory has not kept it.
#[tokio::test(start_paused = true)]
async fn a_broker_that_keeps_nothing_is_asked_several_times() {
    static KEEPS_NOTHING: Capabilities = Capabilities { redelivery: false, ..DRIVER.capabilities };
    for (capabilities, millis) in [(&DRIVER.capabilities, 0), (&KEEPS_NOTHING, 3000)] {
        let begun = tokio::time::Instant::now();
        let (published, waiting) = buried("fake://refuses", capabilities).await;
        assert_eq!((published.len(), waiting), (0, 1), "given back");
        assert_eq!(begun.elapsed().as_millis(), millis, "200 + 400 + 800 + 1600 ms between five tries");
    }
}

#[tokio::test]
async fn an_id_that_the_topic_has_seen_loses_nothing() {
    let (published, waiting) = buried("fake://seen", &DRIVER.capabilities).await;
    assert_eq!(published.len(), 1);
    assert_eq!((published[0].1.id.as_deref(), &*published[0].1.body), (None, &b"x"[..]));
    assert_eq!(waiting, 0, "acknowledged");
}

/// One that does not answer takes seconds, and the others have the same ones.
#[tokio::test]
async fn brokers_are_closed_at_the_same_time() {
    static ONE: NamedBroker = NamedBroker::new("together one");
    static OTHER: NamedBroker = NamedBroker::new("together other");
    let publish = |named| Publish::<Fake>::new("fake://queue").broker(named);
    let endpoints: [&'static dyn AnyEndpoint; 2] = [
        leak(Endpoint::new(Post, "/one", "", publish(&ONE))),
        leak(Endpoint::new(Post, "/other", "", publish(&OTHER))),
    ];
    let description = leak(Description::new("test.json", "", leak(endpoints)));
    let listener = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
    let gateway = Gateway::open(description).unwrap();
    soon(gateway.serve(listener, std::future::ready(()))).await.unwrap();
}

/// The client has its answer before the broker knows: a gateway that ends right then waits for that.
#[tokio::test]
async fn what_is_settled_is_waited_for() {
    static SLOW_BROKER: NamedBroker = NamedBroker::new("slow");
    let subscribe = Subscribe::<Fake>::new("fake://slow").broker(&SLOW_BROKER);
    let endpoints: [&'static dyn AnyEndpoint; 1] = [leak(Endpoint::new(Get, "/", "", subscribe))];
    let description = leak(Description::new("test.json", "", leak(endpoints)));
    let listener = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ends) = tokio::sync::oneshot::channel::<()>();
    let gateway = Gateway::open(description).unwrap();
    let served = tokio::spawn(gateway.serve(listener, async move { drop(ends.await) }));
    assert_eq!(status(&get(address, "/").await), "200");
    end.send(()).unwrap();
    soon(served).await.unwrap().unwrap();
    assert_eq!(*lock(&SLOW), ["settled", "closed"]);
}
