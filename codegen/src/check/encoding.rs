//! `encoding` of a backend and `output_encoding` of an endpoint or the service.

use super::Context;
use super::endpoint::Owner;
use super::pubsub::SUBSCRIBER;
use crate::diagnostic::Diagnostic;
use crate::model::{Decode, Output};
use crate::suggest::closest;
use crate::syntax::Object;
use crate::syntax::kind::At;

/// `fast-json` is a faster `json` in KrakenD's Enterprise edition, and falls back to `json` in its open one.
const ENCODINGS: [(&str, Decode); 8] = [
    ("json", Decode::Json),
    ("fast-json", Decode::Json),
    ("safejson", Decode::SafeJson),
    ("string", Decode::Text),
    ("xml", Decode::Xml),
    ("rss", Decode::Rss),
    ("yaml", Decode::Yaml),
    ("no-op", Decode::NoOp),
];

const OUTPUTS: [(&str, Output); 8] = [
    ("json", Output::Json),
    ("fast-json", Output::Json),
    ("json-collection", Output::Collection),
    ("string", Output::Text),
    ("xml", Output::Xml),
    ("yaml", Output::Yaml),
    ("negotiate", Output::Negotiate),
    ("no-op", Output::NoOp),
];

/// An output encoding by its name; empty is `json`.
pub(super) fn known_output(name: &str) -> Option<Output> {
    if name.is_empty() {
        return Some(Output::Json);
    }
    OUTPUTS.iter().find(|(known, _)| *known == name).map(|(_, output)| *output)
}

/// The output encoding that an unknown name was probably meant to be.
pub(super) fn meant_output(name: &str) -> Option<Output> {
    known_output(closest(name, OUTPUTS.map(|(known, _)| known))?)
}

/// Reads `output_encoding`, the service's or an endpoint's.
pub(super) fn output(context: &Context<'_>, text: At<&str>) -> Option<Output> {
    let output = known_output(text.value);
    if output.is_none() {
        unknown(context, text, "output encoding", OUTPUTS.map(|(name, _)| name));
    }
    output
}

/// A backend's encoding by its name; empty is `json`.
pub(super) fn named(name: &str) -> Option<Decode> {
    let name = if name.is_empty() { "json" } else { name };
    ENCODINGS.iter().find(|(known, _)| *known == name).map(|(_, decode)| *decode)
}

/// Reports an encoding that is none.
pub(super) fn known(context: &Context<'_>, encoding: At<&str>) {
    if named(encoding.value).is_none() {
        unknown(context, encoding, "encoding", ENCODINGS.map(|(name, _)| name));
    }
}

/// How the body is read. One side that passes bytes on needs the other to do so too.
pub(super) fn decode(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<Decode> {
    let passes_on = owner.output == Output::NoOp;
    let Some(encoding) = object.text("encoding").filter(|encoding| !encoding.value.is_empty()) else {
        return Some(if passes_on { Decode::NoOp } else { Decode::Json });
    };
    let Some(decode) = named(encoding.value) else {
        unknown(context, encoding, "encoding", ENCODINGS.map(|(name, _)| name));
        return None;
    };
    let error = |message| Diagnostic::error("no-op-one-side", encoding.span, message);
    match (decode == Decode::NoOp, passes_on) {
        (true, false) if owner.turn.takes_no_op() => Some(decode),
        (true, false) if object.namespace(SUBSCRIBER).is_none() => {
            let message = "the backend's `no-op` leaves its answer unread, and nothing of it is in the endpoint's";
            let warning = Diagnostic::warning("no-op-one-side", encoding.span, message);
            context.push(
                warning
                    .label("answers `{}`, as in KrakenD")
                    .help("to pass the answer on, write `no-op` in the endpoint too"),
            );
            Some(decode)
        }
        (true, false) => {
            let error = error("the backend's `no-op` needs `\"output_encoding\": \"no-op\"` in the endpoint");
            context.push(error.label("the message would be lost").help("write `no-op` in both, or in neither"));
            None
        }
        (false, true) => {
            let message = "`encoding` does nothing: the endpoint's `no-op` passes the answer on unread";
            let warning = Diagnostic::warning("no-op-one-side", encoding.span, message).label("ignored, as in KrakenD");
            context.push(warning.help("remove the key, or the endpoint's `no-op`"));
            Some(Decode::NoOp)
        }
        _ => {
            collection(context, object, decode);
            portability(context, encoding);
            Some(decode)
        }
    }
}

/// What works here and not on a KrakenD.
fn portability(context: &Context<'_>, encoding: At<&str>) {
    if encoding.value == "yaml" {
        let message = "only the Enterprise edition of KrakenD reads `yaml`";
        let warning = Diagnostic::warning("krakend-reads-json", encoding.span, message);
        context.push(warning.label("its open edition falls back to `json`"));
    }
}

/// Warns of `is_collection` where the body says by itself what it is.
fn collection(context: &Context<'_>, object: Object<'_>, decode: Decode) {
    let what = match decode {
        Decode::SafeJson => "`safejson` reads objects and arrays alike",
        Decode::Text => "`string` is never an array",
        Decode::Rss => "a feed is never an array",
        Decode::Json | Decode::Xml | Decode::Yaml | Decode::NoOp => return,
    };
    if let (true, Some(member)) = (object.flag("is_collection"), object.member("is_collection")) {
        let message = format!("`is_collection` does nothing here: {what}");
        let warning = Diagnostic::warning("inapplicable", member.key_span, message).label("KrakenD ignores this");
        context.push(warning.help("remove it"));
    }
}

fn unknown(context: &Context<'_>, text: At<&str>, what: &str, names: [&'static str; 8]) {
    let error = Diagnostic::error("unknown-encoding", text.span, format!("unknown {what} `{}`", text.value));
    let list = names.map(|name| format!("`{name}`")).join(", ");
    let error = error.label("KrakenD falls back to `json`").did_you_mean(closest(text.value, names));
    context.push(error.help(format!("the {what}s are {list}")));
}
