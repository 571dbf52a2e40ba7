//! Messages, and what is answered about them.

use serde_json::{Map, Value, json};

use super::super::observation::body;
use super::super::suite::{array, text};
use super::super::text::{body_of, query};
use super::{Context, Difference};

pub(super) const ALL: &[Difference] = &[
    Difference {
        name: "metadata is what is listed",
        why: "native headers instead of gob and escaped values; X-Forwarded-* and User-Agent are not added unless listed",
        apply: listed_metadata,
    },
    Difference {
        name: "properties of AMQP are used",
        why: "messages are persistent, and Content-Type is the property that AMQP has for it; KrakenD sets no properties",
        apply: properties,
    },
    Difference {
        name: "a confirmed message completes",
        why: "publish answers `{}` and X-Krakend-Completed: true once the broker confirmed, and completes a merge",
        apply: confirmed,
    },
    Difference {
        name: "a refused message is 502",
        why: "an exchange that is not there: what the broker refuses is 502, not 500",
        apply: refused,
    },
    Difference {
        name: "a message given to a client is no-store",
        why: "a consuming endpoint answers Cache-Control: no-store, whatever cache_ttl says",
        apply: no_store,
    },
    Difference {
        name: "nothing to receive is 204",
        why: "an empty subscription is 204 with no body after `wait`, not 500",
        apply: nothing_to_receive,
    },
    Difference {
        name: "an undecodable message is 502",
        why: "a message that cannot be decoded is 502, and settled by policy",
        apply: undecodable,
    },
    Difference {
        name: "no-op hands the message through",
        why: "output_encoding: no-op on a subscriber hands the message through as it is; KrakenD destroys it",
        apply: handed_through,
    },
];

fn publishes(backend: &Value) -> bool {
    backend.pointer("/extra_config/backend~1pubsub~1publisher").is_some()
}

fn receives(backend: &Value) -> bool {
    backend.pointer("/extra_config/backend~1pubsub~1subscriber").is_some()
}

/// The backends of an endpoint that take part in its answer.
fn backends<'a>(context: &Context<'a>) -> Vec<&'a Value> {
    let backends = context.endpoint.map_or(&[][..], |endpoint| array(&endpoint["backend"]));
    let shadow = |backend: &&Value| backend.pointer("/extra_config/proxy/shadow") == Some(&Value::Bool(true));
    backends.iter().filter(|backend| !shadow(backend)).collect()
}

/// The answers of a step, whether it asked once or several times.
fn responses(wanted: &mut Value) -> Vec<&mut Value> {
    let mut found = Vec::new();
    for (name, value) in wanted.as_object_mut().into_iter().flatten() {
        match (&**name, value) {
            ("response", response) => found.push(response),
            ("responses", Value::Array(responses)) => found.extend(responses),
            _ => {}
        }
    }
    found
}

/// KrakenD adds headers of its own, writes gob without `natsv2`, and escapes values with it.
fn listed_metadata(context: &Context<'_>, wanted: &mut Value) {
    let Some(message) = wanted.get_mut("message").and_then(Value::as_object_mut) else { return };
    let native = matches!(text(&message["wire"]), "amqp" | "kafka");
    let escaped = message["wire"] == "nats-headers";
    let listed = |name: &str| {
        let list = context.endpoint.map_or(&[][..], |endpoint| array(&endpoint["input_headers"]));
        let listed = list.iter().map(text).any(|listed| listed == "*" || listed.eq_ignore_ascii_case(name));
        let sent = context.request["headers"].as_object();
        listed && sent.is_some_and(|sent| sent.keys().any(|key| key.eq_ignore_ascii_case(name)))
    };
    let mut metadata = Map::new();
    for (name, value) in message["metadata"].as_object().into_iter().flatten() {
        if !(name == "User-Agent" || name.starts_with("X-Forwarded-")) || listed(name) {
            let mut value = text(value).to_owned();
            if escaped {
                value = query(&format!("v={value}")).pop().map(|(_, value)| value).unwrap_or_default();
            }
            metadata.insert(name.clone(), json!(value));
        }
    }
    if !native {
        message["wire"] = json!(if metadata.is_empty() { "plain" } else { "nats-headers" });
    }
    message["metadata"] = Value::from(metadata);
}

