//! `resolve`: the config as it is checked, in one document.

use std::path::Path;
use std::process::ExitCode;

use crate::caller::Caller;
use crate::config::Config;
use crate::output::{CONFIG_HAS_ERRORS, Failure, colors_on_stderr, to_stderr, to_stdout};

/// Prints the document, and what is wrong with it. Values of variables stand in it, secrets too.
pub(crate) fn resolve(caller: &Caller, config: Option<&Path>) -> Result<ExitCode, Failure> {
    let config = Config::read(caller, &caller.config(config)?)?;
    to_stderr(&config.human(colors_on_stderr()));
    if let Some(document) = config.document() {
        to_stdout(&document)?;
    }
    Ok(if config.gateway().is_some() { ExitCode::SUCCESS } else { ExitCode::from(CONFIG_HAS_ERRORS) })
}
