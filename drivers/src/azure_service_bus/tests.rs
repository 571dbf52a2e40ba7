use super::*;
use crate::grammar::tests::assert_refused;

#[test]
fn topics() {
    for (url, name) in
        [("azuresb://mytopic", "mytopic"), ("azuresb://my/topic-1_a.b/", "my/topic-1_a.b"), ("azuresb://T", "T")]
    {
        assert_eq!(Topic::parse(url), Ok(Topic { name: Cow::Borrowed(name) }), "{url}");
    }
}

#[test]
fn subscriptions() {
    let of_topic = |topic, name| Source::Subscription { topic: Cow::Borrowed(topic), name: Cow::Borrowed(name) };
    let of_queue = |name| Source::Queue { name: Cow::Borrowed(name) };
    for (url, source, listener_timeout, max_recv_batch_size) in [
        ("azuresb://t?subscription=s", of_topic("t", "s"), None, None),
        (
            "azuresb://t/x?max_recv_batch_size=1&subscription=a.b-c_D&listener_timeout=1m30s",
            of_topic("t/x", "a.b-c_D"),
            Some(Duration::from_secs(90)),
            Some(1),
        ),
        ("azuresb://t?subscription=s&queue=false", of_topic("t", "s"), None, None),
        ("azuresb://q?queue=true", of_queue("q"), None, None),
        ("azuresb://q?queue&listener_timeout=0", of_queue("q"), Some(Duration::ZERO), None),
    ] {
        assert_eq!(
            Subscription::parse(url),
            Ok(Subscription { source, listener_timeout, max_recv_batch_size, dead_letter: false, sessions: false }),
            "{url}"
        );
    }
    assert!(Subscription::parse("azuresb://q?queue=true&dead_letter=true").unwrap().dead_letter);
    assert!(Subscription::parse("azuresb://q?queue=true&sessions=true").unwrap().sessions);
}

#[test]
fn refused_topics() {
    const ENDS: &str = "a name begins and ends with a letter or digit";
    const RULE: &str = "the name of a topic or queue has letters, digits, `.`, `-`, `_` and `/`";
    let long = "x".repeat(261);
    assert_refused(
        DRIVER.topic,
        &[
            (
                "[azuresb://]",
                "the URL does not name a Service Bus topic",
                "a Service Bus topic looks like `azuresb://mytopic`",
            ),
            ("azuresb://[/mytopic]", ENDS, ""),
            ("azuresb://[mytopic-]", ENDS, ""),
            ("azuresb://my[$]topic", "`$` is not allowed here", RULE),
            (
                &format!("azuresb://[{long}]"),
                "the name of a topic or queue has at most 260 bytes, this one has 261",
                "",
            ),
            (
                "azuresb://t?[subscription]=s",
                "`subscription` is not a parameter of a Service Bus topic, only of a subscription",
                "a Service Bus topic has no parameters",
            ),
            ("azuresb://t?[x]=s", "unknown parameter `x`", "a Service Bus topic has no parameters"),
        ],
    );
}

#[test]
fn refused_subscriptions() {
    const NONE: &str = "a Service Bus subscription looks like `azuresb://mytopic?subscription=mysubscription`; \
                        a queue looks like `azuresb://myqueue?queue=true`";
    const ACCEPTED: &str =
        "accepted: `subscription`, `queue`, `dead_letter`, `listener_timeout`, `max_recv_batch_size`, `sessions`";
    const DURATION: &str = "write a number and a unit: `250ms`, `2s`, `1m30s`, `1h`";
    let long = "x".repeat(51);
    assert_refused(
        DRIVER.subscription,
        &[
            ("azuresb://[mytopic]", "the URL names no `subscription` of the topic", NONE),
            ("azuresb://[q]?queue=false", "the URL names no `subscription` of the topic", NONE),
            ("azuresb://t?[subscription]=", "`subscription` has no value", ""),
            (
                "azuresb://t?subscription=a[/]b",
                "`/` is not allowed here",
                "the name of a subscription has letters, digits, `.`, `-` and `_`",
            ),
            (
                &format!("azuresb://t?subscription=[{long}]"),
                "the name of a subscription has at most 50 bytes, this one has 51",
                "",
            ),
            (
                "azuresb://t?subscription=s&[queue]=true",
                "a queue has no subscriptions",
                "leave out `queue` or `subscription`",
            ),
            (
                "azuresb://q?queue=true&sessions=true&[listener_timeout]=999ms",
                "with `sessions`, `listener_timeout` is at least 1s",
                "",
            ),
            (
                "azuresb://q?queue=true&[sessions]=true&dead_letter=true",
                "dead letters have no sessions",
                "leave out `sessions` or `dead_letter`",
            ),
            ("azuresb://t?subscription=s&listener_timeout=[2]", "the duration has no unit", DURATION),
            (
                "azuresb://t?subscription=s&max_recv_batch_size=[0]",
                "`0` is not a whole number from 1 to 2147483647",
                "",
            ),
            (
                "azuresb://t?[subscripton]=s",
                "unknown parameter `subscripton`",
                &format!("did you mean `subscription`? ({ACCEPTED})"),
            ),
        ],
    );
}
