//! The real cargo, as a person runs it in a checkout.

use std::path::Path;
use std::process::Command;

use crate::folder::{Folder, GOOD, broken, building};

/// Runs cargo in the folder `codegen` of this repository: what it ended with, stdout, stderr.
fn cargo(variables: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../codegen")).args(arguments);
    for name in ["GATEWAY_CONFIG", "GATEWAY_BASE", "GATEWAY_ENV", "GATEWAY_SETTINGS"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    let output = command.output().expect("cargo starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
#[ignore = "builds the gateway: run by tests/run"]
fn cargo_gateway_builds_a_config_from_anywhere() {
    let _alone = building();
    let folder = Folder::new("cargo_gateway_builds_a_config_from_anywhere");
    folder.write("good.json", GOOD);
    let config = folder.path().join("good.json").display().to_string();
    let (code, stdout, stderr) = cargo(&[], &["gateway", "build", &config]);
    assert_eq!(code, Some(0), "{stderr}");
    let gateway = stdout.trim_end();
    assert!(Path::new(gateway).is_file(), "{stdout}");
    let version = Command::new(gateway).arg("--version").output().expect("the gateway starts");
    assert!(String::from_utf8_lossy(&version.stdout).contains("good.json"), "{version:?}");
    let (code, stdout, stderr) = cargo(&[], &["gateway", "build", "no.json"]);
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert!(stderr.contains("cannot read the config `no.json`"), "{stderr}");
}

#[test]
#[ignore = "builds codegen: run by tests/run"]
fn cargo_build_shows_nothing_but_the_diagnostics() {
    let folder = Folder::new("cargo_build_shows_nothing_but_the_diagnostics");
    folder.write("broken.json", &broken());
    let config = folder.path().join("broken.json").display().to_string();
    let (code, stdout, stderr) = cargo(&[("GATEWAY_CONFIG", &config)], &["build", "--package", "sluicegate"]);
    assert_eq!((code, &*stdout), (Some(101), ""), "{stderr}");
    let ours = format!("error: sluicegate@{}: ", env!("CARGO_PKG_VERSION"));
    let shown: Vec<_> = stderr.lines().filter_map(|line| line.strip_prefix(&ours)).collect();
    assert_eq!(shown.iter().filter(|line| line.starts_with("error: ")).count(), 3, "{stderr}");
    assert!(shown.iter().any(|line| line.ends_with("/broken.json:10:21")), "{stderr}");
    let rest = stderr.lines().filter(|line| !line.starts_with(&ours));
    // What cargo says of its own work: `Compiling`, `Blocking waiting for file lock`.
    let rest: Vec<_> = rest.filter(|line| !line.starts_with("  ")).collect();
    let last = ["error: build script logged errors", "warning: build failed, waiting for other jobs to finish..."];
    assert!(rest.iter().all(|line| last.contains(line)), "{rest:#?}");
}
