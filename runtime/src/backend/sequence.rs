use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::time::Instant;

use crate::backend::earlier::{Answered, BodyPiece, Earlier, Found, Whole};
use crate::backend::forward::SetHeaders;
use crate::backend::http_service::read_passed_on;
use crate::backend::merge::{AnyBackend, AnyOpenBackend, merge, with_roots};
use crate::backend::reply::{Data, Object, Reply};
use crate::backend::template::{Empty, Template};
use crate::backend::{Backend, BodyUse, Failure, OpenBackend, Part, Payload, Place, PublishOutcome};
use crate::deadline::before;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};
use crate::shape::Lookup;

/// Backends called one after the other (`proxy.sequential`), their answers merged in the order of the file.
///
/// Every call gets the client's request, and can take values over from the answers before it. A call that fails, or whose
/// answer is not complete, ends the sequence: if it is the first, the endpoint fails as it did; otherwise what there is is
/// answered (trap 36), unless there is a publisher whose message was not confirmed. All of it has 85 % of the endpoint's
/// timeout (trap 3).
///
/// A message that is received as `no-op` is in no answer: where one of the backends that read it has not succeeded, the
/// endpoint fails and the message is given back.
#[derive(Clone, Copy)]
pub struct Sequence {
    steps: &'static [Chained],
}

/// A backend of a [`Sequence`].
#[derive(Clone, Copy)]
pub struct Chained {
    backend: &'static dyn AnyBackend,
    reads: &'static [Earlier],
    headers: &'static [(&'static str, &'static [Part])],
    body: &'static [BodyPiece],
}

/// A [`Sequence`] that can be called.
pub struct OpenSequence {
    steps: Box<[OpenChained]>,
    budget: Duration,
    /// What of the endpoint's time is left when the budget is spent.
    margin: Duration,
    /// Whether the roots of the merged object must be known.
    merged: bool,
    /// The endpoint's method and path, for the log.
    endpoint: (&'static str, &'static str),
}

struct OpenChained {
    backend: Box<dyn AnyOpenBackend>,
    described: &'static Chained,
    headers: Box<[(HeaderName, Template)]>,
    /// What the headers want of the request's body.
    lookup: Lookup,
    /// Whether a later backend reads the whole of its answer.
    whole: bool,
    /// Whether it is the only one, whose answer is the endpoint's as it is.
    alone: bool,
}

impl Sequence {
    /// Calls the backends of `steps` in this order.
    #[must_use]
    pub const fn new(steps: &'static [Chained]) -> Self {
        Self { steps }
    }
}

impl Chained {
    /// A backend that is called with the client's request as it is.
    #[must_use]
    pub const fn new(backend: &'static dyn AnyBackend) -> Self {
        Self { backend, reads: &[], headers: &[], body: &[] }
    }

    /// The values of earlier answers that its URL, headers and body need. It is not called when one is missing.
    #[must_use]
    pub const fn reads(mut self, values: &'static [Earlier]) -> Self {
        self.reads = values;
        self
    }

    /// Headers that are put over those of the request. Names are in lower case.
    #[must_use]
    pub const fn headers(mut self, headers: &'static [(&'static str, &'static [Part])]) -> Self {
        self.headers = headers;
        self
    }

    /// A body instead of the request's.
    #[must_use]
    pub const fn body(mut self, pieces: &'static [BodyPiece]) -> Self {
        self.body = pieces;
        self
    }
}

impl Backend for Sequence {
    type Open = OpenSequence;

    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<OpenSequence, OpenFailure> {
        // One alone has all the time, as in KrakenD.
        let budget = if self.steps.len() > 1 { place.timeout * 85 / 100 } else { place.timeout };
        let open = |(index, step): (usize, &'static Chained)| {
            let sets_headers = !step.headers.is_empty() || !step.body.is_empty();
            let each = Place { merged: true, sets_headers, timeout: budget, ..*place };
            let mut lookup = Lookup::default();
            let header = |(name, parts): &(&'static str, &'static [Part])| {
                let invalid = |error| OpenFailure::new(format!("the header {name:?}: {error}"));
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(invalid)?;
                Ok::<_, OpenFailure>((name, Template::new(parts, place, &mut lookup)?))
            };
            let whole = |read: &Earlier| read.backend == index && read.path.is_empty();
            Ok::<_, OpenFailure>(OpenChained {
                backend: step.backend.open_any(opener, &each)?,
                described: step,
                headers: step.headers.iter().map(header).collect::<Result<_, _>>()?,
                lookup,
                whole: self.steps.iter().flat_map(|step| step.reads).any(whole),
                alone: self.steps.len() == 1,
            })
        };
        Ok(OpenSequence {
            steps: self.steps.iter().enumerate().map(open).collect::<Result<_, _>>()?,
            budget,
            margin: place.timeout - budget,
            merged: place.merged,
            endpoint: (place.endpoint.method.as_str(), place.endpoint.path),
        })
    }

