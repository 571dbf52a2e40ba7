//! What the tests of every driver do with servers of their own, and with a client's settings.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use sluicegate_drivers::{Settings, Source};

/// Whether `BROKERS` says that there can be servers of the broker. Says that the test is skipped where not.
pub(crate) fn can_start(broker: &str) -> bool {
    if env::var("BROKERS").is_ok_and(|brokers| brokers.split(' ').any(|there| there == broker)) {
        return true;
    }
    assert!(env::var_os("CI").is_none(), "`{broker}` is not in BROKERS");
    println!("skipped: `{broker}` is not in BROKERS");
    false
}

/// A folder for a server, whose configuration will have `extra`.
pub(crate) fn folder(broker: &str, extra: &str) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("sluicegate-{broker}-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("extra.conf"), extra).expect("the file can be written");
    folder
}

/// Starts the server of a folder, or starts it again. Returns the variables that lead to it, a line each.
pub(crate) fn start(broker: &str, folder: &Path) -> String {
    let output = Command::new(script(&format!("start-{broker}.sh"))).arg(folder).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Ends the server of a folder, and the folder.
pub(crate) fn stop(broker: &str, folder: &Path) {
    let _ = Command::new(script(&format!("stop-{broker}.sh"))).arg(folder).status();
    let _ = fs::remove_dir_all(folder);
}

/// Kills the server of a folder, which listened at `address`.
pub(crate) async fn kill(folder: &Path, address: &str) {
    let stat = PathBuf::from(format!("/proc/{}/stat", pid(folder)));
    signal(folder, "KILL");
    // A process has closed its port a while before it has ended, and is taken for one that runs until then.
    while std::net::TcpStream::connect(address).is_ok() || !has_ended(&stat) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether the process is gone of which this is the `stat`, but for what its parent may still ask.
fn has_ended(stat: &Path) -> bool {
    let Ok(stat) = fs::read_to_string(stat) else { return true };
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

pub(crate) fn signal(folder: &Path, signal: &str) {
    let pid = pid(folder);
    let status = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill");
    assert!(status.success(), "{signal} {pid}");
}

pub(crate) fn pid(folder: &Path) -> String {
    let pid = fs::read_to_string(folder.join("pid")).expect("it was started");
    pid.split(' ').next().unwrap_or_default().to_owned()
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/brokers").join(name)
}

/// A named broker with these values; `file:` stands for a file that holds the value.
pub(crate) fn settings(values: &[(&'static str, &str)]) -> Settings {
    let one = |(name, value): &(&'static str, &str)| {
        let source: &'static str = (*value).to_owned().leak();
        let source = match source.strip_prefix("file:") {
            Some(path) => Source::File(path),
            None => Source::Literal(source),
        };
        let sources: &'static [Source] = vec![source].leak();
        (*name, sources)
    };
    let values: Vec<_> = values.iter().map(one).collect();
    Settings { name: Some("test"), values: values.leak(), base: PathBuf::new() }
}

/// When a test stops to wait, at the latest.
pub(crate) fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(crate) async fn until(what: &str, mut it_is: impl FnMut() -> bool) {
    let end = far();
    while !it_is() {
        assert!(Instant::now() < end, "not seen in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
