//! docs/environments.md beside what really happens, and what its binaries hold.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::folder::{Folder, GOOD, building, without_variables};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const EXAMPLE: &str = "examples/environments";

/// Given when production starts, and never to a build.
const SERVERS: &str = "nats://orders-7f3a.invalid:4222";
const PASSWORD: &str = "correct-horse-7f3a";
const PRICES: &str = "http://prices-7f3a.invalid:9000";

#[test]
fn the_command_line_names_the_environment() {
    let folder = Folder::new("the_command_line_names_the_environment");
    folder.write("etc/gateway.json", GOOD);
    folder.write("etc/gateway.prod.json", "{ \"port\": \"${PORT}\" }");
    folder.write("etc/gateway.dev.json", "{ \"timeuot\": \"1s\" }");
    folder.write("sub/settings.json", "{ \"PORT\": 9123 }");
    let resolve = |variables: &[(&str, &str)], arguments: &[&str]| {
        folder.sluicegate_with("sub", variables, &[&["resolve", "../etc/gateway.json"], arguments].concat())
    };
    assert!(!resolve(&[], &[]).stdout.contains("9123"));
    // From where the command is called.
    let settings = ("GATEWAY_SETTINGS", "settings.json");
    let output = resolve(&[settings], &["--env", "prod"]);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    assert!(output.stdout.contains("\"port\": 9123"), "{}", output.stdout);
    assert_eq!(resolve(&[settings, ("GATEWAY_ENV", "prod")], &[]), output);
    // What is said last holds.
    assert_eq!(resolve(&[settings, ("GATEWAY_ENV", "dev")], &["-e", "prod"]), output);
    let output = folder.sluicegate("sub", &["check", "--format", "github", "--env", "dev", "../etc/gateway.json"]);
    assert_eq!(output.code, 1);
    assert!(output.stdout.starts_with("::error file=../etc/gateway.dev.json,line=1,"), "{}", output.stdout);
    let output = resolve(&[], &["--env", "staging"]);
    assert_eq!((output.code, &*output.stdout), (1, ""));
    assert!(output.stderr.contains("there are overlays for `dev`, `prod`"), "{}", output.stderr);
}

#[test]
fn the_build_gets_the_environment() {
    let folder = Folder::new("the_build_gets_the_environment");
    folder.write("gateway.json", GOOD);
    folder.write("gateway.prod.json", "{ \"port\": 9123 }");
    folder.write("sub/settings.json", "{}");
    let fake = format!("{}/tests/cli/fake/cargo", env!("CARGO_MANIFEST_DIR"));
    let called = folder.path().join("called").display().to_string();
    let variables = [("CARGO", &*fake), ("FAKE_CALLED", &*called), ("GATEWAY_SETTINGS", "settings.json")];
    let output = folder.sluicegate_with("sub", &variables, &["build", "--env", "prod", "../gateway.json"]);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    let settings = folder.path().join("sub/settings.json");
    let expected = format!("GATEWAY_ENV=prod GATEWAY_SETTINGS={}\n", settings.display());
    assert!(folder.read("called").contains(&expected), "{}", folder.read("called"));
}

/// The example's files, where a person who reads the page would work on them: inside the checkout.
fn example(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("what an earlier run left can be removed");
    }
    fs::create_dir_all(&folder).expect("a folder can be made");
    for file in fs::read_dir(Path::new(ROOT).join(EXAMPLE)).expect("the example") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.join(file.file_name())).expect("it can be copied");
    }
    folder
}

