use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::backend::http_service::shape_json;
use crate::backend::reply::{Data, Object, Reply};
use crate::backend::{Backend, BodyUse, ErrorBody, Failure, OpenBackend, Payload, Place, PublishOutcome};
use crate::deadline::before;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};
use crate::server::Settling;
use crate::shape::{self, Root, Shape, Shaped};

/// Several backends called side by side, their answers merged in the order of the file.
///
/// Root members of a later backend replace those of an earlier one, as in KrakenD, whose order is that of arrival (trap
/// 33). Backends that have not answered after 85 % of the endpoint's timeout are left out (trap 3).
#[derive(Clone, Copy)]
pub struct Merge {
    backends: &'static [&'static dyn AnyBackend],
}

/// A backend of any kind, for [`Merge`].
pub trait AnyBackend: Send + Sync + 'static {
    /// Makes the state.
    #[doc(hidden)]
    fn open_any(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<Box<dyn AnyOpenBackend>, OpenFailure>;

    /// What it does.
    #[doc(hidden)]
    fn summary_any(&self) -> String;

    /// Whether a request takes a message from a broker.
    #[doc(hidden)]
    fn consumes_any(&self) -> bool;
}

/// A backend of any kind that can be called.
#[doc(hidden)]
pub trait AnyOpenBackend: Send + Sync + 'static {
    fn body_use_any(&self) -> BodyUse;
    fn max_body_bytes_any(&self) -> Option<usize>;
    fn refuse_any(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Failure>;
    fn publishes_any(&self) -> Option<&'static str>;
    fn call_any<'a>(&'a self, incoming: &'a Incoming, body: Payload) -> Call<'a>;
    fn timed_out_any(&self, after: Duration) -> Failure;
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// A [`Merge`] that can be called.
pub struct OpenMerge {
    backends: Box<[Box<dyn AnyOpenBackend>]>,
    budget: Duration,
    /// What of the endpoint's time is left when the budget is spent.
    margin: Duration,
    /// Whether the roots of the merged object must be known.
    merged: bool,
    /// The endpoint's method and path, for the log.
    endpoint: (&'static str, &'static str),
}

impl Merge {
    /// Merges the answers of `backends`.
    #[must_use]
    pub const fn new(backends: &'static [&'static dyn AnyBackend]) -> Self {
        Self { backends }
    }
}

impl<B: Backend> AnyBackend for B {
    fn open_any(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<Box<dyn AnyOpenBackend>, OpenFailure> {
        Ok(Box::new(self.open(opener, place)?))
    }

    fn summary_any(&self) -> String {
        self.summary()
    }

    fn consumes_any(&self) -> bool {
        self.consumes()
    }
}

impl<B: OpenBackend> AnyOpenBackend for B {
    fn body_use_any(&self) -> BodyUse {
        self.body_use()
    }

    fn max_body_bytes_any(&self) -> Option<usize> {
        self.max_body_bytes()
    }

    fn refuse_any(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Failure> {
        self.refuse(incoming, body)
    }

    fn publishes_any(&self) -> Option<&'static str> {
        self.publishes()
    }

    fn call_any<'a>(&'a self, incoming: &'a Incoming, body: Payload) -> Call<'a> {
        Box::pin(self.call(incoming, body))
    }

    fn timed_out_any(&self, after: Duration) -> Failure {
        self.timed_out(after)
    }
}

impl Backend for Merge {
    type Open = OpenMerge;

    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<OpenMerge, OpenFailure> {
        let budget = place.timeout * 85 / 100;
        let each = Place { merged: true, timeout: budget, ..*place };
        Ok(OpenMerge {
            backends: self.backends.iter().map(|backend| backend.open_any(opener, &each)).collect::<Result<_, _>>()?,
            budget,
            margin: place.timeout - budget,
            merged: place.merged,
            endpoint: (place.endpoint.method.as_str(), place.endpoint.path),
        })
    }

    fn summary(&self) -> String {
        let each: Vec<_> = self.backends.iter().map(|backend| backend.summary_any()).collect();
        each.join(" + ")
    }

