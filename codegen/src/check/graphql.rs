//! `backend/graphql`.

use super::endpoint::Owner;
use super::sequence::is_response;
use super::url_template::{no_token, unknown_parameter};
use super::{Context, tls};
use crate::diagnostic::Diagnostic;
use crate::model::{GraphQl, Variable};
use crate::syntax::Object;
use crate::tree::{Member, Node};

/// `Some(None)` when it is wrong, and was reported.
pub(super) fn graphql(context: &Context<'_>, object: Object<'_>, owner: &Owner<'_>) -> Option<Option<GraphQl>> {
    let options = object.extra("backend/graphql")?;
    let query = query(context, options);
    let variables = options.get("variables").map_or(&[][..], Node::members);
    // Every wrong one is reported, so no early end.
    let variables: Vec<_> = variables.iter().map(|member| variable(context, member, owner)).collect();
    let variables: Option<Vec<_>> = variables.into_iter().collect();
    let kind = options.text("type").map(|kind| kind.value);
    if let Some((node, query)) = options.get("query").zip(query.as_deref()) {
        document(context, node, query, kind);
    }
    Some((|| {
        Some(GraphQl {
            mutation: kind? == "mutation",
            query: query?,
            operation_name: options
                .text("operationName")
                .map(|name| name.value.to_owned())
                .filter(|name| !name.is_empty()),
            variables: variables?,
            get: options.text("method").is_some_and(|method| method.value == "GET"),
        })
    })())
}

/// `query`, or what stands in the file `query_path`.
fn query(context: &Context<'_>, options: Object<'_>) -> Option<String> {
    let inline = options.text("query").filter(|query| !query.value.trim().is_empty());
    let Some(path) = options.text("query_path").filter(|path| !path.value.is_empty()) else {
        if inline.is_none() && options.get("query_path").is_none_or(|node| node.text().is_some()) {
            let error = Diagnostic::error("missing-key", options.mark(), "`query` is missing in `backend/graphql`");
            context.push(error.label("nothing is asked").help("add `query`, or `query_path` with the name of a file"));
        }
        return inline.map(|query| query.value.to_owned());
    };
    if let Some(inline) = inline {
        let error = Diagnostic::error("two-queries", inline.span, "`query` and `query_path` are both given");
        context.push(error.label("KrakenD ignores this").related(path.span, "the other is here"));
        return None;
    }
    let full = context.named_file(path.value);
    match std::fs::read_to_string(&full) {
        Ok(text) if text.trim().is_empty() => {
            let error = Diagnostic::error("bad-file", path.span, "the file holds no query");
            context.push(error.label("it is empty"));
            None
        }
        Ok(text) => Some(text),
        Err(error) => {
            let message = format!("cannot read the query: {}", tls::reason(&error));
            let error = Diagnostic::error("unreadable-file", path.span, message);
            context.push(error.label(format!("looked for `{}`", full.display())));
            None
        }
    }
}

/// What is wrong with a query as a whole: brackets that do not pair up, an operation of another type.
fn document(context: &Context<'_>, node: &Node, query: &str, kind: Option<&str>) {
    let mut open = Vec::new();
    let mut comment = false;
    let mut quoted = false;
    for (offset, letter) in query.char_indices() {
        match letter {
            '\n' => (comment, quoted) = (false, false),
            _ if comment => {}
            '"' if !query[..offset].ends_with('\\') => quoted = !quoted,
            _ if quoted => {}
            '#' => comment = true,
            '{' | '(' | '[' => open.push((offset, letter)),
            '}' | ')' | ']' => {
                let expected = match open.pop() {
                    Some((_, '{')) => '}',
                    Some((_, '(')) => ')',
                    Some(_) => ']',
                    None => ' ',
                };
                if expected != letter {
                    let error =
                        Diagnostic::error("bad-query", node.part(offset..offset + 1), "the query does not parse");
                    context.push(error.label(match expected {
                        ' ' => "nothing is open here".to_owned(),
                        expected => format!("expected `{expected}`"),
                    }));
                    return;
                }
            }
            _ => {}
        }
    }
    if let Some((offset, letter)) = open.pop() {
        let error = Diagnostic::error("bad-query", node.part(offset..offset + 1), "the query does not parse");
        return context.push(error.label("never closed").help(format!("close the `{letter}`")));
    }
    let start = query.len() - query.trim_start().len();
    let word = query[start..].split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    if let (Some(kind), "query" | "mutation") = (kind, word)
        && kind != word
        && query.matches("mutation").count() + query.matches("query").count() == 1
    {
        let message = format!("the operation is a {word}, and `type` says `{kind}`");
        let warning = Diagnostic::warning("bad-query", node.part(start..start + word.len()), message);
        context.push(warning.label("of another type").help(format!("write `\"type\": \"{word}\"`")));
    }
}

/// A string `{name}` is a parameter of the path, anything else is itself.
fn variable(context: &Context<'_>, member: &Member, owner: &Owner<'_>) -> Option<(String, Variable)> {
    let text = member.value.text().map(|text| text.value.as_str());
    let name = text.and_then(|text| text.strip_prefix('{')).and_then(|rest| rest.strip_suffix('}'));
    let Some(name) = name else {
        return Some((member.key.clone(), Variable::Json(member.value.to_json())));
    };
    let span = member.value.span;
    if name.starts_with("JWT.") && !owner.claims {
        no_token(context, span, name);
        return None;
    }
    if is_response(name) || name.starts_with("JWT.") {
        context.not_yet(span, &format!("`{{{name}}}` in a GraphQL variable"));
        return None;
    }
    let params = owner.params?;
    let Some(index) = params.iter().position(|known| known == name) else {
        unknown_parameter(context, span, name, params);
        return None;
    };
    Some((member.key.clone(), Variable::PathParam(index)))
}
