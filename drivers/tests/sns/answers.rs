//! What the client makes of a service's answers, of none, and of many requests at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, Publisher as _};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::fake::{Fake, Reply, Request};
use super::server::{broker, failure, publish, publisher, topic};
use crate::log::Log;
use crate::support::until;

pub(super) const ARN: &str = "arn:aws:sns:us-east-2:123456789012:orders";

const FIFO: &str = "arn:aws:sns:us-east-2:123456789012:orders.fifo";

/// What SNS answers when all is well.
pub(super) fn fine(request: &Request) -> Reply {
    if request.is("Action=PublishBatch") {
        let ids = (0..10).filter(|id| request.body.contains(&format!("member.{}.Id=", id + 1)));
        let one = |id: usize| format!("<member><Id>{id}</Id><MessageId>batched-{id}</MessageId></member>");
        let members: String = ids.map(one).collect();
        return xml(&format!(
            "<PublishBatchResponse><PublishBatchResult><Successful>{members}</Successful><Failed/></PublishBatchResult></PublishBatchResponse>"
        ));
    }
    if request.is("Action=Publish") {
        return fine_publish();
    }
    xml(
        "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes/></GetTopicAttributesResult></GetTopicAttributesResponse>",
    )
}

fn fine_publish() -> Reply {
    xml("<PublishResponse><PublishResult><MessageId>one</MessageId></PublishResult></PublishResponse>")
}

