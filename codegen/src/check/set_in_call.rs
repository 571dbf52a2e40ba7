//! `set_headers` and `set_body` of a backend in a sequence.

use super::calls::Turn;
use super::endpoint::Owner;
use super::pubsub::SUBSCRIBER;
use super::sequence::{earlier, is_response};
use super::url_template::is_name;
use super::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::model::{BodyPiece, Earlier, SetInCall, Template};
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::{self, Node, Value};

/// Headers that are the connection's, or the client's to write.
const NOT_TO_SET: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// `set_headers` and `set_body`.
pub(super) fn set_in_call(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> SetInCall {
    let turn = owner.turn;
    let Some(proxy) = object.extra("proxy") else { return SetInCall::default() };
    let members = [proxy.member("set_headers"), proxy.member("set_body")];
    if let (Some(first), false) = (members.into_iter().flatten().next(), matches!(turn, Turn::After(_))) {
        let message = format!("`{}` puts what was answered before into a call of a sequence", first.key);
        let error = Diagnostic::error("inapplicable", first.key_span, message);
        context.push(match turn {
            Turn::Shadow => error.label("a shadow backend gets a copy of the request"),
            _ => error.label("the endpoint has no `\"sequential\": true`"),
        });
        return SetInCall::default();
    }
    if let (Some(first), true) = (members.into_iter().flatten().next(), object.namespace(SUBSCRIBER).is_some()) {
        let message = format!("`{}` does nothing on a subscriber", first.key);
        let error = Diagnostic::error("inapplicable", first.key_span, message);
        context.push(error.label("it takes nothing of a request"));
        return SetInCall::default();
    }
    let headers = proxy.get("set_headers").map_or(&[][..], Node::members).iter();
    let headers = headers.filter_map(|member| {
        let name = header_name(context, At { value: &member.key, span: member.key_span })?;
        Some((name, Template::parse(context, &member.value, owner)?))
    });
    SetInCall {
        headers: headers.collect(),
        body: proxy.get("set_body").map_or_else(Vec::new, |node| body(context, node, turn)),
    }
}

fn header_name(context: &Context<'_>, name: At<&str>) -> Option<String> {
    let lower = names::header(context, name)?;
    if lower.is_empty() || NOT_TO_SET.contains(&lower.as_str()) {
        let message = format!("the header `{}` cannot be set", name.value);
        let error = Diagnostic::error("bad-header-name", name.span, message);
        context.push(error.label("the gateway writes it itself"));
        return None;
    }
    Some(lower)
}

/// A text between placeholders, or one of them.
enum Segment<'a> {
    Text(&'a str),
    Value(Earlier),
}

/// A string's parts. Braces around anything but a name are text, as in JSON.
fn segments<'a>(context: &Context<'_>, node: &'a Node, turn: Turn<'_>) -> Option<Vec<Segment<'a>>> {
    let text = node.text()?.value.as_str();
    let mut segments = Vec::new();
    let (mut from, mut searched) = (0, 0);
    while let Some(open) = text[searched..].find('{').map(|at| searched + at) {
        searched = open + 1;
        let Some(close) = text[open..].find('}').map(|at| open + at) else { break };
        let name = &text[open + 1..close];
        if !is_name(name) {
            continue;
        }
        let span = node.part(open..close + 1);
        if !is_response(name) {
            let message = format!("`{{{name}}}` is not a value of an earlier answer");
            let error = Diagnostic::error("unknown-parameter", span, message).label("nothing provides this value");
            context.push(error.help("write `{resp0_name}` for a member of the first backend's answer"));
            return None;
        }
        if from < open {
            segments.push(Segment::Text(&text[from..open]));
        }
        segments.push(Segment::Value(earlier(context, span, name, turn, true)?));
        (from, searched) = (close + 1, close + 1);
    }
    if from < text.len() {
        segments.push(Segment::Text(&text[from..]));
    }
    Some(segments)
}

/// A body: JSON with placeholders in its strings, or one placeholder.
fn body(context: &Context<'_>, node: &Node, turn: Turn<'_>) -> Vec<BodyPiece> {
    let mut pieces = Pieces::default();
    match &node.value {
        Value::Object(_) | Value::Array(_) => drop(json(context, node, turn, &mut pieces)),
        Value::String(_) => match segments(context, node, turn).as_deref() {
            Some([Segment::Value(earlier)]) => pieces.list.push(BodyPiece::Value(earlier.clone())),
            Some(_) => not_a_body(context, node),
            None => {}
        },
        _ => not_a_body(context, node),
    }
    pieces.finish()
}

fn not_a_body(context: &Context<'_>, node: &Node) {
    let error = Diagnostic::error("bad-body", node.span, "`set_body` is an object, a list, or one placeholder");
    let error = error.label("a value in it could break out of its place");
    context.push(error.help("write JSON: `{\"id\": \"{resp0_id}\"}`, or `\"{resp0}\"` for the whole answer"));
}

/// Literal text that is gathered, and values.
#[derive(Default)]
struct Pieces {
    list: Vec<BodyPiece>,
    literal: String,
}

impl Pieces {
    fn value(&mut self, piece: BodyPiece) {
        self.flush();
        self.list.push(piece);
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.list.push(BodyPiece::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn finish(mut self) -> Vec<BodyPiece> {
        self.flush();
        self.list
    }
}

fn json(context: &Context<'_>, node: &Node, turn: Turn<'_>, pieces: &mut Pieces) -> Option<()> {
    match &node.value {
        Value::Object(members) => {
            pieces.literal.push('{');
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    pieces.literal.push(',');
                }
                pieces.literal.push_str(&tree::quote(&member.key));
                pieces.literal.push(':');
                json(context, &member.value, turn, pieces)?;
            }
            pieces.literal.push('}');
        }
        Value::Array(items) => {
            pieces.literal.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    pieces.literal.push(',');
                }
                json(context, item, turn, pieces)?;
            }
            pieces.literal.push(']');
        }
        Value::String(_) => match segments(context, node, turn)?.as_slice() {
            [Segment::Value(earlier)] => pieces.value(BodyPiece::Value(earlier.clone())),
            segments => {
                pieces.literal.push('"');
                for segment in segments {
                    match segment {
                        Segment::Text(text) => {
                            let quoted = tree::quote(text);
                            pieces.literal.push_str(&quoted[1..quoted.len() - 1]);
                        }
                        Segment::Value(earlier) => pieces.value(BodyPiece::Inside(earlier.clone())),
                    }
                }
                pieces.literal.push('"');
            }
        },
        _ => pieces.literal.push_str(&node.to_json()),
    }
    Some(())
}
