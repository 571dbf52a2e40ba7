//! Tokens to what a template says, by the rules of Go's `text/template/parse`.

mod pipe;

use std::ops::Range;
use std::rc::Rc;

use super::ast::{At, Body, Branch, Definition, Node};
use super::lex::{Kind, Mistake, Token, tokens};
use super::unquote::unquote;

/// Blocks and parentheses inside each other. Bounds the stack.
const MAX_DEPTH: usize = 64;

/// A file's templates.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// What stands outside of `define`.
    pub(super) body: Body,
    pub(super) definitions: Vec<Definition>,
    /// Whatever is wrong. Names that are unknown do not end the reading.
    pub(super) mistakes: Vec<Mistake>,
}

pub(super) fn parse(text: &str) -> Parsed {
    let (tokens, mistake) = tokens(text);
    let mut parser = Parser {
        text,
        tokens: &tokens,
        next: 0,
        depth: 0,
        ranges: 0,
        variables: vec!["$".into()],
        parsed: Parsed::default(),
        cut: mistake.is_some(),
    };
    match parser.file() {
        Ok(body) => parser.parsed.body = body,
        Err(Some(stop)) => parser.parsed.mistakes.push(stop),
        // Only what the lexer did not get to.
        Err(None) => {}
    }
    let mut parsed = parser.parsed;
    parsed.mistakes.extend(mistake);
    parsed
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    next: usize,
    depth: usize,
    /// `range` around what is read.
    ranges: usize,
    variables: Vec<Rc<str>>,
    parsed: Parsed,
    /// The tokens end where the lexer gave up.
    cut: bool,
}

/// `None` where the tokens end because of a mistake that the lexer tells.
type Read<T> = Result<T, Option<Mistake>>;

/// What ends a body.
enum End {
    File,
    /// `end`.
    Word,
    Else(At),
}

// === impl Parser ===

