use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::{Answer, Client, soon};

/// The generated program as a process of its own; killed when it is dropped.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    child: Child,
    /// `None` once nobody looks at them.
    lines: Option<Lines<BufReader<ChildStderr>>>,
    /// What it has logged so far.
    pub(crate) events: Vec<Value>,
}

impl Program {
    /// The program with an environment without its variables, to be changed and started.
    pub(crate) fn command(suite: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suite-gateway"));
        let own = |name: &str| matches!(name, "GATEWAY_LISTEN" | "GATEWAY_BASE") || name.starts_with("KRAKEND_");
        for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
            command.env_remove(variable);
        }
        command.env("SUITE", suite).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it at a free port.
    pub(crate) async fn start(suite: &str) -> Self {
        let mut command = Self::command(suite);
        command.args(["--listen", "127.0.0.1:0"]);
        Self::spawn(command).await
    }

    /// Waits until it listens.
    pub(crate) async fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program was built");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut program = Self { address, child, lines: Some(lines), events: Vec::new() };
        let listening = program.logged("listening").await;
        program.address = listening["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        program
    }

    /// Waits for an event with this message. All output has to be JSON.
    pub(crate) async fn logged(&mut self, message: &str) -> Value {
        loop {
            let lines = self.lines.as_mut().expect("the logs are looked at");
            let Some(line) = soon(lines.next_line()).await.expect("text") else {
                panic!("ended before it logged {message:?}: {:?}", self.events);
            };
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            self.events.push(event.clone());
            if event["message"] == message {
                return event;
            }
        }
    }

    /// Reads on, so that the program can write, and forgets what it reads; with SUITE_LOGS it prints that.
    pub(crate) fn discard_logs(&mut self) {
        if let Some(mut lines) = self.lines.take() {
            let shown = std::env::var_os("SUITE_LOGS").is_some();
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    if shown {
                        println!("{line}");
                    }
                }
            });
        }
    }

    /// Ends it as a service manager does, and says what it has logged in all its life.
    pub(crate) async fn stop_and_tell(mut self) -> Vec<Value> {
        self.signal("TERM").await;
        let mut lines = self.lines.take().expect("the logs are looked at");
        while let Some(line) = soon(lines.next_line()).await.expect("text") {
            self.events.push(serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}")));
        }
        let status = self.ended().await;
        assert!(status.success(), "{status}");
        self.events
    }

    /// Of the process.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The most that the process has used of memory, in kilobytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
        line.trim().trim_end_matches(" kB").parse().expect("kilobytes")
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client().await.get(path).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.client().await.request("POST", path, &[], body).await
    }

    /// Ends it as a service manager does.
    pub(crate) async fn stop(mut self) {
        self.signal("TERM").await;
        let status = self.ended().await;
        assert!(status.success(), "{status}");
    }

    /// Sends a signal, by name: `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id().expect("it runs"));
        let status = Command::new("sh").args(["-c", &kill]).status().await.expect("a shell");
        assert!(status.success(), "{kill}");
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        soon(self.child.wait()).await.expect("a child")
    }
}
