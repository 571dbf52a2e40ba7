//! README.md beside what really happens: its config, its code, its commands and every answer below a curl.
//!
//! `EXPECTORATE=overwrite cargo test -p sluicegate-cli readme -- --include-ignored` writes what happens into it.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::folder::{building, without_variables};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where the code that is shown begins.
const FIRST_ENDPOINT: &str = "/// `GET /orders/next`";
/// The one command that is not run here, as it runs this test.
const ALL_TESTS: &str = "tests/run";

/// A folder inside the checkout, where the README's commands are run, and the gateway that they start.
#[derive(Debug)]
struct Reader {
    folder: PathBuf,
    gateway: Option<Child>,
    /// What the gateway still writes to, held open.
    log: Option<BufReader<ChildStdout>>,
    address: Option<String>,
}

#[test]
#[ignore = "builds and starts the gateway: run by tests/run"]
fn readme_shows_what_happens() {
    let _alone = building();
    let readme = Path::new(ROOT).join("README.md");
    let text = fs::read_to_string(&readme).expect("README.md");
    let mut reader = Reader::new();
    let mut shown = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        shown.push_str(line);
        shown.push('\n');
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        shown.push_str(&reader.block(language, &block));
        shown.push_str("```\n");
    }
    drop(reader);
    // Overwriting must not accept an answer or a diagnostic that is not there.
    for part in ["\nHTTP/1.1 200 OK\n", "\n{}\n", "\"status\":\"ready\"", "\nerror: unknown driver scheme `kafak`\n"] {
        assert!(shown.contains(part), "README.md does not show {part:?}:\n{shown}");
    }
    expectorate::assert_contents(readme, &shown);
    assert!(shown.lines().count() < 200, "README.md is too long");
}

// === impl Reader ===

impl Reader {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("what an earlier run left can be removed");
        }
        let folder = folder.join("checkout");
        fs::create_dir_all(&folder).expect("a folder can be made");
        let examples = fs::read_dir(Path::new(ROOT).join("examples/environments")).expect("the example");
        let examples = examples.map(|file| Path::new("examples/environments").join(file.expect("a file").file_name()));
        fs::create_dir_all(folder.join("examples/environments")).expect("a folder can be made");
        for file in [PathBuf::from("gateway.json")].into_iter().chain(examples) {
            fs::copy(Path::new(ROOT).join(&file), folder.join(&file)).expect("it can be copied");
        }
        Self { folder, gateway: None, log: None, address: None }
    }

    /// What a block has to hold.
    fn block(&mut self, language: &str, block: &[&str]) -> String {
        match language {
            "json" => fs::read_to_string(self.folder.join("gateway.json")).expect("gateway.json"),
            "rust" => {
                let code = self.output("cargo gateway print");
                let start = code.find(FIRST_ENDPOINT).expect("the endpoint is generated");
                code[start..].to_owned()
            }
            "sh" => {
                for command in block {
                    self.run(command);
                }
                block.iter().fold(String::new(), |text, line| text + line + "\n")
            }
            "console" => {
                let commands = block.iter().filter_map(|line| line.strip_prefix("$ "));
                commands.fold(String::new(), |text, command| text + "$ " + command + "\n" + &self.output(command))
            }
            other => panic!("README.md: nothing is known of a block of `{other}`"),
        }
    }

    /// Runs a command that needs no more than to work.
    fn run(&mut self, line: &str) {
        match line.split('#').next().unwrap_or_default().trim_end() {
            ALL_TESTS => assert!(Path::new(ROOT).join(ALL_TESTS).is_file(), "there is no {ALL_TESTS}"),
            command @ "cargo gateway run" => self.start(command),
            _ => {
                let output = self.shell(line).output().expect("a shell starts");
                assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }

    /// What a command prints. A terminal shows stderr as well, but for the progress of curl.
    fn output(&self, line: &str) -> String {
        let command = if line.starts_with("curl") { format!("{line} 2>/dev/null") } else { format!("{line} 2>&1") };
        let output = self.shell(&command).output().expect("a shell starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8").replace('\r', "");
        let lines = text.lines().map(|line| match line.strip_prefix("date: ") {
            Some(_) => "date: Mon, 23 Nov 2026 08:00:00 GMT",
            None => line,
        });
        lines.fold(String::new(), |text, line| text + line + "\n")
    }

    fn shell(&self, line: &str) -> Command {
        let line = match &self.address {
            Some(address) => line.replace("localhost:8080", address),
            None => line.to_owned(),
        };
        let mut command = Command::new("sh");
        command.current_dir(&self.folder).arg("-c").arg(line).stdin(Stdio::null());
        without_variables(&mut command).env_remove("REGION").env_remove("KRAKEND_PORT");
        command.env("GATEWAY_LISTEN", "127.0.0.1:0");
        command
    }

    /// Starts the gateway and waits until it says where it listens.
    fn start(&mut self, line: &str) {
        let mut command = self.shell(&format!("exec {line} 2>&1"));
        let mut gateway = command.stdout(Stdio::piped()).spawn().expect("a shell starts");
        let mut output = BufReader::new(gateway.stdout.take().expect("it is a pipe"));
        self.gateway = Some(gateway);
        let mut text = String::new();
        while output.read_line(&mut text).expect("UTF-8") > 0 {
            let address = text.split_once("\"address\":\"").and_then(|(_, rest)| rest.split_once('"'));
            if let Some((address, _)) = address {
                self.address = Some(address.to_owned());
                self.log = Some(output);
                return;
            }
        }
        panic!("{line} ended: {text}");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(mut gateway) = self.gateway.take() {
            // It may be gone already, after a failure.
            let _ = gateway.kill();
            let _ = gateway.wait();
        }
    }
}
