//! What a service may answer to those who receive, well-meant or not.

use std::time::Duration;

use prost::Message as _;
use sluicegate_drivers::gcp_pubsub::{Broker, Subscriber};
use sluicegate_drivers::{Broker as _, Delivery as _, ReceiveError, SettleError, Settlement};
use tokio::time::sleep;

use super::gate::{Gate, Reply, Seen};
use super::identity::Tokens;
use super::place::{ack, body, failure, receive, receive_at_last, subscriber};
use super::server::until;
use super::verdicts::client;

const SUBSCRIPTION: &str = "gcppubsub://project/subscription";

#[derive(Clone, PartialEq, prost::Message)]
struct PullResponse {
    #[prost(message, repeated, tag = "1")]
    received_messages: Vec<Received>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Received {
    #[prost(string, tag = "1")]
    ack_id: String,
    #[prost(message, optional, tag = "2")]
    message: Option<Stored>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stored {
    #[prost(string, tag = "1")]
    data: String,
}

/// Of `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(map = "string, string", tag = "3")]
    metadata: std::collections::HashMap<String, String>,
}

/// Messages whose ack ids are their bodies.
fn messages(bodies: &[&str]) -> Reply {
    let received =
        |body: &&str| Received { ack_id: format!("ack-{body}"), message: Some(Stored { data: (*body).to_owned() }) };
    Reply::Bytes(PullResponse { received_messages: bodies.iter().map(received).collect() }.encode_to_vec().leak())
}

fn troubles(troubles: &[(&str, &str)]) -> Vec<u8> {
    let metadata = troubles.iter().map(|(id, what)| ((*id).to_owned(), (*what).to_owned())).collect();
    let value = ErrorInfo { metadata }.encode_to_vec();
    let type_url = "type.googleapis.com/google.rpc.ErrorInfo".to_owned();
    Details { details: vec![Any { type_url, value }] }.encode_to_vec()
}

/// A gate where a pull is answered as `pulls` says and then never again, and acknowledgements as `acks` says and then well.
async fn start(pulls: Vec<Reply>, acks: Vec<Reply>) -> (Gate, Broker, Subscriber) {
    let tokens = Tokens::start().await;
    let gate = Gate::start(answers(pulls, acks)).await;
    let (broker, _) = client(&gate, &tokens.url()).await;
    let subscriber = subscriber(&broker, SUBSCRIPTION);
    (gate, broker, subscriber)
}

fn answers(pulls: Vec<Reply>, acks: Vec<Reply>) -> impl FnMut(&Seen) -> Reply + Send {
    let (mut pulls, mut acks) = (pulls.into_iter(), acks.into_iter());
    move |seen| match () {
        () if seen.path.ends_with("/Pull") => pulls.next().unwrap_or(Reply::Silence),
        () if seen.path.ends_with("/Acknowledge") => acks.next().unwrap_or(Reply::Bytes(b"")),
        () => Reply::Bytes(b""),
    }
}

fn count(gate: &Gate, method: &str) -> usize {
    gate.seen().iter().filter(|seen| seen.path.ends_with(method)).count()
}

fn was_said(gate: &Gate, method: &str, words: &str) -> bool {
    let is_it = |seen: &Seen| seen.path.ends_with(method) && String::from_utf8_lossy(&seen.request).contains(words);
    gate.seen().iter().any(is_it)
}

#[tokio::test]
async fn more_than_was_asked_for_is_given_back() {
    let (gate, broker, subscriber) = start(vec![messages(&["a", "b", "c"])], Vec::new()).await;
    let delivery = receive(&subscriber).await;
    assert_eq!(body(&delivery), "a");
    until("the others are given back", || {
        ["ack-b", "ack-c"].iter().all(|id| was_said(&gate, "/ModifyAckDeadline", id))
    })
    .await;
    assert!(!was_said(&gate, "/ModifyAckDeadline", "ack-a"));
    ack(&delivery).await;
    broker.close().await;
}

#[tokio::test]
async fn answers_without_a_message_are_not_a_loop() {
    let (gate, broker, subscriber) = start(vec![Reply::Bytes(b""); 1_000], Vec::new()).await;
    let receiving = tokio::spawn(async move { receive(&subscriber).await });
    until("it is asked", || count(&gate, "/Pull") > 0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let pulls = count(&gate, "/Pull");
    assert!(pulls < 50, "{pulls} within a second");
    assert!(!receiving.is_finished());
    receiving.abort();
    broker.close().await;
}

#[tokio::test]
async fn who_cannot_receive_is_told_why() {
    let (gate, broker, subscriber) = start(Vec::new(), Vec::new()).await;
    for (reply, is_refusal) in [
        (Reply::Status(5, "no subscription"), true),
        (Reply::Status(7, "not yours"), true),
        (Reply::Status(9, "it is pushed"), true),
        (Reply::Status(8, "quota"), false),
        (Reply::Status(13, "a fault"), false),
        (Reply::Status(14, "not now"), false),
        (Reply::Status(16, "who are you"), false),
        (Reply::Reset, false),
        (Reply::Bytes(b"\x0a\x7fid"), false),
        (Reply::Bytes(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), false),
    ] {
        gate.set(answers(vec![reply.clone(); 1_000], Vec::new()));
        let error = failure(&subscriber).await;
        assert_eq!(matches!(error, ReceiveError::Refused(_)), is_refusal, "{reply:?}: {error}");
        if let Reply::Status(_, words) = reply {
            assert!(error.to_string().contains(words), "{reply:?}: {error}");
        }
        gate.set(answers(vec![messages(&["well"]); 1_000], Vec::new()));
        let delivery = receive_at_last(&subscriber).await;
        assert_eq!(body(&delivery), "well");
        ack(&delivery).await;
    }
    broker.close().await;
}

#[tokio::test]
async fn one_failure_is_not_told() {
    let pulls = vec![Reply::Status(14, "not now"), messages(&["after all"])];
    let (_gate, broker, subscriber) = start(pulls, Vec::new()).await;
    let delivery = receive(&subscriber).await;
    assert_eq!(body(&delivery), "after all");
    ack(&delivery).await;
    broker.close().await;
}

#[tokio::test]
async fn an_acknowledgement_is_told_again() {
    let acks = vec![Reply::Status(14, "not now"), Reply::Reset];
    let (gate, broker, subscriber) = start(vec![messages(&["a"])], acks).await;
    ack(&receive(&subscriber).await).await;
    assert_eq!(count(&gate, "/Acknowledge"), 3);
    // A refusal is not.
    gate.set(answers(vec![messages(&["b"])], vec![Reply::Status(5, "no subscription")]));
    let told = receive(&subscriber).await.settle(Settlement::Ack).await;
    assert!(matches!(told, Err(SettleError::Unreachable(_))), "{told:?}");
    assert_eq!(count(&gate, "/Acknowledge"), 4);
    broker.close().await;
}

/// One that the service does not know is no other's fault.
#[tokio::test]
async fn an_acknowledgement_that_is_refused_is_refused_alone() {
    let bodies = ["a", "b", "c", "d", "e", "bad"];
    let (gate, broker, subscriber) = start(bodies.iter().map(|body| messages(&[body])).collect(), Vec::new()).await;
    let mut told = Vec::new();
    for _ in bodies {
        let delivery = receive(&subscriber).await;
        told.push(async move { (body(&delivery), delivery.settle(Settlement::Ack).await) });
    }
    gate.set(|seen| match String::from_utf8_lossy(&seen.request).contains("ack-bad") {
        true => Reply::Status(3, "an id that is none"),
        false => Reply::Bytes(b""),
    });
    for (body, told) in futures_util::future::join_all(told).await {
        assert_eq!(told.is_ok(), body != "bad", "{body}: {told:?}");
    }
    broker.close().await;
}

/// With exactly-once delivery, the service tells of each.
#[tokio::test]
async fn acknowledgements_fare_differently() {
    let fates = [("ack-a", "TRANSIENT_FAILURE_SERVICE_UNAVAILABLE"), ("ack-b", "PERMANENT_FAILURE_INVALID_ACK_ID")];
    let refusal = Reply::Detailed(9, "some were not taken", troubles(&fates));
    // The first is on its way alone; the others go together.
    let (gate, broker, subscriber) =
        start(vec![messages(&["a"]), messages(&["b"]), messages(&["c"])], Vec::new()).await;
    let (a, b, c) = (receive(&subscriber).await, receive(&subscriber).await, receive(&subscriber).await);
    gate.set(answers(Vec::new(), vec![refusal]));
    let told = [a.settle(Settlement::Ack), b.settle(Settlement::Ack), c.settle(Settlement::Ack)];
    let [a, b, c] = <[_; 3]>::try_from(futures_util::future::join_all(told).await).expect("three");
    assert!(matches!((&a, &b, &c), (Ok(()), Err(SettleError::Expired), Ok(()))), "{a:?} {b:?} {c:?}");
    assert_eq!(count(&gate, "/Acknowledge"), 2);
    sleep(Duration::from_millis(100)).await;
    broker.close().await;
}