impl Parser<'_> {
    fn file(&mut self) -> Read<Body> {
        let (body, end, at) = self.body(None)?;
        match end {
            End::File => Ok(body),
            End::Word => Err(Some(Mistake::new(
                at,
                "`end` without a beginning",
                "no `if`, `range`, `with`, `define` or `block` is open",
            ))),
            End::Else(at) => {
                Err(Some(Mistake::new(at, "`else` without a beginning", "no `if`, `range` or `with` is open")))
            }
        }
    }

    /// Nodes up to what ends them, and where that is. `opened` is what has to be closed.
    fn body(&mut self, opened: Option<(&str, At)>) -> Read<(Body, End, At)> {
        let mut nodes = Vec::new();
        loop {
            let Some(token) = self.advance() else {
                let end = self.text.len()..self.text.len();
                return match opened {
                    _ if self.cut => Err(None),
                    Some((word, at)) => {
                        Err(Some(Mistake::new(at, format!("`{word}` is not closed"), "no `{{ end }}` follows for it")))
                    }
                    None => Ok((nodes, End::File, end)),
                };
            };
            if token.kind == Kind::Text {
                nodes.push(Node::Text(token.at));
                continue;
            }
            let open = token.at.start;
            self.spaces();
            let word = self.peek().filter(|token| token.kind == Kind::Word);
            let keyword = word.as_ref().map_or("", |token| &self.text[token.at.clone()]).to_owned();
            let at = word.map_or(0..0, |token| token.at);
            if KEYWORDS.contains(&keyword.as_str()) {
                self.next += 1;
            }
            match keyword.as_str() {
                "end" => {
                    self.close("end")?;
                    return Ok((nodes, End::Word, at));
                }
                "else" => return Ok((nodes, End::Else(at.clone()), at)),
                "if" | "with" | "range" => {
                    let branch = self.branch(&keyword, at)?;
                    nodes.push(match keyword.as_str() {
                        "if" => Node::If(branch),
                        "with" => Node::With(branch),
                        _ => Node::Range(branch),
                    });
                }
                "define" => self.define(at, opened.is_some())?,
                "block" => nodes.push(self.block(open, at)?),
                "template" => nodes.push(self.call(open, at)?),
                "break" | "continue" => {
                    self.close(&keyword)?;
                    if self.ranges == 0 {
                        return Err(Some(Mistake::new(
                            at,
                            format!("`{keyword}` outside of a `range`"),
                            "no `range` is open",
                        )));
                    }
                    nodes.push(if keyword == "break" { Node::Break } else { Node::Continue });
                }
                _ => {
                    let pipe = self.pipe("action", 1)?;
                    let close = self.close("action")?;
                    nodes.push(Node::Action(open..close.end, pipe));
                }
            }
        }
    }

    /// `if`, `with` or `range`, behind its word.
    fn branch(&mut self, word: &str, at: At) -> Read<Branch> {
        self.enter(&at)?;
        let known = self.variables.len();
        let pipe = self.pipe(word, if word == "range" { 2 } else { 1 })?;
        self.close(word)?;
        self.ranges += usize::from(word == "range");
        let (body, end, _) = self.body(Some((word, at.clone())))?;
        self.ranges -= usize::from(word == "range");
        let mut otherwise = Vec::new();
        if let End::Else(else_at) = end {
            self.spaces();
            let nested =
                self.peek().filter(|token| token.kind == Kind::Word).map(|token| self.text[token.at].to_owned());
            match nested.as_deref() {
                Some(nested @ ("if" | "with")) if nested == word => {
                    let nested_at = self.advance().map_or(at, |token| token.at);
                    let branch = self.branch(nested, nested_at)?;
                    otherwise.push(if nested == "if" { Node::If(branch) } else { Node::With(branch) });
                }
                _ => {
                    self.close("else")?;
                    let (body, end, end_at) = self.body(Some((word, at)))?;
                    if let End::Else(_) = end {
                        return Err(Some(
                            Mistake::new(end_at, "a second `else`", "`else` was already given")
                                .help("`else if` goes before it"),
                        ));
                    }
                    otherwise = body;
                    let _ = else_at;
                }
            }
        }
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(Branch { pipe, body, otherwise })
    }

    fn define(&mut self, at: At, inside: bool) -> Read<()> {
        if inside {
            return Err(Some(Mistake::new(
                at,
                "`define` inside of something else",
                "a template is defined at the top of a file",
            )));
        }
        let (name, name_at) = self.name("define")?;
        self.close("define")?;
        self.definition(name, name_at, ("define", at))
    }

    /// The body of a template with variables of its own.
    fn definition(&mut self, name: Rc<str>, at: At, opened: (&str, At)) -> Read<()> {
        self.enter(&at)?;
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let ranges = std::mem::take(&mut self.ranges);
        let word = opened.0.to_owned();
        let (body, end, end_at) = self.body(Some(opened))?;
        if let End::Else(_) = end {
            return Err(Some(Mistake::new(
                end_at,
                format!("`else` in a `{word}`"),
                "no `if`, `range` or `with` is open",
            )));
        }
        self.variables = variables;
        self.ranges = ranges;
        self.depth -= 1;
        self.parsed.definitions.push(Definition { name, at, body });
        Ok(())
    }

    fn block(&mut self, open: usize, at: At) -> Read<Node> {
        let (name, name_at) = self.name("block")?;
        let pipe = self.pipe("block", 0)?;
        let close = self.close("block")?;
        self.definition(name.clone(), name_at.clone(), ("block", at))?;
        Ok(Node::Template { at: open..close.end, name, name_at, pipe: Some(pipe) })
    }

    fn call(&mut self, open: usize, _at: At) -> Read<Node> {
        let (name, name_at) = self.name("template")?;
        self.spaces();
        let closed = self.peek().is_some_and(|token| token.kind == Kind::Close);
        let pipe = if closed { None } else { Some(self.pipe("template", 0)?) };
        let close = self.close("template")?;
        Ok(Node::Template { at: open..close.end, name, name_at, pipe })
    }

    /// The name behind `define`, `block` or `template`.
    fn name(&mut self, word: &str) -> Read<(Rc<str>, At)> {
        self.spaces();
        match self.advance() {
            Some(token) if matches!(token.kind, Kind::Quoted | Kind::Raw) => Ok((
                unquote(&self.text[token.at.clone()]).map_err(|message| self.bad_text(&token.at, &message))?,
                token.at,
            )),
            Some(token) => {
                Err(Some(Mistake::new(token.at, format!("`{word}` has a name in quotes"), "expected `\"name\"`")))
            }
            None => Err(None),
        }
    }

    fn bad_text(&self, at: &At, message: &str) -> Option<Mistake> {
        Some(Mistake::new(at.clone(), format!("not a text that Go could read: {message}"), "malformed"))
    }

    /// The end of an action, which has to be here.
    fn close(&mut self, context: &str) -> Read<At> {
        self.spaces();
        match self.advance() {
            Some(token) if token.kind == Kind::Close => Ok(token.at),
            Some(token) => {
                let text = &self.text[token.at.clone()];
                let what = if context == "action" { "an action".into() } else { format!("`{context}`") };
                Err(Some(Mistake::new(token.at.clone(), format!("unexpected `{text}` in {what}"), "expected `}}`")))
            }
            None => Err(None),
        }
    }

    fn enter(&mut self, at: &Range<usize>) -> Read<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Some(Mistake::new(
                at.clone(),
                "too many blocks or parentheses inside each other",
                format!("more than {MAX_DEPTH}"),
            )));
        }
        Ok(())
    }

    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.next).cloned()
    }

    fn advance(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.next += 1;
        Some(token)
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(|token| token.kind == Kind::Space) {
            self.next += 1;
        }
    }
}

const KEYWORDS: &[&str] = &["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"];
