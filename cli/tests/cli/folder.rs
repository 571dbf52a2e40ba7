//! A folder per test, and the command called in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A config without a mistake.
pub(crate) const GOOD: &str = include_str!("good.json");

/// The same with three mistakes: a key and two drivers.
pub(crate) fn broken() -> String {
    GOOD.replace("\"mem://\"", "\"kafak://\"").replace("\"timeout\"", "\"tiemout\"")
}

/// Takes away what says from outside which config is meant: a test names its own.
pub(crate) fn without_variables(command: &mut Command) -> &mut Command {
    for name in ["GATEWAY_CONFIG", "GATEWAY_BASE", "GATEWAY_ENV", "GATEWAY_SETTINGS"] {
        command.env_remove(name);
    }
    command
}

/// Held by a test that builds the gateway of this checkout: each build puts its binary in the place of the last one's.
pub(crate) fn building() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has left nothing that the next one could trip over.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A package of one test's own. It stays after a failure, to look at.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

/// What a call printed and ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

// === impl Folder ===

impl Folder {
    /// With a Cargo.toml, so that the package whose tests these are is not taken for it.
    pub(crate) fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        if path.exists() {
            fs::remove_dir_all(&path).expect("what an earlier run left can be removed");
        }
        fs::create_dir_all(&path).expect("a folder can be made");
        let folder = Self(fs::canonicalize(path).expect("the folder was made"));
        folder.write("Cargo.toml", "[package]\nname = \"sluicegate\"\n");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).expect(file)
    }

    /// Calls the command in the folder `called_in`.
    pub(crate) fn sluicegate(&self, called_in: &str, arguments: &[&str]) -> Output {
        self.sluicegate_with(called_in, &[], arguments)
    }

    /// Calls the command with more variables.
    pub(crate) fn sluicegate_with(&self, called_in: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        self.sluicegate_in(&self.0.join(called_in), variables, arguments)
    }

    /// Calls the command anywhere. The test's own variables, which cargo has set, are not handed on.
    pub(crate) fn sluicegate_in(&self, called_in: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        without_variables(&mut command).env_remove("CARGO_MANIFEST_DIR").env_remove("NO_COLOR");
        command.current_dir(called_in).envs(variables.iter().copied()).args(arguments);
        let output = command.output().expect("the command starts");
        Output {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}