#[test]
#[ignore = "builds three gateways: run by tests/run"]
fn the_page_shows_what_happens() {
    let _alone = building();
    let page = Path::new(ROOT).join("docs/environments.md");
    let text = fs::read_to_string(&page).expect("the page");
    let folder = example("environments_page");
    let mut variables = BTreeMap::new();
    let (mut shown, mut named) = (String::new(), None);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        shown.push_str(line);
        shown.push('\n');
        if !line.is_empty() && !line.starts_with("```") {
            // "... in `brokers.json`:" says which file the next block is.
            named = line.strip_suffix("`:").and_then(|line| line.rsplit('`').next()).map(str::to_owned);
        }
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        match (language, &named) {
            ("json" | "yaml" | "toml", Some(name)) if folder.join(name).is_file() => {
                shown.push_str(&fs::read_to_string(folder.join(name)).expect("a file"));
            }
            ("sh" | "console", _) => {
                for line in block.iter().filter(|line| language == "sh" || line.starts_with("$ ")) {
                    shown.push_str(line);
                    shown.push('\n');
                    let command = line.strip_prefix("$ ").unwrap_or(line);
                    if let Some((name, value)) = command.strip_prefix("export ").and_then(|it| it.split_once('=')) {
                        variables.insert(name.to_owned(), value.to_owned());
                        continue;
                    }
                    let (ended_well, output) = shell(&folder, &variables, command);
                    if language == "console" {
                        // As it is for who stands in the folder of the example.
                        shown.push_str(&output.replace("target/tmp/environments_page", EXAMPLE));
                    } else {
                        assert!(ended_well, "{command}: {output}");
                    }
                }
            }
            _ => block.iter().for_each(|line| shown.extend([line, "\n"])),
        }
        shown.push_str("```\n");
    }
    // Overwriting must not accept what is not there.
    for part in ["3 endpoints, no mistakes", "publish nats://eu.orders", "error: `timeout` has no unit"] {
        assert!(shown.contains(part), "the page does not show {part:?}:\n{shown}");
    }
    expectorate::assert_contents(page, &shown);
}

