//! What a file is written in, by its name's end.

use crate::diagnostic::{Diagnostic, Sink};
use crate::json::Read;
use crate::{json, toml, yaml};

/// The formats of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    Toml,
}

// === impl Format ===

impl Format {
    /// As KrakenD tells them apart: what is neither `.yaml`, `.yml` nor `.toml` is JSON.
    pub(crate) fn of(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("yaml" | "yml") => Self::Yaml,
            Some("toml") => Self::Toml,
            _ => Self::Json,
        }
    }

    /// Reads a text as far as it can be; every error is in `sink`.
    pub(crate) fn read(self, text: &str, file: u32, sink: &Sink) -> Read {
        match self {
            Self::Json => json::read(text, file, sink),
            Self::Yaml => yaml::read(text, file, sink),
            Self::Toml => toml::read(text, file, sink),
        }
    }

    /// Writes what a diagnostic suggests in JSON as this format has it. YAML takes JSON as it is.
    pub(crate) fn adapt(self, diagnostic: &mut Diagnostic) {
        if self == Self::Json {
            return;
        }
        for help in &mut diagnostic.help {
            if help == "keep one: JSON takes the last" {
                "keep one".clone_into(help);
            }
            if help == "put it into brackets: `[{...}]`" {
                let written = match self {
                    Self::Toml => "each table of a list has a header in two brackets, `[[...]]`",
                    _ => "each item of a list begins with `- `",
                };
                *help = format!("{written}; in one line it is `[{{...}}]`");
            }
            if self == Self::Toml && help.ends_with(" is a key of the service") {
                help.push_str(": its keys stand above the first header");
            }
            if self == Self::Toml && help.contains("\": ") {
                let parts = help.split('`').enumerate();
                // Every other part stands between backticks.
                let parts = parts.map(|(index, part)| match index % 2 {
                    0 => part.to_owned(),
                    _ => part.replace("\": ", "\" = "),
                });
                *help = parts.collect::<Vec<_>>().join("`");
            }
        }
    }
}

#[cfg(test)]
mod tests;
