//! A service of a test's own, that speaks as SQS does.

use serde_json::{Value, json};

use crate::fake::{Fake, Reply, Request};

/// A queue of it.
pub(super) const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/123456789012/orders";

const JSON: &str = "application/x-amz-json-1.0";

/// What was asked for: `SendMessage`.
pub(super) fn operation(request: &Request) -> &str {
    let target = request.header("x-amz-target").unwrap_or_default();
    target.strip_prefix("AmazonSQS.").unwrap_or_default()
}

pub(super) fn input(request: &Request) -> Value {
    serde_json::from_str(&request.body).expect("JSON")
}

/// The requests of one operation, as JSON.
pub(super) fn asked(service: &Fake, name: &str) -> Vec<Value> {
    service.asked().iter().filter(|request| operation(request) == name).map(input).collect()
}

pub(super) fn fine(answer: &Value) -> Reply {
    Reply::Answer(200, JSON, answer.to_string())
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::Answer(status, JSON, json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": message}).to_string())
}

/// The answers to each entry of a batch, where it is not among the failed: `(id, code, sender_fault)`.
pub(super) fn batch(request: &Request, failed: &[(&str, &str, bool)]) -> Reply {
    batch_saying(request, failed, "sorry")
}

/// The same with what is said of those that failed.
pub(super) fn batch_saying(request: &Request, failed: &[(&str, &str, bool)], message: &str) -> Reply {
    let input = input(request);
    let ids = input["Entries"].as_array().into_iter().flatten().filter_map(|entry| entry["Id"].as_str());
    let is_failed = |id: &str| failed.iter().any(|(failed, ..)| *failed == id);
    let successful: Vec<Value> = ids
        .filter(|id| !is_failed(id))
        .map(|id| json!({"Id": id, "MessageId": format!("batched-{id}"), "MD5OfMessageBody": "x"}))
        .collect();
    let failed: Vec<Value> = failed
        .iter()
        .map(|(id, code, fault)| json!({"Id": id, "Code": code, "SenderFault": fault, "Message": message}))
        .collect();
    fine(&json!({"Successful": successful, "Failed": failed}))
}

/// What SQS answers when all is well, and the queue has no messages.
pub(super) fn well(request: &Request) -> Reply {
    match operation(request) {
        "SendMessage" => fine(&json!({"MessageId": "one", "MD5OfMessageBody": "x", "SequenceNumber": "42"})),
        "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" => batch(request, &[]),
        "GetQueueAttributes" => {
            fine(&json!({"Attributes": {"VisibilityTimeout": "30", "MaximumMessageSize": "1048576"}}))
        }
        "ReceiveMessage" => fine(&json!({})),
        other => error(400, "InvalidAction", other),
    }
}

/// Messages with these bodies; the first has the receipt `r-0`.
pub(super) fn messages(bodies: &[&str]) -> Reply {
    let message = |(index, body): (usize, &&str)| {
        json!({"MessageId": format!("m-{index}"), "ReceiptHandle": format!("r-{index}"), "Body": body,
               "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000"}})
    };
    let messages: Vec<Value> = bodies.iter().enumerate().map(message).collect();
    fine(&json!({"Messages": messages}))
}
