//! Calling cargo.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use serde_json::Value;
use sluicegate_codegen::Location;

use crate::output::Failure;

/// One build of the gateway.
#[derive(Debug)]
pub(crate) struct Build<'a> {
    pub(crate) checkout: &'a Path,
    /// Where the command was called.
    pub(crate) folder: &'a Path,
    /// GATEWAY_ENV, where the command line has it.
    pub(crate) environment: Option<&'a OsStr>,
    pub(crate) location: &'a Location,
    pub(crate) features: BTreeSet<&'static str>,
    pub(crate) profile: Option<&'a str>,
    /// Handed to cargo as they are.
    pub(crate) arguments: &'a [OsString],
}

/// What became of a build.
#[derive(Debug)]
pub(crate) enum Built {
    /// The binary.
    Executable(PathBuf),
    /// Cargo has said why; this is its exit code.
    Failed(ExitCode),
}

// === impl Build ===

impl Build<'_> {
    /// Builds, with cargo's own output on stderr.
    pub(crate) fn run(&self) -> Result<Built, Failure> {
        let mut command = self.command();
        let failed = |error| Failure::new(format!("cannot start cargo: {error}"));
        let missing = "building a gateway needs a Rust toolchain: https://rustup.rs";
        let mut cargo = command.spawn().map_err(|error| failed(error).help(missing))?;
        let found = cargo.stdout.take().and_then(|stdout| executable(BufReader::new(stdout)));
        let status = cargo.wait().map_err(failed)?;
        match found {
            Some(path) if status.success() => Ok(Built::Executable(path)),
            None if status.success() => Err(Failure::new("cargo did not say where it put the binary `gateway`")),
            _ => Ok(Built::Failed(exit_code(status))),
        }
    }

    fn command(&self) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        // Inside the checkout the caller's folder stays, so that relative paths among cargo's arguments mean what they
        // say; outside it rust-toolchain.toml and .cargo/config.toml would not be found.
        let folder = if self.folder.starts_with(self.checkout) { self.folder } else { self.checkout };
        without_cargo_variables(&mut command)
            .current_dir(folder)
            .arg("build")
            .arg("--manifest-path")
            .arg(self.checkout.join("Cargo.toml"))
            .args(["--package", "sluicegate", "--bin", "gateway", "--no-default-features"])
            .arg("--features")
            .arg(self.features.iter().copied().collect::<Vec<_>>().join(","))
            .arg("--message-format=json-render-diagnostics")
            .args(self.profile.map(|profile| format!("--profile={profile}")))
            .args(self.arguments)
            .env("GATEWAY_CONFIG", &self.location.path)
            .stdout(Stdio::piped());
        match env::var_os("GATEWAY_BASE").filter(|base| !base.is_empty()) {
            Some(_) => command.env("GATEWAY_BASE", &self.location.base),
            None => command.env_remove("GATEWAY_BASE"),
        };
        if let Some(environment) = self.environment {
            command.env("GATEWAY_ENV", environment);
        }
        // The build would look from the root of the package.
        for name in sluicegate_codegen::PATH_VARIABLES {
            if let Some(path) = env::var_os(name).filter(|path| !path.is_empty()) {
                command.env(name, self.folder.join(path));
            }
        }
        command
    }
}

/// Takes away what `cargo run` sets for the program it starts: for the next one it would be wrong, and build scripts
/// that watch it would run again whenever `cargo gateway build` and `cargo build` take turns.
pub(crate) fn without_cargo_variables(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Cargo's code as it is; 128 and the signal's number when one ended it, as shells have it.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let by_signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
    #[cfg(not(unix))]
    let by_signal = None;
    let code = status.code().or(by_signal).and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(101))
}

/// Finds the binary in cargo's messages, and reads them to their end so that cargo never waits for us.
fn executable(messages: impl BufRead) -> Option<PathBuf> {
    let messages = messages.split(b'\n').map_while(Result::ok);
    messages.filter_map(|line| serde_json::from_slice(&line).ok()).filter_map(|message| gateway_in(&message)).last()
}

/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
fn gateway_in(message: &Value) -> Option<PathBuf> {
    let target = &message["target"];
    let is_gateway = message["reason"] == "compiler-artifact"
        && target["name"] == "gateway"
        && target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"));
    if is_gateway { message["executable"].as_str().map(PathBuf::from) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_among_the_messages() {
        let messages = br#"not JSON
{"reason":"compiler-artifact","target":{"name":"gateway","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"other","kind":["bin"]},"executable":"/t/other"}
{"reason":"compiler-artifact","target":{"name":"gateway","kind":["bin"]},"executable":"/t/gateway"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(&messages[..]), Some(PathBuf::from("/t/gateway")));
        assert_eq!(executable(&b""[..]), None);
    }
}
