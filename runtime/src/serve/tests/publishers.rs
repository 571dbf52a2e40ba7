//! Publishers on a broker that does what its topic is called, and tells in its receipt what it was sent.

use std::fmt::Write as _;
use std::future::pending;

use sluicegate_drivers::{
    Broker, BrokerState, Capabilities, Driver, Message, OpenError, PublishError, PublishErrorKind, Publisher,
    PublisherOptions, Receipt, Settings, SubscriberOptions,
};

use super::super::*;
use super::*;
use crate::generated::{All, AnyBackend, Confirm, Forward, Http, Only, Part, Post, Publish, Text, mem};

static DRIVER: Driver = Driver {
    name: "scripted",
    schemes: &["scripted"],
    topic: None,
    subscription: None,
    environment: &[],
    settings: &[],
    capabilities: Capabilities {
        confirm: &[Confirm::All, Confirm::Leader, Confirm::None],
        dedup: true,
        max_body_bytes: Some(64),
        ..mem::DRIVER.capabilities
    },
    has_client: true,
    covers: None,
    check_attribute: None,
    reserved_attributes: &[],
    check_settings: None,
    check_declaration: None,
    check_message: Some(|url, parts| match url.contains("plain") && parts.id {
        true => vec![(sluicegate_drivers::Part::Id, "plain topics have no place for it".to_owned())],
        false => Vec::new(),
    }),
};

struct Scripted;

struct Topic {
    name: String,
    confirm: Confirm,
}

impl Broker for Scripted {
    const DRIVER: &'static Driver = &DRIVER;
    type Publisher = Topic;
    type Subscriber = mem::Subscriber;

    fn open(_: &Settings) -> Result<Self, OpenError> {
        Ok(Self)
    }

    fn publisher(&self, url: &str, options: &PublisherOptions) -> Result<Topic, OpenError> {
        Ok(Topic { name: url.trim_start_matches("scripted://").to_owned(), confirm: options.confirm })
    }

    fn subscriber(&self, url: &str, _: &SubscriberOptions) -> Result<mem::Subscriber, OpenError> {
        Err(OpenError::Url(sluicegate_drivers::UrlError::new(0..url.len(), "only topics")))
    }

    fn state(&self) -> BrokerState {
        BrokerState::Connected
    }

    async fn close(&self) {}
}

impl Publisher for Topic {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        let kind = match self.name.as_str() {
            "unreachable" => PublishErrorKind::Unreachable,
            "full" => PublishErrorKind::Full,
            "refused" => PublishErrorKind::Refused,
            "too-large" => PublishErrorKind::TooLarge,
            "invalid" => PublishErrorKind::Invalid,
            "unknown" => PublishErrorKind::Unknown,
            "silent" => pending().await,
            _ => {
                let mut id = format!("key {:?} id {:?}", message.key, message.id);
                for attribute in message.attributes {
                    write!(id, " {}={}", attribute.name, attribute.value).unwrap();
                }
                let partition = Some(format!("{} {:?}", self.name, self.confirm));
                return Ok(Receipt { id: Some(id), partition, offset: Some(7), duplicate: false });
            }
        };
        Err(PublishError::new(kind, "10.0.0.1 says so"))
    }
}

endpoints_of! {
    Publish<Scripted>,
}

const PATIENT: Duration = Duration::from_secs(20);

fn publish(url: &'static str) -> Publish<Scripted> {
    Publish::new(url)
}

