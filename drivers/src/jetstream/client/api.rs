//! JetStream's API, as far as a subscription needs it: finds the stream, finds or makes the consumer.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{Error, ErrorCode, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
    /// How often the server delivers a message at most.
    pub(super) max_deliver: Option<u64>,
}

/// Why there is no consumer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody has to do something about it.
    Refused(String),
    /// The server could not be asked.
    Unanswered(Unanswered),
}

/// What the server tells of a consumer or a stream. async-nats' own wants counters and the cluster too, which are not looked
/// at here, and so cannot be what is not understood.
#[derive(Debug, Deserialize)]
struct Info<C> {
    config: C,
}

/// The streams that have a subject.
#[derive(Debug, Deserialize)]
struct Names {
    /// `null` where there are none.
    streams: Option<Vec<String>>,
}

/// A try that somebody else was faster with is done again this often.
const TRIES: usize = 3;

const PATIENCE: Duration = Duration::from_secs(5);

/// Finds the consumer, or makes it.
pub(super) async fn consumer(link: &Arc<Link>, wanted: &Wanted) -> Result<Consumer, Trouble> {
    let stream = match &wanted.stream {
        Some(stream) => stream.clone(),
        None => stream_of(link, &wanted.subject).await?,
    };
    let durable = &wanted.durable;
    let mut last = None;
    for _ in 0..TRIES {
        let info: Result<Info<Config>, _> =
            call(link, &format!("CONSUMER.INFO.{stream}.{durable}"), &json!({})).await?;
        let (Info { config }, made) = match info.map_err(|error| (error.error_code(), error)) {
            Ok(found) => (found, false),
            Err((ErrorCode::CONSUMER_NOT_FOUND, _)) => match make(link, wanted, &stream).await? {
                Ok(made) => (made, true),
                Err(error) if error.error_code() == ErrorCode::CONSUMER_ALREADY_EXISTS => {
                    last = Some(error);
                    continue;
                }
                Err(error) => {
                    return Err(Trouble::Refused(format!("the consumer `{durable}` cannot be made: {error}")));
                }
            },
            Err((ErrorCode::STREAM_NOT_FOUND, _)) => {
                return Err(Trouble::Refused(format!("there is no stream `{stream}`, and a gateway makes none")));
            }
            Err((_, error)) => {
                return Err(Trouble::Refused(format!("the consumer `{durable}` cannot be used: {error}")));
            }
        };
        check(link, wanted, &stream, &config).await?;
        tracing::info!(subject = wanted.subject, stream, durable, made, "the JetStream consumer is ready");
        let max_deliver = u64::try_from(config.max_deliver).ok().filter(|most| *most > 0);
        if let Some(max_deliver) = max_deliver {
            let what = "the JetStream consumer gives messages up after `max_deliver` deliveries, without a dead letter: the \
                        subscription's `max_deliveries` has to be lower";
            tracing::warn!(subject = wanted.subject, stream, durable, max_deliver, "{what}");
        }
        return Ok(Consumer {
            next: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}").into(),
            ack_wait: shortest_wait(&config).unwrap_or(wanted.ack_wait),
            max_expires: Some(config.max_expires).filter(|limit| !limit.is_zero()),
            max_deliver,
            stream: stream.into(),
        });
    }
    let error = last.map(|error| error.to_string()).unwrap_or_default();
    Err(Trouble::Refused(format!("the consumer `{durable}` appears and disappears: {error}")))
}

/// The one stream that has `subject`.
async fn stream_of(link: &Arc<Link>, subject: &str) -> Result<String, Trouble> {
    let names: Result<Names, _> = call(link, "STREAM.NAMES", &json!({ "subject": subject })).await?;
    let names = names.map_err(|error| Trouble::Refused(format!("the streams cannot be listed: {error}")))?;
    let mut names = names.streams.unwrap_or_default().into_iter();
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        (Some(one), Some(other)) => Err(Trouble::Refused(format!(
            "several streams have the subject `{subject}`: name one of them with `stream` (`{one}`, `{other}`)"
        ))),
        (None, _) => Err(Trouble::Refused(format!("no stream has the subject `{subject}`, and a gateway makes none"))),
    }
}

