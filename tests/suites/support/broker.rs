//! A broker of the test's own, which can be killed and paused.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{eventually, soon};

/// A broker started by `tests/brokers/start-NAME.sh`, with its data in a folder of its own.
pub(crate) struct Broker {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
    /// What the script printed: the environment that leads to it.
    environment: Vec<(String, String)>,
}

impl Broker {
    /// Starts it at a free port, which it keeps, with nothing in it.
    pub(crate) async fn start(name: &'static str, test: &str) -> Self {
        Self::start_with(name, test, "").await
    }

    /// As `start`, with more lines in its configuration.
    pub(crate) async fn start_with(name: &'static str, test: &str, extra: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{test}"));
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the folder of an earlier run can be removed");
        }
        if !extra.is_empty() {
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join("extra.conf"), extra).expect("a file");
        }
        let mut broker = Self { name, port: 0, folder, environment: Vec::new() };
        let printed = broker.run_script("start").await;
        let variables = printed.lines().filter_map(|line| line.split_once('='));
        broker.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // Its address is in the first thing that a script prints.
        let port = |(_, value): &(String, String)| {
            let (_, after) = value.split_once("127.0.0.1:")?;
            after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let port = broker.environment.first().and_then(port);
        broker.port = port.unwrap_or_else(|| panic!("start-{name}.sh printed {printed:?}"));
        broker
    }

    /// The environment that leads to it.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (&**name, &**value))
    }

    /// A variable of the environment that leads to it.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let found = self.environment.iter().find(|(own, _)| own == name);
        found.map_or_else(|| panic!("{name}: {:?}", self.environment), |(_, value)| value)
    }

    /// Has RabbitMQ write down what was declared, which it does by itself some seconds later.
    pub(crate) async fn write_down(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("brokers/rabbitmqctl.sh");
        let evaluated = Command::new(script).arg(&self.folder).args(["eval", "ok = mnesia:sync_log()."]).output();
        let output = soon(evaluated).await.expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Ends it as a power failure would.
    pub(crate) async fn kill(&self) {
        let process = PathBuf::from(format!("/proc/{}/stat", self.pid()));
        self.signal("KILL").await;
        // Until its port is closed, so that what follows meets no broker; and until the process has ended, which may be a while
        // later: whoever starts it again before that takes it for one that runs.
        eventually(async || tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err()).await;
        eventually(async || has_ended(&process)).await;
    }

    /// Starts it again, with what it had stored.
    pub(crate) async fn restart(&self) {
        self.run_script("start").await;
    }

    /// It stops to do anything, and its connections stay open.
    pub(crate) async fn pause(&self) {
        self.signal("STOP").await;
    }

    /// Goes on after a pause.
    pub(crate) async fn resume(&self) {
        self.signal("CONT").await;
    }

    /// Stops it for good.
    pub(crate) async fn stop(self) {
        self.run_script("stop").await;
    }

    /// Whether its process is there, which nobody has killed, be it the system for want of memory.
    pub(crate) fn is_running(&self) -> bool {
        self.folder.join("pid").exists() && !has_ended(&PathBuf::from(format!("/proc/{}/stat", self.pid())))
    }

    async fn run_script(&self, what: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("brokers/{what}-{}.sh", self.name));
        let output = soon(Command::new(script).arg(&self.folder).output()).await.expect("a shell");
        assert!(output.status.success(), "{what}-{}.sh: {}", self.name, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    async fn signal(&self, signal: &str) {
        let pid = self.pid();
        let status = Command::new("kill").args(["-s", signal, &pid]).status().await.expect("kill");
        assert!(status.success(), "kill -s {signal} {pid}");
    }

    fn pid(&self) -> String {
        let file = fs::read_to_string(self.folder.join("pid")).expect("the script wrote its pid");
        file.split_whitespace().next().expect("a pid").to_owned()
    }
}

/// Whether the process is gone of which this is the `stat`, but for what its parent may still ask.
fn has_ended(stat: &Path) -> bool {
    let Ok(stat) = fs::read_to_string(stat) else { return true };
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

impl Drop for Broker {
    /// A test that failed leaves no broker behind; one that ended well has stopped it already.
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("brokers/stop-{}.sh", self.name));
        let _ = std::process::Command::new(script).arg(&self.folder).output();
    }
}
