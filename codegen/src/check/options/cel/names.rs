//! Names in an expression: variables, functions, parameters and headers.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, SourceInfo};

use super::super::{Site, titled};
use super::types::{Type, type_of};
use super::unparsed::word;
use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::model::Names;
use crate::suggest::closest;
use crate::syntax::kind::Scope;
use crate::syntax::regex_fault;
use crate::tree::Node;

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
pub(super) struct Walk<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) node: &'a Node,
    pub(super) text: &'a str,
    pub(super) site: &'a Site<'a>,
    pub(super) info: &'a SourceInfo,
    /// What macros have bound: `x` of `exists(x, ...)`.
    pub(super) bound: Vec<String>,
    pub(super) faults: usize,
    /// What is only said where nothing else is wrong.
    pub(super) unlisted: Vec<Diagnostic>,
}

impl Walk<'_> {
    pub(super) fn visit(&mut self, id: u64, expr: &Expr) {
        match expr {
            Expr::Ident(name) => self.name(id, name),
            Expr::Call(call) => self.call(id, call),
            Expr::Select(select) => {
                if let Expr::Ident(name) = &select.operand.expr {
                    match name.as_str() {
                        "req_params" if !select.test => self.parameter(&select.field),
                        "req_querystring" => self.query(&select.field),
                        _ => {}
                    }
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
            ("_[_]", [headers, header]) => self.header(headers, header),
            ("@in", [header, headers]) => {
                self.header(headers, header);
                self.member_of(headers);
            }
            ("_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", [left, right]) => self.compared(left, right),
            ("startsWith" | "endsWith" | "contains" | "matches", _) => self.searched(name, call),
            ("_&&_" | "_||_" | "!_", sides) => sides.iter().for_each(|side| self.decided(side)),
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

    /// Two sides of a comparison. Of two types KrakenD's checker makes no comparison, and drops the whole check.
    fn compared(&mut self, left: &IdedExpr, right: &IdedExpr) {
        let (Some(one), Some(other)) = (type_of(&left.expr), type_of(&right.expr)) else { return };
        if one.meets(other) {
            return;
        }
        let message = format!("{} is compared with {}", one.name(), other.name());
        let error = Diagnostic::error("bad-cel", self.node.part(0..self.text.len()), message);
        let error = error.label("KrakenD drops the whole check");
        let values = one == Type::Values || other == Type::Values;
        self.push(match (one, other) {
            _ if values => error.help("a header or a parameter of the query has several values: `[0]` is the first"),
            (Type::Text, Type::Number) | (Type::Number, Type::Text) => error.help("make a number of it: `int(...)`"),
            _ => error.help("write a value of the same type"),
        });
    }

    /// `... in req_method`: only lists and maps have members.
    fn member_of(&mut self, whole: &IdedExpr) {
        let Some(kind) = type_of(&whole.expr).filter(|kind| matches!(kind, Type::Text | Type::Number | Type::Bool))
        else {
            return;
        };
        let message = format!("`in` asks a list or a map, and this is {}", kind.name());
        let error = Diagnostic::error("bad-cel", self.node.part(0..self.text.len()), message);
        let error = error.label("KrakenD drops the whole check");
        self.push(match kind {
            Type::Text => error.help("whether a string has another in it: `.contains(...)`"),
            _ => error.help("compare it: `... == ...`"),
        });
    }

    /// One side of `&&`, `||` and `!`, which join verdicts.
    fn decided(&mut self, side: &IdedExpr) {
        let Some(kind) = type_of(&side.expr).filter(|kind| *kind != Type::Bool) else { return };
        let message = format!("a side of `&&`, `||` or `!` is {}", kind.name());
        let error = Diagnostic::error("bad-cel", self.node.part(0..self.text.len()), message);
        self.push(error.label("expected a boolean").help("compare it: `... == ...`"));
    }

    /// `req_headers['X-Name'].startsWith(...)`: a list has no such function.
    fn searched(&mut self, name: &str, call: &CallExpr) {
        let target = call.target.as_ref().and_then(|target| type_of(&target.expr));
        let Some(kind) = target.filter(|kind| *kind != Type::Text) else { return };
        let message = format!("`{name}` asks a string, and this is {}", kind.name());
        let error = Diagnostic::error("bad-cel", self.node.part(0..self.text.len()), message);
        let error = error.label("KrakenD drops the whole check");
        self.push(match kind {
            Type::Values => error.help("a header or a parameter of the query has several values: `[0]` is the first"),
            _ => error.help("make a string of it: `string(...)`"),
        });
    }

    /// `req_headers['X-Name']`, and whether it is there.
    fn header(&mut self, headers: &IdedExpr, header: &IdedExpr) {
        let is_headers = |name: &str| matches!(name, "req_headers" | "resp_metadata_headers");
        let (Expr::Ident(map), Expr::Literal(LiteralValue::String(name))) = (&headers.expr, &header.expr) else {
            return;
        };
        let (name, canonical) = (name.inner(), canonical(name.inner()));
        if map == "req_headers" && self.site.listed.is_some_and(|listed| !listed.lets_in_header(name)) {
            return self.unlisted(name, "input_headers");
        }
        if map == "req_querystring" {
            return self.query(name);
        }
        if !is_headers(map) || name == canonical {
            return;
        }
        let start = self.text.find(name).filter(|_| !name.is_empty());
        let span = self.node.part(start.map_or(0..self.text.len(), |start| start..start + name.len()));
        let warning = Diagnostic::warning("header-case", span, format!("`{name}` is never in `{map}`"));
        self.push(warning.label("headers have their canonical names").help(format!("write `{canonical}`")));
    }

    /// `req_querystring.name`, and whether it is there.
    fn query(&mut self, name: &str) {
        // What a script changes is not known.
        let listed = self.site.listed.filter(|listed| listed.added.is_some()).map(|listed| listed.queries);
        if matches!(listed, Some(Names::List(list)) if !list.iter().any(|listed| listed == name)) {
            self.unlisted(name, "input_query_strings");
        }
    }

    fn unlisted(&mut self, name: &str, key: &str) {
        let start = self.text.find(name).filter(|_| !name.is_empty());
        let span = self.node.part(start.map_or(0..self.text.len(), |start| start..start + name.len()));
        let message = format!("`{name}` is never there: the endpoint's `{key}` does not let it in");
        let warning = Diagnostic::warning("unlisted-name", span, message).label("not listed in the endpoint");
        self.unlisted.push(warning.help(format!("add `\"{name}\"` to `{key}` of the endpoint")));
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
        let list: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let error = match (meant, list.is_empty()) {
            (Some(_), _) => error.did_you_mean(meant),
            (None, true) => error.help("the endpoint's path has no parameters"),
            (None, false) => error.help(format!("the endpoint's path has {}", list.join(", "))),
        };
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
