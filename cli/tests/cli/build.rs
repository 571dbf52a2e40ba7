//! `build` and `run`, with a script in the place of cargo.
#![cfg(unix)]

use crate::folder::{Folder, GOOD, Output, broken};

const FAKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/fake");

/// A checkout with a good config, and a broken one in `sub`.
fn checkout(test: &str) -> Folder {
    let folder = Folder::new(test);
    folder.write("gateway.json", GOOD);
    folder.write("sub/broken.json", &broken());
    folder
}

/// Calls the command as `cargo run` would, in `sub`.
fn cargo_gateway(folder: &Folder, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let cargo = format!("{FAKE}/cargo");
    let called = folder.path().join("called").display().to_string();
    let own = [("CARGO", &*cargo), ("FAKE_CALLED", &called), ("CARGO_PKG_NAME", "sluicegate-cli")];
    folder.sluicegate_with("sub", &[&own, variables].concat(), arguments)
}

#[test]
fn cargo_gets_what_the_config_needs() {
    let folder = checkout("cargo_gets_what_the_config_needs");
    let arguments = ["build", "../gateway.json", "--release", "--", "--locked"];
    let output = cargo_gateway(&folder, &[("GATEWAY_BASE", "certs")], &arguments);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    assert_eq!(output.stdout, format!("{FAKE}/gateway\n"));
    let path = folder.path().display();
    let called = format!(
        "{path}/sub
GATEWAY_CONFIG={path}/gateway.json GATEWAY_BASE={path}/sub/certs CARGO_PKG_NAME=
build
--manifest-path
{path}/Cargo.toml
--package
sluicegate
--bin
gateway
--no-default-features
--features
mem
--message-format=json-render-diagnostics
--profile=release
--locked
"
    );
    assert_eq!(folder.read("called"), called);
}

#[test]
fn the_gateway_takes_the_place_of_the_command() {
    let folder = checkout("the_gateway_takes_the_place_of_the_command");
    let output = cargo_gateway(&folder, &[], &["run", "--", "--listen", "127.0.0.1:0"]);
    let path = folder.path().display();
    assert_eq!((output.code, &*output.stderr), (7, ""));
    assert_eq!(output.stdout, format!("{path}/sub --listen 127.0.0.1:0 []\n"));
    assert!(folder.read("called").contains(&format!("GATEWAY_CONFIG={path}/gateway.json GATEWAY_BASE= ")));
}

#[test]
fn the_exit_code_of_cargo_is_passed_on() {
    let folder = checkout("the_exit_code_of_cargo_is_passed_on");
    for command in ["build", "run"] {
        let output = cargo_gateway(&folder, &[("FAKE_CODE", "101")], &[command]);
        assert_eq!((output.code, &*output.stdout, &*output.stderr), (101, "", ""), "{command}");
    }
}

#[test]
fn nothing_is_started_for_a_broken_config() {
    let folder = checkout("nothing_is_started_for_a_broken_config");
    for command in ["build", "run"] {
        let output = cargo_gateway(&folder, &[], &[command, "broken.json"]);
        assert_eq!((output.code, &*output.stdout), (1, ""), "{command}");
        assert!(output.stderr.contains("--> broken.json:10:21"), "{}", output.stderr);
        assert!(!folder.path().join("called").exists(), "{command} called cargo");
    }
}

#[test]
fn without_a_checkout_it_says_so() {
    let folder = Folder::new("without_a_checkout_it_says_so");
    folder.write("gateway.json", GOOD);
    // Nothing above the root of the file system is a checkout, wherever the tests are run.
    let output = folder.sluicegate_in("/".as_ref(), &[], &["build"]);
    assert_eq!((output.code, &*output.stdout), (2, ""));
    assert!(output.stderr.starts_with("error: there is no Sluicegate checkout at or above `/`\n"), "{}", output.stderr);
    let config = folder.path().join("gateway.json").display().to_string();
    let output = folder.sluicegate_in("/".as_ref(), &[], &["check", &config]);
    assert_eq!((output.code, output.stderr), (0, format!("{config}: 2 endpoints, no mistakes\n")));
}
