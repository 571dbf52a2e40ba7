//! The door to codegen: everything the commands ask of it.

use serde_json::Value;
use sluicegate_codegen::model::Gateway;
use sluicegate_codegen::{Checked, Location, Severity, SourceFile};

use crate::caller::{Caller, Named};
use crate::output::Failure;

pub(crate) use sluicegate_codegen::generate;

/// A config that was read and checked.
#[derive(Debug)]
pub(crate) struct Config {
    config: sluicegate_codegen::Config,
    checked: Checked,
}

// === impl Config ===

impl Config {
    /// Reads and checks a config; its diagnostics show it as the caller wrote it.
    pub(crate) fn read(caller: &Caller, named: &Named) -> Result<Self, Failure> {
        let location = Location { shown_as: named.shown_as.clone(), ..named.location.clone() };
        Self::read_from(caller, &location, named)
    }

    /// Reads and checks a config as the build does, so that generated code is the same to the byte.
    pub(crate) fn read_as_built(caller: &Caller, named: &Named) -> Result<Self, Failure> {
        Self::read_from(caller, &named.location, named)
    }

    fn read_from(caller: &Caller, location: &Location, named: &Named) -> Result<Self, Failure> {
        let cannot = |error| Failure::new(format!("cannot read the config `{}`: {error}", named.shown_as));
        let config = sluicegate_codegen::Config::read(location, &caller.variables()).map_err(cannot)?;
        Ok(Self { checked: config.check(), config })
    }

    /// The gateway, when the config has no error.
    pub(crate) fn gateway(&self) -> Option<&Gateway> {
        self.checked.gateway.as_ref()
    }

    /// The whole config as one document, when it could be read.
    pub(crate) fn document(&self) -> Option<String> {
        self.config.document()
    }

    /// The name it is shown by.
    pub(crate) fn name(&self) -> &str {
        self.config.name()
    }

    /// How many diagnostics are of this severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.checked.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// All diagnostics, drawn for people.
    pub(crate) fn human(&self, colors: bool) -> String {
        sluicegate_codegen::render_human(&self.config, &self.checked.diagnostics, colors)
    }

    /// The codes of all diagnostics, each once, in the order of the file. `None` without any.
    pub(crate) fn codes(&self) -> Option<String> {
        let mut codes: Vec<&str> = Vec::new();
        for found in &self.checked.diagnostics {
            if !codes.contains(&found.code) {
                codes.push(found.code);
            }
        }
        (!codes.is_empty()).then(|| codes.join(", "))
    }

    /// All diagnostics as objects for tools.
    pub(crate) fn json(&self) -> Result<Vec<Value>, Failure> {
        let text = sluicegate_codegen::render_json(&self.config, &self.checked.diagnostics);
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("the diagnostics are not JSON: {error}")))
    }
}

/// The features that the text of a config needs.
pub(crate) fn features_of(text: &str) -> Result<Vec<&'static str>, Failure> {
    let file = SourceFile::new("gateway.json", "", text);
    let checked = sluicegate_codegen::check(&file);
    match checked.gateway {
        Some(gateway) => Ok(gateway.features().into_iter().collect()),
        None => Err(Failure::new(sluicegate_codegen::render_human(&file, &checked.diagnostics, false))),
    }
}
