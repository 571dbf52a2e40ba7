//! Makes what `rabbitmq.json`, `kafka.json` and the reference expect of their brokers.
//!
//! `prepare --rabbitmq URL` declares the exchanges and the queues, and empties these; `prepare --kafka BROKERS` makes the
//! topics where they are not there.

use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    use lexopt::prelude::*;

    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rabbitmq") => rabbitmq(&parser.value()?.string()?).await?,
            Long("kafka") => kafka(&parser.value()?.string()?).await?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(())
}

#[cfg(feature = "rabbitmq")]
async fn rabbitmq(url: &str) -> Result<(), Box<dyn Error>> {
    use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions};
    use lapin::types::{FieldTable, ShortString};
    use lapin::{Connection, ConnectionProperties, ExchangeKind};
    use sluicegate_benches::{RABBITMQ_GATEWAY, RABBITMQ_REFERENCE};

    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    for name in [RABBITMQ_GATEWAY, RABBITMQ_REFERENCE].map(ShortString::from) {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(name.clone(), ExchangeKind::Fanout, options, FieldTable::default()).await?;
        channel.queue_declare(name.clone(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
        let (key, options) = (ShortString::default(), QueueBindOptions::default());
        channel.queue_bind(name.clone(), name.clone(), key, options, FieldTable::default()).await?;
        channel.queue_purge(name, QueuePurgeOptions::default()).await?;
    }
    Ok(connection.close(200, "done".into()).await?)
}

#[cfg(not(feature = "rabbitmq"))]
async fn rabbitmq(_: &str) -> Result<(), Box<dyn Error>> {
    Err("--rabbitmq needs a build with the feature `rabbitmq`".into())
}

#[cfg(feature = "kafka")]
async fn kafka(brokers: &str) -> Result<(), Box<dyn Error>> {
    use rdkafka::ClientConfig;
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    use rdkafka::client::DefaultClientContext;
    use rdkafka::error::RDKafkaErrorCode;
    use sluicegate_benches::{KAFKA_GATEWAY, KAFKA_PARTITIONS, KAFKA_REFERENCE};

    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let topics = [KAFKA_GATEWAY, KAFKA_REFERENCE];
    let topics = topics.map(|name| NewTopic::new(name, KAFKA_PARTITIONS, TopicReplication::Fixed(1)));
    for made in admin.create_topics(&topics, &AdminOptions::new()).await? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(format!("the topic {topic} cannot be made: {code}").into()),
        }
    }
    Ok(())
}

#[cfg(not(feature = "kafka"))]
async fn kafka(_: &str) -> Result<(), Box<dyn Error>> {
    Err("--kafka needs a build with the feature `kafka`".into())
}