fn xml(text: &str) -> Reply {
    Reply::Answer(200, "text/xml", text.to_owned())
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let whose = if status < 500 { "Sender" } else { "Receiver" };
    let text = format!(
        "<ErrorResponse><Error><Type>{whose}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    Reply::Answer(status, "text/xml", text)
}

fn is_publish(request: &Request) -> bool {
    request.body.starts_with("Action=Publish")
}

/// A service that answers each publish with `reply`, and is well otherwise.
async fn answering(reply: Reply) -> Fake {
    Fake::start(move |request| if is_publish(request) { reply.clone() } else { fine(request) }).await
}

#[tokio::test]
async fn what_refusals_mean() {
    use PublishErrorKind::{Full, Refused, TooLarge, Unknown, Unreachable};
    for (status, code, message, kind) in [
        (403, "AuthorizationError", "not authorized to perform: SNS:Publish", Refused),
        (404, "NotFound", "Topic does not exist", Refused),
        (400, "InvalidParameter", "Invalid parameter: Message too long", TooLarge),
        (400, "Throttling", "Rate exceeded", Full),
        (403, "InvalidClientTokenId", "The security token included in the request is invalid.", Unreachable),
        (403, "ExpiredToken", "The security token included in the request is expired", Unreachable),
        (500, "InternalError", "sorry", Unknown),
        (503, "ServiceUnavailable", "sorry", Unknown),
    ] {
        let service = answering(error(status, code, message)).await;
        let broker = broker(&service.url());
        let to = publisher(&broker, ARN).await;
        let found = failure(&to, Message::new("x")).await;
        assert_eq!(found, (kind, format!("{code}: {message}")), "{status}");
        broker.close().await;
    }
}

/// A service that has an answer for the first publish, and another one for those after it.
async fn changing(first: Reply, then: Reply) -> Fake {
    let count = AtomicUsize::new(0);
    let answer = move |request: &Request| match (is_publish(request), count.load(Ordering::Relaxed)) {
        (false, _) => fine(request),
        (true, 0) => {
            count.store(1, Ordering::Relaxed);
            first.clone()
        }
        (true, _) => then.clone(),
    };
    Fake::start(answer).await
}

#[tokio::test]
async fn what_may_have_been_stored_is_not_sent_again() {
    for first in [Reply::Hangup, error(500, "InternalError", "sorry")] {
        let service = changing(first, fine_publish()).await;
        let broker = broker(&service.url());
        let to = publisher(&broker, ARN).await;
        let (kind, reason) = failure(&to, Message::new("x")).await;
        assert_eq!(kind, PublishErrorKind::Unknown, "{reason}");
        assert_eq!(service.asked().iter().filter(|request| is_publish(request)).count(), 1);
        broker.close().await;
    }
    // What was certainly not stored is.
    let service = changing(error(400, "Throttling", "Rate exceeded"), fine_publish()).await;
    let broker = broker(&service.url());
    let to = publisher(&broker, ARN).await;
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    assert_eq!(service.asked().iter().filter(|request| is_publish(request)).count(), 2);
    broker.close().await;
}

/// A FIFO topic drops what it has seen, so the message is sent again. Where that is refused, the first may still be there.
#[tokio::test]
async fn what_has_an_id_on_a_fifo_topic_is_sent_again() {
    let message = || Message { key: Some("a".to_owned()), id: Some("1".to_owned()), ..Message::new("x") };
    let service = changing(Reply::Hangup, fine_publish()).await;
    let broker = broker(&service.url());
    let to = publisher(&broker, FIFO).await;
    publish(&to, message()).await.expect("it is confirmed");
    broker.close().await;

    let service = changing(Reply::Hangup, error(403, "AuthorizationError", "not any more")).await;
    let broker = super::server::broker(&service.url());
    let to = publisher(&broker, FIFO).await;
    let (kind, reason) = failure(&to, message()).await;
    assert_eq!((kind, &*reason), (PublishErrorKind::Unknown, "AuthorizationError: not any more"));
    assert_eq!(service.asked().iter().filter(|request| is_publish(request)).count(), 2);
    broker.close().await;
}

/// A batch may have been stored at the first attempt, whatever the second one's answer says of a message.
#[tokio::test]
async fn what_fails_at_the_second_attempt_may_have_been_stored_at_the_first() {
    let service = Fake::start(|request| {
        if !request.is("Action=PublishBatch") {
            return fine(request);
        }
        if request.header("amz-sdk-request").is_some_and(|sent| sent.contains("attempt=1;")) {
            return Reply::Hangup;
        }
        let ids = (1..10).filter(|id| request.body.contains(&format!("member.{}.Id=", id + 1)));
        let stored: String = ids.map(|id| format!("<member><Id>{id}</Id><MessageId>m</MessageId></member>")).collect();
        let failed = "<member><Id>0</Id><Code>Throttled</Code><Message>slowly</Message><SenderFault>true</SenderFault></member>";
        xml(&format!("<PublishBatchResponse><PublishBatchResult><Successful>{stored}</Successful><Failed>{failed}</Failed></PublishBatchResult></PublishBatchResponse>"))
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, FIFO).await;
    let message =
        |number: usize| Message { key: Some("a".to_owned()), id: Some(number.to_string()), ..Message::new("x") };
    let sent = join_all((0..11).map(|number| publish(&to, message(number)))).await;
    let kinds: Vec<_> = sent.iter().filter_map(|sent| sent.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [PublishErrorKind::Unknown]);
    broker.close().await;
}

/// Who may not ask whether a FIFO topic compares bodies, learns it from what it refuses.
#[tokio::test]
async fn a_topic_that_does_not_say_whether_it_compares_bodies() {
    const WANTS_IDENTITY: &str = "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or \
                                  MessageDeduplicationId provided explicitly";
    let service = Fake::start(|request| match is_publish(request) {
        true if request.body.contains("MessageDeduplicationId=") => fine(request),
        true => error(400, "InvalidParameter", WANTS_IDENTITY),
        false => error(403, "AuthorizationError", "not authorized to perform: SNS:GetTopicAttributes"),
    })
    .await;
    let broker = broker(&service.url());
    let to = publisher(&broker, FIFO).await;
    let message = || Message { key: Some("a".to_owned()), ..Message::new("x") };
    for _ in 0..2 {
        publish(&to, message()).await.expect("it is confirmed");
    }
    assert_eq!(service.asked().iter().filter(|request| is_publish(request)).count(), 3);
    let sent = join_all((0..11).map(|_| publish(&to, message()))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    broker.close().await;
}

#[tokio::test]
async fn no_answer_at_all() {
    for reply in [Reply::Silence, Reply::Hangup, Reply::Answer(200, "text/xml", "<".to_owned())] {
        let service = answering(reply.clone()).await;
        let broker = broker(&service.url());
        let to = publisher(&broker, ARN).await;
        let (kind, reason) = failure(&to, Message::new("x")).await;
        assert_eq!(kind, PublishErrorKind::Unknown, "{reply:?}: {reason}");
        broker.close().await;
    }
}

#[tokio::test]
async fn a_service_that_is_not_there() {
    let log = Log::start();
    let service = Fake::start(fine).await;
    let url = service.url();
    drop(service);
    let broker = broker(&url);
    let to = topic(&broker, ARN);
    until("an attempt has failed", || broker.counters().is_some_and(|counters| counters.connect_failures() > 0)).await;
    let (kind, reason) = failure(&to, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{reason}");
    let lines = log.lines("cannot connect, will try again");
    assert!(lines.len() == 1 && lines[0].contains("sns"), "{lines:?}");
    assert_eq!(broker.state(), BrokerState::Connecting);
    broker.close().await;
}

/// A clear line, no storm, and it comes back by itself when the credentials are good.
#[tokio::test]
async fn credentials_that_nobody_knows() {
    let log = Log::start();
    let known = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let of_service = Arc::clone(&known);
    let service = Fake::start(move |request| match of_service.load(Ordering::Relaxed) {
        true => fine(request),
        false => error(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
    })
    .await;
    let broker = broker(&service.url());
    let to = topic(&broker, ARN);
    let failures = || broker.counters().map_or(0, |counters| counters.connect_failures());
    until("attempts have failed", || failures() >= 3).await;
    let (kind, reason) = failure(&to, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    assert_eq!(reason, "InvalidClientTokenId: The security token included in the request is invalid.");
    let lines = log.lines("InvalidClientTokenId");
    assert!(lines.len() == 1 && lines[0].contains("WARN"), "{lines:?}");
    assert!(log.lines("s3same").is_empty());
    // Each attempt asks once: there is nothing to gain by asking again.
    assert!(service.asked().len() as u64 <= failures() + 1, "{} requests", service.asked().len());
    known.store(true, Ordering::Relaxed);
    until("it is connected", || broker.state() == BrokerState::Connected).await;
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    // Somebody takes the key away.
    known.store(false, Ordering::Relaxed);
    assert_eq!(failure(&to, Message::new("x")).await.0, PublishErrorKind::Unreachable);
    until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    broker.close().await;
}

/// A lone message goes at once and alone, and those that come meanwhile go together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_gathered_while_requests_are_under_way() {
    let service = Fake::start(|request| match is_publish(request) {
        true => Reply::Late(Duration::from_millis(20), Box::new(fine(request))),
        false => fine(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = Arc::new(publisher(&broker, ARN).await);
    assert_eq!(publish(&to, Message::new("lone")).await.expect("confirmed").id.as_deref(), Some("one"));
    assert!(service.asked().iter().any(|request| request.is("Action=Publish") && request.is("Message=lone")));

    let gate = Arc::new(Semaphore::new(0));
    let many: Vec<_> = (0..200)
        .map(|number: usize| {
            let (to, gate) = (Arc::clone(&to), Arc::clone(&gate));
            tokio::spawn(async move {
                let _permit = gate.acquire().await;
                to.publish(Message::new(number.to_string())).await.expect("it is confirmed").id.expect("an id")
            })
        })
        .collect();
    gate.add_permits(200);
    for one in many {
        timeout(Duration::from_secs(60), one).await.expect("an end").expect("no panic");
    }
    let asked = service.asked();
    let publishes = asked.iter().filter(|request| is_publish(request)).count();
    assert!(publishes < 150, "{publishes} requests");
    for number in 0..200 {
        let field = format!("Message={number}");
        let found = asked.iter().filter(|request| {
            request.body.split('&').any(|found| found == field || found.ends_with(&format!(".{field}")))
        });
        assert_eq!(found.count(), 1, "{number}");
    }
    broker.close().await;
}

/// Each message of a request has its own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_batch_is_refused() {
    let service = Fake::start(|request| {
        if request.is("Action=PublishBatch") {
            let bad = |id: usize| request.body.contains(&format!("member.{}.Message=bad", id + 1));
            let (mut stored, mut failed) = (String::new(), String::new());
            for id in (0..10).filter(|id| request.body.contains(&format!("member.{}.Id=", id + 1))) {
                if bad(id) {
                    failed += &format!("<member><Id>{id}</Id><Code>InvalidParameter</Code><Message>no</Message><SenderFault>true</SenderFault></member>");
                } else {
                    stored += &format!("<member><Id>{id}</Id><MessageId>m</MessageId></member>");
                }
            }
            return xml(&format!("<PublishBatchResponse><PublishBatchResult><Successful>{stored}</Successful><Failed>{failed}</Failed></PublishBatchResult></PublishBatchResponse>"));
        }
        if request.is("Message=bad") {
            return error(400, "InvalidParameter", "no");
        }
        match is_publish(request) {
            true => Reply::Late(Duration::from_millis(50), Box::new(fine(request))),
            false => fine(request),
        }
    })
    .await;
    let broker = broker(&service.url());
    let to = Arc::new(publisher(&broker, ARN).await);
    let many: Vec<_> = (0..50)
        .map(|number| {
            let to = Arc::clone(&to);
            let body = if number % 7 == 3 { "bad" } else { "good" };
            tokio::spawn(async move { (body, publish(&to, Message::new(body)).await.map_err(|error| error.kind)) })
        })
        .collect();
    for one in many {
        let (body, published) = one.await.expect("no panic");
        match body {
            "bad" => assert_eq!(published, Err(PublishErrorKind::Refused)),
            _ => assert!(published.is_ok(), "{published:?}"),
        }
    }
    assert!(service.asked().iter().any(|request| request.is("Action=PublishBatch")));
    broker.close().await;
}

/// What is on its way is waited for, and what comes late is not taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_what_is_on_its_way() {
    let service = Fake::start(|request| match is_publish(request) {
        true => Reply::Late(Duration::from_millis(300), Box::new(fine(request))),
        false => fine(request),
    })
    .await;
    let broker = broker(&service.url());
    let to = Arc::new(publisher(&broker, ARN).await);
    let slow = tokio::spawn({
        let to = Arc::clone(&to);
        async move { publish(&to, Message::new("slow")).await }
    });
    until("it is on its way", || service.asked().iter().any(is_publish)).await;
    broker.close().await;
    slow.await.expect("no panic").expect("it is confirmed");
    assert_eq!(failure(&to, Message::new("late")).await.0, PublishErrorKind::Unreachable);
}

#[cfg(feature = "nats")]
#[tokio::test]
async fn tls_with_roots_of_its_own() {
    let (service, pem) = Fake::start_with_tls(fine).await;
    let folder = crate::support::folder("sns-tls", "");
    let path = folder.join("ca.pem");
    std::fs::write(&path, pem).expect("the file can be written");
    let (url, path) = (format!("https://localhost:{}", service.address.port()), path.to_str().expect("text"));
    let login = [("endpoint", &*url), ("access_key_id", "test"), ("secret_access_key", "s3same")];
    let trusting = super::server::open(&[&login[..], &[("tls.ca_certs", path)]].concat());
    let to = publisher(&trusting, ARN).await;
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    trusting.close().await;
    // Nobody else vouches for it.
    let distrusting = super::server::open(&login);
    let to = topic(&distrusting, ARN);
    let failures = || distrusting.counters().map_or(0, |counters| counters.connect_failures());
    until("an attempt has failed", || failures() > 0).await;
    let (kind, reason) = failure(&to, Message::new("x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    assert!(reason.contains("certificate"), "{reason}");
    distrusting.close().await;
    let _ = std::fs::remove_dir_all(folder);
}
