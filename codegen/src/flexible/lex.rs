//! Text of a template to tokens, by the rules of Go's `text/template/parse`.

use std::ops::Range;

/// What a token is. Words stand in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text that is copied; spaces that a trim marker takes away are not part of it.
    Text,
    /// `{{` or `{{-`.
    Open,
    /// `}}` or `-}}`.
    Close,
    Space,
    /// A function's name or a keyword.
    Word,
    /// `.name`, with its dot.
    Field,
    /// `.` alone.
    Dot,
    /// `$` or `$name`.
    Variable,
    /// With its sign; also `'a'`.
    Number,
    Char,
    /// `"..."`.
    Quoted,
    /// Between backticks.
    Raw,
    Pipe,
    Comma,
    Assign,
    Declare,
    LeftParen,
    RightParen,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

/// Why a text is no template.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// The tokens of `text`, up to the first mistake.
pub(super) fn tokens(text: &str) -> (Vec<Token>, Option<Mistake>) {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new() };
    let mistake = lexer.run().err();
    (lexer.tokens, mistake)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

// === impl Mistake ===

impl Mistake {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { at, message: message.into(), label: label.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

// === impl Lexer ===

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), Mistake> {
        let mut trim = false;
        loop {
            let rest = &self.text[self.at..];
            let open = rest.find(OPEN).map(|found| self.at + found);
            let (mut start, mut end) = (self.at, open.unwrap_or(self.text.len()));
            if trim {
                start += self.text[start..end].len() - self.text[start..end].trim_start_matches(is_space).len();
            }
            let Some(open) = open else {
                self.push(Kind::Text, start..end);
                return Ok(());
            };
            let trims = has_left_trim(&self.text[open + 2..]);
            if trims {
                end = start + self.text[start..end].trim_end_matches(is_space).len();
            }
            self.push(Kind::Text, start..end);
            self.at = open + if trims { 3 } else { 2 };
            let inside = &self.text[self.at..];
            let comment = if trims { inside.trim_start_matches(is_space) } else { inside };
            trim = if comment.starts_with("/*") {
                self.at = self.text.len() - comment.len();
                self.comment(open)?
            } else {
                self.push(Kind::Open, open..self.at);
                self.inside(open)?
            };
        }
    }

    fn push(&mut self, kind: Kind, at: Range<usize>) {
        if !at.is_empty() {
            self.tokens.push(Token { kind, at });
        }
    }

    /// Passes over a comment. Whether it trims what follows.
    fn comment(&mut self, open: usize) -> Result<bool, Mistake> {
        let Some(end) = self.text[self.at..].find("*/") else {
            return Err(Mistake::new(open..self.at + 2, "this comment is not closed", "no `*/` follows"));
        };
        self.at += end + 2;
        match self.closing() {
            Some((width, trims)) => {
                self.at += width;
                Ok(trims)
            }
            None => Err(Mistake::new(
                self.at - 2..self.at,
                "a comment is alone in its action",
                "expected `}}` right behind, or ` -}}`",
            )),
        }
    }

    /// How many bytes close the action here, and whether they trim what follows.
    fn closing(&self) -> Option<(usize, bool)> {
        let rest = &self.text[self.at..];
        if rest.starts_with(is_space) && rest[1..].starts_with("-}}") {
            return Some((4, true));
        }
        rest.starts_with(CLOSE).then_some((2, false))
    }

    /// What is between `{{` and `}}`. Whether the end trims what follows.
    fn inside(&mut self, open: usize) -> Result<bool, Mistake> {
        loop {
            if let Some((width, trims)) = self.closing() {
                self.push(Kind::Close, self.at..self.at + width);
                self.at += width;
                return Ok(trims);
            }
            let start = self.at;
            let rest = &self.text[start..];
            let Some(letter) = rest.chars().next() else {
                return Err(Mistake::new(open..open + 2, "this action is not closed", "no `}}` follows"));
            };
            let next = rest[letter.len_utf8()..].chars().next();
            match letter {
                _ if is_space(letter) => {
                    let mut end = start + rest.len() - rest.trim_start_matches(is_space).len();
                    // The last space before `-}}` belongs to it.
                    if self.text[end..].starts_with("-}}") {
                        end -= 1;
                    }
                    self.take(Kind::Space, end);
                }
                '=' => self.take(Kind::Assign, start + 1),
                ':' if next == Some('=') => self.take(Kind::Declare, start + 2),
                '|' => self.take(Kind::Pipe, start + 1),
                '(' => self.take(Kind::LeftParen, start + 1),
                ')' => self.take(Kind::RightParen, start + 1),
                ',' => self.take(Kind::Comma, start + 1),
                '"' | '\'' => self.quoted(letter)?,
                '`' => match rest[1..].find('`') {
                    Some(end) => self.take(Kind::Raw, start + end + 2),
                    None => return Err(unclosed(start, "`")),
                },
                '$' => {
                    let end = start + 1 + word_length(&rest[1..]);
                    self.terminated(Kind::Variable, end)?;
                }
                '.' if !next.is_some_and(|next| next.is_ascii_digit()) => match word_length(&rest[1..]) {
                    0 => self.take(Kind::Dot, start + 1),
                    length => self.terminated(Kind::Field, start + 1 + length)?,
                },
                '.' | '+' | '-' | '0'..='9' => self.number()?,
                _ if is_word(letter) => self.terminated(Kind::Word, start + word_length(rest))?,
                _ => {
                    let at = start..start + letter.len_utf8();
                    return Err(Mistake::new(
                        at,
                        format!("`{letter}` has no meaning in a template"),
                        "unexpected here",
                    ));
                }
            }
        }
    }

