//! JetStream's API, as far as a subscription needs it: finds the stream, finds or makes the consumer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::inbox::Unanswered;
use super::link::Link;

/// What a subscription's URL asks for.
pub(super) struct Wanted {
    pub(super) subject: String,
    pub(super) durable: String,
    pub(super) stream: Option<String>,
    pub(super) ack_wait: Duration,
}

/// A consumer of the server's.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    /// The stream's name.
    pub(super) stream: Arc<str>,
    /// Where the next message is asked for.
    pub(super) next: Arc<str>,
    /// How long a delivery may stay without a sign of life.
    pub(super) ack_wait: Duration,
    /// How long a pull may last at most, where the consumer limits it.
    pub(super) max_expires: Option<Duration>,
}

/// Why there is no consumer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody has to do something about it.
    Refused(String),
    /// The server could not be asked.
    Unanswered(Unanswered),
}

/// A try that somebody else was faster with is done again this often.
const TRIES: usize = 3;

const PATIENCE: Duration = Duration::from_secs(5);

const CONSUMER_NOT_FOUND: u64 = 10014;
const STREAM_NOT_FOUND: u64 = 10059;
const CONSUMER_EXISTS: u64 = 10148;

/// Finds the consumer, or makes it.
pub(super) async fn consumer(link: &Arc<Link>, wanted: &Wanted) -> Result<Consumer, Trouble> {
    let stream = match &wanted.stream {
        Some(stream) => stream.clone(),
        None => stream_of(link, &wanted.subject).await?,
    };
    let durable = &wanted.durable;
    let mut last = None;
    for _ in 0..TRIES {
        let (found, made) = match call(link, &format!("CONSUMER.INFO.{stream}.{durable}"), &json!({})).await? {
            Ok(found) => (found, false),
            Err(ApiError { code: CONSUMER_NOT_FOUND, .. }) => match make(link, wanted, &stream).await? {
                Ok(made) => (made, true),
                Err(error) if error.code == CONSUMER_EXISTS => {
                    last = Some(error);
                    continue;
                }
                Err(error) => {
                    return Err(Trouble::Refused(format!("the consumer `{durable}` cannot be made: {error}")));
                }
            },
            Err(ApiError { code: STREAM_NOT_FOUND, .. }) => {
                return Err(Trouble::Refused(format!("there is no stream `{stream}`, and a gateway makes none")));
            }
            Err(error) => return Err(Trouble::Refused(format!("the consumer `{durable}` cannot be used: {error}"))),
        };
        let config = &found["config"];
        check(link, wanted, &stream, config).await?;
        tracing::info!(subject = wanted.subject, stream, durable, made, "the JetStream consumer is ready");
        return Ok(Consumer {
            next: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}").into(),
            ack_wait: shortest_wait(config).unwrap_or(wanted.ack_wait),
            max_expires: config["max_expires"].as_u64().filter(|limit| *limit > 0).map(Duration::from_nanos),
            stream: stream.into(),
        });
    }
    let error = last.map(|error| error.to_string()).unwrap_or_default();
    Err(Trouble::Refused(format!("the consumer `{durable}` appears and disappears: {error}")))
}

/// The one stream that has `subject`.
async fn stream_of(link: &Arc<Link>, subject: &str) -> Result<String, Trouble> {
    let names = call(link, "STREAM.NAMES", &json!({ "subject": subject })).await?;
    let names = names.map_err(|error| Trouble::Refused(format!("the streams cannot be listed: {error}")))?;
    let mut names = names["streams"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        (Some(one), Some(other)) => Err(Trouble::Refused(format!(
            "several streams have the subject `{subject}`: name one of them with `stream` (`{one}`, `{other}`)"
        ))),
        (None, _) => Err(Trouble::Refused(format!("no stream has the subject `{subject}`, and a gateway makes none"))),
    }
}

async fn make(link: &Arc<Link>, wanted: &Wanted, stream: &str) -> Result<Result<Value, ApiError>, Trouble> {
    let Wanted { subject, durable, ack_wait, .. } = wanted;
    let request = json!({
        "stream_name": stream,
        "action": "create",
        "config": {
            "durable_name": durable,
            "name": durable,
            "description": "made by sluicegate",
            "deliver_policy": "all",
            "replay_policy": "instant",
            "ack_policy": "explicit",
            "ack_wait": ack_wait.as_nanos() as u64,
            "filter_subject": subject,
        },
    });
    call(link, &format!("CONSUMER.CREATE.{stream}.{durable}.{subject}"), &request).await
}

