use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::Failure;
use crate::machine::TICK;

const START_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A program that listens, on its core. Killed when it is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    pid: u32,
    child: Child,
    log: PathBuf,
}

/// The CPU time a process had used, user and system.
#[derive(Debug)]
pub(crate) struct CpuTime {
    /// Nanoseconds of each live thread.
    threads: BTreeMap<u32, u64>,
    /// Of the process, ended threads included, but only in ticks.
    ticks: u64,
}

/// Resident memory in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

/// An address that is free now, on loopback.
pub(crate) async fn free_address() -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(listener.local_addr()?.to_string())
}

/// The beginning of a command that runs on one core. taskset and chrt become the program they are given,
/// so its process id is the child's. (nice would not do: Linux weighs it only within a terminal's autogroup.)
pub(crate) fn pinned(core: usize, priority: bool) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]);
    if priority {
        command.args(["chrt", "--fifo", "1"]);
    }
    command
}

// === impl Server ===

impl Server {
    /// Starts `command` and waits until `address` accepts connections. The output goes to `logs`.
    pub(crate) async fn start(
        name: &'static str,
        mut command: Command,
        address: String,
        logs: &Path,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(logs)?;
        let log = logs.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("taskset (of util-linux) cannot be run: {error}"))?;
        let pid = child.id().ok_or("a program ended before it began")?;
        let mut server = Self { name, address, pid, child, log };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            let connected = TcpStream::connect(&self.address).await.is_ok();
            if connected {
                // Long enough to fail, where it was another program that answered.
                sleep(Duration::from_millis(100)).await;
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("ended with {status}")));
            }
            if connected {
                return Ok(());
            }
            if start.elapsed() > START_LIMIT {
                return Err(self.failure(&format!("does not listen on {}", self.address)));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends as it would in production: asked to, and with time for what is under way.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        Command::new("kill").arg(self.pid.to_string()).status().await?;
        // What does not end is killed.
        let _ = timeout(STOP_LIMIT, self.child.wait()).await;
        Ok(())
    }

    /// What went wrong, with the end of the server's log.
    pub(crate) fn failure(&self, what: &str) -> Failure {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(10)..].join("\n  ");
        format!("{} {what}\n  end of {}:\n  {tail}", self.name, self.log.display()).into()
    }

    pub(crate) fn cpu_time(&self) -> Result<CpuTime, Failure> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let entry = entry?;
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A thread that ends just now has no file any more.
            let Ok(schedstat) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
            threads.insert(id, parse_schedstat(&schedstat).ok_or("this kernel keeps no schedstat")?);
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let ticks = parse_stat(&stat).ok_or("/proc/PID/stat cannot be read")?;
        Ok(CpuTime { threads, ticks })
    }

    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        Ok(parse_memory(&status).ok_or("/proc/PID/status has no VmRSS and VmHWM")?)
    }
}

// === impl CpuTime ===

impl CpuTime {
    /// What was used between two readings.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        if before.threads.keys().any(|id| !self.threads.contains_key(id)) {
            // A thread ended and took its count along: the coarser clock still has it.
            return TICK * u32::try_from(self.ticks - before.ticks).unwrap_or(u32::MAX);
        }
        let used = self.threads.iter().map(|(id, nanoseconds)| nanoseconds - before.threads.get(id).unwrap_or(&0));
        Duration::from_nanos(used.sum())
    }
}

fn parse_schedstat(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// utime and stime, fields 14 and 15; the second field is a name that may hold spaces and parentheses.
fn parse_stat(text: &str) -> Option<u64> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn parse_memory(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory { now: field("VmRSS:")?, peak: field("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(parse_schedstat("412136607 7577551 25\n"), Some(412_136_607));
        let stat = "15570 (a (b) c) S 15567 15567 11393 0 -1 4194304 94 256 1 0 41 7 0 0 20 0 1 0 159626 2654208 398";
        assert_eq!(parse_stat(stat), Some(48));
        assert_eq!(
            parse_memory("VmPeak:\t   9 kB\nVmHWM:\t    1708 kB\nVmRSS:\t    1580 kB\n"),
            Some(Memory { now: 1580, peak: 1708 })
        );
        assert_eq!((parse_schedstat(""), parse_stat("1 2 3"), parse_memory("VmRSS:\t1 kB")), (None, None, None));
    }

    #[test]
    fn counts_new_threads_and_survives_ended_ones() {
        let reading = |threads: &[(u32, u64)], ticks| CpuTime { threads: threads.iter().copied().collect(), ticks };
        let before = reading(&[(1, 100), (2, 200)], 5);
        assert_eq!(reading(&[(1, 150), (2, 220), (3, 30)], 9).since(&before), Duration::from_nanos(100));
        assert_eq!(reading(&[(1, 150)], 9).since(&before), Duration::from_millis(40));
    }
}
