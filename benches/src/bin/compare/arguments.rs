use std::path::PathBuf;

use lexopt::prelude::*;

use crate::route::{Config, Route};

pub(crate) const HELP: &str = "\
Usage: compare [OPTIONS]

  --gateway PATH       the generated gateway (default: built from benches/gateway.json)
  --reference PATH     what it is held against (default: the reference of this package)
  --profile NAME       cargo profile to build with (default: release)
  --rounds N           rounds of each server on each route (default: 5)
  --seconds N          length of a round on the HTTP routes (default: 4)
  --messages N         length of a round on publish and consume (default: 200000, at most 800000)
  --connections N      keep-alive connections of wrk (default: 32)
  --only ROUTE         pass, filter, publish, consume, nats-publish, nats-consume, jetstream-publish,
                       jetstream-consume, rabbitmq-publish, rabbitmq-consume, kafka-publish or
                       kafka-consume; may be given again (default: the first four)
  --nats               the four routes on NATS as well
  --nats-server PATH   the NATS server to start (default: nats-server of tests/brokers, or of PATH)
  --rabbitmq URL       the two routes on this RabbitMQ server as well
  --kafka BROKERS      the two routes on this Kafka cluster as well
  --server-core N      core of the server that is measured (default: 0)
  --load-core N        core of wrk and the HTTP backend (default: 1)
  --priority           run what is measured before all else (SCHED_FIFO, needs root): for a machine
                       that is not quiet; other programs nearly stop for that time
  --max-ratio X        exit with 1 if a ratio of CPU per request is above X
";

/// The capacity of the queue less what the rounds before may have left in it.
const MAX_MESSAGES: u64 = 800_000;
/// Fewer are no measurement, and would not cover the requests that are under way at the end.
const MIN_MESSAGES: u64 = 10_000;

pub(crate) enum Command {
    Compare(Box<Arguments>),
    Help,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) gateway: Option<PathBuf>,
    pub(crate) reference: Option<PathBuf>,
    pub(crate) profile: String,
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    pub(crate) messages: u64,
    pub(crate) connections: u64,
    pub(crate) only: Vec<Route>,
    pub(crate) nats: bool,
    pub(crate) nats_server: Option<PathBuf>,
    pub(crate) rabbitmq: Option<String>,
    pub(crate) kafka: Option<String>,
    pub(crate) server_core: usize,
    pub(crate) load_core: usize,
    pub(crate) priority: bool,
    pub(crate) max_ratio: Option<f64>,
}

pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut arguments = Arguments::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("gateway") => arguments.gateway = Some(parser.value()?.into()),
            Long("reference") => arguments.reference = Some(parser.value()?.into()),
            Long("profile") => arguments.profile = parser.value()?.string()?,
            Long("rounds") => arguments.rounds = parser.value()?.parse()?,
            Long("seconds") => arguments.seconds = parser.value()?.parse()?,
            Long("messages") => arguments.messages = parser.value()?.parse()?,
            Long("connections") => arguments.connections = parser.value()?.parse()?,
            Long("nats") => arguments.nats = true,
            Long("nats-server") => arguments.nats_server = Some(parser.value()?.into()),
            Long("rabbitmq") => arguments.rabbitmq = Some(parser.value()?.string()?),
            Long("kafka") => arguments.kafka = Some(parser.value()?.string()?),
            Long("only") => arguments.only.push(parser.value()?.parse()?),
            Long("server-core") => arguments.server_core = parser.value()?.parse()?,
            Long("load-core") => arguments.load_core = parser.value()?.parse()?,
            Long("priority") => arguments.priority = true,
            Long("max-ratio") => arguments.max_ratio = Some(parser.value()?.parse()?),
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    arguments.check()?;
    Ok(Command::Compare(Box::new(arguments)))
}

// === impl Arguments ===

impl Arguments {
    /// Whether `route` is to be measured.
    pub(crate) fn wants(&self, route: Route) -> bool {
        self.only.contains(&route) || (self.only.is_empty() && self.has_broker(route.config()))
    }

    /// Whether any route of `config` is to be measured.
    pub(crate) fn wants_any(&self, config: Config) -> bool {
        Route::ALL.into_iter().any(|route| config.has(route) && self.wants(route))
    }

    /// What `config` asks for is there.
    fn has_broker(&self, config: Config) -> bool {
        match config {
            Config::Gateway => true,
            Config::Nats => self.nats,
            Config::Rabbitmq => self.rabbitmq.is_some(),
            Config::Kafka => self.kafka.is_some(),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.rounds == 0 || self.seconds == 0 || self.connections == 0 {
            return Err("--rounds, --seconds and --connections must be at least 1".into());
        }
        if !(MIN_MESSAGES..=MAX_MESSAGES).contains(&self.messages) {
            return Err(format!("--messages must be from {MIN_MESSAGES} to {MAX_MESSAGES}"));
        }
        if self.connections > 1_000 {
            return Err("--connections must be at most 1000".into());
        }
        for (config, option) in [(Config::Rabbitmq, "--rabbitmq URL"), (Config::Kafka, "--kafka BROKERS")] {
            if self.wants_any(config) && !self.has_broker(config) {
                return Err(format!("--only {}-... needs {option}", config.name()));
            }
        }
        if self.server_core == self.load_core {
            return Err("--server-core and --load-core must differ".into());
        }
        Ok(())
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            gateway: None,
            reference: None,
            profile: "release".into(),
            rounds: 5,
            seconds: 4,
            messages: 200_000,
            connections: 32,
            only: Vec::new(),
            nats: false,
            nats_server: None,
            rabbitmq: None,
            kafka: None,
            server_core: 0,
            load_core: 1,
            priority: false,
            max_ratio: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        match parse(lexopt::Parser::from_args(line.split_whitespace())) {
            Ok(Command::Compare(arguments)) => Ok(*arguments),
            Ok(Command::Help) => Err("help".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn reads_every_option() {
        let expected = Arguments {
            gateway: Some("g".into()),
            reference: Some("r".into()),
            profile: "ship".into(),
            rounds: 7,
            seconds: 2,
            messages: 50_000,
            connections: 8,
            only: vec![Route::Pass, Route::NatsConsume],
            nats: true,
            nats_server: Some("n".into()),
            rabbitmq: Some("amqp://r".into()),
            kafka: Some("k:1".into()),
            server_core: 2,
            load_core: 3,
            priority: true,
            max_ratio: Some(1.05),
        };
        let line = "--gateway g --reference r --profile ship --rounds 7 --seconds 2 --messages 50000 --connections 8 \
                    --only pass --only nats-consume --nats --nats-server n --rabbitmq amqp://r \
                    --kafka k:1 --server-core 2 --load-core 3 --priority --max-ratio 1.05";
        assert_eq!(parsed(line), Ok(expected));
        assert_eq!(parsed(""), Ok(Arguments::default()));
        assert_eq!(parsed("--help"), Err("help".into()));
    }

    #[test]
    fn refuses_what_cannot_be_measured() {
        for line in [
            "--rounds 0",
            "--seconds 0",
            "--messages 9999",
            "--messages 800001",
            "--connections 0",
            "--connections 1001",
            "--only nothing",
            "--only rabbitmq-consume",
            "--only kafka-publish --rabbitmq amqp://r",
            "--load-core 0",
            "--max-ratio fast",
            "stray",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
