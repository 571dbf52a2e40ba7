//! Reads broker URLs: what the grammars of all drivers have in common.

mod parameters;
mod piece;

pub(crate) use piece::{Piece, Plus, Value};

use crate::UrlError;
use parameters::Parameter;

/// What differs between the topics and subscriptions of the drivers, as far as this module is concerned.
pub(crate) struct Grammar {
    /// What the URL names, with its article: `a Kafka topic`.
    pub(crate) what: &'static str,
    /// The schemes it may have.
    pub(crate) schemes: &'static [&'static str],
    /// A right URL, for help.
    pub(crate) example: &'static str,
    /// The query parameters it accepts, in lists so that drivers can share some.
    pub(crate) parameters: &'static [&'static [&'static str]],
    /// The parameters that only the driver's other side accepts, and what that side is called.
    pub(crate) elsewhere: (&'static [&'static str], &'static str),
    /// Where addresses and credentials come from instead of the URL.
    pub(crate) credentials: &'static str,
}

/// A broker's URL, in parts. Its scheme and the names of its parameters have been checked.
pub(crate) struct BrokerUrl<'a> {
    grammar: &'static Grammar,
    whole: Piece<'a>,
    /// What stands between `://` and `?`, without slashes at the end.
    pub(crate) location: Piece<'a>,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> BrokerUrl<'a> {
    /// Splits `url` and checks all that does not depend on the driver.
    ///
    /// # Errors
    /// Another scheme, a `{parameter}`, spaces, a fragment, a user or password, and parameters that
    /// are unknown or given twice.
    pub(crate) fn parse(url: &'a str, grammar: &'static Grammar) -> Result<Self, UrlError> {
        let whole = Piece { text: url, start: 0 };
        let rest = check_scheme(whole, grammar)?;
        check_placeholders(rest)?;
        check_characters(rest, grammar)?;
        let (location, query) = match rest.split_once('?') {
            Some((location, query)) => (location, Some(query)),
            None => (rest, None),
        };
        check_credentials(location, grammar)?;
        let parameters = match query {
            Some(query) => parameters::parse(query, grammar)?,
            None => Vec::new(),
        };
        // KrakenD joins host and path with Go's path.Join, which drops them as well.
        let location = Piece { text: location.text.trim_end_matches('/'), ..location };
        Ok(Self { grammar, whole, location, parameters })
    }

    /// The location as one name, decoded.
    ///
    /// # Errors
    /// It is empty, or its escapes are wrong.
    pub(crate) fn name(&self) -> Result<Value<'a>, UrlError> {
        if self.location.text.is_empty() {
            return Err(self.error(format!("the URL does not name {}", self.grammar.what)));
        }
        self.location.decode(Plus::Literal)
    }

    /// An error about the URL as a whole, with an example of a right one.
    pub(crate) fn error(&self, message: impl Into<String>) -> UrlError {
        self.whole.error(message).with_help(self.example())
    }

    /// What a right URL looks like, for help.
    pub(crate) fn example(&self) -> String {
        example(self.grammar)
    }
}

/// The URL without its scheme.
fn check_scheme<'a>(url: Piece<'a>, grammar: &Grammar) -> Result<Piece<'a>, UrlError> {
    let Some((scheme, rest)) = url.text.split_once("://") else {
        return Err(url.error("the URL has no scheme").with_help(example(grammar)));
    };
    if !grammar.schemes.contains(&scheme) {
        let message = format!("`{scheme}` is not the scheme of {}", grammar.what);
        return Err(UrlError::new(0..scheme.len(), message).with_help(example(grammar)));
    }
    Ok(Piece { text: rest, start: url.text.len() - rest.len() })
}

/// KrakenD replaces parameters in the `url_pattern` of HTTP backends alone: a topic is opened once.
fn check_placeholders(rest: Piece<'_>) -> Result<(), UrlError> {
    let Some(open) = rest.text.find('{') else { return Ok(()) };
    let Some(length) = rest.text[open..].find('}') else { return Ok(()) };
    // Takes in both braces of `{{.Id}}`.
    let close = open + length;
    let end = rest.text[close..].find(|c| c != '}').map_or(rest.text.len(), |braces| close + braces);
    let placeholder = &rest.text[open..end];
    let start = rest.start + open;
    Err(UrlError::new(
        start..start + placeholder.len(),
        format!("`{placeholder}` cannot be replaced: topics and subscriptions are opened once, before any request"),
    )
    .with_help("use one endpoint per topic or subscription"))
}

fn check_characters(rest: Piece<'_>, grammar: &Grammar) -> Result<(), UrlError> {
    let wrong = |c: char| c == '#' || c.is_whitespace() || c.is_control();
    let Some((at, c)) = rest.text.char_indices().find(|(_, c)| wrong(*c)) else { return Ok(()) };
    let start = rest.start + at;
    if c == '#' {
        let end = rest.start + rest.text.len();
        return Err(UrlError::new(start..end, format!("{} has no fragment", grammar.what))
            .with_help("write `#` itself as `%23`"));
    }
    let range = start..start + c.len_utf8();
    if c == ' ' {
        return Err(UrlError::new(range, "a URL has no spaces").with_help("write a space as `%20`"));
    }
    Err(UrlError::new(range, "a URL has no white space and no control characters"))
}

/// A URL names a resource. (The message repeats nothing of what it found.)
fn check_credentials(location: Piece<'_>, grammar: &Grammar) -> Result<(), UrlError> {
    let authority = location.text.split('/').next().unwrap_or_default();
    let Some(at) = authority.rfind('@') else { return Ok(()) };
    Err(UrlError::new(location.start..location.start + at + 1, "a user or password does not belong in the URL")
        .with_help(format!("credentials come from {}; {}", grammar.credentials, example(grammar))))
}

fn example(grammar: &Grammar) -> String {
    format!("{} looks like `{}`", grammar.what, grammar.example)
}

#[cfg(test)]
pub(crate) mod tests;
