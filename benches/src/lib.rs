//! What the reference, the stand-in backend and the comparison have in common.
//!
//! The programs are in `src/bin`: `compare` drives the generated gateway and `reference`, a gateway
//! of the same duties written by hand; `upstream` is the HTTP backend of both.

/// Where `upstream` listens. The same address stands in `gateway.json`.
pub const UPSTREAM: &str = "127.0.0.1:19090";

/// The subjects of `nats.json`: published to by clients of a gateway, consumed through it, and JetStream's.
pub const NATS_OUT: &str = "bench.out";
/// See [`NATS_OUT`].
pub const NATS_IN: &str = "bench.in";
/// See [`NATS_OUT`].
pub const NATS_JETSTREAM: &str = "bench.jetstream";
/// The stream that keeps [`NATS_JETSTREAM`].
pub const NATS_STREAM: &str = "bench";
/// The stream's durable consumer.
pub const NATS_DURABLE: &str = "bench";

/// The exchange, and the queue bound to it, of the gateway of `rabbitmq.json`.
pub const RABBITMQ_GATEWAY: &str = "bench-gateway";
/// Those of the reference.
pub const RABBITMQ_REFERENCE: &str = "bench-reference";

/// The topic, and the group that reads it, of the gateway of `kafka.json`.
pub const KAFKA_GATEWAY: &str = "bench-gateway";
/// Those of the reference.
pub const KAFKA_REFERENCE: &str = "bench-reference";

/// The partitions of each.
pub const KAFKA_PARTITIONS: i32 = 4;

/// What the backend answers to `/page`: 1 KiB of text.
pub const PAGE: &[u8] = include_bytes!("../data/page.txt");

/// What the backend answers to `/items/{id}`: about 2 KiB of JSON.
pub const ITEM: &[u8] = include_bytes!("../data/item.json");

/// What is published and consumed: about 250 bytes of JSON.
pub const ORDER: &str = include_str!("../data/order.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_json_names_the_backend() {
        let config: serde_json::Value = serde_json::from_str(include_str!("../gateway.json")).unwrap();
        let hosts: Vec<_> =
            (0..2).map(|endpoint| config["endpoints"][endpoint]["backend"][0]["host"][0].as_str()).collect();
        assert_eq!(hosts, vec![Some(format!("http://{UPSTREAM}").as_str()); 2]);
    }

    #[test]
    fn bodies_are_as_documented() {
        assert_eq!(PAGE.len(), 1024);
        assert!((1900..2200).contains(&ITEM.len()), "{}", ITEM.len());
        assert!((220..280).contains(&ORDER.len()), "{}", ORDER.len());
        for body in [ITEM, ORDER.as_bytes()] {
            assert!(serde_json::from_slice::<serde_json::Value>(body).unwrap().is_object());
        }
    }
}
