use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::arguments::Arguments;
use crate::build::Programs;
use crate::machine;
use crate::probe;
use crate::route::Route;
use crate::server::{Memory, Server, free_address, pinned};
use crate::wrk::{self, Length};
use sluicegate_benches::UPSTREAM;

/// A value of each: the reference's first.
pub(crate) type Pair<T> = [T; 2];

/// What came out of one route.
pub(crate) struct RouteResult {
    pub(crate) route: Route,
    /// In the order they were run.
    pub(crate) rounds: Vec<Pair<Sample>>,
    pub(crate) memory: Pair<MemoryUse>,
}

/// One round of one server.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// User and system time of the server for one request, in microseconds.
    pub(crate) cpu_micros: f64,
    pub(crate) p99: Duration,
    pub(crate) requests_per_second: f64,
    /// The part of the server's core that other programs had, from 0 to 1.
    pub(crate) disturbance: f64,
}

/// Resident memory of one server, in KiB. The servers are started afresh for each kind of route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryUse {
    /// Before the first request.
    pub(crate) rest: u64,
    /// After the last.
    pub(crate) after: u64,
    pub(crate) peak: u64,
}

/// A route of one server, with the length of its response in bytes.
struct Target<'a> {
    server: &'a Server,
    route: Route,
    response_bytes: u64,
}

/// Measures every route that was asked for.
pub(crate) async fn run(arguments: &Arguments, programs: &Programs) -> Result<Vec<RouteResult>, Failure> {
    let mut command = pinned(arguments.load_core, arguments.priority);
    command.arg(&programs.upstream);
    let _upstream = Server::start("upstream", command, UPSTREAM.to_owned(), &programs.logs).await?;
    let mut results = Vec::new();
    for route in [Route::Pass, Route::Filter] {
        if arguments.wants(route) {
            results.push(http_route(arguments, programs, route).await?);
        }
    }
    if arguments.wants(Route::Publish) || arguments.wants(Route::Consume) {
        results.extend(queue_routes(arguments, programs).await?);
    }
    Ok(results)
}

async fn http_route(arguments: &Arguments, programs: &Programs, route: Route) -> Result<RouteResult, Failure> {
    let servers = start(arguments, programs).await?;
    let rest = memory(&servers)?;
    for server in &servers {
        let target = Target::probe(server, route).await?;
        target.sample(arguments, Length::Seconds(1)).await?;
    }
    let mut rounds = Vec::new();
    for round in 0..arguments.rounds {
        let mut pair = Pair::default();
        for index in order(round) {
            let target = Target::probe(&servers[index], route).await?;
            pair[index] = target.sample(arguments, Length::Seconds(arguments.seconds)).await?.0;
        }
        progress(route, round, &pair);
        rounds.push(pair);
    }
    Ok(RouteResult { route, rounds, memory: memory_use(rest, memory(&servers)?) })
}

/// Publishes a counted number of messages and then consumes nearly as many, so that the queue neither
/// overflows nor runs empty, however fast the machine is.
async fn queue_routes(arguments: &Arguments, programs: &Programs) -> Result<Vec<RouteResult>, Failure> {
    let servers = start(arguments, programs).await?;
    let rest = memory(&servers)?;
    let mut published: Vec<Pair<Sample>> = Vec::new();
    let mut consumed: Vec<Pair<Sample>> = Vec::new();
    // The first round only warms up.
    for round in 0..=arguments.rounds {
        let mut stored = Pair::<u64>::default();
        let mut pair = Pair::default();
        for index in order(round) {
            let target = Target::probe(&servers[index], Route::Publish).await?;
            (pair[index], stored[index]) = target.sample(arguments, Length::Requests(arguments.messages)).await?;
        }
        if round > 0 && arguments.wants(Route::Publish) {
            progress(Route::Publish, round - 1, &pair);
            published.push(pair);
        }
        for index in order(round) {
            let target = Target::probe(&servers[index], Route::Consume).await?;
            // The requests under way when wrk stops take messages too, until they are given back.
            let count = stored[index] - 2 * arguments.connections;
            pair[index] = target.sample(arguments, Length::Requests(count)).await?.0;
        }
        if round > 0 && arguments.wants(Route::Consume) {
            progress(Route::Consume, round - 1, &pair);
            consumed.push(pair);
        }
    }
    let memory = memory_use(rest, memory(&servers)?);
    let results = [(Route::Publish, published), (Route::Consume, consumed)].into_iter();
    Ok(results
        .filter(|(_, rounds)| !rounds.is_empty())
        .map(|(route, rounds)| RouteResult { route, rounds, memory })
        .collect())
}

async fn start(arguments: &Arguments, programs: &Programs) -> Result<Pair<Server>, Failure> {
    let start = async |name, program| {
        let address = free_address().await?;
        let mut command = pinned(arguments.server_core, arguments.priority);
        command.arg(program).args(["--listen", &address]);
        Server::start(name, command, address, &programs.logs).await
    };
    let servers = [start("reference", &programs.reference).await?, start("gateway", &programs.gateway).await?];
    // What a server does right after it began to listen is not rest yet.
    sleep(Duration::from_millis(500)).await;
    Ok(servers)
}

/// Who goes first takes turns, so that a drift of the machine falls on both.
fn order(round: usize) -> [usize; 2] {
    if round.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

fn memory(servers: &Pair<Server>) -> Result<Pair<Memory>, Failure> {
    Ok([servers[0].memory()?, servers[1].memory()?])
}

fn memory_use(rest: Pair<Memory>, after: Pair<Memory>) -> Pair<MemoryUse> {
    [0, 1].map(|index| MemoryUse { rest: rest[index].now, after: after[index].now, peak: after[index].peak })
}

fn progress(route: Route, round: usize, pair: &Pair<Sample>) {
    let [reference, gateway] = pair.map(|sample| sample.cpu_micros);
    eprintln!("{route:<8} round {:>2}: {reference:7.3} us, {gateway:7.3} us, {:.3}", round + 1, gateway / reference);
}

// === impl Target ===

impl<'a> Target<'a> {
    /// Looks at one answer of the route, and so knows what every other has to be like.
    async fn probe(server: &'a Server, route: Route) -> Result<Self, Failure> {
        Ok(Self { server, route, response_bytes: probe::check(server, route).await? })
    }

    /// One round, and how many requests it completed.
    async fn sample(&self, arguments: &Arguments, length: Length) -> Result<(Sample, u64), Failure> {
        let failed = |error: &dyn std::fmt::Display| self.server.failure(&format!("on {}: {error}", self.route.path()));
        let (busy, start, before) = (machine::busy(arguments.server_core)?, Instant::now(), self.server.cpu_time()?);
        let totals = wrk::run(arguments, &self.server.address, self.route, length).await.map_err(|e| failed(&e))?;
        let cpu = self.server.cpu_time()?.since(&before);
        let elapsed = start.elapsed();
        let others = machine::busy(arguments.server_core)?.saturating_sub(busy).saturating_sub(cpu);
        totals.check(self.response_bytes, arguments.connections).map_err(|error| failed(&error))?;
        let requests = totals.requests as f64;
        let sample = Sample {
            cpu_micros: cpu.as_secs_f64() * 1e6 / requests,
            p99: totals.p99,
            requests_per_second: requests / totals.elapsed.as_secs_f64(),
            disturbance: others.as_secs_f64() / elapsed.as_secs_f64(),
        };
        Ok((sample, totals.requests))
    }
}
