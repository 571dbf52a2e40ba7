//! `KRAKEND_*`: what KrakenD's environment changes when the gateway starts, and what it cannot.

use serde_json::json;

use super::{run, text};
use crate::support::Program;

async fn start(variables: &[(&str, &str)]) -> Program {
    let mut command = Program::command("program");
    command.envs(variables.iter().copied());
    Program::spawn(command).await
}

#[tokio::test]
async fn what_is_not_baked_in_takes_effect() {
    let mut program = start(&[
        ("KRAKEND_PORT", "0"),
        ("KRAKEND_LISTEN_IP", "127.0.0.2"),
        ("KRAKEND_NAME", "from the environment"),
        ("KRAKEND_ECHO_ENDPOINT", "true"),
        ("KRAKEND_MAX_HEADER_BYTES", "1000"),
        // The same as in the config, in another way.
        ("KRAKEND_TIMEOUT", "1m"),
        ("KRAKEND_CACHE_TTL", "0"),
        // Neither is KrakenD's.
        ("USAGE_DISABLE", "1"),
        ("FC_ENABLE", "1"),
    ])
    .await;
    assert_eq!(program.address.ip().to_string(), "127.0.0.2");
    let [overrides, listening] = &program.events[..] else { panic!("{:?}", program.events) };
    assert_eq!(
        (&overrides["level"], &overrides["variables"]),
        (
            &json!("INFO"),
            &json!("KRAKEND_ECHO_ENDPOINT,KRAKEND_LISTEN_IP,KRAKEND_MAX_HEADER_BYTES,KRAKEND_NAME,KRAKEND_PORT")
        )
    );
    assert_eq!(listening["name"], "from the environment");
    let echo = program.get("/__echo/").await;
    assert_eq!(echo.status, 200, "{echo:?}");
    // It is for the headers as a whole, with a margin as in Go.
    let large = "x".repeat(8_000);
    let answer = program.client().await.request("GET", "/__health", &[("x-large", &large)], "").await;
    assert_eq!(answer.status, 431, "{answer:?}");
    program.signal("TERM").await;
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn what_is_baked_in_is_refused_with_its_line() {
    let variables =
        [("KRAKEND_TIMEOUT", "500ms"), ("KRAKEND_OUTPUT_ENCODING", "string"), ("KRAKEND_WRITE_TIMEOUT", "90")];
    let output = run(&["--listen", "127.0.0.1:0"], &variables).await;
    assert_eq!(output.status.code(), Some(1));
    let expected = "\
error: KRAKEND_OUTPUT_ENCODING: `output_encoding` is baked into this binary, as \"json\", and cannot be \"string\" at start: \
add it to tests/suites/program/gateway.json and build again
error: KRAKEND_TIMEOUT: `timeout` is baked into this binary, as \"60s\", and cannot be \"500ms\" at start: change it in the \
config and build again
  --> tests/suites/program/gateway.json:6:14
error: KRAKEND_WRITE_TIMEOUT: \"90\" is not a duration, as 500ms, 2s or 1m30s are: ";
    let message = text(&output.stderr);
    assert!(message.starts_with(expected), "{message}");
}

#[tokio::test]
async fn what_is_not_read_is_a_warning() {
    let mut program = start(&[
        ("KRAKEND_PORT", "tcp://10.0.0.1:8080"),
        ("KRAKEND_SERVICE_HOST", "10.0.0.1"),
        ("KRAKEND_LISTEN_IPS", "127.0.0.1"),
        ("GATEWAY_LISTEN", "127.0.0.1:0"),
    ])
    .await;
    let [typo, link, _] = &program.events[..] else { panic!("{:?}", program.events) };
    assert_eq!(
        (&typo["level"], &typo["message"]),
        (&json!("WARN"), &json!("KRAKEND_LISTEN_IPS is not read: did you mean KRAKEND_LISTEN_IP?"))
    );
    assert!(
        link["message"].as_str().is_some_and(|it| it.starts_with("KRAKEND_PORT is what Kubernetes says")),
        "{link}"
    );
    program.signal("TERM").await;
    assert!(program.ended().await.success());
}
