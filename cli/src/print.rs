//! `print`: the Rust that a config becomes.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::caller::Caller;
use crate::config::{Config, generate};
use crate::output::{CONFIG_HAS_ERRORS, Failure, colors_on_stderr, to_stderr, to_stdout};

/// Prints the generated code, or writes it to `out`: the same bytes as the build compiles, but for secrets.
pub(crate) fn print(caller: &Caller, config: Option<&Path>, out: Option<&Path>) -> Result<ExitCode, Failure> {
    let config = Config::read_as_built(caller, &caller.config(config)?)?;
    to_stderr(&config.human(colors_on_stderr()));
    let Some(gateway) = config.gateway() else { return Ok(ExitCode::from(CONFIG_HAS_ERRORS)) };
    let code = generate(&gateway.without_secrets());
    match out {
        Some(path) => fs::write(caller.folder.join(path), code)
            .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", path.display())))?,
        None => to_stdout(&code)?,
    }
    Ok(ExitCode::SUCCESS)
}
