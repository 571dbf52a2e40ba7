//! The program as it is deployed: command line, environment, logs, signals.

mod overrides;
mod shutdown;

use std::net::TcpListener;
use std::process::Output;

use serde_json::json;

use crate::support::{Program, soon, wait_until_free};

async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Program::command("program");
    command.args(arguments).envs(variables.iter().copied());
    soon(command.output()).await.expect("the program was built")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn version_names_config_and_hash() {
    for flag in ["--version", "-V"] {
        let output = run(&[flag], &[]).await;
        assert!(output.status.success());
        let line = text(&output.stdout);
        let start = concat!("sluicegate ", env!("CARGO_PKG_VERSION"), " (tests/suites/program/gateway.json, sha256 ");
        let hash = line.strip_prefix(start).and_then(|rest| rest.strip_suffix(")\n"));
        let hash = hash.unwrap_or_else(|| panic!("{line}"));
        assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
    }
}

#[tokio::test]
async fn routes_are_a_table() {
    let output = run(&["--routes"], &[]).await;
    assert!(output.status.success());
    let rows: Vec<Vec<&str>> = text(&output.stdout).lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0][..5], ["POST", "/orders", "publishes", "to", "mem://orders"]);
    assert_eq!(rows[3][..5], ["GET", "/wait", "receives", "from", "mem://wait"]);
    for row in rows {
        let place = row.last().expect("a place");
        assert!(place.starts_with("tests/suites/program/gateway.json:"), "{place}");
    }
}

#[tokio::test]
async fn help_describes_options_environment_and_exit_codes() {
    let output = run(&["--help"], &[]).await;
    assert!(output.status.success());
    for word in
        ["--listen", "--routes", "--version", "GATEWAY_LISTEN", "KRAKEND_PORT", "KRAKEND_READ_TIMEOUT", "Exit codes"]
    {
        assert!(text(&output.stdout).contains(word), "{word}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_exits_with_2() {
    for arguments in [&["--unknown"][..], &["serve"], &["--listen"], &["--listen", "nowhere"], &["--listen", "1:2:3"]] {
        let output = run(arguments, &[]).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.starts_with("error: ") && message.contains("Usage: "), "{message}");
    }
}

#[tokio::test]
async fn a_wrong_environment_exits_with_1() {
    for (variable, value) in [("GATEWAY_LISTEN", "nowhere"), ("KRAKEND_PORT", "http")] {
        let output = run(&[], &[(variable, value)]).await;
        assert_eq!(output.status.code(), Some(1), "{variable}");
        assert!(text(&output.stderr).starts_with(&format!("error: {variable}: ")), "{}", text(&output.stderr));
    }
}

#[tokio::test]
async fn a_port_in_use_exits_with_1_and_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = run(&["--listen", &address], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.starts_with(&format!("error: cannot listen on {address}: ")), "{message}");
    assert_eq!(message.matches(&address).count(), 1, "{message}");
}

#[tokio::test]
async fn the_command_line_wins_over_the_environment_and_that_over_the_config() {
    // The config's, and its neighbours: no port that the system gives to others.
    let (config, flag, variable, krakend) = (18170, 18171, 18172, 18173);
    let all = [("GATEWAY_LISTEN", "127.0.0.1:18172"), ("KRAKEND_PORT", "18173")];
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], u16);
    let cases: [Case<'_>; 6] = [
        (&["--listen", "18171"], &all, flag),
        (&[], &all, variable),
        (&[], &all[1..], krakend),
        (&[], &[("GATEWAY_LISTEN", ""), all[1]], krakend),
        (&[], &[("GATEWAY_LISTEN", ""), ("KRAKEND_PORT", "")], config),
        (&[], &[], config),
    ];
    for (arguments, variables, port) in cases {
        wait_until_free(&format!("127.0.0.1:{port}"));
        let mut command = Program::command("program");
        command.args(arguments).envs(variables.iter().copied());
        let mut program = Program::spawn(command).await;
        // The address is the config's where only a port was given.
        assert_eq!(program.address, ([127, 0, 0, 1], port).into(), "{arguments:?} {variables:?}");
        assert_eq!(program.get("/__health").await.status, 200);
        program.signal("TERM").await;
        assert!(program.ended().await.success());
    }
}

#[tokio::test]
async fn logs_are_json_with_the_prefix_where_there_is_no_terminal() {
    let mut program = Program::start("program").await;
    program.signal("INT").await;
    let stopped = program.logged("stopped").await;
    assert_eq!(stopped["cut_off"], 0);
    for event in &program.events {
        assert_eq!(event["prefix"], "[SUITE]", "{event}");
        assert_eq!(event["level"], "INFO", "{event}");
        assert!(event["timestamp"].is_string(), "{event}");
    }
    let listening = &program.events[0];
    assert_eq!(listening["config"], "tests/suites/program/gateway.json");
    assert_eq!(
        (&listening["routes"], &listening["brokers"], &listening["scheme"]),
        (&json!(5), &json!("mem"), &json!("http"))
    );
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn health_and_readiness() {
    let program = Program::start("program").await;
    let health = program.get("/__health").await;
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
    let ready = program.get("/__ready").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), json!({"status": "ready", "brokers": {"mem": {"state": "connected"}}}));
    assert_eq!(ready.header("cache-control"), Some("no-store"));
}