async fn make(link: &Arc<Link>, wanted: &Wanted, stream: &str) -> Result<Result<Info<Config>, Error>, Trouble> {
    let Wanted { subject, durable, .. } = wanted;
    let request = json!({ "stream_name": stream, "action": "create", "config": made(wanted) });
    call(link, &format!("CONSUMER.CREATE.{stream}.{durable}.{subject}"), &request).await
}

/// The consumer that is made where there is none.
fn made(wanted: &Wanted) -> Config {
    Config {
        durable_name: Some(wanted.durable.clone()),
        name: Some(wanted.durable.clone()),
        description: Some("made by sluicegate".to_owned()),
        deliver_policy: DeliverPolicy::All,
        replay_policy: ReplayPolicy::Instant,
        ack_policy: AckPolicy::Explicit,
        ack_wait: wanted.ack_wait,
        filter_subject: wanted.subject.clone(),
        ..Config::default()
    }
}

/// Whether a consumer does what the URL says.
async fn check(link: &Arc<Link>, wanted: &Wanted, stream: &str, config: &Config) -> Result<(), Trouble> {
    let Wanted { subject, durable, .. } = wanted;
    let refused = |what: String| Err(Trouble::Refused(format!("the consumer `{durable}` of `{stream}` {what}")));
    if config.deliver_subject.as_ref().is_some_and(|subject| !subject.is_empty()) {
        return refused("is a push consumer, and has to be a pull consumer".to_owned());
    }
    let other = match config.ack_policy {
        AckPolicy::Explicit => None,
        AckPolicy::None => Some("none"),
        AckPolicy::All => Some("all"),
        AckPolicy::FlowControl => Some("flow_control"),
    };
    if let Some(other) = other {
        return refused(format!("has the ack policy `{other}`, not `explicit`"));
    }
    if config.headers_only {
        return refused("delivers headers without bodies (`headers_only`)".to_owned());
    }
    if !config.priority_groups.is_empty() {
        return refused("has priority groups".to_owned());
    }
    let filters = filters(config);
    match filters.as_slice() {
        [filter] if *filter == subject => Ok(()),
        // All of the stream, which may be just what the URL says.
        [] if subjects(link, stream).await? == [subject.as_str()] => Ok(()),
        [] => refused(format!("has no filter, and the URL says `{subject}`")),
        filters => refused(format!("has the filter `{}`, and the URL says `{subject}`", filters.join("`, `"))),
    }
}

fn filters(config: &Config) -> Vec<&str> {
    let filters = config.filter_subjects.iter().chain([&config.filter_subject]);
    filters.map(String::as_str).filter(|filter| !filter.is_empty()).collect()
}

async fn subjects(link: &Arc<Link>, stream: &str) -> Result<Vec<String>, Trouble> {
    let info: Result<Info<stream::Config>, _> = call(link, &format!("STREAM.INFO.{stream}"), &json!({})).await?;
    let info = info.map_err(|error| Trouble::Refused(format!("`{stream}` cannot be read: {error}")))?;
    Ok(info.config.subjects)
}

/// How long the server waits for a sign of life at least: a `backoff` stands in for `ack_wait`.
fn shortest_wait(config: &Config) -> Option<Duration> {
    config.backoff.iter().chain([&config.ack_wait]).filter(|wait| !wait.is_zero()).min().copied()
}

async fn call<T: DeserializeOwned>(link: &Arc<Link>, what: &str, request: &Value) -> Result<Result<T, Error>, Trouble> {
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
    read(&answer.payload)
        .map_err(|error| Trouble::Refused(format!("the server's answer to {what} is not understood: {error}")))
}

/// Reads an answer, or the error in it.
fn read<T: DeserializeOwned>(answer: &[u8]) -> serde_json::Result<Result<T, Error>> {
    match serde_json::from_slice(answer)? {
        Response::Err { error } => Ok(Err(error)),
        // Not as `Response<T>`, which does not say what is wrong with an answer.
        Response::<Value>::Ok(answer) => serde_json::from_value(answer).map(Ok),
    }
}
