use super::*;
use crate::Binding;

fn said(url: &str, side: Side, declaration: Declaration) -> Vec<String> {
    let line = |error: DeclarationError| {
        let help = error.help.map_or(String::new(), |help| format!(" ({help})"));
        format!("{}{}: {}{help}", error.pointer, if error.of_name { " name" } else { "" }, error.message)
    };
    check(url, side, &declaration).into_iter().map(line).collect()
}

fn of_queue(arguments: &'static [(&'static str, Argument)]) -> Vec<String> {
    said("rabbit://q", Side::Subscription, Declaration::new().arguments(arguments))
}

#[test]
fn what_rabbitmq_takes() {
    const ALL: Declaration = Declaration::new()
        .kind("quorum")
        .arguments(&[
            ("x-delivery-limit", Argument::Integer(-1)),
            ("x-dead-letter-exchange", Argument::Text("")),
            ("x-overflow", Argument::Text("reject-publish")),
            ("x-single-active-consumer", Argument::Boolean(true)),
            ("x-somebodys-plugin", Argument::Table(&[("a/b", Argument::List(&[Argument::Null]))])),
        ])
        .bindings(&[Binding::new("orders").routing_key("eu.#").arguments(&[("x-match", Argument::Text("any"))])]);
    assert_eq!(said("rabbit://q", Side::Subscription, ALL), [""; 0]);
    let plugin = Declaration::new()
        .kind("x-random")
        .arguments(&[("x-of-its-own", Argument::Text("topic")), ("alternate-exchange", Argument::Text("rest"))])
        .transient()
        .auto_delete();
    assert_eq!(said("rabbit://orders", Side::Topic, plugin), [""; 0]);
    assert_eq!(said("rabbit://q", Side::Subscription, Declaration::new().transient().auto_delete()), [""; 0]);
}

#[test]
fn arguments_are_known_by_name_and_type() {
    for (arguments, expected) in [
        (
            &[("x-max-lenght", Argument::Integer(1))],
            "/arguments/x-max-lenght name: unknown argument `x-max-lenght`, which RabbitMQ would ignore (did you mean \
             `x-max-length`?)",
        ),
        (
            &[("message-ttl", Argument::Integer(1))],
            "/arguments/message-ttl name: unknown argument `message-ttl`, which RabbitMQ would ignore (did you mean \
             `x-message-ttl`?)",
        ),
        (
            &[("x-message-ttl", Argument::Text("60000"))],
            "/arguments/x-message-ttl: `x-message-ttl` must be a whole number, at least 0, not a string",
        ),
        (
            &[("x-max-priority", Argument::Integer(256))],
            "/arguments/x-max-priority: `x-max-priority` must be a whole number from 1 to 255, not 256",
        ),
        (
            &[("x-overflow", Argument::Text("reject-publsh"))],
            "/arguments/x-overflow: `x-overflow` cannot be `reject-publsh` (did you mean `reject-publish`?)",
        ),
        (
            &[("x-queue-type", Argument::Text("stream"))],
            "/arguments/x-queue-type: a stream is not supported: its messages are neither acknowledged nor given back \
             one by one (the types are `classic` and `quorum`)",
        ),
        (
            &[("x-single-active-consumer", Argument::Integer(1))],
            "/arguments/x-single-active-consumer: `x-single-active-consumer` must be true or false, not 1",
        ),
    ] {
        assert_eq!(of_queue(arguments), [expected]);
    }
    let long: &'static str = "x".repeat(256).leak();
    let nested: &'static [(&'static str, Argument)] = vec![(long, Argument::Null)].leak();
    let arguments = vec![("plugin", Argument::List(vec![Argument::Table(nested)].leak()))].leak();
    assert_eq!(
        of_queue(arguments),
        [format!("/arguments/plugin/0/{long} name: the name of an argument has at most 255 bytes, this one has 256")]
    );
}

