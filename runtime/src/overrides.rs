//! KrakenD's `KRAKEND_*`, read when the gateway starts: one for each text, number and flag of the config's first level.
//!
//! What the runtime holds takes effect, whether the config has the key or not. What is generated code by then does not: a
//! gateway does not start where that is to be another value than the one it was built with, as it would serve all the same,
//! and otherwise than it was told to.

mod keys;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use self::keys::{KEYS, Takes};
use crate::description::{Baked, Description};
use crate::gateway::StartError;

const PREFIX: &str = "KRAKEND_";

/// A description with what the environment says otherwise, and what there is to say of that.
pub(crate) struct Overridden {
    pub(crate) description: Description,
    /// The variables that are in effect.
    pub(crate) applied: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Looks through the environment's `variables`. An empty value is none.
///
/// # Errors
/// All values that are malformed, and all that the binary was not built with.
pub(crate) fn read(
    description: &Description,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Overridden, StartError> {
    let mut read = Overridden { description: *description, applied: Vec::new(), warnings: Vec::new() };
    let mut failures = Vec::new();
    let mut found: Vec<_> = variables.into_iter().filter_map(named).collect();
    found.sort_unstable();
    for (name, value) in found {
        // As KrakenD has it: the rest of the name in lower case.
        let key = name[PREFIX.len()..].to_lowercase();
        match read.take(&name, &key, &value) {
            Ok(()) => {}
            Err(Wrong { message, place }) => failures.push((place, format!("{name}: {message}"))),
        }
    }
    if failures.is_empty() { Ok(read) } else { Err(StartError::of(failures)) }
}

/// Variables of KrakenD's with a value.
fn named((name, value): (OsString, OsString)) -> Option<(String, OsString)> {
    let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
    (!value.is_empty()).then_some((name, value))
}

/// What is wrong with a variable, and where the config says what it should be.
struct Wrong {
    message: String,
    place: Option<&'static str>,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self { message, place: None }
    }
}

impl Overridden {
    fn take(&mut self, name: &str, key: &str, value: &OsStr) -> Result<(), Wrong> {
        if is_service_link(key, value) {
            if key == "port" {
                let what = "is what Kubernetes says of a service called `krakend`, and not read \
                            (`enableServiceLinks: false` leaves it out)";
                self.warnings.push(format!("{name} {what}"));
            }
            return Ok(());
        }
        let Some((_, takes)) = KEYS.iter().find(|(known, _)| *known == key) else {
            self.warnings.push(unknown(name, key));
            return Ok(());
        };
        if let Takes::Nothing(why) = takes {
            self.warnings.extend(why.map(|why| format!("{name} is not read: {why}")));
            return Ok(());
        }
        let value = value.to_str().ok_or_else(|| "the value is not text".to_owned())?;
        let to = &mut self.description;
        match takes {
            Takes::Nothing(_) => {}
            Takes::Port => {
                let port = value.parse().map_err(|_| format!("{value:?} is not a port: it is a number up to 65535"))?;
                to.server.port = port;
            }
            Takes::Address => {
                let wrong = |_| format!("{value:?} is not an IP address: it is like 127.0.0.1, or ::1");
                to.server.listen_ip = Some(value.parse().map_err(wrong)?);
            }
            // It lasts as long as the process.
            Takes::Name => to.name = Some(value.to_owned().leak()),
            Takes::Duration { set, least } => set(to, duration(value, *least)?),
            Takes::Number(set) => set(to, number(value)?),
            Takes::Flag(set) => set(to, flag(value)?),
            Takes::Baked { default, same } => {
                let baked = to.baked.iter().find(|baked| baked.key == key);
                return is_baked(to.config, key, value, baked, default, *same);
            }
        }
        self.applied.push(name.to_owned());
        Ok(())
    }
}

/// Whether a value is the one that the binary was built with.
fn is_baked(
    config: &str,
    key: &str,
    value: &str,
    baked: Option<&Baked>,
    default: &str,
    same: fn(&str, &str) -> Result<bool, String>,
) -> Result<(), Wrong> {
    if same(value, baked.map_or(default, |baked| baked.value))? {
        return Ok(());
    }
    let message = match baked {
        Some(Baked { value: built, .. }) => format!(
            "`{key}` is baked into this binary, as {built:?}, and cannot be {value:?} at start: change it in the config \
             and build again"
        ),
        None => format!(
            "`{key}` is baked into this binary, as {default:?}, and cannot be {value:?} at start: add it to {config} and \
             build again"
        ),
    };
    Err(Wrong { message, place: baked.map(|baked| baked.source) })
}

/// The variables that take effect, for a person: indented, some to a line.
pub(crate) fn listed() -> String {
    let takes_effect = |takes: &Takes| !matches!(takes, Takes::Baked { .. } | Takes::Nothing(_));
    let mut text = String::new();
    let mut width = usize::MAX;
    for (key, _) in KEYS.iter().filter(|(_, takes)| takes_effect(takes)) {
        let name = format!("{PREFIX}{}", key.to_uppercase());
        let needed = name.len() + 2;
        if width.saturating_add(needed) > 110 {
            text.push_str(if text.is_empty() { "    " } else { ",\n    " });
            width = 4;
        } else {
            text.push_str(", ");
        }
        text.push_str(&name);
        width += needed;
    }
    text
}

fn duration(value: &str, least: Duration) -> Result<Option<Duration>, String> {
    let read = sluicegate_drivers::parse_duration(value)
        .map_err(|error| format!("{value:?} is not a duration, as 500ms, 2s or 1m30s are: {error}"))?;
    // As in Go, 0 asks for the default.
    let read = (!read.is_zero()).then_some(read);
    match read {
        Some(read) if read < least => Err(format!("{value:?} is below {least:?}")),
        read => Ok(read),
    }
}

fn number(value: &str) -> Result<Option<usize>, String> {
    let read: usize = value.parse().map_err(|_| format!("{value:?} is not a whole number from 0 up"))?;
    Ok((read > 0).then_some(read))
}

/// As Go reads one.
fn flag(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{value:?} is neither `true` nor `false`")),
    }
}

