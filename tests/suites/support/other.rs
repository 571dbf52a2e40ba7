use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::soon;

/// A client of another make and language, of `tests/brokers/clients`, which ends with the test.
pub(crate) struct Other {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts a script with an address that it reads from a variable.
    pub(crate) fn start(script: &str, address: (&str, &str), arguments: &[&str]) -> Self {
        let python = std::env::var("CLIENTS_PYTHON").expect("checked before");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("brokers/clients").join(script);
        let mut command = Command::new(python);
        command.arg(script).args(arguments).env(address.0, address.1);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("python starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { _child: child, lines }
    }

    /// The next thing that it says.
    pub(crate) async fn says(&mut self) -> Value {
        let line = soon(self.lines.next_line()).await.expect("text").expect("it says something");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}
