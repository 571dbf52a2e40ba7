//! `validation/cel`: parsed by the crate that will evaluate it, and held against what an expression can name.

mod names;
mod types;
mod unparsed;

use cel::IdedExpr;
use cel::common::ast::{Expr, SourceInfo};
use cel::parser::{ParseErrors, Parser};

use self::names::Walk;
use self::types::{Type, type_of};
use self::unparsed::unparsed;
use super::Site;
use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::syntax::Object;
use crate::tree::Node;

/// Above what a person writes, and below what the parser's recursion has stack for.
const MAX_BYTES: usize = 16 * 1024;
const MAX_OPERATORS: usize = 256;
const MAX_DEPTH: u16 = 64;
/// A level takes the parser 100 KiB in a debug build, more than the threads of a test have for all.
const STACK: usize = 32 * 1024 * 1024;

/// Checks a list of expressions.
pub(super) fn checks(context: &Context<'_>, list: &Node, site: &Site<'_>) {
    if list.is_array() && list.items().is_empty() {
        let warning = Diagnostic::warning("no-effect", list.span, "`validation/cel` checks nothing");
        context.push(warning.label("the list is empty").help(r#"write `[{"check_expr": "..."}]`, or remove it"#));
    }
    for check in list.items().iter().filter_map(Object::of) {
        let Some(node) = check.get("check_expr") else { continue };
        let Some(text) = node.text().map(|text| text.value.as_str()).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        expression(context, node, text, site);
    }
}

fn expression(context: &Context<'_>, node: &Node, text: &str, site: &Site<'_>) {
    let operators = operators(text);
    if text.len() > MAX_BYTES || operators > MAX_OPERATORS {
        let message = format!("the expression has {} bytes and {operators} operators", text.len());
        let error = Diagnostic::error("bad-cel", node.part(0..text.len()), message).label("too long");
        return context.push(error.help(format!("at most {MAX_BYTES} bytes and {MAX_OPERATORS} operators: split it")));
    }
    let (root, info) = match parse(text) {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(errors)) => return unparsed(context, node, text, &errors),
        Err(error) => {
            let message = format!("the expression cannot be checked: {error}");
            return context.push(Diagnostic::error("bad-cel", node.span, message).label("not checked"));
        }
    };
    let mut walk = Walk { context, node, text, site, info: &info, bound: Vec::new(), faults: 0, unlisted: Vec::new() };
    walk.visit(root.id, &root.expr);
    if walk.faults == 0
        && let Some(what) = not_a_verdict(&root.expr)
    {
        let error = Diagnostic::error("bad-cel", node.part(0..text.len()), format!("the expression gives {what}"));
        context.push(error.label("expected a boolean").help("compare it: `... == ...`"));
    } else if walk.faults == 0 {
        walk.unlisted.into_iter().for_each(|warning| context.push(warning));
    }
}

type Parsed = Result<(IdedExpr, SourceInfo), ParseErrors>;

/// Parses in a thread of its own, for its stack. An error is that of the thread.
fn parse(text: &str) -> std::io::Result<Parsed> {
    let parse = || Parser::new().max_recursion_depth(MAX_DEPTH).parse_with_source_info(text);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, parse)?;
        thread.join().map_err(|_| std::io::Error::other("the parser of CEL panicked"))
    })
}

/// How many operators stand outside of strings: each can make the expression one level deeper.
fn operators(text: &str) -> usize {
    let mut quote = None;
    let mut count = 0;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (b'\\', Some(_)) => drop(bytes.next()),
            (b'\'' | b'"', None) => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            (b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b'?' | b'!' | b'<' | b'>' | b'=' | b'[', None) => count += 1,
            _ => {}
        }
    }
    count
}