fn merge(backends: &[&'static dyn AnyBackend]) -> Endpoint<Merge> {
    Endpoint::new(Post, "/{region}/{id}", "", Merge::new(leak(backends.to_vec()).as_slice())).timeout(PATIENT)
}

fn serve(endpoint: impl AnyEndpoint) -> SocketAddr {
    let endpoint: &'static dyn AnyEndpoint = leak(endpoint);
    gateway(leak([endpoint]), RouterOptions { return_error_msg: true, ..RouterOptions::DEFAULT })
}

async fn post(address: SocketAddr, target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("POST {target} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n{headers}");
    ask(address, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
}

/// Status, `Retry-After` and body.
fn outcome(answer: &str) -> (&str, Vec<&str>, &str) {
    (status(answer), header(answer, "retry-after"), body(answer))
}

const FAILURES: [(&str, &str, Option<&str>, &str); 7] = [
    ("scripted://unreachable", "503", Some("1"), "refused"),
    ("scripted://full", "503", Some("1"), "refused"),
    ("scripted://refused", "502", None, "refused"),
    ("scripted://too-large", "413", None, "refused"),
    ("scripted://invalid", "400", None, "refused"),
    ("scripted://unknown", "504", None, "unknown"),
    ("scripted://silent", "504", None, "unknown"),
];

#[tokio::test]
async fn each_failure_has_its_status() {
    for (url, expected, retry, _) in FAILURES {
        let timeout = if url.ends_with("silent") { Duration::from_secs(1) } else { PATIENT };
        let address = serve(Endpoint::new(Post, "/a", "", publish(url)).timeout(timeout));
        let answer = post(address, "/a", "", "{}").await;
        assert_eq!((status(&answer), header(&answer, "retry-after")), (expected, Vec::from_iter(retry)), "{url}");
        assert_eq!(header(&answer, "x-krakend-completed"), ["false"], "{url}");
        assert!(body(&answer).starts_with(url), "{answer}");
        // What is wrong with the client's own message is for the client, whoever found it.
        let own = matches!(expected, "400" | "413");
        assert_eq!(body(&answer).contains("10.0.0.1"), own, "{answer}");
    }
}

#[tokio::test]
async fn in_a_merge_a_publishers_failure_decides_and_each_message_is_accounted_for() {
    let (hosts, _asked) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}").await;
    let (broken, _asked) = upstream("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n").await;
    for (url, expected, retry, became) in FAILURES {
        let timeout = if url.ends_with("silent") { Duration::from_secs(1) } else { PATIENT };
        for service in [hosts, broken] {
            let backends: [&'static dyn AnyBackend; 3] =
                [leak(publish("scripted://stored")), leak(Http::new(Post, service, &[Text("/")])), leak(publish(url))];
            let answer = post(serve(merge(&backends).timeout(timeout)), "/eu/7", "", "{}").await;
            let report = format!(
                r#"{{"backends":[{{"backend":"scripted://stored","outcome":"confirmed"}},{{"backend":"{url}","outcome":"{became}"}}]}}"#
            );
            assert_eq!(outcome(&answer), (expected, Vec::from_iter(retry), report.as_str()), "{url}");
            assert_eq!(header(&answer, "content-type"), ["application/json; charset=utf-8"], "{url}");
            assert_eq!(header(&answer, "x-krakend-completed"), ["false"], "{url}");
        }
    }
}

#[tokio::test]
async fn of_several_failures_the_worst_decides() {
    for (one, other, expected, retry) in [
        ("scripted://refused", "scripted://unreachable", "503", Some("1")),
        ("scripted://unreachable", "scripted://unknown", "504", None),
        ("scripted://too-large", "scripted://refused", "502", None),
        ("scripted://invalid", "scripted://too-large", "413", None),
    ] {
        let backends: [&'static dyn AnyBackend; 2] = [leak(publish(one)), leak(publish(other))];
        let answer = post(serve(merge(&backends)), "/eu/7", "", "{}").await;
        assert_eq!(
            (status(&answer), header(&answer, "retry-after")),
            (expected, Vec::from_iter(retry)),
            "{one} {other}"
        );
    }
}

#[tokio::test]
async fn a_service_that_fails_leaves_a_publishers_answer_incomplete() {
    let (broken, _asked) = upstream("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n").await;
    for (publisher, expected) in
        [(publish("scripted://stored"), "{}"), (publish("scripted://stored").receipt_in("r"), RECEIPT_IN_R)]
    {
        let backends: [&'static dyn AnyBackend; 2] = [leak(Http::new(Post, broken, &[Text("/")])), leak(publisher)];
        let answer = post(serve(merge(&backends)), "/eu/7", "", "{}").await;
        assert_eq!((status(&answer), body(&answer)), ("200", expected));
        assert_eq!(header(&answer, "x-krakend-completed"), ["false"]);
    }
}

const RECEIPT: &str = r#"{"id":"key None id None","partition":"stored All","offset":7}"#;
const RECEIPT_IN_R: &str = r#"{"r":{"id":"key None id None","partition":"stored All","offset":7}}"#;

#[tokio::test]
async fn a_receipt_is_a_complete_answer() {
    for (publisher, expected) in [
        (publish("scripted://stored"), "{}"),
        (publish("scripted://stored").receipt(), RECEIPT),
        (publish("scripted://stored").receipt_in("r"), RECEIPT_IN_R),
    ] {
        let answer = post(serve(Endpoint::new(Post, "/a", "", publisher)), "/a", "", "{}").await;
        assert_eq!(outcome(&answer), ("200", vec![], expected));
        assert_eq!(header(&answer, "x-krakend-completed"), ["true"]);
    }
}

#[tokio::test]
async fn receipts_are_merged_with_answers() {
    let (hosts, _asked) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}").await;
    let backends: [&'static dyn AnyBackend; 3] = [
        leak(publish("scripted://one").receipt_in("one")),
        leak(Http::new(Post, hosts, &[Text("/")])),
        leak(publish("scripted://two").confirm(Confirm::Leader).receipt()),
    ];
    let answer = post(serve(merge(&backends)), "/eu/7", "", "{}").await;
    let expected = concat!(
        r#"{"one":{"id":"key None id None","partition":"one All","offset":7},"a":1,"#,
        r#""id":"key None id None","partition":"two Leader","offset":7}"#
    );
    assert_eq!(outcome(&answer), ("200", vec![], expected));
    assert_eq!(header(&answer, "x-krakend-completed"), ["true"]);
}

#[tokio::test]
async fn a_body_over_the_brokers_limit_goes_nowhere() {
    let (hosts, mut asked) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let publisher = leak(publish("scripted://stored"));
    let backends: [&'static dyn AnyBackend; 2] = [leak(Http::new(Post, hosts, &[Text("/")])), publisher];
    let large = format!("\"{}\"", "x".repeat(64));
    for address in [serve(Endpoint::new(Post, "/{region}/{id}", "", *publisher)), serve(merge(&backends))] {
        assert_eq!(status(&post(address, "/eu/7", "", &large).await), "413");
        let chunked = format!("Transfer-Encoding: chunked\r\n\r\n42\r\n{large}\r\n0\r\n\r\n");
        let head = "POST /eu/7 HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n";
        assert_eq!(status(&ask(address, &format!("{head}{chunked}")).await), "413");
    }
    assert!(asked.try_recv().is_err());
}

/// The endpoint's time counts from the request's head: when it is up, a message on its way must be told of.
#[tokio::test]
async fn a_slow_body_hides_no_message() {
    let backends: [&'static dyn AnyBackend; 2] =
        [leak(publish("scripted://stored")), leak(publish("scripted://silent"))];
    let address = serve(merge(&backends).timeout(Duration::from_secs(4)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /eu/7 HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stream.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    let report = r#"{"backends":[{"backend":"scripted://stored","outcome":"confirmed"},{"backend":"scripted://silent","outcome":"unknown"}]}"#;
    assert_eq!(outcome(&answer), ("504", vec![], report));
}

/// A publisher with every option.
fn keyed() -> Publish<Scripted> {
    publish("scripted://stored")
        .key(&[Part::Text("order-"), Part::Param(1)])
        .dedup_id(&[Part::Header("X-Id"), Part::Text("/"), Part::Body(&["id"])])
        .attributes(&[
            ("region", &[Part::Param(0)]),
            ("X-Tier", &[Part::Query("tier")]),
            ("fixed", &[Part::Text("{v2}")]),
        ])
        .receipt()
}

#[tokio::test]
async fn a_message_has_what_the_options_say() {
    let endpoint = Endpoint::new(Post, "/{region}/{id}", "", keyed()).input_headers(All).input_query_strings(All);
    let address = serve(endpoint);
    let headers = "X-Id: 1\r\nX-Tier: client\r\nX-Other: 2\r\n";
    let said = async |target: &str, body: &str| {
        let answer = post(address, target, headers, body).await;
        let json: serde_json::Value = serde_json::from_str(super::body(&answer)).unwrap_or_else(|_| panic!("{answer}"));
        json["id"].as_str().unwrap().to_owned()
    };
    let answer = said("/eu/7?tier=gold", r#"{"id": 1.0}"#).await;
    assert!(answer.starts_with(r#"key Some("order-7") id Some("1/1.0") "#), "{answer}");
    for expected in [" X-Tier=gold", " region=eu", " fixed={v2}", " X-Other=2", " X-Id=1"] {
        assert_eq!(answer.matches(expected).count(), 1, "{expected} in {answer}");
    }
    assert_eq!(answer.matches("X-Tier").count(), 1, "the option counts before the header: {answer}");
    let without = said("/eu/7", r#"{"id": "a"}"#).await;
    assert!(!without.contains("X-Tier"), "a header is no value of an option: {without}");
}

#[tokio::test]
async fn what_the_request_lacks_is_its_mistake_and_nothing_is_sent() {
    let (hosts, mut asked) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let other: &'static dyn AnyBackend = leak(Http::new(Post, hosts, &[Text("/")]));
    let alone = Endpoint::new(Post, "/{region}/{id}", "", keyed()).input_headers(All).input_query_strings(All);
    let merged = merge(&[other, leak(keyed())]).input_headers(All).input_query_strings(All);
    for address in [serve(alone), serve(merged)] {
        for (target, headers, sent, expected) in [
            ("/eu/7", "", r#"{"id":1}"#, "the dedup_id of the message cannot be made: `{header.X-Id}` has no value"),
            (
                "/eu/7",
                "X-Id: \r\n",
                r#"{"id":1}"#,
                "the dedup_id of the message cannot be made: `{header.X-Id}` has no value",
            ),
            (
                "/eu/7",
                "X-Id: 1\r\n",
                r#"{"id":[]}"#,
                "the dedup_id of the message cannot be made: `{body.id}` has no value",
            ),
            (
                "/eu/7",
                "X-Id: 1\t2\r\n",
                r#"{"id":1}"#,
                "the dedup_id of the message cannot be made: `{header.X-Id}` has a control character in it",
            ),
            (
                "/eu/7?tier=%0d%0a",
                "X-Id: 1\r\n",
                r#"{"id":1}"#,
                "the attribute X-Tier cannot be made: `{query.tier}` has a control character in it",
            ),
            (
                "/eu/7?tier=%ff",
                "X-Id: 1\r\n",
                r#"{"id":1}"#,
                "the attribute X-Tier cannot be made: `{query.tier}` is not UTF-8",
            ),
            (
                "/eu/7%00",
                "X-Id: 1\r\n",
                r#"{"id":1}"#,
                "the key of the message cannot be made: `{id}` has a control character in it",
            ),
        ] {
            let answer = post(address, target, headers, sent).await;
            assert_eq!(outcome(&answer), ("400", vec![], expected), "{target} {headers} {sent}");
        }
        let answer = post(address, "/eu/7", "X-Id: 1\r\n", "nothing").await;
        assert!(body(&answer).contains("`{body.id}` has no value: the body is not JSON"), "{answer}");
    }
    assert!(asked.try_recv().is_err(), "nor is anything else called");
}

#[tokio::test]
async fn an_idempotency_key_is_the_id_where_it_is_let_in() {
    let publisher = publish("scripted://stored").receipt();
    let listed = || Only(&["idempotency-key", "x-a"]);
    let id = |publisher: Publish<Scripted>| Endpoint::new(Post, "/a", "", publisher);
    for (endpoint, expected) in [
        (id(publisher).input_headers(listed()), r#"key None id Some(\"k-1\") X-A=1"#),
        (id(publisher).input_headers(All), r#"key None id Some(\"k-1\") X-A=1"#),
        (id(publisher), "key None id None"),
        // A topic that compares none.
        (
            id(publish("scripted://plain").receipt()).input_headers(listed()),
            "key None id None Idempotency-Key=k-1 X-A=1",
        ),
        (
            id(publisher.dedup_id(&[Part::Text("own")])).input_headers(listed()),
            r#"key None id Some(\"own\") Idempotency-Key=k-1 X-A=1"#,
        ),
        (id(publisher.forward(Forward::DEFAULT.headers(&["x-a"]))).input_headers(All), "key None id None X-A=1"),
    ] {
        let address = serve(endpoint);
        let answer = post(address, "/a", "Idempotency-Key: k-1\r\nX-A: 1\r\n", "{}").await;
        // Where all headers pass, so does this one.
        let said = body(&answer).replace(" Content-Length=2", "");
        assert!(said.starts_with(&format!("{{\"id\":\"{expected}\",")), "{expected} in {answer}");
    }
    let address = serve(id(publisher).input_headers(listed()));
    for (headers, expected) in [
        ("Idempotency-Key: \r\n", "the header Idempotency-Key is empty"),
        ("Idempotency-Key: a\tb\r\n", "the header Idempotency-Key has a control character in it"),
    ] {
        assert_eq!(outcome(&post(address, "/a", headers, "{}").await), ("400", vec![], expected));
    }
    let without = post(address, "/a", "", "{}").await;
    assert!(body(&without).starts_with(r#"{"id":"key None id None","#), "{without}");
}