    fn summary(&self) -> String {
        let each: Vec<_> = self.steps.iter().map(|step| step.backend.summary_any()).collect();
        each.join(", then ")
    }

    fn consumes(&self) -> bool {
        self.steps.iter().any(|step| step.backend.consumes_any())
    }
}

impl OpenBackend for OpenSequence {
    fn body_use(&self) -> BodyUse {
        let each = self.steps.iter().map(|step| match step.makes_body() {
            true => BodyUse::None,
            false => step.backend.body_use_any(),
        });
        let looked_into = |step: &OpenChained| step.described.headers.iter().any(|(_, parts)| reads_body(parts));
        let headers = self.steps.iter().any(looked_into).then_some(BodyUse::Whole);
        each.chain(headers).max().map_or(BodyUse::None, BodyUse::repeated)
    }

    fn max_body_bytes(&self) -> Option<usize> {
        let clients = self.steps.iter().filter(|step| !step.makes_body());
        clients.filter_map(|step| step.backend.max_body_bytes_any()).min()
    }

    fn refuse(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Failure> {
        let mut clients = self.steps.iter().filter(|step| step.described.reads.is_empty());
        clients.try_for_each(|step| step.refuse(incoming, body))
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let body = body.into_bytes();
        self.refuse(incoming, &body)?;
        let deadline = incoming.deadline - self.margin;
        // A call that has no time left would still send its message.
        if Instant::now() >= deadline && self.body_use() != BodyUse::None {
            return Err(Failure::body_too_slow(self.budget));
        }
        let mut answers: Vec<Answered> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let answered = match step.request(incoming, &body, &answers) {
                Ok((own, body)) => {
                    let called = step.call(own.as_deref().unwrap_or(incoming), body);
                    let timed_out = || Answered::failed(step.backend.timed_out_any(self.budget));
                    before(deadline, called).await.unwrap_or_else(timed_out)
                }
                Err(message) => Answered::failed(step.not_called(StatusCode::INTERNAL_SERVER_ERROR, message)),
            };
            let goes_on = answered.result.as_ref().is_ok_and(|reply| reply.complete);
            answers.push(answered);
            if !goes_on {
                break;
            }
        }
        self.give_back(&mut answers);
        let result = self.joined(answers.into_iter().map(|answered| answered.result).collect())?;
        if self.merged { with_roots(result) } else { Ok(result) }
    }

    fn timed_out(&self, after: Duration) -> Failure {
        let all: Vec<_> = self.steps.iter().map(|step| Err(step.backend.timed_out_any(after))).collect();
        merge(all, self.endpoint).err().unwrap_or_else(|| Failure::deadline(after))
    }
}

impl OpenSequence {
    /// Fails for every message that is in no answer, unless all backends that read it have taken it. A failure without its
    /// reply gives the message back.
    fn give_back(&self, answers: &mut [Answered]) {
        for index in 0..answers.len() {
            if !answers[index].unmerged || self.was_taken(index, answers) {
                continue;
            }
            let from = self.steps[index].described.backend.summary_any();
            let message = format!("{from}: the message is given back, no later backend has taken it");
            let failure = Failure { decides: true, ..Failure::new(StatusCode::BAD_GATEWAY, message) };
            answers[index].result = Err(failure);
        }
    }

    fn was_taken(&self, index: usize, answers: &[Answered]) -> bool {
        let reads = |step: &OpenChained| step.described.reads.iter().any(|read| read.backend == index);
        let mut readers = self.steps.iter().enumerate().filter(|(_, step)| reads(step)).peekable();
        readers.peek().is_some() && readers.all(|(reader, _)| answers.get(reader).is_some_and(|it| it.accepted))
    }

    /// One answer out of those of the first backends, of which only the last can have failed or be incomplete.
    fn joined(&self, mut results: Vec<Result<Reply, Failure>>) -> Result<Reply, Failure> {
        let after = self.steps.get(results.len()..).unwrap_or_default();
        let mut unpublished = after.iter().filter(|step| step.backend.publishes_any().is_some()).peekable();
        if results.len() == 1 {
            match results.pop() {
                // There was no message to go on with, and nothing of the client's that had to be published.
                Some(Ok(reply)) if matches!(reply.data, Data::Nothing) && unpublished.all(OpenChained::makes_body) => {
                    return Ok(reply);
                }
                Some(Ok(reply)) if matches!(reply.data, Data::PassThrough(_)) => return Ok(reply),
                Some(Err(failure)) if !failure.decides && unpublished.peek().is_none() => return Err(failure),
                first => results.extend(first),
            }
        }
        // A success would say that these were published too.
        let stopped = results.last().and_then(|result| result.as_ref().err()).map(|failure| failure.status);
        let unpublished = after.iter().filter(|step| step.backend.publishes_any().is_some());
        let complete = results.len() == self.steps.len();
        let message = "not sent: the sequence ended before it";
        let status = stopped.unwrap_or(StatusCode::BAD_GATEWAY);
        results.extend(unpublished.map(|step| Err(step.not_called(status, message))));
        let mut reply = merge(results, self.endpoint)?;
        reply.complete &= complete;
        Ok(reply)
    }
}

