use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::arguments::Arguments;
use crate::brokers;
use crate::build::Programs;
use crate::machine;
use crate::nats::Nats;
use crate::probe;
use crate::route::{Config, Route};
use crate::server::{Memory, Server, free_address, pinned};
use crate::wrk::{self, Length};
use sluicegate_benches::UPSTREAM;

/// Requests on each of the brokers' routes before they are measured.
const WARM_UP: u64 = 10_000;

/// A value of each: the reference's first.
pub(crate) type Pair<T> = [T; 2];

/// What came out of one route.
pub(crate) struct RouteResult {
    pub(crate) route: Route,
    /// In the order they were run.
    pub(crate) rounds: Vec<Pair<Sample>>,
    /// Of the last round.
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

/// Resident memory of one server, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryUse {
    /// Before the first request.
    pub(crate) rest: u64,
    /// After the last.
    pub(crate) after: u64,
    pub(crate) peak: u64,
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
        results.extend(queue_routes(arguments, programs, [Route::Publish, Route::Consume]).await?);
    }
    if arguments.wants_any(Config::Nats) {
        results.extend(nats_routes(arguments, programs).await?);
    }
    for routes in [[Route::RabbitmqPublish, Route::RabbitmqConsume], [Route::KafkaPublish, Route::KafkaConsume]] {
        if arguments.wants_any(routes[0].config()) {
            brokers::prepare(arguments, programs, routes[0].config()).await?;
            results.extend(queue_routes(arguments, programs, routes).await?);
        }
    }
    Ok(results)
}

async fn http_route(arguments: &Arguments, programs: &Programs, route: Route) -> Result<RouteResult, Failure> {
    let mut result = RouteResult::new(route);
    for round in 0..arguments.rounds {
        let servers = start(arguments, programs, route.config()).await?;
        let rest = memory(&servers)?;
        sample_pair(arguments, &servers, route, round, [Length::Seconds(1); 2]).await?;
        let length = Length::Seconds(arguments.seconds);
        let pair = sample_pair(arguments, &servers, route, round, [length; 2]).await?;
        result.add(pair.map(|(sample, _)| sample), memory_use(rest, memory(&servers)?));
    }
    Ok(result)
}

/// Publishes a counted number of messages and then consumes nearly as many, so that the queue neither
/// overflows nor runs empty, however fast the machine is.
async fn queue_routes(
    arguments: &Arguments,
    programs: &Programs,
    [publish, consume]: [Route; 2],
) -> Result<Vec<RouteResult>, Failure> {
    let mut published = RouteResult::new(publish);
    let mut consumed = RouteResult::new(consume);
    let config = publish.config();
    for round in 0..arguments.rounds {
        let servers = start(arguments, programs, config).await?;
        let rest = memory(&servers)?;
        for measured in [false, true] {
            // The first pass warms up. Where the messages are kept in the server, it makes the heap as large as the second
            // will need it.
            let is_whole = measured || config == Config::Gateway;
            let length = Length::Requests(if is_whole { arguments.messages } else { WARM_UP });
            let pair = sample_pair(arguments, &servers, publish, round, [length; 2]).await?;
            if measured {
                published.add(pair.map(|(sample, _)| sample), memory_use(rest, memory(&servers)?));
            }
            // The requests under way when wrk stops take messages too, until they are given back.
            let lengths = pair.map(|(_, stored)| Length::Requests(stored - 2 * arguments.connections));
            let pair = sample_pair(arguments, &servers, consume, round, lengths).await?;
            if measured {
                consumed.add(pair.map(|(sample, _)| sample), memory_use(rest, memory(&servers)?));
            }
        }
        // Who takes leave of a broker does not keep the next one waiting.
        for server in servers {
            server.stop().await?;
        }
    }
    Ok([published, consumed].into_iter().filter(|result| arguments.wants(result.route)).collect())
}

/// Each program has a NATS server of its own. What is consumed from core NATS is published meanwhile, by another client;
/// what is consumed from JetStream was published before.
async fn nats_routes(arguments: &Arguments, programs: &Programs) -> Result<Vec<RouteResult>, Failure> {
    let routes = Route::ALL.into_iter().filter(|route| Config::Nats.has(*route));
    let mut results: Vec<_> = routes.map(RouteResult::new).collect();
    for round in 0..arguments.rounds {
        let nats = [
            Nats::start(arguments, "nats-reference", &programs.logs).await?,
            Nats::start(arguments, "nats-gateway", &programs.logs).await?,
        ];
        let servers = start_nats(arguments, programs, &nats).await?;
        let rest = memory(&servers)?;
        for measured in [false, true] {
            let length = Length::Requests(if measured { arguments.messages } else { WARM_UP });
            let mut stored = [0; 2];
            for result in &mut results {
                // JetStream's messages have to be there, whether or not their publishing is asked for.
                let needed = result.route == Route::JetstreamPublish && arguments.wants(Route::JetstreamConsume);
                if !needed && !arguments.wants(result.route) {
                    continue;
                }
                let lengths = match result.route {
                    Route::JetstreamConsume => {
                        stored.map(|stored| Length::Requests(stored - 2 * arguments.connections))
                    }
                    _ => [length; 2],
                };
                let mut pair = Pair::default();
                for index in if round.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
                    let feed = (result.route == Route::NatsConsume).then_some(&nats[index]);
                    pair[index] = fed_sample(arguments, &servers[index], result.route, lengths[index], feed).await?;
                }
                stored = pair.map(|(_, stored)| stored);
                if measured {
                    result.add(pair.map(|(sample, _)| sample), memory_use(rest, memory(&servers)?));
                }
            }
        }
    }
    Ok(results.into_iter().filter(|result| arguments.wants(result.route)).collect())
}

