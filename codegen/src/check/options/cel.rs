//! `validation/cel`: parsed by the crate that will evaluate it, and held against what an expression can name.

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, SourceInfo};
use cel::parser::{ParseErrors, Parser};

use super::{Site, titled};
use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::suggest::closest;
use crate::syntax::kind::Scope;
use crate::syntax::{Object, regex_fault};
use crate::tree::Node;

/// Above what a person writes, and below what the parser's recursion has stack for.
const MAX_BYTES: usize = 16 * 1024;
const MAX_OPERATORS: usize = 256;
const MAX_DEPTH: u16 = 64;
/// A level takes the parser 100 KiB in a debug build, more than the threads of a test have for all.
const STACK: usize = 32 * 1024 * 1024;

/// What an expression can name.
const VARIABLES: [&str; 11] = [
    "req_method",
    "req_path",
    "req_params",
    "req_headers",
    "req_querystring",
    "resp_completed",
    "resp_metadata_status",
    "resp_metadata_headers",
    "resp_data",
    "JWT",
    "now",
];

/// What it can call, macros aside.
const FUNCTIONS: [&str; 26] = [
    "size",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "dyn",
    "type",
    "timestamp",
    "duration",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "has",
];

/// Names of types, which are values too.
const TYPES: [&str; 10] = ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint", "type"];

