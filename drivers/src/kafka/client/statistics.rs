//! What librdkafka counts, as far as metrics need it.

use rdkafka::statistics::Statistics;

/// What one client says of itself, every few seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// librdkafka's name for the client: `sluicegate#producer-1`.
    pub client: String,
    /// How many messages wait to be sent or confirmed.
    pub waiting: u64,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// The servers that are known, and librdkafka's word for what each connection is doing: `UP`, `DOWN`, `CONNECT`.
    pub servers: Vec<(String, String)>,
    /// What a consumer is behind by.
    pub lag: Vec<Lag>,
}

/// How far a consumer is behind in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// How many messages the group has not acknowledged.
    pub messages: u64,
}

impl Figures {
    pub(super) fn of(statistics: Statistics) -> Self {
        let servers = statistics.brokers.into_values().filter(|server| server.source != "internal");
        let mut servers: Vec<_> = servers.map(|server| (server.name, server.state)).collect();
        servers.sort_unstable();
        let mut lag = Vec::new();
        for (topic, statistics) in statistics.topics {
            for (partition, statistics) in statistics.partitions {
                if let Ok(messages) = u64::try_from(statistics.consumer_lag)
                    && partition >= 0
                {
                    lag.push(Lag { topic: topic.clone(), partition, messages });
                }
            }
        }
        lag.sort_unstable_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        let (waiting, waiting_bytes) = (statistics.msg_cnt, statistics.msg_size);
        Self { client: statistics.name, waiting, waiting_bytes, servers, lag }
    }
}