/// A [`sample`], while a client publishes what is to be consumed.
async fn fed_sample(
    arguments: &Arguments,
    server: &Server,
    route: Route,
    length: Length,
    nats: Option<&Nats>,
) -> Result<(Sample, u64), Failure> {
    let (Some(nats), Length::Requests(count)) = (nats, length) else {
        return sample(arguments, server, route, length).await;
    };
    // More than is asked for: what is left stays with the server, as much with the one as with the other.
    let feed = nats.feed(count + 4 * arguments.connections);
    let (sample, ()) = tokio::try_join!(sample(arguments, server, route, length), feed)?;
    Ok(sample)
}

/// A run of each server on one route, and how many requests each completed.
async fn sample_pair(
    arguments: &Arguments,
    servers: &Pair<Server>,
    route: Route,
    round: usize,
    lengths: Pair<Length>,
) -> Result<Pair<(Sample, u64)>, Failure> {
    let mut pair = Pair::default();
    // Who goes first takes turns, so that a drift of the machine falls on both.
    for index in if round.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
        pair[index] = sample(arguments, &servers[index], route, lengths[index]).await?;
    }
    Ok(pair)
}

async fn sample(
    arguments: &Arguments,
    server: &Server,
    route: Route,
    length: Length,
) -> Result<(Sample, u64), Failure> {
    // One answer is looked at, and so it is known what every other has to be like.
    let response_bytes = probe::check(server, route).await?;
    let failed = |error: &dyn Display| server.failure(&format!("on {}: {error}", route.path()));
    let (busy, start, before) = (machine::busy(arguments.server_core)?, Instant::now(), server.cpu_time()?);
    let totals = wrk::run(arguments, &server.address, route, length).await.map_err(|error| failed(&error))?;
    let cpu = server.cpu_time()?.since(&before);
    let elapsed = start.elapsed();
    let others = machine::busy(arguments.server_core)?.saturating_sub(busy).saturating_sub(cpu);
    totals.check(response_bytes, arguments.connections).map_err(|error| failed(&error))?;
    let requests = totals.requests as f64;
    let sample = Sample {
        cpu_micros: cpu.as_secs_f64() * 1e6 / requests,
        p99: totals.p99,
        requests_per_second: requests / totals.elapsed.as_secs_f64(),
        disturbance: others.as_secs_f64() / elapsed.as_secs_f64(),
    };
    Ok((sample, totals.requests))
}

/// Both servers of the NATS routes, afresh.
async fn start_nats(arguments: &Arguments, programs: &Programs, nats: &Pair<Nats>) -> Result<Pair<Server>, Failure> {
    let address = free_address().await?;
    let mut command = pinned(arguments.server_core, arguments.priority);
    command.arg(&programs.reference).args(["--listen", &address, "--nats", &nats[0].url]);
    let reference = Server::start("reference", command, address, &programs.logs).await?;
    let address = free_address().await?;
    let mut command = pinned(arguments.server_core, arguments.priority);
    command.arg(programs.gateway(Config::Nats)?).args(["--listen", &address]).env("NATS_SERVER_URL", &nats[1].url);
    let gateway = Server::start("gateway", command, address, &programs.logs).await?;
    sleep(Duration::from_millis(500)).await;
    Ok([reference, gateway])
}

/// Both servers, afresh: how a process happens to lie in memory can cost it some percent for all its life.
async fn start(arguments: &Arguments, programs: &Programs, config: Config) -> Result<Pair<Server>, Failure> {
    let address = free_address().await?;
    let mut command = pinned(arguments.server_core, arguments.priority);
    command.arg(&programs.reference).args(["--listen", &address]).args(brokers::for_reference(arguments, config));
    let reference = Server::start("reference", command, address, &programs.logs).await?;
    let address = free_address().await?;
    let mut command = pinned(arguments.server_core, arguments.priority);
    command.arg(programs.gateway(config)?).args(["--listen", &address]);
    command.envs(brokers::for_gateway(arguments, config));
    let gateway = Server::start("gateway", command, address, &programs.logs).await?;
    // What a server does right after it began to listen is not rest yet.
    sleep(Duration::from_millis(500)).await;
    Ok([reference, gateway])
}

fn memory(servers: &Pair<Server>) -> Result<Pair<Memory>, Failure> {
    Ok([servers[0].memory()?, servers[1].memory()?])
}

fn memory_use(rest: Pair<Memory>, after: Pair<Memory>) -> Pair<MemoryUse> {
    [0, 1].map(|index| MemoryUse { rest: rest[index].now, after: after[index].now, peak: after[index].peak })
}

// === impl RouteResult ===

impl RouteResult {
    fn new(route: Route) -> Self {
        Self { route, rounds: Vec::new(), memory: Pair::default() }
    }

    fn add(&mut self, samples: Pair<Sample>, memory: Pair<MemoryUse>) {
        self.rounds.push(samples);
        self.memory = memory;
        let ([reference, gateway], round) = (samples.map(|sample| sample.cpu_micros), self.rounds.len());
        let ratio = gateway / reference;
        let others = samples.map(|sample| sample.disturbance * 100.0);
        eprintln!(
            "{:<17} round {round:>2}: {reference:7.3} us, {gateway:7.3} us, {ratio:.3} (others had {:.0} % and {:.0} %)",
            self.route, others[0], others[1]
        );
    }
}
