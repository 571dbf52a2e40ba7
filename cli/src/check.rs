//! `check`: everything that is wrong with each config.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;
use sluicegate_codegen::Severity;

use crate::arguments::{Format, program};
use crate::caller::Caller;
use crate::config::Config;
use crate::output::{CANNOT, CONFIG_HAS_ERRORS, Failure, colors_on_stderr, count, to_stderr, to_stdout};
use crate::report;

/// Checks each of `configs`, or the default one. One that cannot be read does not keep the others from being checked.
pub(crate) fn check(
    caller: &Caller,
    configs: &[PathBuf],
    format: Format,
    deny_warnings: bool,
) -> Result<ExitCode, Failure> {
    let mut code = 0;
    let mut all = Vec::new();
    let names: Vec<_> =
        if configs.is_empty() { vec![None] } else { configs.iter().map(|path| Some(&**path)).collect() };
    for name in names {
        match caller.config(name).and_then(|named| Config::read(caller, &named)) {
            Ok(config) => {
                let denied = deny_warnings && config.count(Severity::Warning) > 0;
                if config.count(Severity::Error) > 0 || denied {
                    code = code.max(CONFIG_HAS_ERRORS);
                }
                match format {
                    Format::Human => report(&config),
                    Format::Json | Format::Sarif | Format::Github => all.extend(config.json()?),
                }
            }
            Err(failure) => {
                failure.report();
                code = CANNOT;
            }
        }
    }
    match format {
        Format::Human => {}
        Format::Json => to_stdout(&format!("{:#}\n", Value::from(all)))?,
        Format::Sarif => to_stdout(&format!("{:#}\n", report::sarif(&all)))?,
        Format::Github => to_stdout(&report::github(&all))?,
    }
    Ok(ExitCode::from(code))
}

fn report(config: &Config) {
    let mut text = config.human(colors_on_stderr());
    if !text.is_empty() {
        text.push('\n');
    }
    if let Some(codes) = config.codes() {
        text.push_str(&format!("`{} explain CODE` says more: {codes}\n", program()));
    }
    text.push_str(&format!("{}: {}\n", config.name(), summary(config)));
    to_stderr(&text);
}

/// `12 endpoints, no mistakes`, `2 errors, 1 warning`.
fn summary(config: &Config) -> String {
    let (errors, warnings) = (config.count(Severity::Error), config.count(Severity::Warning));
    match (errors, warnings, config.gateway()) {
        (0, 0, Some(gateway)) => format!("{}, no mistakes", count(gateway.endpoints.len(), "endpoint")),
        (_, 0, _) => count(errors, "error"),
        (0, _, _) => count(warnings, "warning"),
        _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}
