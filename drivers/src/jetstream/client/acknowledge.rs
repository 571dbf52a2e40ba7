//! The subject that a delivery is settled with, which also says where the message comes from.

use std::time::{Duration, SystemTime};

/// What a delivery's reply subject says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// How often the message was delivered.
    pub(super) deliveries: u32,
    /// Its place in the stream.
    pub(super) sequence: u64,
    /// When it was stored.
    pub(super) stored: SystemTime,
}

impl Place {
    /// Reads `$JS.ACK.STREAM.CONSUMER.DELIVERIES.SEQUENCE.CONSUMER_SEQUENCE.NANOSECONDS.PENDING`, or the longer form of
    /// ADR-15 with a domain and an account before the stream.
    pub(super) fn parse(reply: &str) -> Option<Self> {
        let rest = reply.strip_prefix("$JS.ACK.")?;
        let skipped = match rest.split('.').count() {
            7 => 2,
            9.. => 4,
            _ => return None,
        };
        let mut tokens = rest.split('.').skip(skipped);
        let deliveries = tokens.next()?.parse().ok()?;
        let sequence = tokens.next()?.parse().ok()?;
        let _consumer_sequence = tokens.next()?;
        let stored = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(tokens.next()?.parse().ok()?))?;
        Some(Self { deliveries, sequence, stored })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let place = Place {
            deliveries: 3,
            sequence: 100,
            stored: SystemTime::UNIX_EPOCH + Duration::from_nanos(1_790_230_470_084_404_000),
        };
        for reply in [
            "$JS.ACK.events.durable.3.100.7.1790230470084404000.42",
            "$JS.ACK._.szMpdrwD.events.durable.3.100.7.1790230470084404000.42",
            "$JS.ACK.hub.szMpdrwD.events.durable.3.100.7.1790230470084404000.42.random",
            "$JS.ACK.hub.szMpdrwD.events.durable.3.100.7.1790230470084404000.42.random.more",
        ] {
            assert_eq!(Place::parse(reply), Some(place), "{reply}");
        }
    }

    #[test]
    fn none() {
        for reply in [
            "",
            "$JS.ACK",
            "$JS.FC.events.durable.3.100.7.1790230470084404000.42",
            "$JS.ACK.events.durable.3.100.7.1790230470084404000",
            "$JS.ACK.a.events.durable.3.100.7.1790230470084404000",
            "$JS.ACK.events.durable.x.100.7.1790230470084404000.42",
            "$JS.ACK.events.durable.3.-1.7.1790230470084404000.42",
        ] {
            assert_eq!(Place::parse(reply), None, "{reply}");
        }
    }
}