#[test]
fn what_depends_on_the_type() {
    let quorum = Declaration::new().kind("quorum");
    for (declaration, expected) in [
        (quorum.transient(), "/durable: a quorum queue is always durable (remove the key)"),
        (quorum.auto_delete(), "/auto_delete: a quorum queue cannot be deleted by itself when nothing uses it"),
        (
            quorum.arguments(&[("x-max-priority", Argument::Integer(5))]),
            "/arguments/x-max-priority name: a quorum queue has no `x-max-priority`, only a classic one has",
        ),
        (
            Declaration::new().kind("classic").arguments(&[("x-delivery-limit", Argument::Integer(5))]),
            "/arguments/x-delivery-limit name: a classic queue has no `x-delivery-limit`, only a quorum one has",
        ),
        (
            quorum.arguments(&[("x-queue-type", Argument::Text("quorum"))]),
            "/arguments/x-queue-type name: `type` and `x-queue-type` are two names of one option",
        ),
        (Declaration::new().kind("quorom"), "/type: there is no type of queue `quorom` (did you mean `quorum`?)"),
    ] {
        assert_eq!(said("rabbit://q", Side::Subscription, declaration), [expected]);
    }
}

#[test]
fn names_that_cannot_be_declared() {
    let topic = |url: &str, declaration| said(url, Side::Topic, declaration);
    let plain = Declaration::new();
    assert_eq!(
        topic("rabbit://?key_name=k", plain),
        [": the default exchange cannot be declared (it is always there; leave `declare` out)"]
    );
    assert!(topic("rabbit://amq.topic", plain)[0].contains("names that begin with `amq.` are RabbitMQ's own"));
    assert!(said("rabbit://amq.q", Side::Subscription, plain)[0].contains("are RabbitMQ's own"));
    assert_eq!(
        topic("rabbit://orders", plain.kind("Topic")),
        ["/type: there is no type of exchange `Topic` (did you mean `topic`?)"]
    );
    assert_eq!(
        topic("rabbit://orders", plain.kind("queue").bindings(const { &[Binding::new("a")] })),
        [
            "/type: there is no type of exchange `queue` (the types are `direct`, `fanout`, `topic`, `headers`)",
            "/bindings name: a publisher's exchange has no bindings (they are the queue's: a subscriber's)"
        ]
    );
    assert_eq!(
        topic("rabbit://orders", plain.arguments(&[(QUEUE_TYPE, Argument::Text("quorum"))])),
        ["/arguments/x-queue-type name: `x-queue-type` is an argument of a queue, not of an exchange"]
    );
    const BOUND: &[Binding] = &[Binding::new("a"), Binding::new("").arguments(&[("x-mach", Argument::Null)])];
    let bound = plain.bindings(BOUND);
    assert_eq!(
        said("rabbit://q", Side::Subscription, bound),
        [
            "/bindings/1/exchange: a queue cannot be bound to the default exchange (that one knows every queue by its \
             name already)",
            "/bindings/1/arguments/x-mach name: unknown argument `x-mach`, which RabbitMQ would ignore (did you mean \
             `x-match`?)"
        ]
    );
}

#[test]
fn what_delays_messages_is_refused() {
    let topic = |declaration| said("rabbit://orders", Side::Topic, declaration);
    let delayed = Declaration::new().arguments(const { &[("x-delayed-type", Argument::Text("topic"))] });
    assert_eq!(
        topic(delayed.kind("x-delayed-message")),
        [
            "/type: exchanges of the plugin for delayed messages are not supported: a server gives each delayed message back \
             as if no queue took it (an `x-message-ttl` and an `x-dead-letter-exchange` of a queue delay messages, too)"
        ]
    );
    assert_eq!(
        topic(delayed),
        [
            "/arguments/x-delayed-type name: `x-delayed-type` is an argument of the type `x-delayed-message`, which is not \
             supported"
        ]
    );
    let long: &'static str = format!("x-{}", "y".repeat(254)).leak();
    assert_eq!(
        topic(Declaration::new().kind(long)),
        ["/type: the type of an exchange has at most 255 bytes, this one has 256"]
    );
}
