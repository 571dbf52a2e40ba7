//! `new`: a crate of a user's own.

use std::fs;
use std::process::Command;

use crate::folder::{Folder, without_variables};

const CHECKOUT: [(&str, &str); 1] = [("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))];

#[test]
fn the_files_of_a_new_crate() {
    let folder = Folder::new("the_files_of_a_new_crate");
    let output = folder.sluicegate_with("", &CHECKOUT, &["new", "shop/orders"]);
    assert_eq!((output.code, &*output.stdout), (0, ""), "{}", output.stderr);
    assert_eq!(output.stderr, "made the package `orders` in `shop/orders`; start it with `cargo run` there\n");
    let mut files: Vec<_> = fs::read_dir(folder.path().join("shop/orders"))
        .expect("the folder was made")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    files.sort();
    assert_eq!(files, [".gitignore", "Cargo.toml", "README.md", "build.rs", "gateway.json", "src"]);
    let manifest = folder.read("shop/orders/Cargo.toml");
    for line in [
        "name = \"orders\"",
        "default = [\"mem\"]",
        "mem = [\"sluicegate-runtime/mem\"]",
        "json-schema = [\"sluicegate-runtime/json-schema\"]",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{line} is missing:\n{manifest}");
    }
    assert!(folder.read("shop/orders/build.rs").contains("sluicegate_codegen::build()"));
    assert!(folder.read("shop/orders/src/main.rs").contains("\"/gateway.rs\""));
    assert!(folder.read("shop/orders/README.md").starts_with("# orders\n"));
    let check = folder.sluicegate("shop/orders/src", &["check"]);
    assert_eq!((check.code, &*check.stderr), (0, "../gateway.json: 2 endpoints, no mistakes\n"));
}

#[test]
fn where_the_libraries_come_from() {
    let folder = Folder::new("where_the_libraries_come_from");
    folder.write("Cargo.toml", "[package]\nname = \"sluicegate\"\n[workspace]\n");
    // In the checkout: by a relative path, and apart from its workspace.
    assert_eq!(folder.sluicegate("", &["new", "a/inside"]).code, 0);
    let manifest = folder.read("a/inside/Cargo.toml");
    assert!(manifest.contains("sluicegate-codegen = { path = \"../../codegen\" }\n"), "{manifest}");
    assert!(manifest.contains("\n[workspace]\n"), "{manifest}");
    // With a checkout elsewhere: by its absolute path.
    assert_eq!(folder.sluicegate_with("", &CHECKOUT, &["new", "beside"]).code, 0);
    let manifest = folder.read("beside/Cargo.toml");
    assert!(manifest.contains("/runtime\", default-features = false }\n"), "{manifest}");
    // Without any: by version.
    let outside = folder.path().join("outside").display().to_string();
    assert_eq!(folder.sluicegate_in("/".as_ref(), &[], &["new", &outside]).code, 0);
    let manifest = folder.read("outside/Cargo.toml");
    let line = concat!("sluicegate-codegen = { version = \"", env!("CARGO_PKG_VERSION"), "\" }\n");
    assert!(manifest.contains(line), "{manifest}");
}

#[test]
fn names_and_folders_that_do_not_work() {
    let folder = Folder::new("names_and_folders_that_do_not_work");
    folder.write("full/a.txt", "a");
    folder.write("file", "a");
    for (arguments, expected) in [
        (&["new", "full"][..], "error: `full` exists and is not empty\n"),
        (&["new", "file"], "error: cannot read `file`: "),
        (&["new", "2nd"], "error: `2nd` cannot be the name of a package: "),
        (&["new", "test"], "error: `test` is a reserved word and cannot be the name of a package\n"),
        (&["new", "made", "--name", "a b"], "error: `a b` cannot be the name of a package: "),
        (&["new", "file/made"], "error: cannot make `file/made`: "),
    ] {
        let output = folder.sluicegate("", arguments);
        assert_eq!((output.code, &*output.stdout), (2, ""), "{arguments:?}");
        assert!(output.stderr.starts_with(expected), "{arguments:?}:\n{}", output.stderr);
    }
    for folder_not_made in ["2nd", "test", "made"] {
        assert!(!folder.path().join(folder_not_made).exists(), "{folder_not_made} was made");
    }
    // An empty folder will do, also the one it is called in.
    fs::create_dir(folder.path().join("empty")).expect("a folder can be made");
    let output = folder.sluicegate("empty", &["new", "."]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(folder.read("empty/Cargo.toml").contains("name = \"empty\""));
}

#[test]
#[ignore = "builds a whole crate: run by tests/run"]
fn new_crate_builds() {
    let folder = Folder::new("new_crate_builds");
    let output = folder.sluicegate_with("", &CHECKOUT, &["new", "orders"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        // The versions that this repository was tested with, so that the registry need not be asked.
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
        fs::copy(lock, folder.path().join("orders/Cargo.lock")).expect("a lock file");
        command.current_dir(folder.path().join("orders")).args(arguments);
        let output = without_variables(&mut command).output().expect("cargo starts");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (built, stderr) = cargo(&["build"]);
    assert!(built, "{stderr}");
    let gateway = folder.path().join("orders/target/debug/orders");
    let version = Command::new(gateway).arg("--version").output().expect("the gateway starts");
    assert!(String::from_utf8_lossy(&version.stdout).contains("gateway.json"), "{version:?}");
    let (built, stderr) = cargo(&["build", "--no-default-features"]);
    assert!(!built && stderr.contains("needs the feature `mem`, and `orders` is built without it"), "{stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("backtrace"), "{stderr}");
}
