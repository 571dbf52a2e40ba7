//! What stands within an action.

use std::rc::Rc;

use super::super::ast::{At, Command, Name, Pipe, What, Word};
use super::super::functions;
use super::super::lex::{Kind, Mistake, Number, parse_number};
use super::super::unquote::{unquote, unquote_char};
use super::{KEYWORDS, Parser, Read};
use crate::suggest::closest;

impl Parser<'_> {
    /// A pipeline, which may give values to so many variables.
    pub(super) fn pipe(&mut self, context: &str, most: usize) -> Read<Pipe> {
        self.spaces();
        let start = self.peek().map_or(self.text.len(), |token| token.at.start);
        let (variables, assigns) = self.variables(context, most)?;
        let mut commands = Vec::new();
        loop {
            self.spaces();
            let Some(token) = self.peek() else { return Err(None) };
            match token.kind {
                Kind::Close | Kind::RightParen if commands.is_empty() => {
                    let what = if context == "action" { "this action".into() } else { format!("`{context}`") };
                    return Err(Some(Mistake::new(
                        token.at,
                        format!("{what} has no value"),
                        "a value is missing before this",
                    )));
                }
                Kind::Close | Kind::RightParen => break,
                _ => commands.push(self.command(commands.is_empty())?),
            }
        }
        let end = commands.last().map_or(start, |command: &Command| command.at.end);
        Ok(Pipe { at: start..end, variables, assigns, commands })
    }

    /// `$x :=`, `$x =`, `$i, $x :=`.
    fn variables(&mut self, context: &str, most: usize) -> Read<(Vec<Rc<str>>, bool)> {
        let before = self.next;
        let mut found: Vec<(Rc<str>, At)> = Vec::new();
        loop {
            self.spaces();
            let Some(token) = self.peek().filter(|token| token.kind == Kind::Variable) else { break };
            self.next += 1;
            found.push((self.text[token.at.clone()].into(), token.at));
            self.spaces();
            match self.peek().map(|token| token.kind) {
                Some(Kind::Comma) if context == "range" && found.len() < 2 => self.next += 1,
                Some(Kind::Comma) => {
                    let at = self.peek().map_or(0..0, |token| token.at);
                    let message = if context == "range" {
                        "`range` has two variables at most"
                    } else {
                        "two variables are for a `range`"
                    };
                    return Err(Some(Mistake::new(at, message, "unexpected here")));
                }
                Some(kind @ (Kind::Declare | Kind::Assign)) => {
                    let at = self.advance().map_or(0..0, |token| token.at);
                    if most == 0 {
                        return Err(Some(Mistake::new(
                            at,
                            format!("a variable cannot be set in `{context}`"),
                            "unexpected here",
                        )));
                    }
                    let assigns = kind == Kind::Assign;
                    for (name, at) in &found {
                        if assigns {
                            self.known_variable(name, at);
                        } else {
                            self.variables.push(name.clone());
                        }
                    }
                    return Ok((found.into_iter().map(|(name, _)| name).collect(), assigns));
                }
                _ => break,
            }
        }
        self.next = before;
        Ok((Vec::new(), false))
    }

    fn known_variable(&mut self, name: &Rc<str>, at: &At) {
        if !self.variables.contains(name) {
            let mut mistake = Mistake::new(at.clone(), format!("there is no variable `{name}` here"), "not declared");
            mistake.help = match closest(name, self.variables.iter().filter(|name| name.len() > 1).map(|name| &**name))
            {
                Some(close) => Some(format!("did you mean `{close}`?")),
                None => Some(format!(
                    "`{{{{ {name} := ... }}}}` declares it, until the `end` of the block that it stands in"
                )),
            };
            self.parsed.mistakes.push(mistake);
        }
    }

    /// Words up to `|` (which is taken) or what closes (which is not).
    fn command(&mut self, first: bool) -> Read<Command> {
        let mut words: Vec<Word> = Vec::new();
        loop {
            self.spaces();
            let Some(token) = self.peek() else { return Err(None) };
            match token.kind {
                Kind::Close | Kind::RightParen => break,
                Kind::Pipe => {
                    self.next += 1;
                    break;
                }
                _ => words.push(self.operand()?),
            }
            // Words are apart.
            if let Some(token) = self.peek()
                && !matches!(token.kind, Kind::Space | Kind::Close | Kind::RightParen | Kind::Pipe)
            {
                let text = &self.text[token.at.clone()];
                return Err(Some(Mistake::new(
                    token.at,
                    format!("unexpected `{text}`"),
                    "a space is missing before this, or it does not belong here",
                )));
            }
        }
        let (Some(one), Some(last)) = (words.first(), words.last()) else {
            let at = self.tokens[self.next - 1].at.clone();
            return Err(Some(Mistake::new(at, "nothing stands before `|`", "a value is missing before this")));
        };
        if !first && matches!(one.what, What::Bool(_) | What::Dot | What::Nil | What::Number(_) | What::Text(_)) {
            return Err(Some(Mistake::new(one.at.clone(), "what follows `|` is a function", "this takes no value")));
        }
        Ok(Command { at: one.at.start..last.at.end, words })
    }

    /// A word with the fields that are read of it.
    fn operand(&mut self) -> Read<Word> {
        let word = self.term()?;
        let mut names = Vec::new();
        while let Some(token) = self.peek().filter(|token| token.kind == Kind::Field) {
            self.next += 1;
            names.push(self.field(token.at));
        }
        let Some(last) = names.last() else { return Ok(word) };
        let at = word.at.start..last.at.end;
        let what = match word.what {
            What::Field(mut first) => {
                first.append(&mut names);
                What::Field(first)
            }
            What::Variable(name, mut first) => {
                first.append(&mut names);
                What::Variable(name, first)
            }
            What::Bool(_) | What::Text(_) | What::Number(_) | What::Nil | What::Dot => {
                let after = &self.text[word.at.clone()];
                return Err(Some(Mistake::new(
                    names[0].at.clone(),
                    format!("`{after}` has no fields"),
                    "unexpected here",
                )));
            }
            _ => What::Chain(Box::new(word), names),
        };
        Ok(Word { at, what })
    }

    fn field(&self, at: At) -> Name {
        Name { name: self.text[at.start + 1..at.end].into(), at: at.start + 1..at.end }
    }

    fn term(&mut self) -> Read<Word> {
        let Some(token) = self.advance() else { return Err(None) };
        let at = token.at;
        let text = &self.text[at.clone()];
        let what = match token.kind {
            Kind::Word => match text {
                "true" => What::Bool(true),
                "false" => What::Bool(false),
                "nil" => What::Nil,
                name => {
                    self.known_function(name, &at);
                    What::Function(name.into())
                }
            },
            Kind::Dot => What::Dot,
            Kind::Field => What::Field(vec![self.field(at.clone())]),
            Kind::Variable => {
                let name: Rc<str> = text.into();
                self.known_variable(&name, &at);
                What::Variable(name, Vec::new())
            }
            Kind::Number => What::Number(parse_number(text).unwrap_or(Number::Int(0))),
            Kind::Char => match unquote_char(text) {
                Some(letter) => What::Number(Number::Int(i64::from(u32::from(letter)))),
                None => {
                    return Err(Some(
                        Mistake::new(at, "between `'` stands one character", "not one")
                            .help("a text stands between `\"` or backticks"),
                    ));
                }
            },
            Kind::Quoted | Kind::Raw => What::Text(unquote(text).map_err(|message| self.bad_text(&at, &message))?),
            Kind::LeftParen => {
                self.enter(&at)?;
                let pipe = self.pipe("parentheses", 0)?;
                self.depth -= 1;
                match self.advance() {
                    Some(close) if close.kind == Kind::RightParen => {
                        return Ok(Word { at: at.start..close.at.end, what: What::Pipe(pipe) });
                    }
                    Some(_) => return Err(Some(Mistake::new(at, "this parenthesis is not closed", "no `)` follows"))),
                    None => return Err(None),
                }
            }
            _ => return Err(Some(Mistake::new(at.clone(), format!("unexpected `{text}`"), "a value was expected"))),
        };
        Ok(Word { at, what })
    }

    fn known_function(&mut self, name: &str, at: &At) {
        if functions::find(name).is_some() {
            return;
        }
        let mut mistake = Mistake::new(at.clone(), format!("there is no function `{name}`"), "unknown");
        mistake.help = if KEYWORDS.contains(&name) {
            Some(format!("`{name}` stands at the beginning of an action"))
        } else {
            let close = closest(name, functions::names());
            close
                .map(|close| format!("did you mean `{close}`?"))
                .or_else(|| Some(format!("a value of the settings begins with a dot: `.{name}`")))
        };
        self.parsed.mistakes.push(mistake);
    }
}