    fn take(&mut self, kind: Kind, end: usize) {
        self.push(kind, self.at..end);
        self.at = end;
    }

    /// A word ends before something that cannot be part of the next.
    fn terminated(&mut self, kind: Kind, end: usize) -> Result<(), Mistake> {
        let rest = &self.text[end..];
        let ends = rest.is_empty()
            || rest.starts_with(|letter| is_space(letter) || matches!(letter, '.' | ',' | '|' | ':' | ')' | '('))
            || rest.starts_with(CLOSE);
        if !ends {
            let letter = rest.chars().next().unwrap_or_default();
            let at = end..end + letter.len_utf8();
            let word = &self.text[self.at..end];
            let mistake = Mistake::new(at, format!("`{letter}` cannot follow `{word}`"), "unexpected here");
            return Err(match letter {
                '-' if kind == Kind::Field => mistake.help(format!(
                    "a name in a template has letters, digits and `_`; another key is read by `index`: `index . \"{}-...\"`",
                    word.trim_start_matches('.')
                )),
                '-' => mistake.help("a subtraction is `sub 3 1`"),
                _ => mistake,
            });
        }
        self.take(kind, end);
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), Mistake> {
        let start = self.at;
        let mut escaped = false;
        for (offset, letter) in self.text[start + 1..].char_indices() {
            match letter {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if letter == quote => {
                    let kind = if quote == '"' { Kind::Quoted } else { Kind::Char };
                    self.take(kind, start + 1 + offset + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(unclosed(start, if quote == '"' { "\"" } else { "'" }))
    }

    /// Go's lexer is generous too: whether it is a number is found when it is read.
    fn number(&mut self) -> Result<(), Mistake> {
        let rest = &self.text[self.at..];
        let mut end = 0;
        let bytes = rest.as_bytes();
        while let Some(&byte) = bytes.get(end) {
            let sign = matches!(byte, b'+' | b'-')
                && (end == 0 || matches!(bytes[end - 1], b'e' | b'E' | b'p' | b'P') && !rest.starts_with("0x"));
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || sign) {
                break;
            }
            end += 1;
        }
        let at = self.at..self.at + end;
        if parse_number(&rest[..end]).is_none() {
            let mistake = Mistake::new(at, format!("`{}` is not a number", &rest[..end]), "a number was expected");
            let key = rest[..end].trim_start_matches('.');
            return Err(if rest.starts_with('.') && !key.is_empty() {
                mistake.help(format!("a key that begins with a digit is read by `index`: `index . \"{key}\"`"))
            } else {
                mistake
            });
        }
        self.take(Kind::Number, at.end);
        Ok(())
    }
}

fn unclosed(start: usize, quote: &str) -> Mistake {
    Mistake::new(start..start + 1, "this text is not closed", format!("no second `{quote}` follows in its line"))
}

/// A number as Go writes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

pub(super) fn parse_number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        _ if lower.len() > 1
            && lower.starts_with('0')
            && lower.bytes().all(|byte| matches!(byte, b'0'..=b'7' | b'_')) =>
        {
            (8, &lower[1..])
        }
        _ => (10, lower.as_str()),
    };
    let plain = body.replace('_', "");
    if plain.is_empty() || body.ends_with('_') || body.contains("__") || (radix == 10 && body.starts_with('_')) {
        return None;
    }
    // What begins with 0 is octal, and not a number with an 8.
    if radix == 10 && plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Ok(value) = i128::from_str_radix(&plain, radix) {
        let value = if negative { -value } else { value };
        return i64::try_from(value).ok().map(Number::Int);
    }
    if radix != 10 || !plain.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-')) {
        return None;
    }
    let value: f64 = plain.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(Number::Float(if negative { -value } else { value }))
}

fn has_left_trim(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

pub(super) fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

fn is_word(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

fn word_length(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_word).len()
}