fn properties(_: &Context<'_>, wanted: &mut Value) {
    let Some(message) = wanted.get_mut("message").filter(|message| message["wire"] == "amqp") else { return };
    let content_type = message["metadata"].as_object_mut().and_then(|metadata| metadata.remove("Content-Type"));
    message["properties"]["delivery_mode"] = json!(2);
    if let Some(content_type) = content_type {
        message["properties"]["content_type"] = content_type;
    }
}

/// KrakenD has no data for what was published, which is `null`, and spoils a merge.
fn confirmed(context: &Context<'_>, wanted: &mut Value) {
    let backends = backends(context);
    if !backends.iter().any(|backend| publishes(backend)) {
        return;
    }
    let failed = |backend: &&Value| {
        let route = context.suite.route_of(text(&backend["url_pattern"]));
        !publishes(backend) && route.is_some_and(|route| !matches!(route["status"].as_u64(), None | Some(200 | 201)))
    };
    let complete = !backends.iter().any(failed);
    for response in responses(wanted).into_iter().filter(|response| response["status"] == 200) {
        if response["body"]["text"] == "null" {
            response["body"] = json!({"kind": "json", "json": {}});
        }
        response["headers"]["x-krakend-completed"] = json!([complete.to_string()]);
    }
}

fn refused(context: &Context<'_>, wanted: &mut Value) {
    if context.case["behaviour"] == "publish-broken" {
        for response in responses(wanted).into_iter().filter(|response| response["status"] == 500) {
            response["status"] = json!(502);
        }
    }
}

/// Of an endpoint that receives: also what failed, and what came to nothing.
fn no_store(context: &Context<'_>, wanted: &mut Value) {
    if backends(context).iter().any(|backend| receives(backend)) {
        for response in responses(wanted) {
            response["headers"]["cache-control"] = json!(["no-store"]);
        }
    }
}

/// The one backend of an endpoint, when it receives.
fn only_subscriber<'a>(context: &Context<'a>) -> Option<&'a Value> {
    match backends(context)[..] {
        [backend] if receives(backend) => Some(backend),
        _ => None,
    }
}

/// What the case published for a backend.
fn published<'a>(context: &Context<'a>, backend: &Value) -> Option<&'a Value> {
    let url = text(backend.pointer("/extra_config/backend~1pubsub~1subscriber/subscription_url")?);
    let place = url.split('?').next().unwrap_or_default();
    // The queues of an exchange and the groups of a topic have its name in theirs.
    let subject = place.trim_start_matches("q-").trim_start_matches("g-");
    let publishes = array(&context.case["steps"]).iter().filter_map(|step| step.get("publish"));
    publishes.rev().find(|publish| publish["to"] == subject)
}

fn nothing_to_receive(context: &Context<'_>, wanted: &mut Value) {
    let Some(backend) = only_subscriber(context) else { return };
    if published(context, backend).is_none() {
        for response in responses(wanted).into_iter().filter(|response| response["status"] == 500) {
            response["status"] = json!(204);
        }
    }
}

fn undecodable(context: &Context<'_>, wanted: &mut Value) {
    let Some(backend) = only_subscriber(context) else { return };
    if published(context, backend).is_some() {
        for response in responses(wanted).into_iter().filter(|response| response["status"] == 500) {
            response["status"] = json!(502);
        }
    }
}

fn handed_through(context: &Context<'_>, wanted: &mut Value) {
    let no_op = context.endpoint.is_some_and(|endpoint| endpoint["output_encoding"] == "no-op");
    let Some(publish) = only_subscriber(context).and_then(|backend| published(context, backend)) else { return };
    if !no_op || wanted["response"]["body"]["kind"] != "empty" {
        return;
    }
    let mut metadata = publish["metadata"].as_object().into_iter().flatten();
    let content_type = metadata.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = content_type.map_or("application/octet-stream", |(_, value)| text(value));
    wanted["response"]["headers"]["content-type"] = json!([content_type]);
    wanted["response"]["body"] = body(&body_of(publish).unwrap_or_default(), None);
}
