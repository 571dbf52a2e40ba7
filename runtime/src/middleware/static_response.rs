use std::borrow::Cow;

use crate::backend::{Data, Failure, Object, Reply};
use crate::middleware::{Middleware, Options};
use crate::opener::OpenFailure;
use crate::shape::{self, Root, Shape};

/// `proxy.static`: members put over the answer's (trap 42).
///
/// A message that was not confirmed stays an error, unlike in KrakenD: 2xx means that it was published.
#[derive(Clone, Copy, Debug)]
pub struct StaticResponse {
    data: &'static str,
    strategy: StaticStrategy,
}

/// When the members are put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticStrategy {
    /// Always, also when everything failed, which makes the answer 200.
    Always,
    /// When no backend failed.
    Success,
    /// When a backend failed; when all did, that makes the answer 200.
    Errored,
    /// When no backend failed and nothing is missing.
    Complete,
    /// When something is missing, also when everything failed, which makes the answer 200.
    Incomplete,
}

/// The members and where they are.
pub(crate) struct Members {
    text: Vec<u8>,
    roots: Vec<Root>,
    strategy: StaticStrategy,
}

impl StaticResponse {
    /// `data` is a JSON object as text.
    #[must_use]
    pub const fn new(strategy: StaticStrategy, data: &'static str) -> Self {
        Self { data, strategy }
    }
}

impl Options for StaticResponse {
    type State = Members;

    fn open(&'static self) -> Result<Members, OpenFailure> {
        let (mut text, mut roots) = (Vec::new(), Vec::new());
        Shape::OBJECT
            .apply_fields(self.data.as_bytes(), &mut text, &mut roots)
            .map_err(|error| OpenFailure::new(format!("proxy.static.data: {error}")))?;
        Ok(Members { text, roots, strategy: self.strategy })
    }
}

impl Middleware for Members {
    const NEEDS_ROOTS: bool = true;

    fn on_result(&self, result: &mut Result<Reply, Failure>) {
        if !self.applies(result) {
            return;
        }
        match result {
            Err(failure) if failure.decides => {}
            Ok(reply) => {
                // An answer that is not read has no members; where it is passed on, the build refuses static ones.
                let before = reply.data.as_object().unwrap_or_else(|| Cow::Owned(Object::empty()));
                reply.data = Data::Object(self.over(&before));
            }
            Err(failure) => {
                tracing::warn!(status = failure.status.as_u16(), reason = failure.message, "answered by proxy.static");
                *result = Ok(Reply { complete: false, ..Reply::object(self.over(&Object::empty())) });
            }
        }
    }
}

impl Members {
    fn applies(&self, result: &Result<Reply, Failure>) -> bool {
        match self.strategy {
            StaticStrategy::Always => true,
            StaticStrategy::Success => result.as_ref().is_ok_and(|reply| !reply.errored),
            StaticStrategy::Errored => result.as_ref().map_or(true, |reply| reply.errored),
            StaticStrategy::Complete => result.as_ref().is_ok_and(|reply| reply.complete),
            StaticStrategy::Incomplete => !result.as_ref().is_ok_and(|reply| reply.complete),
        }
    }

    fn over(&self, before: &Object) -> Object {
        let mut text = Vec::with_capacity(before.text.len() + self.text.len());
        let parts: [(&[u8], &[Root]); 2] = [(&before.text, &before.roots), (&self.text, &self.roots)];
        shape::merge(&parts, &mut text);
        Object { text: text.into(), roots: Vec::new(), empty: before.empty && self.roots.is_empty() }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;
    use crate::backend::{PublishOutcome, shape_json};

    fn answered(strategy: StaticStrategy, mut result: Result<Reply, Failure>) -> Option<(String, bool)> {
        let members: &'static StaticResponse =
            Box::leak(Box::new(StaticResponse::new(strategy, r#"{"a":9,"new":true}"#)));
        members.open().unwrap().on_result(&mut result);
        let reply = result.ok()?;
        let object = reply.data.as_object()?;
        Some((String::from_utf8(object.text.to_vec()).unwrap(), reply.complete))
    }

    fn reply(complete: bool, errored: bool) -> Result<Reply, Failure> {
        let data = shape_json(&Shape::OBJECT, &Bytes::from_static(br#"{"a":1,"b":2}"#), true).unwrap();
        Ok(Reply { errored, ..Reply::new(data, complete) })
    }

    #[test]
    fn a_message_that_was_not_confirmed_stays_an_error() {
        let unknown = PublishOutcome::Unknown;
        for strategy in [StaticStrategy::Always, StaticStrategy::Errored, StaticStrategy::Incomplete] {
            let failure = Failure::publish(StatusCode::GATEWAY_TIMEOUT, unknown, "mem://a", "x");
            assert_eq!(answered(strategy, Err(failure)), None, "{strategy:?}");
        }
    }

    #[test]
    fn an_answer_that_is_not_read_has_no_members() {
        let reply = Reply::pass_through(http::Response::new(axum::body::Body::from("bytes")));
        let expected = Some((r#"{"a":9,"new":true}"#.to_owned(), false));
        assert_eq!(answered(StaticStrategy::Always, Ok(reply)), expected);
    }

    #[test]
    fn each_strategy_has_its_moment() {
        use StaticStrategy::{Always, Complete, Errored, Incomplete, Success};
        let (plain, over, alone) = (r#"{"a":1,"b":2}"#, r#"{"a":9,"b":2,"new":true}"#, r#"{"a":9,"new":true}"#);
        for (strategy, complete, incomplete, partial, failed) in [
            (Always, over, over, over, Some(alone)),
            (Success, over, over, plain, None),
            (Errored, plain, plain, over, Some(alone)),
            (Complete, over, plain, plain, None),
            (Incomplete, plain, over, over, Some(alone)),
        ] {
            let reply = |complete, errored| answered(strategy, reply(complete, errored));
            assert_eq!(reply(true, false), Some((complete.to_owned(), true)), "{strategy:?}");
            assert_eq!(reply(false, false), Some((incomplete.to_owned(), false)), "{strategy:?}");
            assert_eq!(reply(false, true), Some((partial.to_owned(), false)), "{strategy:?}");
            let expected = failed.map(|text| (text.to_owned(), false));
            assert_eq!(answered(strategy, Err(Failure::internal("x"))), expected, "{strategy:?}");
        }
    }
}
