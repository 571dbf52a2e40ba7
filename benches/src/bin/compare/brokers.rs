//! Servers of RabbitMQ and Kafka, which somebody else has started. Each program has an exchange, a queue or a topic of
//! its own there.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::Failure;
use crate::arguments::Arguments;
use crate::build::Programs;
use crate::route::Config;

/// Kafka takes some seconds for a topic and for a group.
const PREPARE_LIMIT: Duration = Duration::from_secs(60);

/// Makes what both programs expect, and empties the queues.
pub(crate) async fn prepare(arguments: &Arguments, programs: &Programs, config: Config) -> Result<(), Failure> {
    let mut command = Command::new(&programs.prepare);
    command.args(for_reference(arguments, config)).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PREPARE_LIMIT, command.output()).await.map_err(|_| "preparing the broker took too long")??;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("the broker cannot be prepared: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// What tells the reference, and what prepares a broker for both, where it is.
pub(crate) fn for_reference(arguments: &Arguments, config: Config) -> Vec<&str> {
    match (config, &arguments.rabbitmq, &arguments.kafka) {
        (Config::Rabbitmq, Some(url), _) => vec!["--rabbitmq", url],
        (Config::Kafka, _, Some(brokers)) => vec!["--kafka", brokers],
        _ => Vec::new(),
    }
}

/// What tells a generated gateway.
pub(crate) fn for_gateway(arguments: &Arguments, config: Config) -> Option<(&'static str, &str)> {
    match config {
        Config::Rabbitmq => Some(("RABBIT_SERVER_URL", arguments.rabbitmq.as_deref()?)),
        Config::Kafka => Some(("KAFKA_BROKERS", arguments.kafka.as_deref()?)),
        Config::Gateway | Config::Nats => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_is_told_its_broker() {
        let given =
            Arguments { rabbitmq: Some("amqp://r".to_owned()), kafka: Some("k:1".to_owned()), ..Arguments::default() };
        for (config, reference, gateway) in [
            (Config::Gateway, vec![], None),
            (Config::Nats, vec![], None),
            (Config::Rabbitmq, vec!["--rabbitmq", "amqp://r"], Some(("RABBIT_SERVER_URL", "amqp://r"))),
            (Config::Kafka, vec!["--kafka", "k:1"], Some(("KAFKA_BROKERS", "k:1"))),
        ] {
            assert_eq!(for_reference(&given, config), reference);
            assert_eq!(for_gateway(&given, config), gateway);
        }
    }
}