/// Checks a list of expressions.
pub(super) fn checks(context: &Context<'_>, list: &Node, site: &Site<'_>) {
    if list.is_array() && list.items().is_empty() {
        let warning = Diagnostic::warning("no-effect", list.span, "`validation/cel` checks nothing");
        context.push(warning.label("the list is empty"));
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
    let mut walk = Walk { context, node, text, site, info: &info, bound: Vec::new(), faults: 0 };
    walk.visit(root.id, &root.expr);
    if walk.faults == 0
        && let Some(what) = not_a_verdict(&root.expr)
    {
        let error = Diagnostic::error("bad-cel", node.part(0..text.len()), format!("the expression gives {what}"));
        context.push(error.label("expected a boolean").help("compare it: `... == ...`"));
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

/// Reports what the parser says, in fewer words.
fn unparsed(context: &Context<'_>, node: &Node, text: &str, errors: &ParseErrors) {
    let fault = errors.errors.first().map_or_else(
        || Fault { range: 0..text.len(), message: "it cannot be read".to_owned(), help: None },
        |error| Fault::of(text, error.pos, &error.msg),
    );
    let message = format!("the CEL expression does not parse: {}", fault.message);
    let error = Diagnostic::error("bad-cel", node.part(fault.range), message).label("not CEL");
    let help = fault.help.unwrap_or("an expression compares: `req_method == 'GET' && size(req_params.Id) > 3`");
    context.push(error.help(help));
}

struct Fault {
    range: Range<usize>,
    message: String,
    help: Option<&'static str>,
}

impl Fault {
    fn of(text: &str, (line, column): (isize, isize), message: &str) -> Self {
        let start = offset(text, line, column);
        if message.contains("Recursion limit") {
            let message = format!("it nests more than {MAX_DEPTH} deep");
            return Self { range: 0..text.len(), message, help: Some("split it into several expressions") };
        }
        let quoted = |prefix: &str| {
            let rest = &message[message.find(prefix)? + prefix.len()..];
            rest.strip_prefix('\'').map(|rest| rest.split("' expecting").next().unwrap_or(rest).trim_end_matches('\''))
        };
        if message.contains("'<EOF>' expecting") || message.contains("'<EOF>'") && !message.contains("expecting") {
            let whole = Self { range: 0..text.len(), message: "it ends too early".to_owned(), help: None };
            return Self {
                help: Some("something is opened and not closed, or an operator has no right side"),
                ..whole
            };
        }
        if let Some(token) = quoted("token recognition error at: ") {
            let sign = token.trim();
            let help = match sign {
                "=" => Some("compare with `==`"),
                "&" => Some("write `&&`"),
                "|" => Some("write `||`"),
                _ if sign.starts_with(['\'', '"']) => Some("close the string with the quote that opens it"),
                _ => None,
            };
            let end = start + token.len().min(text.len() - start);
            let end = if text.is_char_boundary(end) { end.max(start) } else { text.len() };
            let end = start + text[start..end].trim_end().len();
            return Self { range: start..end, message: format!("`{sign}` is no part of CEL"), help };
        }
        let token = quoted("input ").unwrap_or_default();
        let token = if token.is_empty() || !text[start..].starts_with(token) { word(&text[start..]) } else { token };
        let help = match token {
            "and" => Some("write `&&`"),
            "or" => Some("write `||`"),
            "not" => Some("write `!`"),
            _ => None,
        };
        let message = match token {
            "" => "it cannot be read".to_owned(),
            token => format!("`{token}` is not expected here"),
        };
        let end = start + token.len();
        Self { range: if start == end { 0..text.len() } else { start..end }, message, help }
    }
}

/// The byte of a line and a column, both from 1, in characters.
fn offset(text: &str, line: isize, column: isize) -> usize {
    let [line, column] = [line, column].map(|at| usize::try_from(at - 1).unwrap_or_default());
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    text[start..].char_indices().nth(column).map_or(text.len(), |(offset, _)| start + offset)
}

/// What stands first: a word, or one sign.
fn word(text: &str) -> &str {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let end = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    let sign = text.chars().next().map_or(0, char::len_utf8);
    &text[..end.max(sign)]
}

/// What an expression gives that cannot be a verdict, as far as it can be told.
fn not_a_verdict(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Literal(LiteralValue::Boolean(_)) => None,
        Expr::Literal(_) => Some("a constant"),
        Expr::List(_) => Some("a list"),
        Expr::Map(_) | Expr::Struct(_) => Some("a map"),
        Expr::Ident(name) => match name.as_str() {
            "req_method" | "req_path" | "now" => Some("a string"),
            "resp_metadata_status" => Some("a number"),
            "req_params" | "req_headers" | "req_querystring" | "resp_metadata_headers" | "resp_data" | "JWT" => {
                Some("a map")
            }
            _ => None,
        },
        Expr::Call(call) => match call.func_name.as_str() {
            "size" | "int" | "uint" | "double" | "_-_" | "_*_" | "_/_" | "_%_" | "-_" => Some("a number"),
            "string" => Some("a string"),
            "timestamp" => Some("a time"),
            "duration" => Some("a duration"),
            "_+_" => Some("a sum"),
            _ => None,
        },
        _ => None,
    }
}

/// A header's name as Go writes it. One that is not a header's stays as it is.
fn canonical(name: &str) -> String {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(token) {
        return name.to_owned();
    }
    let mut upper = true;
    let letter = |letter: char| {
        let written = if upper { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        upper = letter == '-';
        written
    };
    name.chars().map(letter).collect()
}

/// Goes through an expression and reports every name that means nothing.
struct Walk<'a> {
    context: &'a Context<'a>,
    node: &'a Node,
    text: &'a str,
    site: &'a Site<'a>,
    info: &'a SourceInfo,
    /// What macros have bound: `x` of `exists(x, ...)`.
    bound: Vec<String>,
    faults: usize,
}

impl Walk<'_> {
    fn visit(&mut self, id: u64, expr: &Expr) {
        match expr {
            Expr::Ident(name) => self.name(id, name),
            Expr::Call(call) => self.call(id, call),
            Expr::Select(select) => {
                if !select.test && matches!(&select.operand.expr, Expr::Ident(name) if name == "req_params") {
                    self.parameter(&select.field);
                }
                self.visit(select.operand.id, &select.operand.expr);
            }
            Expr::List(list) => list.elements.iter().for_each(|item| self.visit(item.id, &item.expr)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(object) => object.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Comprehension(inner) => {
                self.visit(inner.iter_range.id, &inner.iter_range.expr);
                self.visit(inner.accu_init.id, &inner.accu_init.expr);
                let before = self.bound.len();
                self.bound.extend([inner.iter_var.clone(), inner.accu_var.clone()]);
                self.bound.extend(inner.iter_var2.clone());
                for part in [&inner.loop_cond, &inner.loop_step, &inner.result] {
                    self.visit(part.id, &part.expr);
                }
                self.bound.truncate(before);
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::MapEntry(entry) => {
                self.visit(entry.key.id, &entry.key.expr);
                self.visit(entry.value.id, &entry.value.expr);
            }
            EntryExpr::StructField(field) => self.visit(field.value.id, &field.value.expr),
        }
    }

    fn call(&mut self, id: u64, call: &CallExpr) {
        if let Some(target) = &call.target {
            self.visit(target.id, &target.expr);
        }
        call.args.iter().for_each(|arg| self.visit(arg.id, &arg.expr));
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            ("_[_]", [headers, header]) | ("@in", [header, headers]) => self.header(headers, header),
            _ => {}
        }
        let is_function = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if is_function && !FUNCTIONS.contains(&name) {
            let span = self.word(id, name);
            let error = Diagnostic::error("bad-cel", span, format!("there is no function `{name}` in CEL"));
            self.push(error.label("cannot be called").did_you_mean(closest(name, FUNCTIONS)));
        }
        let pattern = match (name, call.target.is_some(), call.args.as_slice()) {
            ("matches", true, [pattern]) | ("matches", false, [_, pattern]) => pattern,
            _ => return,
        };
        if let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr
            && let Some(fault) = regex_fault(pattern.inner())
        {
            // What is escaped in the expression cannot be found in it.
            let pattern = pattern.inner();
            let error = match self.text.find(pattern).filter(|_| !pattern.is_empty()) {
                Some(start) => fault.within(self.node, start, "bad-regex"),
                None => {
                    let message = fault.at(self.node, "bad-regex").message;
                    Diagnostic::error("bad-regex", self.node.part(0..self.text.len()), message)
                        .label("not a regular expression")
                }
            };
            self.push(error);
        }
    }

    fn name(&mut self, id: u64, name: &str) {
        if name == "JWT" && !self.site.claims && self.site.scope == Scope::Endpoint {
            let span = self.word(id, name);
            let error = Diagnostic::error("no-token", span, "`JWT` needs `auth/validator` in this endpoint");
            let error = error.label("nothing reads a token here");
            let error = error.help("add `auth/validator`, which reads the client's token");
            return self.push(error.note("KrakenD never evaluates the expression without it: everybody is let in"));
        }
        let known = VARIABLES.contains(&name) || TYPES.contains(&name) || self.bound.iter().any(|bound| bound == name);
        if known || name.starts_with('@') {
            return;
        }
        let span = self.word(id, name);
        let error = Diagnostic::error("bad-cel", span, format!("there is no variable `{name}`"));
        let error = error.label("KrakenD drops the whole check").did_you_mean(closest(name, VARIABLES));
        let list = VARIABLES.map(|name| format!("`{name}`")).join(", ");
        self.push(error.help(format!("the variables are {list}")));
    }

    /// `req_headers['X-Name']`, and whether it is there.
    fn header(&mut self, headers: &IdedExpr, header: &IdedExpr) {
        let is_headers = |name: &str| matches!(name, "req_headers" | "resp_metadata_headers");
        let (Expr::Ident(map), Expr::Literal(LiteralValue::String(name))) = (&headers.expr, &header.expr) else {
            return;
        };
        let (name, canonical) = (name.inner(), canonical(name.inner()));
        if !is_headers(map) || name == canonical {
            return;
        }
        let start = self.text.find(name).filter(|_| !name.is_empty());
        let span = self.node.part(start.map_or(0..self.text.len(), |start| start..start + name.len()));
        let warning = Diagnostic::warning("header-case", span, format!("`{name}` is never in `{map}`"));
        self.push(warning.label("headers have their canonical names").help(format!("write `{canonical}`")));
    }

    /// `req_params.Name`, which has to be one of the path's.
    fn parameter(&mut self, field: &str) {
        let Some(params) = self.site.params else { return };
        let names: Vec<_> = params.iter().map(|param| titled(param)).collect();
        // Of earlier backends and of tokens.
        if names.iter().any(|name| name == field) || field.starts_with("Resp") || field.starts_with("JWT") {
            return;
        }
        let dotted = format!("req_params.{field}");
        let start = self.text.find(&dotted).map(|start| start + "req_params.".len());
        let span = start.map_or(self.node.part(0..self.text.len()), |start| self.node.part(start..start + field.len()));
        let message = format!("`{field}` is not a parameter of this endpoint");
        let error = Diagnostic::error("unknown-parameter", span, message).label("nothing provides this value");
        let meant = closest(field, names.iter().map(String::as_str));
        let meant = names.iter().find(|name| name.eq_ignore_ascii_case(field)).map(String::as_str).or(meant);
        let error = error.did_you_mean(meant);
        self.push(
            error.note("KrakenD writes the first letter of a parameter in upper case: `{id}` is `req_params.Id`"),
        );
    }

    /// The bytes of a name: where the parser saw it, otherwise the first place that it stands at as a word.
    fn word(&self, id: u64, name: &str) -> crate::tree::Span {
        let seen = self.info.offset_for(id).and_then(|(start, _)| usize::try_from(start).ok());
        let is_there = |start: &usize| self.text.get(*start..).is_some_and(|rest| word(rest) == name);
        let start = seen.filter(is_there).or_else(|| {
            let mut places = self.text.match_indices(name).map(|(start, _)| start);
            let joined =
                |start: usize| self.text[..start].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
            places.find(|start| is_there(start) && !joined(*start))
        });
        self.node.part(start.map_or(0..self.text.len(), |start| start..start + name.len()))
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.faults += 1;
        self.context.push(diagnostic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Defaults;
    use crate::diagnostic::Sink;
    use crate::source::SourceFile;

    /// The bytes of each diagnostic of an expression.
    fn faults(text: &str) -> Vec<String> {
        let file = SourceFile::new("a.json", "", crate::tree::quote(text));
        let sink = Sink::default();
        let node = crate::json::parse(file.text(), 0, &sink).expect("a string");
        let context = Context::new(&file, &sink, Defaults::default());
        let params = ["id".to_owned(), "long_name".to_owned()];
        let site = Site { scope: Scope::Endpoint, params: Some(&params), claims: false };
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