    fn consumes(&self) -> bool {
        self.backends.iter().any(|backend| backend.consumes_any())
    }
}

impl OpenBackend for OpenMerge {
    fn body_use(&self) -> BodyUse {
        // A stream can only be read once, so several backends share the whole body.
        self.backends.iter().map(|backend| backend.body_use_any()).max().map_or(BodyUse::None, BodyUse::repeated)
    }

    fn max_body_bytes(&self) -> Option<usize> {
        self.backends.iter().filter_map(|backend| backend.max_body_bytes_any()).min()
    }

    fn refuse(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Failure> {
        self.backends.iter().try_for_each(|backend| backend.refuse_any(incoming, body))
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let body = body.into_bytes();
        self.refuse(incoming, &body)?;
        // The endpoint's own deadline must not come first, however long the body took: nobody would know of the messages.
        let deadline = incoming.deadline - self.margin;
        // A call that has no time left would still send its message.
        if Instant::now() >= deadline && self.body_use() != BodyUse::None {
            return Err(Failure::body_too_slow(self.budget));
        }
        let calls = self.backends.iter().map(|backend| {
            let call = backend.call_any(incoming, Payload::Whole(body.clone()));
            async move { before(deadline, call).await.unwrap_or_else(|| Err(backend.timed_out_any(self.budget))) }
        });
        let merged = merge(join_all(calls).await, self.endpoint)?;
        if self.merged { with_roots(merged) } else { Ok(merged) }
    }

    fn timed_out(&self, after: Duration) -> Failure {
        let all: Vec<_> = self.backends.iter().map(|backend| Err(backend.timed_out_any(after))).collect();
        merge(all, self.endpoint).err().unwrap_or_else(|| Failure::deadline(after))
    }
}

/// Finds where the root members of a merged answer are.
pub(super) fn with_roots(mut merged: Reply) -> Result<Reply, Failure> {
    if let Data::Object(object) = &merged.data {
        match shape_json(&Shape::OBJECT, &object.text, true) {
            Ok(data) => merged.data = data,
            Err(reason) => return Reply::without_data(merged.published, Failure::internal(reason)),
        }
    }
    Ok(merged)
}

/// What all of them say, a line each. With `return_error_code` an upstream's body speaks for it, as in KrakenD; the log has
/// what happened.
fn all_failed(failures: Vec<Failure>) -> Failure {
    let join = |text: fn(&Failure) -> &str| failures.iter().map(text).collect::<Vec<_>>().join("\n");
    let mut all = Failure::internal(join(|failure| &failure.message)).telling(join(Failure::told));
    if failures.iter().any(|failure| upstream_body(failure).is_some()) {
        let said = |failure| upstream_body(failure).unwrap_or(failure.told().as_bytes());
        let lines: Vec<_> = failures.iter().map(said).collect();
        all.body = Some(Box::new(ErrorBody::Upstream(lines.join(&b'\n').into(), None)));
    }
    all
}

fn upstream_body(failure: &Failure) -> Option<&[u8]> {
    match failure.body.as_deref() {
        Some(ErrorBody::Upstream(body, _)) => Some(body),
        _ => None,
    }
}

/// Joins the answers: any success answers 200 with what there is (trap 35), unless a publisher failed, which decides the
/// whole. Deliveries in it are settled together, or given back together.
pub(super) fn merge(results: Vec<Result<Reply, Failure>>, (method, path): (&str, &str)) -> Result<Reply, Failure> {
    if results.iter().any(|result| matches!(result, Err(failure) if failure.decides)) {
        return Err(publishers_failed(&results));
    }
    if results.iter().all(Result::is_err) {
        return Err(all_failed(results.into_iter().filter_map(Result::err).collect()));
    }
    let (mut complete, mut errored) = (true, false);
    let mut objects = Vec::with_capacity(results.len());
    let mut settlings = Vec::new();
    let mut published = None;
    let mut headers: Option<Box<HeaderMap>> = None;
    // The only answer there is stays `null`, as in KrakenD.
    let alone = results.iter().filter(|result| result.is_ok()).count() == 1;
    let mut null = false;
    for result in results {
        let reply = match result {
            Ok(reply) => reply,
            Err(failure) => {
                tracing::warn!(method, path, reason = failure.message, "answer incomplete: a backend failed");
                (complete, errored) = (false, true);
                continue;
            }
        };
        complete &= reply.complete;
        published = published.or(reply.published);
        headers = match (headers, reply.headers) {
            (Some(mut all), Some(more)) => {
                all.extend(*more);
                Some(all)
            }
            (all, more) => all.or(more),
        };
        match reply.data {
            // Nothing to merge, and nothing that is missing, as in KrakenD. The settlement ends with it: what is not in
            // the answer is given back.
            Data::PassThrough(_) => continue,
            Data::Object(object) => objects.push(object),
            Data::Null if alone => (complete, null) = (false, true),
            Data::Null | Data::Nothing => complete = false,
        }
        settlings.extend(reply.settling);
    }
    let parts: Vec<(&[u8], &[Root])> = objects.iter().map(|object| (&*object.text, object.roots.as_slice())).collect();
    let mut text = Vec::new();
    let empty = shape::merge(&parts, &mut text) == Shaped::Empty;
    let merged = if null { Data::Null } else { Data::Object(Object { text: text.into(), roots: Vec::new(), empty }) };
    Ok(Reply { errored, published, headers, settling: Settling::all(settlings), ..Reply::new(merged, complete) })
}

/// The worst of the publishers' statuses, or that of a message which was given back, and a body that says what became of each message.
fn publishers_failed(results: &[Result<Reply, Failure>]) -> Failure {
    let mut worst = None;
    let mut messages = Vec::new();
    let mut outcomes: Vec<(&'static str, PublishOutcome)> = Vec::new();
    for result in results {
        match result {
            Ok(reply) => outcomes.extend(reply.published),
            Err(failure) => {
                messages.push(failure.message.as_str());
                if let Some(outcome) = failure.publish {
                    outcomes.push(outcome);
                    worst = worst.max(Some(failure.status));
                }
            }
        }
    }
    let backends: Vec<_> = outcomes
        .iter()
        .map(|(backend, outcome)| serde_json::json!({ "backend": backend, "outcome": outcome.as_str() }))
        .collect();
    let report = || Box::new(ErrorBody::Report(serde_json::json!({ "backends": backends }).to_string()));
    Failure {
        decides: true,
        retry: worst == Some(StatusCode::SERVICE_UNAVAILABLE),
        body: (!outcomes.is_empty()).then(report),
        ..Failure::new(worst.unwrap_or(StatusCode::BAD_GATEWAY), messages.join("\n"))
    }
}

impl fmt::Debug for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").field("backends", &self.summary()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::tests::incoming;

    /// Something that sends as soon as it is called.
    struct Sends(BodyUse);

    impl OpenBackend for Sends {
        fn body_use(&self) -> BodyUse {
            self.0
        }

        async fn call(&self, _: &Incoming, _: Payload) -> Result<Reply, Failure> {
            Ok(Reply::object(Object::empty()))
        }

        fn timed_out(&self, after: Duration) -> Failure {
            Failure::deadline(after)
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_when_the_body_took_all_the_time() {
        let mut request = incoming("POST", "/", &[]);
        for (left, body_use, expected) in [
            (60, BodyUse::Whole, Ok(())),
            (3, BodyUse::Whole, Err(StatusCode::REQUEST_TIMEOUT)),
            (3, BodyUse::None, Ok(())),
        ] {
            let (budget, margin) = (Duration::from_secs(17), Duration::from_secs(3));
            let backends: Box<[Box<dyn AnyOpenBackend>]> = Box::new([Box::new(Sends(body_use))]);
            let merge = OpenMerge { backends, budget, margin, merged: false, endpoint: ("POST", "/") };
            request.deadline = Instant::now() + Duration::from_secs(left);
            let called = merge.call(&request, Payload::Whole(Bytes::new())).await;
            assert_eq!(called.map(drop).map_err(|failure| failure.status), expected, "{left} s, {body_use:?}");
        }
    }
}
