use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use crate::Failure;
use crate::arguments::Arguments;
use crate::route::Route;
use crate::server;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wrk.lua");
/// A counted run ends by itself; this bounds one that does not.
const COUNTED_LIMIT: Duration = Duration::from_secs(300);

/// How long a run is.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Seconds(u64),
    /// About this many requests; those under way at the end are not among the completed.
    Requests(u64),
}

/// What wrk counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Responses read to their end.
    pub(crate) requests: u64,
    /// Bytes read, heads and all.
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    /// Responses with a status of 400 or above.
    pub(crate) error_statuses: u64,
    /// Failures to connect, to read, to write, and responses later than two seconds.
    pub(crate) socket_errors: u64,
    pub(crate) p99: Duration,
}

/// Runs wrk on its core, with one thread.
pub(crate) async fn run(arguments: &Arguments, address: &str, route: Route, length: Length) -> Result<Totals, Failure> {
    let (seconds, limit) = match length {
        Length::Seconds(seconds) => (seconds, 0),
        Length::Requests(requests) => (COUNTED_LIMIT.as_secs(), requests),
    };
    let mut command = server::pinned(arguments.load_core, arguments.priority);
    command.args(["wrk", "--threads", "1", "--script", SCRIPT]);
    command.args(["--connections", &arguments.connections.to_string(), "--duration", &format!("{seconds}s")]);
    command.arg(format!("http://{address}{}", route.path()));
    command.args(["--", route.method(), &limit.to_string()]).args(route.request_body());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(seconds + 30), command.output())
        .await
        .map_err(|_| "wrk did not end")?
        .map_err(|error| format!("taskset (of util-linux) cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!("wrk failed (it is the Debian package wrk): {}", reason.trim()).into());
    }
    let totals = parse(&text)?;
    if let Length::Requests(requests) = length
        && totals.requests + 2 * arguments.connections < requests
    {
        let seconds = totals.elapsed.as_secs();
        return Err(format!("only {} of {requests} requests were answered in {seconds} s", totals.requests).into());
    }
    Ok(totals)
}

/// Reads the last line that `wrk.lua` prints.
pub(crate) fn parse(output: &str) -> Result<Totals, String> {
    let line = output.lines().find_map(|line| line.strip_prefix("totals "));
    let line = line.ok_or_else(|| format!("wrk printed no totals: {output}"))?;
    let number = |name: &str| {
        let value = line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        let value = value.ok_or_else(|| format!("wrk printed no `{name}`: {line}"))?;
        value.parse::<u64>().map_err(|error| format!("wrk printed `{name}={value}`: {error}"))
    };
    Ok(Totals {
        requests: number("requests")?,
        bytes: number("bytes")?,
        elapsed: Duration::from_micros(number("micros")?),
        error_statuses: number("status")?,
        socket_errors: number("connect")? + number("read")? + number("write")? + number("timeout")?,
        p99: Duration::from_micros(number("p99")?),
    })
}

// === impl Totals ===

impl Totals {
    /// Checks that every response had the status and the length of the one that was looked at.
    ///
    /// wrk keeps no status below 400, so a 204 shows in the bytes: a response too short by more than
    /// a connection may have been in the middle of. `response_bytes` is the length of one response.
    pub(crate) fn check(&self, response_bytes: u64, connections: u64) -> Result<(), String> {
        if self.requests == 0 {
            return Err("no request was answered".into());
        }
        if self.error_statuses > 0 {
            return Err(format!("{} of {} responses had a status of 400 or above", self.error_statuses, self.requests));
        }
        if self.socket_errors > 0 {
            return Err(format!("{} connections failed or timed out", self.socket_errors));
        }
        let expected = self.requests * response_bytes;
        if !(expected..=expected + connections * response_bytes).contains(&self.bytes) {
            let average = self.bytes as f64 / self.requests as f64;
            return Err(format!(
                "the responses have {average:.1} bytes on average and not {response_bytes}: \
                 some had another status or body"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
Running 30s test @ http://127.0.0.1:18480/publish
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.21ms    1.11ms  10.19ms   86.95%
    Req/Sec    31.28k    17.31k   65.72k    67.19%
  199979 requests in 6.47s, 34.33MB read
Requests/sec:  30916.62
Transfer/sec:      5.31MB
totals requests=199979 bytes=35996220 micros=6468334 status=0 connect=1 read=2 write=3 timeout=4 p99=5877
";

    #[test]
    fn reads_the_totals() {
        let expected = Totals {
            requests: 199_979,
            bytes: 35_996_220,
            elapsed: Duration::from_micros(6_468_334),
            error_statuses: 0,
            socket_errors: 10,
            p99: Duration::from_micros(5_877),
        };
        assert_eq!(parse(OUTPUT), Ok(expected));
    }

    #[test]
    fn says_what_is_missing() {
        for (output, reason) in [
            ("unable to connect to 127.0.0.1:1 Connection refused\n", "no totals"),
            ("totals requests=1 bytes=2\n", "no `micros`"),
            ("totals requests=nan bytes=2\n", "`requests=nan`"),
        ] {
            let error = parse(output).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn checks_every_response() {
        let good = Totals {
            requests: 100,
            bytes: 18_000,
            elapsed: Duration::from_secs(1),
            error_statuses: 0,
            socket_errors: 0,
            p99: Duration::ZERO,
        };
        let cases = [
            (good.clone(), None),
            (Totals { bytes: 18_180, ..good.clone() }, None),
            (Totals { requests: 0, ..good.clone() }, Some("no request")),
            (Totals { error_statuses: 1, ..good.clone() }, Some("400 or above")),
            (Totals { socket_errors: 1, ..good.clone() }, Some("timed out")),
            (Totals { bytes: 17_999, ..good.clone() }, Some("another status or body")),
            (Totals { bytes: 18_361, ..good }, Some("another status or body")),
        ];
        for (totals, reason) in cases {
            match (totals.check(180, 2), reason) {
                (Ok(()), None) => {}
                (Err(error), Some(reason)) => assert!(error.contains(reason), "{error}"),
                (outcome, _) => panic!("{totals:?}: {outcome:?}"),
            }
        }
    }
}