/// Whether a variable is one that Kubernetes sets for a service whose name is `krakend`, or begins so.
fn is_service_link(key: &str, value: &OsStr) -> bool {
    let is_url = || {
        let value = value.to_string_lossy();
        ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
    };
    let ends = |end: &str| key == end || key.strip_suffix(end).is_some_and(|rest| rest.ends_with('_'));
    // `port_8080_tcp_addr`
    let is_of_port = |(before, after): (&str, &str)| {
        let number = after.split('_').next().unwrap_or_default();
        (before.is_empty() || before.ends_with('_')) && number.parse::<u16>().is_ok()
    };
    (ends("port") && is_url())
        || ends("service_host")
        || ends("service_port")
        || key.split_once("service_port_").is_some_and(|(before, _)| before.is_empty() || before.ends_with('_'))
        || key.split_once("port_").is_some_and(is_of_port)
}

fn unknown(name: &str, key: &str) -> String {
    // KrakenD reads those as well: `KRAKEND_TLS.DISABLED`.
    let outer = key.split_once('.').map(|(outer, _)| outer);
    if outer.is_some_and(|outer| KEYS.iter().any(|(known, _)| *known == outer)) {
        return format!("{name} is not read: what is below the config's first level is baked into this binary");
    }
    let near = KEYS.iter().map(|(known, _)| (strsim::osa_distance(key, known), known)).min();
    match near {
        Some((slips, known)) if slips <= key.len().max(known.len()) / 3 => {
            format!("{name} is not read: did you mean {PREFIX}{}?", known.to_uppercase())
        }
        _ => format!("{name} is not read: the config's first level has no `{key}`"),
    }
}
