//! Where we differ from KrakenD on purpose: what a recording becomes, by behaviour.

mod answers;
mod brokers;
mod json;
mod requests;
mod sequences;

use serde_json::Value;

use super::suite::Suite;

/// What a difference may look at.
pub(super) struct Context<'a> {
    pub(super) suite: &'a Suite,
    pub(super) case: &'a Value,
    pub(super) step: &'a Value,
    /// Of this step, or the last one before it.
    pub(super) request: &'a Value,
    pub(super) endpoint: Option<&'a Value>,
    /// What we did.
    pub(super) found: &'a Value,
}

/// A deliberate difference. Where it applies, what it makes of the recording is what has to be seen.
struct Difference {
    name: &'static str,
    /// From design.md, section 3.
    #[expect(dead_code, reason = "for people")]
    why: &'static str,
    apply: fn(&Context<'_>, &mut Value),
}

/// A file for each part of what is seen.
const ALL: &[&[Difference]] = &[json::ALL, answers::ALL, requests::ALL, sequences::ALL, brokers::ALL];

/// Changes a recording to what we answer; says which differences changed it.
pub(super) fn apply(context: &Context<'_>, wanted: &mut Value) -> Vec<&'static str> {
    let mut applied = Vec::new();
    for difference in ALL.iter().copied().flatten() {
        let before = wanted.clone();
        (difference.apply)(context, wanted);
        if *wanted != before {
            applied.push(difference.name);
        }
    }
    applied
}
