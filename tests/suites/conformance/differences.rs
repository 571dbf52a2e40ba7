//! Where we differ from KrakenD on purpose: what a recording becomes, by behaviour.

mod answers;
mod json;
mod requests;

use serde_json::{Value, json};

use super::suite::Suite;

/// What a difference may look at.
pub(super) struct Context<'a> {
    pub(super) suite: &'a Suite,
    pub(super) step: &'a Value,
    pub(super) endpoint: Option<&'a Value>,
    /// What we did.
    pub(super) found: &'a Value,
}

/// A deliberate difference. Where it applies, what it makes of the recording is what has to be seen.
struct Difference {
    name: &'static str,
    /// From design.md, section 3.
    #[expect(dead_code, reason = "for people")]
    why: &'static str,
    apply: fn(&Context<'_>, &mut Value),
}

const ALL: [Difference; 8] = [
    Difference {
        name: "no User-Agent of a library",
        why: "where the config keeps the gateway's User-Agent out, Go's HTTP client puts its own in; ours has none",
        apply: |_, wanted| remove_header(wanted, "user-agent", &["Go-http-client/1.1", "{{http_client_ua}}"]),
    },
    Difference {
        name: "order of keys, escapes",
        why: "JSON keys keep the order of their source and strings their escapes; a JSON parser sees no difference. \
              Numbers are compared as they are written",
        apply: json::same_json,
    },
    Difference {
        name: "202 and 204 are success",
        why: "202 and 204 from an HTTP backend are success",
        apply: answers::more_success,
    },
    Difference {
        name: "merged in the order of the file",
        why: "parallel backends merge in the order of the file, so the same inputs give the same bytes",
        apply: answers::merge_in_order,
    },
    Difference {
        name: "values are encoded",
        why: "values substituted into a path or query are percent-encoded, so that none of them changes the request",
        apply: requests::encode_parameters,
    },
    Difference {
        name: "secrets stay with their origin",
        why: "Authorization and cookies do not follow a redirect to another origin",
        apply: requests::keep_secrets,
    },
    Difference {
        name: "no length without a body",
        why: "a HEAD backend's Content-Length is not promised to a client that gets no body: KrakenD breaks that answer off",
        apply: |_, wanted| {
            if let Some(response) = wanted.get_mut("response").and_then(Value::as_object_mut)
                && response["body"]["kind"] == "empty"
            {
                response.shift_remove("error");
            }
        },
    },
    // To be taken out together with the gap: responses that are compressed.
    Difference {
        name: "PENDING: no gzip",
        why: "no upstream is asked for gzip yet",
        apply: |_, wanted| remove_header(wanted, "accept-encoding", &["gzip"]),
    },
];

/// Changes a recording to what we answer; says which differences changed it.
pub(super) fn apply(context: &Context<'_>, wanted: &mut Value) -> Vec<&'static str> {
    let mut applied = Vec::new();
    for difference in &ALL {
        let before = wanted.clone();
        (difference.apply)(context, wanted);
        if *wanted != before {
            applied.push(difference.name);
        }
    }
    applied
}

/// Takes a header with one of these values out of everything that an upstream saw, or says that it saw.
fn remove_header(wanted: &mut Value, name: &str, values: &[&str]) {
    match wanted {
        Value::Object(members) => {
            if members.get(name).is_some_and(|own| values.iter().any(|value| *own == json!([value]))) {
                members.shift_remove(name);
            }
            members.values_mut().for_each(|member| remove_header(member, name, values));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_header(item, name, values)),
        _ => {}
    }
}
