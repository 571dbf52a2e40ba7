//! Where the command was called, and which package and config that means.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use sluicegate_codegen::{Environment, Location, default_config};

use crate::output::Failure;

/// The caller's folder and what lies around it.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Where the command was called.
    pub(crate) folder: PathBuf,
    /// The environment that `--env` names.
    pub(crate) environment: Option<OsString>,
    /// The root of the Sluicegate checkout, when there is one.
    checkout: Option<PathBuf>,
}

/// A config that a command is to read.
#[derive(Debug)]
pub(crate) struct Named {
    /// Where it is.
    pub(crate) location: Location,
    /// As its caller writes it, for diagnostics.
    pub(crate) shown_as: String,
}

// === impl Caller ===

impl Caller {
    /// Looks around: for the checkout of the `cargo run` behind `cargo gateway`, else for one above the folder.
    pub(crate) fn find(environment: Option<OsString>) -> Result<Self, Failure> {
        let folder = env::current_dir()
            .and_then(fs::canonicalize)
            .map_err(|error| Failure::new(format!("the folder this was called in cannot be read: {error}")))?;
        let of_cargo_run = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let above = |start: &Path| start.ancestors().find(|folder| is_checkout(folder)).map(Path::to_path_buf);
        let checkout = of_cargo_run.as_deref().and_then(above).or_else(|| above(&folder));
        Ok(Self { folder, environment, checkout })
    }

    /// The variables of this process, with what the command line says instead.
    pub(crate) fn variables(&self) -> Environment<'_> {
        Environment::new(|name| match &self.environment {
            Some(environment) if name == "GATEWAY_ENV" => Some(environment.clone()),
            _ => env::var_os(name),
        })
    }

    /// The root of the checkout.
    pub(crate) fn checkout(&self) -> Result<&Path, Failure> {
        self.checkout.as_deref().ok_or_else(|| {
            Failure::new(format!("there is no Sluicegate checkout at or above `{}`", self.folder.display())).help(
                "`build` and `run` need a checkout and a Rust toolchain, all else needs neither; a crate made by `new` is \
                 built with plain `cargo build` and `cargo run`",
            )
        })
    }

    pub(crate) fn checkout_if_any(&self) -> Option<&Path> {
        self.checkout.as_deref()
    }

    /// The config `named` on the command line; else GATEWAY_CONFIG; else gateway.json in the root of the package (or the only
    /// config in another format there), or where there is none the nearest one.
    pub(crate) fn config(&self, named: Option<&Path>) -> Result<Named, Failure> {
        let package = self.package();
        let from_variable = variable("GATEWAY_CONFIG");
        let (path, shown_as) = match named.or(from_variable.as_deref()) {
            Some(path) => (self.folder.join(path), path.display().to_string()),
            None => {
                let path = package.join(default_config(package).unwrap_or("gateway.json"));
                let shown_as = self.shown(&path);
                (path, shown_as)
            }
        };
        let base = variable("GATEWAY_BASE").map(|base| self.folder.join(base));
        let location = Location::new(&path, package, base.as_deref());
        let location = location.map(|location| Location { folder: self.folder.clone(), ..location });
        // The config itself may be missing; who named none is told how to.
        let there = location.and_then(|location| match named {
            None => fs::metadata(&location.path).map(|_| location),
            Some(_) => Ok(location),
        });
        there.map(|location| Named { location, shown_as: shown_as.clone() }).map_err(|error| {
            let failure = Failure::new(format!("cannot read the config `{shown_as}`: {error}"));
            match named {
                Some(_) => failure,
                None => failure.help("name a config: as an argument, or with GATEWAY_CONFIG"),
            }
        })
    }

    /// The root of the package that the caller is in: of one with a config of its own, also inside a checkout. Where there
    /// is no such package, the nearest folder with a config.
    fn package(&self) -> &Path {
        let has = |folder: &Path, file| folder.join(file).is_file();
        let mut above = self.folder.ancestors().filter(|folder| has(folder, "Cargo.toml"));
        let nearest = above.clone().next();
        let with_config = above.find(|folder| default_config(folder).is_some());
        let with_config = with_config.or(self.checkout.as_deref());
        let alone = || self.folder.ancestors().find(|folder| default_config(folder).is_some());
        with_config.or_else(alone).or(nearest).unwrap_or(&self.folder)
    }

    /// A path at or above the caller's folder, from there: `gateway.json`, `../gateway.json`.
    fn shown(&self, path: &Path) -> String {
        for (up, folder) in self.folder.ancestors().enumerate() {
            if let Ok(rest) = path.strip_prefix(folder) {
                // From the root of the file system on, the absolute path is the shorter one.
                if folder.parent().is_some() {
                    return Path::new(&"../".repeat(up)).join(rest).display().to_string();
                }
            }
        }
        path.display().to_string()
    }
}

/// Set, and to something: shells and CI systems leave empty ones behind.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Whether `folder` is the root of a checkout: the package `sluicegate`.
fn is_checkout(folder: &Path) -> bool {
    let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { return false };
    package_name(&manifest) == Some("sluicegate")
}

/// `name` of `[package]` in a Cargo.toml as this repository writes it.
fn package_name(manifest: &str) -> Option<&str> {
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[package]").skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    lines.find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "name").then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names() {
        for (manifest, name) in [
            ("[package]\nname = \"sluicegate\"\n", Some("sluicegate")),
            ("[package]\nversion = \"1\"\nname=\"a\"\n[[bin]]\nname = \"b\"", Some("a")),
            ("[package]\nversion = \"1\"\n[lib]\nname = \"b\"", None),
            ("[workspace]\nname = \"sluicegate\"\n", None),
            ("", None),
        ] {
            assert_eq!(package_name(manifest), name, "{manifest}");
        }
    }

    #[test]
    fn the_root_of_this_repository_is_a_checkout() {
        let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(!is_checkout(cli));
        assert!(is_checkout(cli.parent().expect("cli lies in the root")));
    }

    #[test]
    fn shown_from_the_folder() {
        let caller = Caller { folder: PathBuf::from("/a/b/c"), environment: None, checkout: None };
        for (path, shown_as) in [
            ("/a/b/c/g.json", "g.json"),
            ("/a/b/g.json", "../g.json"),
            ("/a/g.json", "../../g.json"),
            ("/g.json", "/g.json"),
        ] {
            assert_eq!(caller.shown(Path::new(path)), shown_as);
        }
    }
}
