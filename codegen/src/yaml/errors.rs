//! What is wrong with the syntax, in our words.

use saphyr_parser::{ScanError, Span as Marks};

use super::{Reader, Stop, flow};
use crate::diagnostic::{AMBIGUOUS, Diagnostic};

impl Reader<'_> {
    pub(super) fn second_document(&self, marks: Marks) -> Stop {
        let (start, _) = self.bytes(marks);
        let end = if self.text[start..].starts_with("---") { start + 3 } else { self.word_end(start) };
        let error = self.error(start, end, "a second document begins here");
        self.sink.push(
            error.label("KrakenD does not read it").help("a config is one document: remove what follows, or the line"),
        );
        Stop
    }

    pub(super) fn syntax(&self, error: &ScanError) -> Stop {
        let at = self.byte(error.marker().index()).min(self.text.len());
        let diagnostic = self.known(error.info(), at).unwrap_or_else(|| {
            let message = format!("this is not YAML: {}", error.info());
            self.error(at, self.word_end(at), message)
        });
        self.sink.push(diagnostic);
        Stop
    }

    pub(super) fn tab(&self, at: usize) -> Diagnostic {
        let error = self.error(at, at + 1, "YAML is indented by spaces, not by tabs");
        error.label("a tab").help("write spaces in its place")
    }

    /// Letters that KrakenD reads in another way, or not at all. The first of them is told.
    pub(super) fn letters(&self) {
        let is_break = |letter| matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}');
        let is_control = |letter: char| match letter {
            // These mean something, or are told where reading stops at them.
            '\0' | '\t' | '\n' | '\r' => false,
            _ => letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}'),
        };
        let Some((at, letter)) = self.text.char_indices().find(|(_, found)| is_break(*found) || is_control(*found))
        else {
            return;
        };
        let span = self.span(at, at + letter.len_utf8());
        let help = format!("leave it out, or write it as `\\u{:04x}` in double quotes", u32::from(letter));
        let diagnostic = match is_break(letter) {
            true => Diagnostic::warning(AMBIGUOUS, span, "a line separator stands inside of a line")
                .label("ends a line in YAML 1.1 and for KrakenD, not in YAML 1.2"),
            false => Diagnostic::error("syntax", span, "a control character stands in the file"),
        };
        self.sink.push(diagnostic.help(help));
    }

    fn known(&self, info: &str, at: usize) -> Option<Diagnostic> {
        let has = |part: &str| info.contains(part);
        let word = || self.error(at, self.word_end(at), "");
        let with = |error: Diagnostic, message: &str| Diagnostic { message: message.to_owned(), ..error };
        if let (true, Some(tab)) =
            (has("tab") || has("indentation") || has("expected"), self.leading_tab(at, has("tab")))
        {
            return Some(self.tab(tab));
        }
        if has("indentation in quoted") && flow::quoted(self.text, at).is_some() {
            let line = self.text[at..].split(['\n', '\r']).next().unwrap_or_default();
            let error = self.error(at, at + line.trim_end().len(), "this string is not closed on its line");
            let quote = line.chars().next().unwrap_or('"');
            let error = error.label("goes on in a line that is not indented");
            return Some(
                error.help(format!("close it with `{quote}`, or indent its other lines further than its key")),
            );
        }
        if has("anchor or alias") {
            let start = self.text[..at].rfind(['*', '&']).unwrap_or(at);
            let token = self.token(start);
            let message = format!("a text cannot begin with `{}`", self.text[start..].chars().next().unwrap_or('*'));
            let error = self.error(start, start + token.len(), message);
            return Some(error.help(format!("write it in quotes: `\"{token}\"`")));
        }
        if has("followed by a valid YAML whitespace")
            && let Some(colon) = self.text[..(at + 1).min(self.text.len())].rfind(':')
        {
            let error = self.error(colon, colon + 1, "a tab stands behind this colon");
            return Some(error.help("write a space in its place"));
        }
        if has("comments must be separated") {
            let error = self.error(at, at + self.letter(at), "a space is missing before this comment");
            return Some(error.help("a comment begins with ` #`; a text with a `#` in it is written in quotes"));
        }
        if has("end of stream") || has("document indicator") || has("indentation in quoted") {
            let line = self.text[at..].split(['\n', '\r']).next().unwrap_or_default();
            let error = self.error(at, at + line.trim_end().len(), "this string is never closed");
            let quote = line.chars().next().unwrap_or('"');
            return Some(error.label(format!("expected another `{quote}`")));
        }
        if has("escape") || has("hexadecimal") {
            return Some(self.bad_escape(at));
        }
        if has("unknown anchor") {
            let (start, name) = self.alias_at(at);
            let error = self.error(start, start + name.len(), format!("`{name}` repeats nothing"));
            let error = error.label(format!("no `&{}` stands before it", name.trim_start_matches('*')));
            return Some(error.help(format!("a text that begins with `*` is written in quotes: `\"{name}\"`")));
        }
        if let (true, Some(open)) = (has("trailing content after double-quoted"), self.goes_on(at)) {
            let line = self.text[open..].split(['\n', '\r']).next().unwrap_or_default();
            let error = self.error(open, open + line.trim_end().len(), "this string is not closed where it should be");
            let error = error.label("goes on to a quote in a line below");
            return Some(error.help(format!("close it with `{}`", &line[..1])));
        }
        if has("trailing content after double-quoted") && self.bracket(at).is_some() {
            let end = self.text[..at].trim_end().len();
            return Some(self.error(end, end, "a comma is missing").label("expected `,` here"));
        }
        if has("trailing content after double-quoted") {
            let error = with(word(), "there is more behind the closing quote");
            let error = error.label("expected the end of the line");
            return Some(error.help("inside of double quotes a quote is written `\\\"`, inside of single quotes `''`"));
        }
        if has("unexpected character") || has("can be plain") {
            let token = self.token(at);
            let first = token.chars().next().unwrap_or('@');
            let first = if first == '`' { "a backtick".to_owned() } else { format!("`{first}`") };
            let error = with(word(), &format!("a text cannot begin with {first}"));
            return Some(error.help(format!("write it in quotes: `\"{token}\"`")));
        }
        if has("mapping keys are not allowed") {
            let error = self.error(at, at + 1, "a key cannot stand here");
            return Some(error.help("a text that begins with `? ` is written in quotes"));
        }
        if has("scanning a block scalar") {
            let error = with(word(), "this is not how a text of several lines begins");
            return Some(error.help("`|` and `>` end their line; `-`, `+` and a digit from 1 can stand between"));
        }
        let at_a_key = ["mapping values are not allowed", "illegal placement", "node content", "indent"];
        if let (true, Some(error)) = (at_a_key.into_iter().any(has), self.unclosed(at)) {
            return Some(error);
        }
        let is_key = has("mapping values are not allowed") || has("illegal placement of ':'");
        if let (true, Some(colon)) = (is_key, self.joined(at)) {
            return Some(self.no_space(colon));
        }
        if is_key {
            let error = self.error(at, at + 1, "a key cannot stand here");
            let error = error.label("this `:` makes a key of what stands before it");
            return Some(error.help(
                "a text that has `: ` in it is written in quotes; a key begins a line, indented as those around it",
            ));
        }
        if has("block sequence entries are not allowed") || has("is only valid inside a block") {
            let error = self.error(at, at + 1, "an item of a list cannot begin here");
            let error = error.label("this `-` begins an item");
            return Some(
                error.help("each item begins a line of its own; a text that begins with `- ` is written in quotes"),
            );
        }
        if has("simple key expect") {
            return Some(self.no_colon());
        }
        if has("flow sequence")
            || has("flow mapping")
            || has("misplaced bracket")
            || has("unexpected end of plain scalar")
        {
            return Some(self.in_brackets(at));
        }
        if has("did not find expected key") || has("'-' indicator") || has("<document start>") {
            return Some(self.misplaced(at, has("'-' indicator")));
        }
        if has("recursion limit") {
            return Some(self.error(at, self.word_end(at), "objects and lists are nested too deep"));
        }
        if has("indent") {
            let error = with(word(), "this line does not stand far enough to the right");
            return Some(error.help("what belongs to a key or an item is indented further than that is"));
        }
        if has("node content") || has("next token") {
            return Some(with(word(), "a value is missing").label("expected a value before this"));
        }
        if has("comment intercepting") {
            let error = with(word(), "a text of several lines has a comment in it");
            return Some(error.help("write the text in quotes, or the comment above it"));
        }
        if has("byte order mark") {
            return Some(self.error(at, at + self.letter(at), "a byte order mark stands inside of the file"));
        }
        None
    }

    /// Something inside of brackets that does not belong there, or brackets that are never closed.
    fn in_brackets(&self, at: usize) -> Diagnostic {
        if let Some(error) = self.unclosed(at) {
            return error;
        }
        let Some((open, close)) = self.bracket(at) else {
            return self.error(at, self.word_end(at), "this bracket closes nothing");
        };
        let opening = self.span(open, open + 1);
        let opened = if close == ']' { '[' } else { '{' };
        let found = self.text[at..].chars().next();
        if let Some(other) = found.filter(|found| matches!(found, ']' | '}') && *found != close) {
            let error = self.error(at, at + 1, format!("`{opened}` is closed by `{other}`"));
            return error.label(format!("expected `{close}`")).related(opening, "opened here");
        }
        let error = self.error(at, self.word_end(at), format!("expected `,` or `{close}`"));
        let error = error.label("does not belong here").related(opening, "opened here");
        error.help("a text with one of `,[]{}` in it is written in quotes when it stands inside of brackets")
    }

    /// Where the string begins that ends before `at`, if it does so in a line further down.
    fn goes_on(&self, at: usize) -> Option<usize> {
        let mut start = self.end;
        while let Some(quote) = self.text.get(start..at)?.find(['"', '\'']).map(|offset| start + offset) {
            let end = flow::quoted(self.text, quote).map_or(at, |(_, end)| end);
            if end <= at && self.text[end..at].trim().is_empty() {
                return self.text[quote..end].contains('\n').then_some(quote);
            }
            start = end.min(at).max(quote + 1);
        }
        None
    }

    /// The bracket that is not closed before `at`, where the file ends there or the line is one of a key.
    fn unclosed(&self, at: usize) -> Option<Diagnostic> {
        let (open, close) = self.bracket(at)?;
        let line = &self.text[self.text[..at].rfind('\n').map_or(0, |end| end + 1)..];
        let line = line.lines().next().unwrap_or_default().trim_end();
        let is_key = line.contains(": ") || line.ends_with(':');
        let is_unclosed = self.text[at..].trim().is_empty() || is_key && self.line_of(at) != self.line_of(open);
        let opened = if close == ']' { '[' } else { '{' };
        is_unclosed.then(|| {
            let error = self.error(open, open + 1, format!("this `{opened}` is never closed"));
            error.label("what follows does not belong inside").help(format!("close it with `{close}`"))
        })
    }

    /// The innermost bracket that is open at `at`, and what closes it. What is read lags behind what is wrong, so the text
    /// is looked through.
    fn bracket(&self, at: usize) -> Option<(usize, char)> {
        let start = self.open.iter().find(|open| open.is_flow).map_or(self.end, |open| open.start);
        let mut open = Vec::new();
        let mut before = ' ';
        let mut letters = self.text.get(start..at)?.char_indices();
        while let Some((offset, letter)) = letters.next() {
            let is_first = !open.is_empty() || matches!(before, ' ' | '\n' | '\t');
            match letter {
                '[' if is_first => open.push((start + offset, ']')),
                '{' if is_first => open.push((start + offset, '}')),
                ']' | '}' => drop(open.pop()),
                '"' | '\'' if matches!(before, ' ' | '\n' | '[' | '{' | ',' | ':') => {
                    let mut escaped = false;
                    letters.find(|(_, found)| {
                        let ends = *found == letter && !escaped;
                        escaped = *found == '\\' && letter == '"' && !escaped;
                        ends
                    });
                }
                '#' if matches!(before, ' ' | '\n') => drop(letters.find(|(_, found)| *found == '\n')),
                _ => {}
            }
            before = letter;
        }
        open.pop()
    }

    fn no_space(&self, colon: usize) -> Diagnostic {
        let error = self.error(colon, colon + 1, "a space is missing behind this colon");
        error.help("a key is followed by a colon and a space")
    }

    /// A line that should be a key's, behind what was read last.
    fn no_colon(&self) -> Diagnostic {
        let mut start = self.end;
        loop {
            let rest = &self.text[start..];
            start += rest.len() - rest.trim_start().len();
            let rest = &self.text[start..];
            if !rest.starts_with('#') {
                break;
            }
            start += rest.find('\n').unwrap_or(rest.len());
        }
        let end = self.token_end(start);
        match self.text[start..end].find(':') {
            Some(colon) => self.no_space(start + colon),
            None => {
                let error = self.error(end, end, "a colon is missing").label("expected `: ` and a value here");
                error.help("a text of several lines is indented further than its key")
            }
        }
    }

    /// The colon of `key:value` in the line above, which makes one text of it and the key before `at`.
    fn joined(&self, at: usize) -> Option<usize> {
        let above = self.text[..self.text[..at].rfind('\n')?].trim_end();
        let start = above.rfind('\n').map_or(0, |end| end + 1);
        let (name, behind) = above[start..].split_once(':')?;
        let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ' ');
        let is_right = behind.is_empty() || behind.starts_with(char::is_whitespace) || behind.starts_with("//");
        (name.chars().all(is_name) && !is_right).then_some(start + name.len())
    }

    /// A line that is no part of what stands above it.
    fn misplaced(&self, at: usize, in_list: bool) -> Diagnostic {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = self.text[line..at].trim_end();
        let opening = before.find(": {").or(before.find(": [")).map(|colon| line + colon + 2);
        if let (Some(open), true) = (opening, before.ends_with(['}', ']'])) {
            let token = self.token(open);
            let error = self.error(open, open + token.len(), "there is more behind the closing bracket");
            return error
                .help(format!("a text that begins with `{}` is written in quotes: `\"{token}\"`", &token[..1]));
        }
        let is_item = self.text[line..].trim_start_matches(' ').starts_with("- ");
        let at = if is_item { line + self.text[line..].find('-').unwrap_or(0) } else { at };
        let message = "this line does not fit the lines above it";
        let error = self.error(at, self.token_end(at).max(at), message);
        match (in_list, is_item) {
            (true, _) => error
                .label("expected an item, `- `, or the end of the list")
                .help("all items of a list are indented alike, and what belongs to an item further than its `-`"),
            (false, true) => {
                error.label("expected a key").help("a list stands below a key of its own, indented at least as far")
            }
            (false, false) => error
                .label("expected a key, indented as those above")
                .help("all keys of an object are indented alike, and a colon and a space follow each"),
        }
    }

    /// The first escape sequence of the string at `at` that is none.
    fn bad_escape(&self, at: usize) -> Diagnostic {
        let mut letters = self.text[at..].char_indices().skip(1);
        while let Some((offset, letter)) = letters.next() {
            if letter != '\\' {
                continue;
            }
            let Some((_, named)) = letters.next() else { break };
            let start = at + offset;
            let digits = match named {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                '\n' | '\r' => continue,
                _ if flow::named(named).is_some() => continue,
                _ => {
                    let message = format!("`\\{named}` is not an escape sequence of YAML");
                    let error = self.error(start, start + 1 + named.len_utf8(), message);
                    return error.help("a backslash is written `\\\\` in double quotes, and as it is in single quotes");
                }
            };
            let given = self.text[start + 2..].bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
            let code = u32::from_str_radix(&self.text[start + 2..start + 2 + given], 16).ok().and_then(char::from_u32);
            if given < digits || code.is_none() {
                let message = match given < digits {
                    true => format!("`\\{named}` wants {digits} hexadecimal digits"),
                    false => "half of a surrogate pair is not a character".to_owned(),
                };
                let error = self.error(start, start + 2 + given, message);
                return error.help("a backslash is written `\\\\` in double quotes, and as it is in single quotes");
            }
        }
        self.error(at, at + self.letter(at), "an escape sequence of this string is none")
    }

    /// A tab in the indentation of the line of `at`, or of one below.
    fn leading_tab(&self, at: usize, below: bool) -> Option<usize> {
        let mut start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        for line in self.text[start..].split_inclusive('\n').take(if below { usize::MAX } else { 1 }) {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            if let Some(offset) = line[..indent].find('\t') {
                return Some(start + offset);
            }
            start += line.len();
        }
        None
    }

    /// The alias at or before `at`.
    fn alias_at(&self, at: usize) -> (usize, &str) {
        let start = if self.text[at..].starts_with('*') { at } else { self.text[..at].rfind('*').unwrap_or(at) };
        let rest = &self.text[start..];
        let end = rest.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}'));
        (start, &rest[..end.unwrap_or(rest.len())])
    }

    fn line_of(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count()
    }

    /// The text from `at` to the end of its line or to what ends a key.
    fn token(&self, at: usize) -> &str {
        &self.text[at..self.token_end(at)]
    }

    fn token_end(&self, at: usize) -> usize {
        let line = self.text[at..].split(['\n', '\r']).next().unwrap_or_default();
        let line = line.split(" #").next().unwrap_or_default();
        let length = line.find(": ").unwrap_or_else(|| line.trim_end().trim_end_matches(':').len());
        at + length
    }

    /// The end of the word at `at`; at least one character further on.
    fn word_end(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let end = rest.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}' | ':'));
        at + end.unwrap_or(rest.len()).max(self.letter(at))
    }
}
