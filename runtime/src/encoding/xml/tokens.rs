//! Elements and text of a document, as Go's `encoding/xml` cuts them.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

/// Whether what Go's decoder only refuses in its strict mode is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    Strict,
    /// An entity that is not known stays as it is written.
    Lenient,
}

pub(super) enum Token {
    /// A name with its prefix, and attributes. An empty element has an end as well.
    Start(String, Vec<(String, String)>),
    End,
    /// One run of text, or one CDATA section; a comment ends a run.
    Text(String),
}

pub(super) struct Tokens<'a> {
    reader: Reader<&'a [u8]>,
    strictness: Strictness,
    depth: usize,
    /// What follows the text that was returned last.
    queued: Option<Token>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str, strictness: Strictness) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        config.allow_dangling_amp = strictness == Strictness::Lenient;
        Self { reader, strictness, depth: 0, queued: None }
    }

    /// The next token. `None` at the end of the document.
    pub(super) fn next(&mut self) -> Result<Option<Token>, String> {
        if let Some(token) = self.queued.take() {
            return Ok(Some(token));
        }
        let mut run: Option<String> = None;
        loop {
            let token = match self.reader.read_event().map_err(|error| self.failed(error))? {
                Event::Text(text) => {
                    if text.contains("]]>") && self.strictness == Strictness::Strict {
                        return Err(self.failed("`]]>` in text"));
                    }
                    let text = self.characters(&text.xml10_content())?.to_owned();
                    run.get_or_insert_default().push_str(&text);
                    continue;
                }
                Event::GeneralRef(reference) => {
                    let text = self.entity(&reference)?;
                    run.get_or_insert_default().push_str(&text);
                    continue;
                }
                Event::CData(text) => Some(Token::Text(self.characters(&text.xml10_content())?.to_owned())),
                Event::Start(start) => Some(self.start(&start)?),
                Event::End(_) => {
                    self.depth -= 1;
                    Some(Token::End)
                }
                Event::Decl(declaration) => {
                    self.declaration(&declaration)?;
                    None
                }
                Event::Eof if self.depth > 0 => return Err(self.failed("it ends inside an element")),
                Event::Eof => return Ok(run.map(Token::Text)),
                Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => None,
            };
            match (run.take(), token) {
                (None, None) => {}
                (None, token) => return Ok(token),
                (Some(text), token) => {
                    self.queued = token;
                    return Ok(Some(Token::Text(text)));
                }
            }
        }
    }

    /// How much of the document was read, without what is queued.
    pub(super) fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Token, String> {
        let name = self.name(start.name().into_inner())?;
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.failed(error))?;
            let name = self.name(attribute.key.into_inner())?;
            attributes.push((name, self.attribute(&attribute.value)?));
        }
        self.depth += 1;
        Ok(Token::Start(name, attributes))
    }

    fn attribute(&self, raw: &str) -> Result<String, String> {
        if raw.contains('<') && self.strictness == Strictness::Strict {
            return Err(self.failed("`<` in an attribute"));
        }
        let mut value = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find('&') {
            value.push_str(&line_ends(self.characters(&rest[..at])?));
            let Some(length) = rest[at + 1..].find(';') else {
                return Err(self.failed("`&` in an attribute that begins no entity"));
            };
            value.push_str(&self.entity(&BytesRef::new(&rest[at + 1..at + 1 + length]))?);
            rest = &rest[at + 2 + length..];
        }
        value.push_str(&line_ends(self.characters(rest)?));
        Ok(value)
    }

    fn entity(&self, reference: &BytesRef<'_>) -> Result<String, String> {
        if let Some(number) = reference.strip_prefix('#') {
            return match character(number) {
                Some(character) if is_character(character) => Ok(character.to_string()),
                _ => Err(self.failed(format!("`&{};` is no character", &**reference))),
            };
        }
        match resolve_xml_entity(reference) {
            Some(text) => Ok(text.to_owned()),
            None if self.strictness == Strictness::Lenient => Ok(format!("&{};", &**reference)),
            None => Err(self.failed(format!("unknown entity `{}`", &**reference))),
        }
    }

    /// Only XML 1.0 in UTF-8, as in KrakenD.
    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), String> {
        if declaration.version().is_ok_and(|version| version != "1.0") {
            return Err(self.failed("not version 1.0"));
        }
        match declaration.encoding() {
            Some(Ok(encoding)) if !encoding.eq_ignore_ascii_case("utf-8") => {
                Err(self.failed(format!("the encoding `{encoding}`, only UTF-8 is read")))
            }
            _ => Ok(()),
        }
    }

    fn name(&self, name: &str) -> Result<String, String> {
        if is_name(name) { Ok(name.to_owned()) } else { Err(self.failed(format!("`{name}` is not a name"))) }
    }

    /// `text`, if all of it may stand in XML 1.0.
    fn characters<'t>(&self, text: &'t str) -> Result<&'t str, String> {
        if text.chars().all(is_character) { Ok(text) } else { Err(self.failed("a character that XML does not have")) }
    }

    fn failed(&self, what: impl std::fmt::Display) -> String {
        format!("XML, before byte {}: {what}", self.reader.buffer_position())
    }
}

/// A name without its prefix, as Go's decoder splits it.
pub(super) fn local(name: &str) -> &str {
    match name.split_once(':') {
        Some((prefix, local)) if !prefix.is_empty() && !local.is_empty() => local,
        _ => name,
    }
}

/// The character of a number, decimal or `x` and hexadecimal. Half a surrogate pair is U+FFFD, as Go has it.
fn character(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    let number = u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?;
    if (0xD800..0xE000).contains(&number) { Some('\u{FFFD}') } else { char::from_u32(number) }
}

/// XML's line ends are all `\n`. Those that an entity stands for are kept.
fn line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | ':'));
    let rest = |character: char| {
        character.is_alphanumeric() || matches!(character, '_' | ':' | '-' | '.') || !character.is_ascii()
    };
    first && characters.all(rest) && name.matches(':').count() <= 1
}

fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
