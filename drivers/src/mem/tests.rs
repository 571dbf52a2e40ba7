use super::*;

#[test]
fn topics() {
    for (url, name) in [
        ("mem://orders", "orders"),
        ("mem://orders/", "orders"),
        ("mem://Orders.created_v1-a", "Orders.created_v1-a"),
        ("mem://orders/eu/created", "orders/eu/created"),
        ("mem://%6frders", "orders"),
        ("mem://orders?", "orders"),
    ] {
        assert_eq!(Topic::parse(url).map(|topic| topic.name.into_owned()), Ok(name.to_owned()), "{url}");
    }
}

#[test]
fn subscriptions() {
    let subscription = |topic: &'static str, name: &'static str, settings: Settings| {
        Ok(Subscription { topic: topic.into(), name: name.into(), settings })
    };
    let default = Settings::default();
    for (url, expected) in [
        ("mem://orders", subscription("orders", "", default.clone())),
        ("mem://orders?subscription=billing.v-1_a", subscription("orders", "billing.v-1_a", default.clone())),
        (
            "mem://orders?ackdeadline=1ms",
            subscription("orders", "", Settings { ack_deadline: Duration::from_millis(1), ..default.clone() }),
        ),
        (
            "mem://orders?capacity=1&ackdeadline=24h&dead_letter=lost/orders&max_deliveries=3",
            subscription(
                "orders",
                "",
                Settings {
                    ack_deadline: Duration::from_secs(86_400),
                    capacity: 1,
                    max_deliveries: Some(3),
                    dead_letter: Some("lost/orders".to_owned()),
                },
            ),
        ),
    ] {
        assert_eq!(Subscription::parse(url), expected, "{url}");
    }
}

/// The part of the URL that is wrong, and what is said about it.
fn refusal(url: &str, error: UrlError) -> (&str, String) {
    (&url[error.range], error.message)
}

#[test]
fn refused_topics() {
    let long = format!("mem://{}", "x".repeat(256));
    for (url, wrong, message) in [
        ("orders", "orders", "the URL has no scheme"),
        ("nats://orders", "nats", "`nats` is not the scheme of a topic in memory"),
        ("mem://", "mem://", "the URL does not name a topic in memory"),
        ("mem://a b", " ", "a URL has no spaces"),
        ("mem://a:b", ":", "`:` is not allowed here"),
        ("mem://caf\u{e9}", "\u{e9}", "`\u{e9}` is not allowed here"),
        ("mem:///a", "/a", "the topic's name has an empty part"),
        ("mem://a//b", "a//b", "the topic's name has an empty part"),
        ("mem://me:secret@a", "me:secret@", "a user or password does not belong in the URL"),
        (&long, &long[6..], "the name of a topic in memory has at most 255 bytes, this one has 256"),
        (
            "mem://a?capacity=5",
            "capacity",
            "`capacity` is not a parameter of a topic in memory, only of a subscription",
        ),
        ("mem://a?x=5", "x", "unknown parameter `x`"),
        (
            "mem://a/{id}",
            "{id}",
            "`{id}` cannot be replaced: topics and subscriptions are opened once, before any request",
        ),
    ] {
        match Topic::parse(url) {
            Ok(topic) => panic!("{url} was accepted: {topic:?}"),
            Err(error) => assert_eq!(refusal(url, error), (wrong, message.to_owned()), "{url}"),
        }
    }
}

#[test]
fn refused_subscriptions() {
    for (url, wrong, message) in [
        ("mem://?subscription=a", "mem://?subscription=a", "the URL does not name a subscription in memory"),
        ("mem://a?subscription", "subscription", "`subscription` has no value"),
        ("mem://a?subscription=a/b", "/", "`/` is not allowed here"),
        ("mem://a?ackdeadline=0s", "ackdeadline", "`ackdeadline` is at least 1ms"),
        ("mem://a?ackdeadline=25h", "25h", "`ackdeadline` is at most 86400s"),
        ("mem://a?ackdeadline=5", "5", "the duration has no unit"),
        ("mem://a?capacity=0", "0", "`0` is not a whole number from 1 to 1000000000"),
        ("mem://a?max_deliveries=-1", "-1", "`-1` is not a whole number from 1 to 4294967295"),
        ("mem://a?dead_letter=a", "dead_letter", "`dead_letter` is the subscription's own topic"),
        ("mem://a?dead_letter=b%20c", "b%20c", "` ` is not allowed here"),
        ("mem://a?capacity=1&capacity=2", "capacity", "`capacity` is given twice"),
        ("mem://a?max_delivery=1", "max_delivery", "unknown parameter `max_delivery`"),
    ] {
        match Subscription::parse(url) {
            Ok(subscription) => panic!("{url} was accepted: {subscription:?}"),
            Err(error) => assert_eq!(refusal(url, error), (wrong, message.to_owned()), "{url}"),
        }
    }
}
