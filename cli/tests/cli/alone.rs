//! The program as it is installed: outside of every checkout, without a Rust toolchain, with nothing in its environment.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::{GOOD, Output, broken};

/// A folder with nothing above it that belongs to this repository.
#[derive(Debug)]
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sluicegate-{}-{test}", std::process::id()));
        fs::create_dir_all(path.join("empty")).expect("a folder can be made");
        Self(fs::canonicalize(path).expect("the folder was made"))
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }

    fn sluicegate(&self, called_in: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command.env_clear().env("PATH", self.0.join("empty")).current_dir(self.0.join(called_in)).args(arguments);
        let output = command.output().expect("the command starts");
        Output {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // What is left is in the folder for what may go.
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn what_needs_no_config() {
    let folder = Elsewhere::new("no-config");
    let version = folder.sluicegate("", &["--version"]);
    assert_eq!((version.code, &*version.stdout), (0, concat!("sluicegate ", env!("CARGO_PKG_VERSION"), "\n")));
    let explained = folder.sluicegate("", &["explain", "unknown-key"]);
    assert_eq!(explained.code, 0);
    assert!(explained.stdout.starts_with("A key that nothing reads."), "{}", explained.stdout);
    let schema = folder.sluicegate("", &["schema"]);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codegen/tests/schema/config.json");
    assert_eq!((schema.code, &*schema.stderr), (0, ""));
    assert!(schema.stdout == fs::read_to_string(committed).expect("the schema"), "another schema than codegen's tests");
    let help = folder.sluicegate("", &["build", "--help"]);
    assert!(help.stdout.contains("a Rust toolchain"), "{}", help.stdout);
}

#[test]
fn without_a_config_it_says_how_to_name_one() {
    let folder = Elsewhere::new("none");
    for command in ["check", "print", "routes"] {
        let output = folder.sluicegate("", &[command]);
        assert_eq!((output.code, &*output.stdout), (2, ""), "{command}");
        let expected = "cannot read the config `gateway.json`";
        assert!(output.stderr.contains(expected), "{}", output.stderr);
        assert!(output.stderr.contains("help: name a config"), "{}", output.stderr);
    }
}

#[test]
fn the_nearest_config_is_taken() {
    let folder = Elsewhere::new("nearest");
    folder.write("gateway.json", GOOD);
    folder.write("deep/er/here", "");
    let output = folder.sluicegate("deep/er", &["check"]);
    assert_eq!((output.code, &*output.stderr), (0, "../../gateway.json: 2 endpoints, no mistakes\n"));
    let routes = folder.sluicegate("deep", &["routes"]);
    assert_eq!((routes.code, &*routes.stderr), (0, ""));
    assert!(routes.stdout.starts_with("METHOD"), "{}", routes.stdout);
    let code = folder.sluicegate("", &["print"]);
    assert_eq!((code.code, &*code.stderr), (0, ""));
    assert!(code.stdout.contains("sluicegate_runtime"), "{}", code.stdout);
    folder.write("deep/gateway.json", &broken());
    let output = folder.sluicegate("deep/er", &["check", "--format", "github"]);
    assert_eq!(output.code, 1);
    assert!(output.stdout.starts_with("::error file=../gateway.json,line=3,"), "{}", output.stdout);
}

#[test]
fn what_a_config_names_is_looked_up_beside_it() {
    let folder = Elsewhere::new("named");
    let config = GOOD.replacen('{', r#"{"tls": {"keys": [{"public_key": "c.pem", "private_key": "k.pem"}]},"#, 1);
    folder.write("conf/gateway.json", &config);
    let missing = folder.sluicegate("", &["check", "conf/gateway.json"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("conf/c.pem"), "{}", missing.stderr);
    for file in ["cert.pem", "key.pem"] {
        let text = fs::read_to_string(format!("../codegen/tests/model/{file}")).expect("a test's file");
        folder.write(&format!("conf/{}", file.replace("cert", "c").replace("key", "k")), &text);
    }
    let there = folder.sluicegate("", &["check", "conf/gateway.json"]);
    assert_eq!((there.code, &*there.stderr), (0, "conf/gateway.json: 2 endpoints, no mistakes\n"));
}

#[test]
fn scripts_are_looked_into() {
    let folder = Elsewhere::new("scripts");
    let cel = r#""extra_config": {"validation/cel": [{"check_expr": "nope("}]}, "endpoint":"#;
    folder.write("gateway.json", &GOOD.replacen("\"endpoint\":", cel, 1));
    let output = folder.sluicegate("", &["check", "--format", "json"]);
    assert_eq!(output.code, 1);
    assert!(output.stdout.contains("\"bad-cel\""), "{}", output.stdout);
}

#[test]
fn what_needs_a_checkout_says_so() {
    let folder = Elsewhere::new("checkout");
    folder.write("gateway.json", GOOD);
    for command in ["build", "run"] {
        let output = folder.sluicegate("", &[command]);
        assert_eq!((output.code, &*output.stdout), (2, ""), "{command}");
        for part in ["there is no Sluicegate checkout", "need a checkout and a Rust toolchain"] {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
    }
    // In one, cargo is what is missing.
    folder.write("checkout/Cargo.toml", "[package]\nname = \"sluicegate\"\n");
    folder.write("checkout/gateway.json", GOOD);
    let output = folder.sluicegate("checkout", &["build"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("cannot start cargo") && output.stderr.contains("rustup.rs"), "{}", output.stderr);
}
