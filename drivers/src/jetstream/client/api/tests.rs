//! Answers as nats-server 2.15.2 gave them.

use std::collections::HashMap;

use async_nats::jetstream::consumer::PriorityPolicy;

use super::*;

const CONSUMER: &str = r#"{
    "type": "io.nats.jetstream.api.v1.consumer_info_response",
    "stream_name": "ORDERS", "name": "billing", "created": "2026-11-27T17:23:24.374211239Z",
    "config": {
        "durable_name": "billing", "name": "billing", "deliver_policy": "by_start_sequence", "opt_start_seq": 7,
        "ack_policy": "explicit", "ack_wait": 1000000000, "max_deliver": 5, "backoff": [1000000000, 5000000000],
        "filter_subjects": ["orders.a", "orders.b"], "replay_policy": "instant", "sample_freq": "30%",
        "max_waiting": 512, "max_ack_pending": 50, "max_batch": 10, "max_expires": 2000000000,
        "inactive_threshold": 3600000000000, "num_replicas": 0,
        "metadata": {"_nats.level": "5", "_nats.req.level": "1", "_nats.ver": "2.15.2", "team": "billing"},
        "priority_groups": ["jobs"], "priority_policy": "overflow"
    },
    "delivered": {"consumer_seq": 0, "stream_seq": 6}, "ack_floor": {"consumer_seq": 0, "stream_seq": 6},
    "num_ack_pending": 0, "num_redelivered": 0, "num_waiting": 0, "num_pending": 0,
    "ts": "2026-11-27T17:23:24.375337763Z", "priority_groups": [{"group": "jobs", "pinned_ts": "0001-01-01T00:00:00Z"}]
}"#;

const STREAM: &str = r#"{
    "type": "io.nats.jetstream.api.v1.stream_info_response", "total": 0, "offset": 0, "limit": 0,
    "config": {
        "name": "ORDERS", "description": "d", "subjects": ["orders.\u003e", "more"], "retention": "limits",
        "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 3600000000000, "max_msgs_per_subject": -1,
        "max_msg_size": -1, "discard": "old", "storage": "file", "num_replicas": 1, "duplicate_window": 60000000000,
        "placement": {}, "compression": "s2", "allow_direct": false, "mirror_direct": false, "sealed": false,
        "deny_delete": false, "deny_purge": false, "allow_rollup_hdrs": false,
        "consumer_limits": {"max_ack_pending": 50}, "allow_msg_ttl": false,
        "metadata": {"_nats.level": "5", "_nats.req.level": "0", "_nats.ver": "2.15.2", "a": "b"}
    },
    "created": "2026-11-27T17:23:24.371891412Z",
    "state": {
        "messages": 0, "bytes": 0, "first_seq": 0, "first_ts": "0001-01-01T00:00:00Z", "last_seq": 0,
        "last_ts": "0001-01-01T00:00:00Z", "consumer_count": 10
    },
    "cluster": {"leader": "nats"}, "ts": "2026-11-27T17:23:24.397341172Z"
}"#;

const NOT_FOUND: &str = r#"{
    "type": "io.nats.jetstream.api.v1.consumer_info_response",
    "error": {"code": 404, "err_code": 10014, "description": "consumer not found"}
}"#;

/// A consumer's configuration, with `changes` to the recorded one.
fn config(changes: &Value) -> serde_json::Result<Config> {
    let mut answer: Value = serde_json::from_str(CONSUMER).unwrap();
    let fields = answer["config"].as_object_mut().unwrap();
    fields.extend(changes.as_object().unwrap().clone());
    let answer = read::<Info<Config>>(answer.to_string().as_bytes())?;
    Ok(answer.expect("no error").config)
}

