//! Hosts that the environment and files name: the program, since they are read when it starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Once;

use axum::body::Body;
use http::{Request, Response};

use crate::support::{Program, json, serve_upstream, soon};

const FIRST: &str = "127.0.0.1:18191";
const SECOND: &str = "127.0.0.1:18192";
const THIRD: &str = "127.0.0.1:18193";

async fn answer(address: &'static str, request: Request<Body>) -> Response<Body> {
    json(&format!(r#"{{"host":"{address}","path":"{}"}}"#, request.uri().path()))
}

fn upstreams() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        serve_upstream(FIRST, |request| answer(FIRST, request));
        serve_upstream(SECOND, |request| answer(SECOND, request));
        serve_upstream(THIRD, |request| answer(THIRD, request));
    });
}

/// A folder with `hosts.txt`, and nothing else.
fn folder(test: &str, hosts: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hosts-{test}"));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("hosts.txt"), hosts).expect("a file");
    folder
}

#[tokio::test]
async fn hosts_are_read_from_the_environment_and_files() {
    upstreams();
    let mut command = Program::command("hosts");
    command.args(["--listen", "127.0.0.1:0"]);
    command.env("GATEWAY_BASE", folder("read", &format!("http://{THIRD}/\n{FIRST}\n")));
    command.env("SUITE_SERVICE_HOST", FIRST).env("SUITE_BACKEND_HOSTS", format!("http://{SECOND}/, {THIRD}"));
    let program = Program::spawn(command).await;
    let expected = format!(r#"{{"host":"{FIRST}","path":"/from-service"}}"#);
    assert_eq!(program.get("/service").await.text(), expected);
    for host in [SECOND, THIRD, FIRST, SECOND] {
        let expected = format!(r#"{{"host":"{host}","path":"/from-backend"}}"#);
        assert_eq!(program.get("/backend").await.text(), expected);
    }
    for host in [THIRD, FIRST, THIRD] {
        let expected = format!(r#"{{"host":"{host}","path":"/from-file"}}"#);
        assert_eq!(program.get("/file").await.text(), expected);
    }
    // In turn, each with its own path.
    for (host, path) in [(FIRST, "/a%20b/from-paths"), (SECOND, "/b/from-paths"), (THIRD, "/from-paths")] {
        let expected = format!(r#"{{"host":"{host}","path":"{path}"}}"#);
        assert_eq!(program.get("/paths").await.text(), expected);
    }
}

async fn run(variables: &[(&str, &str)], base: &Path) -> Output {
    let mut command = Program::command("hosts");
    command.args(["--listen", "127.0.0.1:0"]).env("GATEWAY_BASE", base).envs(variables.iter().copied());
    soon(command.output()).await.expect("the program was built")
}

#[tokio::test]
async fn a_missing_or_malformed_host_stops_the_start_and_is_named_without_its_value() {
    let base = folder("wrong", "https://a/path-of-hunter2\n");
    let output = run(&[("SUITE_SERVICE_HOST", "http://u:hunter2@a")], &base).await;
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).expect("text");
    let expected = "\
error: the environment variable SUITE_SERVICE_HOST does not hold a host: a host has no user and no password
  --> tests/suites/hosts/gateway.json:8:5
error: the environment variable SUITE_BACKEND_HOSTS is not set (it holds a host: http://HOST:PORT)
  --> tests/suites/hosts/gateway.json:9:5
error: the file hosts.txt does not hold a host: a host has no path
  --> tests/suites/hosts/gateway.json:29:5
";
    assert_eq!(message, expected);
    let output = run(&[("SUITE_SERVICE_HOST", "a"), ("SUITE_BACKEND_HOSTS", "b")], &base.join("nowhere")).await;
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).expect("text");
    assert!(message.starts_with("error: the file hosts.txt cannot be read: No such file or directory"), "{message}");
}