/// Whether the command ended with 0, and all that it printed.
fn shell(folder: &Path, variables: &BTreeMap<String, String>, command: &str) -> (bool, String) {
    let mut shell = Command::new("sh");
    shell.current_dir(folder).args(["-c", &format!("{command} 2>&1")]).stdin(Stdio::null());
    let output = without_variables(&mut shell).envs(variables).output().expect("a shell starts");
    (output.status.success(), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
#[ignore = "builds three gateways: run by tests/run"]
fn what_is_read_at_start_is_in_no_binary() {
    let _alone = building();
    let folder = example("environments_binaries");
    fs::create_dir(folder.join("secrets")).expect("a folder can be made");
    fs::write(folder.join("secrets/orders"), format!("{PASSWORD}\n")).expect("a file can be written");
    let given = [("NATS_SERVER_URL", SERVERS), ("ORDERS_SERVERS", SERVERS), ("PRICES_HOST", PRICES)];
    let variables = [("GATEWAY_SETTINGS", "settings.json")].into_iter().chain(given);
    let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (environment, topic, name) in [
        ("", "mem://orders", "gateway.json"),
        ("--env staging ", "nats://staging.orders", "gateway.staging.json"),
        ("--env prod ", "nats://eu.orders", "gateway.prod.json"),
    ] {
        let mut build = Command::new("sh");
        // What cargo says goes to stderr; the path of the binary is what is printed.
        build.current_dir(&folder).args(["-c", &format!("cargo gateway build {environment}gateway.json")]);
        let output = build.envs(&variables).stderr(Stdio::inherit()).output().expect("a shell starts");
        assert!(output.status.success(), "{environment}");
        let gateway = String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned();
        let bytes = fs::read(&gateway).expect("the binary");
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds(topic) && holds(name), "{environment}: the search finds what is there");
        for value in [SERVERS, PASSWORD, PRICES] {
            assert!(!holds(value), "{environment}: {value} is in the binary");
        }
        let ready = ready(&gateway, &folder, &variables);
        let broker =
            if environment == "--env prod " { "\"orders\":" } else { topic.split(':').next().unwrap_or(topic) };
        assert!(ready.contains(broker), "{environment}: {ready}");
    }
}

/// Starts a gateway and asks it for `/__ready`.
fn ready(gateway: &str, folder: &Path, variables: &BTreeMap<String, String>) -> String {
    let mut command = Command::new(gateway);
    command.current_dir(folder).args(["--listen", "127.0.0.1:0"]).envs(variables).stderr(Stdio::piped());
    let mut running = command.spawn().expect("the gateway starts");
    let mut log = BufReader::new(running.stderr.take().expect("it is a pipe"));
    let mut text = String::new();
    let address = loop {
        assert!(log.read_line(&mut text).expect("UTF-8") > 0, "the gateway ended: {text}");
        if let Some((_, rest)) = text.split_once("\"address\":\"") {
            break rest.split('"').next().expect("an address").to_owned();
        }
    };
    let mut client = TcpStream::connect(address).expect("it listens");
    client.write_all(b"GET /__ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it answers");
    running.kill().expect("it runs");
    running.wait().expect("it ends");
    answer
}

/// A file and its new text, the variables then, and what the code has of it.
type Step<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

#[test]
#[ignore = "builds the gateway: run by tests/run"]
fn cargo_builds_again_when_something_changed_and_only_then() {
    let _alone = building();
    let folder = Folder::new("watched");
    let config = GOOD.replacen('{', "{\n  \"$include\": \"part.json\",\n  \"name\": \"${NAME:-one}\",", 1);
    folder.write("gateway.json", &config);
    folder.write("part.json", "{ \"port\": 8081 }");
    folder.write("gateway.prod.json", "{ \"port\": 8082 }");
    folder.write("settings.json", "{ \"NAME\": \"two\" }");
    let build = |variables: &[(&str, &str)]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(ROOT).args([
            "check",
            "--package",
            "sluicegate",
            "--no-default-features",
            "--features",
            "mem",
        ]);
        without_variables(&mut cargo).env_remove("NAME");
        cargo.arg("--message-format=json").env("GATEWAY_CONFIG", folder.path().join("gateway.json"));
        let output = cargo.envs(variables.iter().copied()).output().expect("cargo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let messages: Vec<Value> = messages.map(|line| serde_json::from_slice(line).expect("JSON")).collect();
        let ours = |message: &&Value| {
            message["package_id"].as_str().is_some_and(|id| id.contains("sluicegate@") || id.ends_with("#0.1.0"))
        };
        let find = |reason: &str| {
            messages
                .iter()
                .filter(ours)
                .find(|message| message["reason"] == reason && message["target"]["name"] != "build-script-build")
        };
        let out = messages.iter().filter(ours).find_map(|message| message["out_dir"].as_str()).expect("an OUT_DIR");
        let code = fs::read_to_string(Path::new(out).join("gateway.rs")).expect("the code");
        let fresh = find("compiler-artifact").expect("the gateway is checked")["fresh"] == true;
        (code, fresh)
    };
    let settings = folder.path().join("settings.json").display().to_string();
    let steps: [Step<'_>; 7] = [
        ("", "", &[], "\"one\""),
        ("part.json", "{ \"port\": 8083 }", &[], "8083"),
        ("", "", &[("NAME", "three")], "\"three\""),
        ("", "", &[("GATEWAY_SETTINGS", &settings)], "\"two\""),
        ("settings.json", "{ \"NAME\": \"four\" }", &[("GATEWAY_SETTINGS", &settings)], "\"four\""),
        ("", "", &[("GATEWAY_ENV", "prod")], "8082"),
        ("gateway.prod.json", "{ \"port\": 8084 }", &[("GATEWAY_ENV", "prod")], "8084"),
    ];
    for (file, text, variables, expected) in steps {
        if !file.is_empty() {
            folder.write(file, text);
        }
        let (code, _) = build(variables);
        assert!(code.contains(expected), "{expected} is missing after {file} {variables:?}:\n{code}");
        assert_eq!(build(variables), (code, true), "built again, and nothing had changed after {file} {variables:?}");
    }
}