#[test]
fn a_consumer() {
    let config = config(&json!({})).unwrap();
    assert_eq!(config.deliver_policy, DeliverPolicy::ByStartSequence { start_sequence: 7 });
    assert_eq!(config.ack_policy, AckPolicy::Explicit);
    assert_eq!(config.backoff, [Duration::from_secs(1), Duration::from_secs(5)]);
    assert_eq!(config.max_deliver, 5);
    assert_eq!(config.max_expires, Duration::from_secs(2));
    assert_eq!(config.sample_frequency, 30);
    assert_eq!(
        (config.priority_policy.clone(), &*config.priority_groups),
        (PriorityPolicy::Overflow, &["jobs".to_owned()][..])
    );
    let metadata = [("_nats.level", "5"), ("_nats.req.level", "1"), ("_nats.ver", "2.15.2"), ("team", "billing")];
    let metadata: HashMap<_, _> = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(config.metadata, metadata);
    assert_eq!(filters(&config), ["orders.a", "orders.b"]);
    assert_eq!(shortest_wait(&config), Some(Duration::from_secs(1)));
}

#[test]
fn consumers_of_every_kind() {
    for changes in [
        json!({ "deliver_policy": "by_start_time", "opt_start_time": "2026-01-02T03:04:05.678901234+02:00" }),
        json!({ "deliver_policy": "last" }),
        json!({ "deliver_policy": "new" }),
        json!({ "deliver_policy": "last_per_subject" }),
        json!({ "ack_policy": "flow_control" }),
        json!({ "replay_policy": "original" }),
        json!({ "priority_policy": "prioritized" }),
        json!({ "priority_policy": "pinned_client", "priority_timeout": 1_000_000_000 }),
        json!({ "pause_until": "2036-01-02T03:04:05Z" }),
        json!({ "max_deliver": -1, "max_ack_pending": -1, "max_waiting": -1 }),
        // Of a server that is newer than the client.
        json!({ "later": { "count": u64::MAX, "share": 0.5, "list": [null, -1] } }),
    ] {
        let config = config(&changes).unwrap_or_else(|error| panic!("{changes}: {error}"));
        assert_eq!(config.durable_name.as_deref(), Some("billing"), "{changes}");
    }
    let error = config(&json!({ "ack_policy": "later" })).unwrap_err();
    assert!(error.to_string().starts_with("unknown variant `later`"), "{error}");
}

#[test]
fn waits() {
    let second = Duration::from_secs(1);
    for (changes, expected) in [
        (json!({ "backoff": [], "ack_wait": 5_000_000_000_u64 }), Some(5 * second)),
        (json!({ "backoff": [3_000_000_000_u64, 2_000_000_000], "ack_wait": 3_000_000_000_u64 }), Some(2 * second)),
        (json!({ "backoff": [], "ack_wait": 0 }), None),
    ] {
        assert_eq!(shortest_wait(&config(&changes).unwrap()), expected, "{changes}");
    }
}

#[test]
fn streams() {
    let stream = read::<Info<stream::Config>>(STREAM.as_bytes()).unwrap().unwrap();
    assert_eq!(stream.config.subjects, ["orders.>", "more"]);
    for (answer, expected) in [
        (r#"{"total":0,"offset":0,"limit":1024,"streams":null}"#, None),
        (r#"{"total":1,"offset":0,"limit":1024,"streams":["ORDERS"]}"#, Some(vec!["ORDERS".to_owned()])),
    ] {
        assert_eq!(read::<Names>(answer.as_bytes()).unwrap().unwrap().streams, expected);
    }
}

#[test]
fn errors() {
    let error = read::<Info<Config>>(NOT_FOUND.as_bytes()).unwrap().unwrap_err();
    assert_eq!(error.error_code(), ErrorCode::CONSUMER_NOT_FOUND);
    assert_eq!(error.to_string(), "consumer not found (code 404, error code 10014)");
    for answer in ["", "{}", "[]", r#"{"error":{}}"#, r#"{"error":null}"#, r#"{"config":{}}"#] {
        assert!(read::<Info<Config>>(answer.as_bytes()).is_err(), "{answer}");
    }
}

#[test]
fn what_is_made() {
    let wanted = Wanted {
        subject: "orders.*".to_owned(),
        durable: "billing".to_owned(),
        stream: None,
        ack_wait: Duration::from_secs(30),
    };
    let expected = json!({
        "durable_name": "billing",
        "name": "billing",
        "description": "made by sluicegate",
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": 30_000_000_000_u64,
        "filter_subject": "orders.*",
        "replay_policy": "instant",
    });
    assert_eq!(json!(made(&wanted)), expected);
}
