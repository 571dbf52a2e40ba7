//! The real cargo, as a person runs it in a checkout.

use std::path::Path;
use std::process::Command;

use crate::folder::{Folder, GOOD, broken, building, without_variables};

/// Runs cargo in the folder `codegen` of this repository: what it ended with, stdout, stderr.
fn cargo(variables: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../codegen")).args(arguments);
    without_variables(&mut command).envs(variables.iter().copied());
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

/// What a config leaves to the start, and what it is while the gateway is built: in the environment, and in files.
const AT_START: [(&str, &str); 4] = [
    ("AT_START_USERS", "http://hunter2-users:8080"),
    ("AT_START_SERVERS", "hunter2-nats:4222"),
    ("AT_START_PENDING", "7001"),
    ("AT_START_REQUIRED", "true"),
];
const IN_FILES: [(&str, &str); 2] =
    [("secrets/token", "hunter2-token"), ("hosts/orders", "http://hunter2-orders:8080")];

#[test]
#[ignore = "builds the gateway: run by tests/run"]
fn what_is_read_at_start_is_not_in_the_binary() {
    let folder = Folder::new("what_is_read_at_start_is_not_in_the_binary");
    folder.write("gateway.json", include_str!("at-start.json"));
    IN_FILES.iter().for_each(|(file, text)| folder.write(file, &format!("{text}\n")));
    let _alone = building();
    let printed = folder.sluicegate_with("", &AT_START, &["print"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let config = folder.path().join("gateway.json").display().to_string();
    let (code, stdout, stderr) = cargo(&AT_START, &["gateway", "build", &config]);
    assert_eq!(code, Some(0), "{stderr}");
    let gateway = Path::new(stdout.trim_end());
    let binary = std::fs::read(gateway).expect("the gateway was built");
    let is_in = |text: &str| binary.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    for name in ["AT_START_USERS", "AT_START_SERVERS", "AT_START_PENDING", "secrets/token", "hosts/orders"] {
        assert!(printed.stdout.contains(name) && is_in(name), "{name} is what the gateway reads");
    }
    for text in ["hunter2", "7001"] {
        assert!(!printed.stdout.contains(text), "{}", printed.stdout);
    }
    // A number of four digits is there by chance.
    assert!(!is_in("hunter2"));

    let start = |variables: &[(&str, &str)], base: &Path| {
        let mut command = Command::new(gateway);
        command.args(["--listen", "127.0.0.1:0"]).env("GATEWAY_BASE", base).envs(variables.iter().copied());
        let output = command.output().expect("the gateway starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, stderr) = start(&[], &folder.path().join("hosts"));
    assert_eq!(code, Some(1), "{stderr}");
    for what in [
        "error: the environment variable AT_START_USERS is not set (it holds a host: http://HOST:PORT)\n  --> ",
        "error: the file hosts/orders cannot be read: No such file or directory",
        "`servers` of the broker `billing` needs the environment variable AT_START_SERVERS, which is not set\n  --> ",
        "`token` of the broker `billing` needs secrets/token: No such file or directory",
        "`tls.required` of the broker `billing` needs the environment variable AT_START_REQUIRED, which is not set",
    ] {
        assert!(stderr.contains(what), "{what}\n{stderr}");
    }
    let wrong = [&AT_START[..], &[("AT_START_PENDING", "some")]].concat();
    let (code, stderr) = start(&wrong, folder.path());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("`max_pending` of the broker `billing` is not a whole number above 0"), "{stderr}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
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