/// What an expression gives that cannot be a verdict, as far as it can be told.
fn not_a_verdict(expr: &Expr) -> Option<&'static str> {
    match (expr, type_of(expr)) {
        (_, Some(Type::Bool)) => None,
        (_, Some(other)) => Some(other.name()),
        (Expr::Literal(_), None) => Some("a constant"),
        (Expr::Struct(_), None) => Some("a map"),
        (Expr::Call(call), None) => match call.func_name.as_str() {
            "_-_" | "_*_" | "_/_" | "_%_" | "-_" => Some("a number"),
            "timestamp" => Some("a time"),
            "duration" => Some("a duration"),
            "_+_" => Some("a sum"),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Defaults;
    use crate::diagnostic::Sink;
    use crate::source::SourceFile;
    use crate::syntax::kind::Scope;

    /// The bytes of each diagnostic of an expression.
    fn faults(text: &str) -> Vec<String> {
        let file = SourceFile::new("a.json", "", crate::tree::quote(text));
        let sink = Sink::default();
        let node = crate::json::parse(file.text(), 0, &sink).expect("a string");
        let context = Context::new(file.as_ref(), &sink, Defaults::default());
        let params = ["id".to_owned(), "long_name".to_owned()];
        let site = Site { params: Some(&params), ..Site::outside(Scope::Endpoint) };
        expression(&context, &node, text, &site);
        drop(context);
        let found = sink.finish(None);
        found.into_iter().map(|found| file.text()[found.span.start..found.span.end].to_owned()).collect()
    }

    #[test]
    fn expressions_and_what_is_wrong_in_them() {
        for (text, expected) in [
            ("req_method == 'GET' && req_params.Id.matches('^[0-9]+$')", vec![]),
            ("resp_data.list.exists(x, x.n > 1) || has(resp_data.y)", vec![]),
            ("'X-Env' in req_headers && req_params.Long_name != ''", vec![]),
            ("resp_completed", vec![]),
            ("timestamp(now) > timestamp('2024-01-01T00:00:00Z')", vec![]),
            ("type(resp_data.n) == string", vec![]),
            ("1 == 2", vec![]),
            ("nope(", vec!["nope("]),
            ("this is not cel", vec!["is"]),
            ("req_method = 'GET'", vec!["="]),
            ("req_method == 'GET", vec!["'GET"]),
            ("req_method == 'GET' and true", vec!["and"]),
            ("req_methd == 'GET'", vec!["req_methd"]),
            ("resp_data.x == y && z", vec!["y", "z"]),
            ("req_params.id == '1'", vec!["id"]),
            ("req_params.Nope == '1'", vec!["Nope"]),
            ("has(req_params.Nope)", vec![]),
            ("length(req_method) > 1", vec!["length"]),
            ("JWT.sub == 'a'", vec!["JWT"]),
            ("'x-env' in req_headers", vec!["x-env"]),
            ("req_headers['X-Env'] == 'a'", vec!["req_headers['X-Env'] == 'a'"]),
            ("true || req_method == 1 && resp_completed", vec!["true || req_method == 1 && resp_completed"]),
            ("req_querystring.page[0] == '1' && resp_metadata_status != 200", vec![]),
            ("int(req_querystring.page[0]) > 1.5 && req_headers['A'] == ['a', 'b']", vec![]),
            ("req_headers['A'].startsWith('a')", vec!["req_headers['A'].startsWith('a')"]),
            ("resp_completed == 'true'", vec!["resp_completed == 'true'"]),
            ("req_headers['X-ENV'][0] == 'a'", vec!["X-ENV"]),
            ("req_headers['X-Env'][0] == 'a'", vec![]),
            ("size(req_params)", vec!["size(req_params)"]),
            ("'a'", vec!["'a'"]),
            ("req_method.matches('(a')", vec!["("]),
            (")", vec![")"]),
            ("ä == 1", vec!["ä"]),
        ] {
            assert_eq!(faults(text), expected, "{text}");
        }
    }

    #[test]
    fn what_nests_too_deep_is_told() {
        assert_eq!(faults(&format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000))).len(), 1);
        assert_eq!(faults(&"!".repeat(9_000)).len(), 1);
        assert_eq!(faults(&format!("true{}", " && true".repeat(1_500))).len(), 0);
        assert_eq!(faults(&"a".repeat(20_000)).len(), 1);
    }
}
