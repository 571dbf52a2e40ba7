//! Every `suites/NAME/gateway.json` to `OUT_DIR/NAME.rs`, every `conformance/NAME` to a module of the test binary,
//! and mutants of them all to modules that only have to compile.

#[path = "build/conformance.rs"]
mod conformance;
#[path = "build/mutants.rs"]
mod mutants;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sluicegate_codegen::{Severity, SourceFile, check, generate, render_human};

fn main() {
    println!("cargo::rerun-if-changed=suites");
    println!("cargo::rerun-if-changed=conformance");
    if let Err(error) = generate_all() {
        println!("cargo::error=the suites' gateways cannot be generated: {error}");
    }
}

fn generate_all() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let (package, out) = (variable("CARGO_MANIFEST_DIR")?, variable("OUT_DIR")?);
    let base = out.join("base");
    write_placeholders(&base)?;
    for suite in fs::read_dir(package.join("suites"))? {
        let suite = suite?;
        let config = suite.path().join("gateway.json");
        if config.exists() {
            let name = suite.file_name().to_string_lossy().into_owned();
            let shown_as = format!("tests/suites/{name}/gateway.json");
            let file = SourceFile::new(shown_as, &base, fs::read_to_string(config)?);
            generate_one(&file, &out.join(name).with_extension("rs"))?;
        }
    }
    mutants::generate_all(&package, &out)?;
    conformance::generate_all(&package, &out)
}

/// The build wants to see certificates; those that are used are made when a test runs.
fn write_placeholders(base: &Path) -> io::Result<()> {
    fs::create_dir_all(base)?;
    fs::write(base.join("a.crt"), "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")?;
    fs::write(base.join("a.key"), "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")
}

fn generate_one(file: &SourceFile, to: &Path) -> io::Result<()> {
    let checked = check(file);
    match checked.gateway {
        Some(gateway) => fs::write(to, generate(&gateway)),
        None => {
            let errors: Vec<_> =
                checked.diagnostics.into_iter().filter(|it| matches!(it.severity, Severity::Error)).collect();
            for line in render_human(file, &errors, false).lines() {
                println!("cargo::error={line}");
            }
            Ok(())
        }
    }
}
