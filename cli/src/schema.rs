//! `schema`: what editors are told.

use std::process::ExitCode;

use sluicegate_codegen::{overlay_schema, schema as config_schema};

use crate::output::{Failure, to_stdout};

/// Prints the JSON Schema of a config, or of an overlay.
pub(crate) fn schema(overlay: bool) -> Result<ExitCode, Failure> {
    to_stdout(&if overlay { overlay_schema() } else { config_schema() })?;
    Ok(ExitCode::SUCCESS)
}
