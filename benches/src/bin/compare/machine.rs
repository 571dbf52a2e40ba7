use std::fs;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::Failure;

/// The unit of the times in `/proc/stat` and `/proc/PID/stat`: Linux shows programs 100 ticks a second.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Processor, cores and kernel, in one line.
pub(crate) fn describe() -> Result<String, Failure> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let cores = available_parallelism()?;
    Ok(format!("{}, {cores} cores, Linux {}, load {load} before the run", model(&processors), kernel.trim()))
}

fn model(processors: &str) -> &str {
    let mut lines = processors.lines();
    let value = lines.find_map(|line| line.strip_prefix("model name")).and_then(|rest| rest.split_once(':'));
    value.map_or("unknown processor", |(_, model)| model.trim())
}

/// How long `core` has been at work for anyone, the hypervisor's other guests included.
pub(crate) fn busy(core: usize) -> Result<Duration, Failure> {
    let stat = fs::read_to_string("/proc/stat")?;
    Ok(parse_busy(&stat, core).ok_or_else(|| format!("/proc/stat has no core {core}"))?)
}

/// All columns but idle and iowait (the fourth and fifth), and guest time, which user time includes.
fn parse_busy(stat: &str, core: usize) -> Option<Duration> {
    let name = format!("cpu{core}");
    let mut fields =
        stat.lines().map(str::split_whitespace).find_map(|mut line| (line.next()? == name).then_some(line))?;
    let mut ticks = 0_u32;
    for column in 0..8 {
        let value: u32 = fields.next()?.parse().ok()?;
        if !matches!(column, 3 | 4) {
            ticks = ticks.checked_add(value)?;
        }
    }
    Some(TICK * ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_what_a_core_did() {
        let stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 100 2 30 5000 60 7 8 3 1 1\nintr 1\n";
        assert_eq!(parse_busy(stat, 1), Some(Duration::from_millis(1_500)));
        assert_eq!(parse_busy(stat, 2), None);
    }

    #[test]
    fn finds_the_model() {
        assert_eq!(model("processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: fpu\n"), "AMD EPYC");
        assert_eq!(model("processor\t: 0\n"), "unknown processor");
    }
}
