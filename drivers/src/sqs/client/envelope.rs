//! What SNS puts around a message, unless it was told to deliver it raw.

use std::collections::HashMap;

use serde_json::Value;

/// A message out of an envelope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub(super) body: String,
    /// Names, and values as texts.
    pub(super) attributes: HashMap<String, String>,
}

/// Looks into a body. `topic` is the one whose messages these are; others are nothing that SNS has sent.
pub(super) fn open(body: &str, topic: Option<&str>) -> Option<Inside> {
    if !body.trim_start().starts_with('{') {
        return None;
    }
    let Value::Object(mut envelope) = serde_json::from_str(body).ok()? else { return None };
    let sender = envelope.get("TopicArn").and_then(Value::as_str).filter(|sender| !sender.is_empty())?;
    if topic.is_some_and(|topic| topic != sender) {
        return None;
    }
    let Some(Value::String(body)) = envelope.remove("Message") else { return None };
    let mut attributes = HashMap::new();
    if let Some(Value::Object(inside)) = envelope.remove("MessageAttributes") {
        for (name, value) in inside {
            let Some(Value::String(value)) = value.get("Value").cloned() else { continue };
            attributes.insert(name, value);
        }
    }
    Some(Inside { body, attributes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::attributes::may_be_envelope;

    const TOPIC: &str = "arn:aws:sns:us-east-2:123456789012:orders";

    #[test]
    fn envelopes() {
        let body = format!(
            r#" {{"Type":"Notification","TopicArn":"{TOPIC}","Message":"hello","MessageAttributes":
            {{"X":{{"Type":"String","Value":"1"}},"Y":{{"Type":"Number"}}}}}}"#
        );
        let inside = Inside { body: "hello".to_owned(), attributes: HashMap::from([("X".to_owned(), "1".to_owned())]) };
        assert_eq!(open(&body, Some(TOPIC)).as_ref(), Some(&inside));
        assert_eq!(open(&body, None).as_ref(), Some(&inside));
        assert_eq!(open(&body, Some("arn:aws:sns:us-east-2:123456789012:other")), None);
    }

    #[test]
    fn what_is_none() {
        for body in [
            "",
            "hello",
            "TopicArn",
            "{}",
            r#"["TopicArn"]"#,
            r#"{"TopicArn":""}"#,
            r#"{"TopicArn":1,"Message":"x"}"#,
            r#"{"TopicArn":"x"}"#,
            r#"{"TopicArn":"x","Message":"y""#,
        ] {
            assert_eq!(open(body, None), None, "{body}");
        }
        for body in [r#"{"topicarn":"x"}"#, r#"  {"Topic\u0041rn":"x"}"#] {
            assert!(may_be_envelope(body), "{body}");
        }
        for body in [r#"{"a":"b"}"#, r#"{"a":"\u0041"}"#, r#"{"a":"topicarn"}"#, r#"{"topicarn":"x""#] {
            assert!(!may_be_envelope(body), "{body}");
        }
    }
}