impl OpenChained {
    /// Whether the client's body does not matter to it.
    fn makes_body(&self) -> bool {
        !self.described.body.is_empty()
    }

    /// The request that it is called with: the client's, unless it needs one of its own.
    fn request(
        &self,
        incoming: &Incoming,
        body: &Bytes,
        answers: &[Answered],
    ) -> Result<(Option<Box<Incoming>>, Bytes), String> {
        let Chained { reads, body: pieces, .. } = self.described;
        if reads.is_empty() && self.headers.is_empty() && pieces.is_empty() {
            return Ok((None, body.clone()));
        }
        let found = Found::new(reads, answers)?;
        let mut own = Box::new(incoming.clone());
        own.parts.extensions.insert(found.values()?);
        let in_body = self.lookup.find(body);
        let set = |(name, template): &(HeaderName, Template)| {
            let made = template.make(&own, &in_body, Empty::Kept).map_err(|unmade| unmade.message);
            let value = made.and_then(|value| HeaderValue::try_from(value).map_err(|error| error.to_string()));
            Ok::<_, String>((name.clone(), value.map_err(|why| format!("the header `{name}`: {why}"))?))
        };
        let mut headers = self.headers.iter().map(set).collect::<Result<Vec<_>, _>>()?;
        let mut body = body.clone();
        if !pieces.is_empty() {
            let (made, content_type) = found.body(pieces)?;
            body = made;
            // The client's type is not that of this body.
            own.parts.headers.remove(CONTENT_TYPE);
            if let (Some(value), false) = (content_type, headers.iter().any(|(name, _)| *name == CONTENT_TYPE)) {
                headers.push((CONTENT_TYPE, value));
            }
        }
        if !headers.is_empty() {
            own.parts.extensions.insert(SetHeaders(headers.into()));
        }
        Ok((Some(own), body))
    }

    async fn call(&self, incoming: &Incoming, body: Bytes) -> Answered {
        let mut reply = match self.backend.call_any(incoming, Payload::Whole(body)).await {
            Ok(reply) => reply,
            Err(failure) => return Answered::failed(failure),
        };
        let Data::PassThrough(response) = &reply.data else {
            return Answered { accepted: reply.complete, unmerged: false, result: Ok(reply), whole: None };
        };
        if self.alone {
            return Answered { accepted: true, unmerged: false, result: Ok(reply), whole: None };
        }
        let (accepted, unmerged) = (response.status().is_success(), reply.settling.is_some());
        // An answer that is not decoded has nothing to merge, and lacks nothing, whatever its status: as in KrakenD.
        let data = std::mem::replace(&mut reply.data, Data::Object(Object::empty()));
        reply.complete = true;
        let whole = match data {
            Data::PassThrough(response) if self.whole => match read_passed_on(response).await {
                Ok((mut head, body)) => Some(Whole { body, content_type: head.headers.remove(CONTENT_TYPE) }),
                Err(failure) => return Answered::failed(failure),
            },
            _ => None,
        };
        Answered { result: Ok(reply), whole, accepted, unmerged }
    }

    /// What is wrong with the client's request for it, where nothing else is wanted.
    fn refuse(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Failure> {
        let (own, body) =
            self.request(incoming, body, &[]).map_err(|message| self.not_called(StatusCode::BAD_REQUEST, message))?;
        self.backend.refuse_any(own.as_deref().unwrap_or(incoming), &body)
    }

    /// It was not called.
    fn not_called(&self, status: StatusCode, message: impl Into<String>) -> Failure {
        match self.backend.publishes_any() {
            None => Failure::new(status, message),
            Some(url) => {
                let message = format!("{url}: {}", message.into());
                Failure::publish(status, PublishOutcome::Refused, url, message)
            }
        }
    }
}

fn reads_body(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Body(_)))
}

impl Answered {
    fn failed(failure: Failure) -> Self {
        Self { result: Err(failure), whole: None, accepted: false, unmerged: false }
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence").field("backends", &self.summary()).finish()
    }
}