/// Whether a consumer does what the URL says.
async fn check(link: &Arc<Link>, wanted: &Wanted, stream: &str, config: &Value) -> Result<(), Trouble> {
    let Wanted { subject, durable, .. } = wanted;
    let refused = |what: String| Err(Trouble::Refused(format!("the consumer `{durable}` of `{stream}` {what}")));
    if config["deliver_subject"].as_str().is_some_and(|subject| !subject.is_empty()) {
        return refused("is a push consumer, and has to be a pull consumer".to_owned());
    }
    match config["ack_policy"].as_str() {
        Some("explicit") => {}
        other => return refused(format!("has the ack policy `{}`, not `explicit`", other.unwrap_or_default())),
    }
    if config["headers_only"] == true {
        return refused("delivers headers without bodies (`headers_only`)".to_owned());
    }
    if config["priority_groups"].as_array().is_some_and(|groups| !groups.is_empty()) {
        return refused("has priority groups".to_owned());
    }
    let filters = filters(config);
    match filters.as_slice() {
        [filter] if filter == subject => Ok(()),
        // All of the stream, which may be just what the URL says.
        [] if subjects(link, stream).await? == [subject.as_str()] => Ok(()),
        [] => refused(format!("has no filter, and the URL says `{subject}`")),
        filters => refused(format!("has the filter `{}`, and the URL says `{subject}`", filters.join("`, `"))),
    }
}

fn filters(config: &Value) -> Vec<String> {
    let several = config["filter_subjects"].as_array().into_iter().flatten();
    let filters = several.chain([&config["filter_subject"]]).filter_map(Value::as_str);
    filters.filter(|filter| !filter.is_empty()).map(str::to_owned).collect()
}

async fn subjects(link: &Arc<Link>, stream: &str) -> Result<Vec<String>, Trouble> {
    let stream_info = call(link, &format!("STREAM.INFO.{stream}"), &json!({})).await?;
    let stream_info = stream_info.map_err(|error| Trouble::Refused(format!("`{stream}` cannot be read: {error}")))?;
    let subjects = stream_info["config"]["subjects"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(subjects.map(str::to_owned).collect())
}

/// How long the server waits for a sign of life at least: a `backoff` stands in for `ack_wait`.
fn shortest_wait(config: &Value) -> Option<Duration> {
    let backoff = config["backoff"].as_array().into_iter().flatten();
    backoff.chain([&config["ack_wait"]]).filter_map(Value::as_u64).min().map(Duration::from_nanos)
}

/// An error of the API.
#[derive(Debug)]
pub(super) struct ApiError {
    /// JetStream's `err_code`.
    pub(super) code: u64,
    pub(super) description: String,
}

impl ApiError {
    /// The error in an answer, if it is one.
    pub(super) fn of(answer: &Value) -> Option<Self> {
        let error = answer.get("error")?;
        Some(Self {
            code: error["err_code"].as_u64().unwrap_or_default(),
            description: error["description"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.description, self.code)
    }
}

async fn call(link: &Arc<Link>, what: &str, request: &Value) -> Result<Result<Value, ApiError>, Trouble> {
    let subject = format!("$JS.API.{what}").into();
    let until = Instant::now() + PATIENCE;
    let answer = match link.request(&subject, request.to_string().as_bytes(), Some(until)).await {
        Ok(answer) => answer,
        Err(Unanswered::Denied(reason)) => return Err(Trouble::Refused(reason.to_string())),
        Err(unanswered) => return Err(Trouble::Unanswered(unanswered)),
    };
    if answer.status == Some(503) {
        return Err(Trouble::Refused("the server has no JetStream, or not for this account".to_owned()));
    }
    let answer: Value = serde_json::from_slice(&answer.payload)
        .map_err(|error| Trouble::Refused(format!("the server's answer to {what} is not understood: {error}")))?;
    Ok(match ApiError::of(&answer) {
        Some(error) => Err(error),
        None => Ok(answer),
    })
}
