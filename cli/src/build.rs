//! `build` and `run`: the gateway with exactly the features that its config needs.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::arguments;
use crate::caller::Caller;
use crate::cargo::{self, Built};
use crate::config::Config;
use crate::output::{CONFIG_HAS_ERRORS, Failure, colors_on_stderr, to_stderr, to_stdout};

/// Builds, and prints the path of the binary.
pub(crate) fn build(caller: &Caller, arguments: &arguments::Build) -> Result<ExitCode, Failure> {
    match executable(caller, arguments, &arguments.rest)? {
        Built::Executable(path) => to_stdout(&format!("{}\n", path.display())).map(|()| ExitCode::SUCCESS),
        Built::Failed(code) => Ok(code),
    }
}

/// Builds, and becomes the gateway: signals, terminal and exit code are its own.
pub(crate) fn run(caller: &Caller, arguments: &arguments::Build) -> Result<ExitCode, Failure> {
    match executable(caller, arguments, &[])? {
        Built::Executable(path) => {
            let mut gateway = Command::new(&path);
            cargo::without_cargo_variables(&mut gateway).args(&arguments.rest);
            // Where the build looked for the files that the config names, the gateway looks for them too.
            gateway.env("GATEWAY_BASE", caller.config(arguments.config.as_deref())?.location.base);
            become_it(gateway, &path)
        }
        Built::Failed(code) => Ok(code),
    }
}

/// Checks the config, and only then calls cargo.
fn executable(caller: &Caller, arguments: &arguments::Build, for_cargo: &[OsString]) -> Result<Built, Failure> {
    let checkout = caller.checkout()?;
    let named = caller.config(arguments.config.as_deref())?;
    let config = Config::read(caller, &named)?;
    // Warnings are left to the build: cargo shows them every time, also when nothing is compiled.
    let Some(gateway) = config.gateway() else {
        to_stderr(&config.human(colors_on_stderr()));
        return Ok(Built::Failed(ExitCode::from(CONFIG_HAS_ERRORS)));
    };
    cargo::Build {
        checkout,
        folder: &caller.folder,
        environment: caller.environment.as_deref(),
        location: &named.location,
        features: gateway.features(),
        profile: arguments.profile.as_deref(),
        arguments: for_cargo,
    }
    .run()
}

#[cfg(unix)]
fn become_it(mut gateway: Command, path: &Path) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;

    let error = gateway.exec();
    Err(Failure::new(format!("cannot start `{}`: {error}", path.display())))
}

#[cfg(not(unix))]
fn become_it(mut gateway: Command, path: &Path) -> Result<ExitCode, Failure> {
    let status =
        gateway.status().map_err(|error| Failure::new(format!("cannot start `{}`: {error}", path.display())))?;
    Ok(cargo::exit_code(status))
}
