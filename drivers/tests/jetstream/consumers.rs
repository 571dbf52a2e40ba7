//! Which consumers are used, made and refused.

use std::time::Duration;

use serde_json::{Value, json};
use sluicegate_drivers::{Broker as _, Delivery as _, Subscriber as _, SubscriberOptions};
use tokio::time::timeout;

use super::support::{Place, ack, expect_nothing, publish, receive, refusal, try_receive};
use crate::log::Log;
use crate::server::far;

/// Makes the consumer `d`, filtered by `a`, with `config` besides.
fn make_consumer(place: &Place, config: &Value) {
    let stream = &place.stream;
    let mut consumer =
        json!({ "durable_name": "d", "ack_policy": "explicit", "filter_subject": format!("{stream}.a") });
    consumer.as_object_mut().expect("an object").extend(config.as_object().expect("an object").clone());
    let request = json!({ "stream_name": stream, "config": consumer });
    place.admin().api(&format!("CONSUMER.DURABLE.CREATE.{stream}.d"), &request);
}

#[tokio::test]
async fn one_that_is_missing_is_made() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let url = format!("{}?durable=d&ack_wait=7s", place.topic("*.b"));
    let subscriber = broker.subscriber(&url, &SubscriberOptions::default()).expect("a subscription");
    publish(&place.publisher(&broker, "a.b"), "x").await.expect("confirmed");
    publish(&place.publisher(&broker, "a.c"), "not this one").await.expect("confirmed");
    let delivery = receive(&subscriber).await;
    let origin = delivery.origin();
    assert_eq!(origin.topic, Some(&*format!("{}.a.b", place.stream)));
    assert_eq!((origin.partition, origin.offset), (Some(&*place.stream), Some(1)));
    assert!(origin.timestamp.is_some_and(|stored| stored.elapsed().is_ok_and(|age| age < Duration::from_secs(600))));
    ack(&delivery).await;
    expect_nothing(&subscriber).await;
    let config = place.admin().consumer(&place.stream, "d")["config"].clone();
    assert_eq!(config["ack_wait"], 7_000_000_000_u64);
    assert_eq!(config["filter_subject"], format!("{}.*.b", place.stream));
    assert_eq!(config["max_deliver"], -1);
}

#[tokio::test]
async fn one_that_fits_is_used_as_it_is() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    make_consumer(
        &place,
        &json!({ "ack_wait": 3_000_000_000_u64, "max_deliver": 2, "max_expires": 1_000_000_000_u64 }),
    );
    let log = Log::start();
    let broker = place.broker().await;
    let subscriber = place.subscriber(&broker, "a");
    publish(&place.publisher(&broker, "a"), "x").await.expect("confirmed");
    drop(receive(&subscriber).await);
    assert_eq!(log.lines("not delivered again"), [""; 0]);
    let second = receive(&subscriber).await;
    assert_eq!(second.delivery_count(), Some(2));
    drop(second);
    // Its own limit.
    expect_nothing(&subscriber).await;
    assert_eq!(log.lines("`max_deliveries` has to be lower").len(), 1);
    assert!(log.error("not delivered again").contains("sequence=1"));
    assert_eq!(broker.counters().map(|counters| counters.dropped()), Some(1));
    assert_eq!(place.admin().consumer(&place.stream, "d")["config"]["ack_wait"], 3_000_000_000_u64);
}

#[tokio::test]
async fn one_may_begin_anywhere_and_have_settings_of_its_own() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let publisher = place.publisher(&broker, "a");
    publish(&publisher, "first").await.expect("confirmed");
    publish(&publisher, "second").await.expect("confirmed");
    for (config, expected) in [
        (json!({ "deliver_policy": "by_start_sequence", "opt_start_seq": 2 }), "second"),
        (
            json!({ "deliver_policy": "by_start_time", "opt_start_time": "2020-01-02T03:04:05.678901234+02:00" }),
            "first",
        ),
        (json!({ "deliver_policy": "last_per_subject" }), "second"),
    ] {
        let mut consumer = json!({
            "filter_subject": "",
            "filter_subjects": [format!("{}.a", place.stream)],
            "backoff": [2_000_000_000_u64, 5_000_000_000_u64],
            "max_deliver": 3,
            "max_expires": 1_000_000_000,
            "metadata": { "team": "billing" },
            "sample_freq": "30%",
        });
        consumer.as_object_mut().expect("an object").extend(config.as_object().expect("an object").clone());
        make_consumer(&place, &consumer);
        let subscriber = place.subscriber(&broker, "a");
        let delivery = receive(&subscriber).await;
        assert_eq!(delivery.message().body, expected, "{config}");
        ack(&delivery).await;
        place.admin().api(&format!("CONSUMER.DELETE.{}.d", place.stream), &json!({}));
    }
}

