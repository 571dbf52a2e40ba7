//! Whole gateways over HTTP. A suite has a `gateway.json` of its own, which build.rs generates; every test opens the
//! gateway anew, so tests share nothing but the upstream of their suite.

mod support;

mod aggregation;
mod azure_service_bus;
mod broker_later;
mod brokers;
mod conformance;
mod delivery;
mod eight_schemes;
mod encodings;
mod failures;
mod faults;
mod forwarding;
mod gcp_pubsub;
mod hostile;
mod hosts;
mod interop;
mod jetstream;
mod kafka;
mod kafka_brokers;
mod limits;
mod middleware;
mod mutants;
mod nats;
mod nats_brokers;
mod program;
mod publisher;
mod pubsub;
mod rabbitmq;
mod rabbitmq_brokers;
mod router;
mod seed_page;
mod shaping;
mod shared;
mod sns_sqs;
mod streaming;
mod tls;
