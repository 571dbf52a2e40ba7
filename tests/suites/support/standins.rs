//! What is needed of the servers that stand for the clouds' brokers, besides their own clients.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::Other;

/// The environment that leads a gateway to nothing: each driver's broker is away.
pub(crate) const NOWHERE: [(&str, &str); 10] = [
    ("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1"),
    ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("KAFKA_BROKERS", "127.0.0.1:1"),
    ("NATS_SERVER_URL", "nats://127.0.0.1:1"),
    ("PUBSUB_EMULATOR_HOST", "127.0.0.1:1"),
    ("RABBIT_SERVER_URL", "amqp://guest:guest@127.0.0.1:1/"),
    (
        "SERVICEBUS_CONNECTION_STRING",
        "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=gateway;SharedAccessKey=secret;UseDevelopmentEmulator=true",
    ),
];

/// A subscription of Google Cloud Pub/Sub, and its topic where that is not there, by Google's client in Python. `options`
/// are fields of the subscription.
pub(crate) async fn create_subscription(emulator: &str, topic: &str, subscription: &str, options: &Value) {
    let arguments = ["create", topic, subscription, &options.to_string()];
    let said = Other::start("gcpc.py", ("PUBSUB_EMULATOR_HOST", emulator), &arguments).says().await;
    assert_eq!(said, "ready");
}

/// Lets there be queues and topics of Service Bus, by lines for its stand-in.
pub(crate) fn add_entities(file: &Path, lines: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).open(file).expect("the stand-in was started");
    file.write_all(lines.as_bytes()).expect("it can be written");
}