#[tokio::test]
async fn one_without_a_filter_fits_where_the_subject_is_all_of_the_stream() {
    let stream = json!({
        "compression": "s2", "max_age": 3_600_000_000_000_u64, "metadata": { "team": "billing" },
        "consumer_limits": { "max_ack_pending": 50 }, "allow_msg_ttl": true, "discard": "new", "retention": "interest",
    });
    let Some(place) = Place::with_stream(&stream) else { return };
    make_consumer(&place, &json!({ "filter_subject": "" }));
    let broker = place.broker().await;
    let subscriber = place.subscriber(&broker, ">");
    publish(&place.publisher(&broker, "a"), "x").await.expect("confirmed");
    ack(&receive(&subscriber).await).await;
}

#[tokio::test]
async fn one_that_does_not_fit_is_refused_until_it_does() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    for (config, what) in [
        (json!({ "filter_subject": format!("{}.b", place.stream) }), "has the filter"),
        (json!({ "filter_subject": "" }), "has no filter"),
        (json!({ "ack_policy": "none" }), "has the ack policy `none`, not `explicit`"),
        (json!({ "deliver_subject": "elsewhere" }), "is a push consumer"),
        (json!({ "headers_only": true }), "delivers headers without bodies"),
        (json!({ "priority_groups": ["jobs"], "priority_policy": "prioritized" }), "has priority groups"),
    ] {
        make_consumer(&place, &config);
        let subscriber = place.subscriber(&broker, "a");
        let reason = refusal(&try_receive(&subscriber).await.expect_err("refused"));
        assert!(reason.contains(what), "{reason}");
        // At once again, and without asking each time.
        let again = refusal(&try_receive(&subscriber).await.expect_err("refused"));
        assert_eq!(again, reason);
        place.admin().api(&format!("CONSUMER.DELETE.{}.d", place.stream), &json!({}));
    }
    let subscriber = place.subscriber(&broker, "a");
    publish(&place.publisher(&broker, "a"), "x").await.expect("confirmed");
    ack(&receive(&subscriber).await).await;
}

#[tokio::test]
async fn a_stream_is_not_made_and_found_once_it_is_there() {
    let Some(place) = Place::start("") else { return };
    let broker = place.broker().await;
    let by_subject = place.subscriber(&broker, "a");
    let url = format!("{}?durable=e&stream={}", place.topic("a"), place.stream);
    let by_name = broker.subscriber(&url, &SubscriberOptions::default()).expect("a subscription");
    let reason = refusal(&try_receive(&by_subject).await.expect_err("refused"));
    assert!(reason.starts_with(&format!("no stream has the subject `{}.a`", place.stream)), "{reason}");
    let reason = refusal(&try_receive(&by_name).await.expect_err("refused"));
    assert!(reason.starts_with(&format!("there is no stream `{}`", place.stream)), "{reason}");
    place.make_stream(&json!({}));
    publish(&place.publisher(&broker, "a"), "x").await.expect("confirmed");
    for subscriber in [by_subject, by_name] {
        let delivery = loop {
            match try_receive(&subscriber).await {
                Ok(delivery) => break delivery,
                Err(error) => drop(refusal(&error)),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        ack(&delivery).await;
    }
}

#[tokio::test]
async fn one_that_is_deleted_is_made_again() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let subscriber = place.subscriber(&broker, "a");
    publish(&place.publisher(&broker, "a"), "first").await.expect("confirmed");
    ack(&receive(&subscriber).await).await;
    let waiting = async {
        // From the first message of the stream on, as it is a new one.
        let first = receive(&subscriber).await;
        assert_eq!(first.message().body, "first");
        ack(&first).await;
    };
    let deleted = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        place.admin().api(&format!("CONSUMER.DELETE.{}.d", place.stream), &json!({}));
    };
    tokio::join!(waiting, deleted);
}

#[tokio::test]
async fn a_lost_delivery_does_not_count_for_each_that_left() {
    let Some(place) = Place::with_stream(&json!({})) else { return };
    let broker = place.broker().await;
    let subscriber = place.subscriber(&broker, "a");
    // As many leave as there are, each with a pull that cannot be taken back.
    let leaving = (0..8).map(|_| timeout(Duration::from_millis(300), subscriber.receive(far())));
    for left in futures(leaving).await {
        assert!(left.is_err(), "nothing was published");
    }
    publish(&place.publisher(&broker, "a"), "x").await.expect("confirmed");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let delivery = receive(&subscriber).await;
    assert!(delivery.delivery_count().is_some_and(|count| count <= 2), "{delivery:?}");
    ack(&delivery).await;
}

/// Polls all of them until they have ended.
async fn futures<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut ended = Vec::new();
    std::future::poll_fn(move |context| {
        pending.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                ended.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(std::mem::take(&mut ended)) } else { std::task::Poll::Pending }
    })
    .await
}
