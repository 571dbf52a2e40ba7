//! `check`: everything that is wrong with each config.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;
use sluicegate_codegen::Severity;

use crate::arguments::Format;
use crate::caller::Caller;
use crate::config::Config;
use crate::output::{CANNOT, CONFIG_HAS_ERRORS, Failure, colors_on_stderr, count, to_stderr, to_stdout};

/// Checks each of `configs`, or the default one. One that cannot be read does not keep the others from being checked.
pub(crate) fn check(caller: &Caller, configs: &[PathBuf], format: Format) -> Result<ExitCode, Failure> {
    let mut code = 0;
    let mut all = Vec::new();
    let names: Vec<_> =
        if configs.is_empty() { vec![None] } else { configs.iter().map(|path| Some(&**path)).collect() };
    for name in names {
        match caller.config(name).and_then(|named| Config::read(&named)) {
            Ok(config) => {
                if config.count(Severity::Error) > 0 {
                    code = code.max(CONFIG_HAS_ERRORS);
                }
                match format {
                    Format::Human => report(&config),
                    Format::Json => all.extend(config.json()?),
                }
            }
            Err(failure) => {
                failure.report();
                code = CANNOT;
            }
        }
    }
    if format == Format::Json {
        to_stdout(&format!("{:#}\n", Value::from(all)))?;
    }
    Ok(ExitCode::from(code))
}

fn report(config: &Config) {
    let mut text = config.human(colors_on_stderr());
    if !text.is_empty() {
        text.push('\n');
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
