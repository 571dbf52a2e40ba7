//! `cargo gateway`, or `sluicegate` where it is installed: checks, builds, runs and shows a `gateway.json`.

mod arguments;
mod build;
mod caller;
mod cargo;
mod check;
mod config;
mod explain;
mod new;
mod output;
mod print;
mod report;
mod resolve;
mod routes;
mod schema;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::arguments::Command;
use crate::caller::Caller;
use crate::output::Failure;

fn main() -> ExitCode {
    let (environment, command) = arguments::parse();
    match dispatch(environment, &command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn dispatch(environment: Option<OsString>, command: &Command) -> Result<ExitCode, Failure> {
    // These need no package and no config.
    if let Command::Explain { code } = command {
        return explain::explain(code.as_deref());
    }
    if let Command::Schema { overlay } = command {
        return schema::schema(*overlay);
    }
    let caller = Caller::find(environment)?;
    match command {
        Command::Explain { .. } | Command::Schema { .. } => Ok(ExitCode::SUCCESS),
        Command::Run(arguments) => build::run(&caller, arguments),
        Command::Build(arguments) => build::build(&caller, arguments),
        Command::Check { configs, format, deny_warnings } => check::check(&caller, configs, *format, *deny_warnings),
        Command::Print { config, out } => print::print(&caller, config.as_deref(), out.as_deref()),
        Command::Resolve { config } => resolve::resolve(&caller, config.as_deref()),
        Command::Routes { config } => routes::routes(&caller, config.as_deref()),
        Command::New { folder, name } => new::new(&caller, folder, name.as_deref()),
    }
}
