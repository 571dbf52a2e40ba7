//! `routes`: the route table, from the config alone.

use std::path::Path;
use std::process::ExitCode;

use sluicegate_codegen::model::{BackendKind, Endpoint, Gateway};

use crate::caller::Caller;
use crate::config::Config;
use crate::output::{CONFIG_HAS_ERRORS, Failure, colors_on_stderr, to_stderr, to_stdout};

/// Prints a line per endpoint, and one more for each further backend of it.
pub(crate) fn routes(caller: &Caller, config: Option<&Path>) -> Result<ExitCode, Failure> {
    let config = Config::read_as_built(caller, &caller.config(config)?)?;
    to_stderr(&config.human(colors_on_stderr()));
    let Some(gateway) = config.gateway() else { return Ok(ExitCode::from(CONFIG_HAS_ERRORS)) };
    to_stdout(&table(gateway))?;
    Ok(ExitCode::SUCCESS)
}

fn table(gateway: &Gateway) -> String {
    let mut rows = vec![["METHOD", "PATH", "CALLS", "PLACE"].map(str::to_owned)];
    rows.extend(gateway.endpoints.iter().flat_map(endpoint_rows));
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn endpoint_rows(endpoint: &Endpoint) -> Vec<[String; 4]> {
    let mut rows: Vec<_> = endpoint
        .backends
        .iter()
        .map(|backend| [String::new(), String::new(), calls(&backend.kind), backend.place.0.clone()])
        .collect();
    if rows.is_empty() {
        rows.push(Default::default());
    }
    rows[0][0] = endpoint.method.as_str().to_owned();
    rows[0][1] = endpoint.path.text.clone();
    rows[0][3] = endpoint.place.0.clone();
    rows
}

fn calls(kind: &BackendKind) -> String {
    match kind {
        BackendKind::Http(http) => {
            let host = http.hosts.first().map_or("", String::as_str);
            let others = match http.hosts.len() {
                0 | 1 => String::new(),
                hosts => format!(" (and {} more)", crate::output::count(hosts - 1, "host")),
            };
            format!("{} {host}{}{others}", http.method.as_str(), http.url.text)
        }
        BackendKind::Publish(publish) => format!("publish {}", publish.url),
        BackendKind::Subscribe(subscribe) => format!("receive {}", subscribe.url),
    }
}
