use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{BrokerUrl, Grammar, Piece, Plus, Value};
use crate::{UrlError, parse_duration};

/// A query parameter whose name the grammar accepts.
pub(super) struct Parameter<'a> {
    name: &'static str,
    name_piece: Piece<'a>,
    /// What follows the `=`, where there is one.
    value: Option<Piece<'a>>,
}

/// The one parameter, `topic` of a Kafka subscription, that may be given more than once.
const REPEATABLE: &[&str] = &["topic"];

/// Names that one meets in KrakenD configurations, that go-cloud never had, and what was meant.
const MISNOMERS: &[(&str, &str)] = &[("name_key", "key_name"), ("qos", "prefetch_count")];

/// Splits a query and checks the names in it.
pub(super) fn parse<'a>(query: Piece<'a>, grammar: &'static Grammar) -> Result<Vec<Parameter<'a>>, UrlError> {
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.text.is_empty()) {
        let (name_piece, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        if name_piece.text.is_empty() {
            return Err(pair.error("the parameter has no name"));
        }
        let written = name_piece.decode(Plus::Space)?.into_text();
        let Some(name) = accepted(grammar).find(|name| *name == written) else {
            return Err(unknown(name_piece, &written, grammar));
        };
        if !REPEATABLE.contains(&name) && parameters.iter().any(|earlier| earlier.name == name) {
            return Err(name_piece.error(format!("`{name}` is given twice")));
        }
        parameters.push(Parameter { name, name_piece, value });
    }
    Ok(parameters)
}

impl<'a> BrokerUrl<'a> {
    /// Every value of a parameter that may be repeated.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<Value<'a>>, UrlError> {
        self.parameters.iter().filter(|parameter| parameter.name == name).map(Parameter::decoded).collect()
    }

    /// A value that is any text but none.
    pub(crate) fn value(&self, name: &str) -> Result<Option<Value<'a>>, UrlError> {
        self.find(name).map(Parameter::decoded).transpose()
    }

    /// As [`Self::value`], where its characters do not matter.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, UrlError> {
        Ok(self.value(name)?.map(Value::into_text))
    }

    /// A boolean, in the spellings of Go's `strconv.ParseBool`.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, UrlError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        match &*value.text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Some(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Some(false)),
            other => Err(value.error(format!("`{other}` is not a boolean")).with_help("write `true` or `false`")),
        }
    }

    /// A boolean that is true when its name stands alone.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, UrlError> {
        match self.find(name) {
            None => Ok(false),
            Some(parameter) if parameter.value.is_none_or(|value| value.text.is_empty()) => Ok(true),
            Some(_) => Ok(self.boolean(name)?.unwrap_or_default()),
        }
    }

    /// A whole number within `range`.
    pub(crate) fn integer(&self, name: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, UrlError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        match value.text.parse::<u32>() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let message =
                    format!("`{}` is not a whole number from {} to {}", value.text, range.start(), range.end());
                Err(value.error(message))
            }
        }
    }

    /// A duration as Go writes it, at most `max`.
    pub(crate) fn duration(&self, name: &str, max: Option<Duration>) -> Result<Option<Duration>, UrlError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        let duration = parse_duration(&value.text).map_err(|error| {
            value.error(error.to_string()).with_help("write a number and a unit: `250ms`, `2s`, `1m30s`, `1h`")
        })?;
        match max {
            Some(max) if duration > max => Err(value.error(format!("`{name}` is at most {max:?}"))),
            _ => Ok(Some(duration)),
        }
    }

    /// One of some words, in upper or lower case.
    pub(crate) fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, UrlError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        match words.iter().find(|(word, _)| value.text.eq_ignore_ascii_case(word)) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let accepted = quoted(words.iter().map(|(word, _)| *word));
                let message = format!("`{}` is not a value of `{name}`", value.text);
                Err(value.error(message).with_help(format!("accepted: {accepted}")))
            }
        }
    }

    /// An error at the name of a parameter that is given.
    pub(crate) fn error_at_parameter(&self, name: &str, message: impl Into<String>) -> UrlError {
        match self.find(name) {
            Some(parameter) => parameter.name_piece.error(message),
            None => self.error(message),
        }
    }

    fn find(&self, name: &str) -> Option<&Parameter<'a>> {
        debug_assert!(accepted(self.grammar).any(|accepted| accepted == name), "{name} is not in the grammar");
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

impl<'a> Parameter<'a> {
    fn decoded(&self) -> Result<Value<'a>, UrlError> {
        match self.value {
            Some(value) if !value.text.is_empty() => value.decode(Plus::Space),
            _ => Err(self.name_piece.error(format!("`{}` has no value", self.name))),
        }
    }
}

fn accepted(grammar: &'static Grammar) -> impl Iterator<Item = &'static str> {
    grammar.parameters.iter().copied().flatten().copied()
}

fn unknown(piece: Piece<'_>, written: &str, grammar: &'static Grammar) -> UrlError {
    let (elsewhere, side) = grammar.elsewhere;
    if elsewhere.contains(&written) {
        let message = format!("`{written}` is not a parameter of {}, only of {side}", grammar.what);
        return piece.error(message).with_help(list(grammar));
    }
    let error = piece.error(format!("unknown parameter `{written}`"));
    match meant(written, grammar) {
        Some(name) => error.with_help(format!("did you mean `{name}`? ({})", list(grammar))),
        None => error.with_help(list(grammar)),
    }
}

/// The accepted name that is nearest to what was written, if it is near.
fn meant(written: &str, grammar: &'static Grammar) -> Option<&'static str> {
    let written = written.to_lowercase();
    if let Some((_, name)) = MISNOMERS.iter().find(|(misnomer, _)| *misnomer == written) {
        return accepted(grammar).find(|accepted| accepted == name);
    }
    // Distance takes the product of the lengths: a long text is no misspelling.
    if written.len() > 64 {
        return None;
    }
    accepted(grammar)
        .map(|name| (strsim::osa_distance(&written, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(written.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn list(grammar: &'static Grammar) -> String {
    let names = quoted(accepted(grammar));
    if names.is_empty() {
        return format!("{} has no parameters", grammar.what);
    }
    format!("accepted: {names}")
}

fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
