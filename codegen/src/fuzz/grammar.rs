//! Configs from the tables of what a config may hold.

use crate::syntax::SERVICE;
use crate::syntax::kind::{Kind, Record, Scope};
use crate::syntax::namespaces::{ALIASES, NAMESPACES};
use crate::tree::quote;

/// How deep values may stand in each other.
const MAX_DEPTH: usize = 12;

/// Texts that mean something somewhere.
const TEXTS: &[&str] = &[
    "",
    "x",
    "a.b",
    "a.*.b",
    "X-A",
    "x-a",
    "*",
    "no-op",
    "json",
    "xml",
    "string",
    "safejson",
    "negotiate",
    "POST",
    "GET",
    "get",
    "1s",
    "0s",
    "-1s",
    "1",
    "http://a:8080",
    "https://a",
    "nats://",
    "kafka://",
    "rabbit://",
    "mem://",
    "awssqs://",
    "gcppubsub://",
    "azuresb://",
    "jetstream://",
    "env:A",
    "file:a",
    "/",
    "/{id}",
    "/a/{id}/*",
    "/a?x={id}",
    "/{resp0_a.b}",
    "/{JWT.sub}",
    "{id}",
    "{header.X-A}",
    "{body.a}",
    "{query.q}",
    "id",
    "resp0_a",
    "ip",
    "header",
    "default",
    "cert.pem",
    "key.pem",
    "req_method == 'GET'",
    "req_headers['X-A'][0] == '1'",
    "local r = request.load()",
    "x(",
    "(",
    "[",
    "a b",
    "é\u{202e}",
    "orders",
    "g?topic=t",
    "t?key_name=X-A",
    "s?queue=q",
    "projects/abcdef/topics/orders",
    "sqs.eu-west-1.amazonaws.com/123456789012/q",
    "2030-04-12T23:20:50Z",
    "127.0.0.1",
    ":8080",
    "text/plain",
    "YQ==",
    "query { a }",
    "DEBUG",
    "a\"\\\n",
];

/// Texts of keys that take few.
const OF_KEYS: &[(&str, &[&str])] = &[
    (
        "endpoint",
        &[
            "/",
            "/a",
            "/a/{id}",
            "/a/{id}/{x}",
            "/b/{id}/*",
            "/c/{x}",
            "/__health",
            "a",
            "/a/{id}.json",
            "/é",
            "/a:b",
            "/%20",
        ],
    ),
    (
        "url_pattern",
        &[
            "/",
            "/a/{id}",
            "/{id}?x={x}",
            "/b/{resp0_a}",
            "/b/{resp1_a.b}",
            "/c/{JWT.sub}",
            "/{+id}",
            "/x{",
            "/:id",
            "/a?b?c",
            "%",
        ],
    ),
    ("method", &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "post"]),
    (
        "host",
        &[
            "http://a",
            "https://b:8443",
            "nats://",
            "mem://",
            "kafka://",
            "rabbit://",
            "jetstream://",
            "env:HOST",
            "a:80",
            "http://a/b",
            "amqp://u:p@h",
        ],
    ),
    ("encoding", &["json", "safejson", "no-op", "string", "xml", "rss", "yaml", "x"]),
    ("output_encoding", &["json", "json-collection", "no-op", "string", "xml", "yaml", "negotiate", "x"]),
    (
        "topic_url",
        &[
            "orders",
            "a.b",
            "",
            "t?key_name=X-A",
            "t?natsv2",
            "{id}",
            "/arn:aws:sns:eu-west-1:123456789012:t",
            "ex?durable=1",
        ],
    ),
    (
        "subscription_url",
        &["orders", "s?queue=q", "g?topic=t", "g?topic=t&offset=oldest", "q?prefetch_count=1", "", "t?subscription=s"],
    ),
    (
        "check_expr",
        &[
            "true",
            "req_method == 'GET'",
            "resp_data.a == 1",
            "req_params.Id == '1'",
            "((",
            "1 == 'a'",
            "JWT.sub == 'a'",
            "[1].exists(x, x > 0)",
        ],
    ),
    (
        "pre",
        &["local r = request.load()", "x()", "if", "local c = ctx.load(); c:headers('a', 'b')", "string.upper('a')"],
    ),
    ("broker", &["a", "b", "orders"]),
    ("group", &["a", "b", "a.b"]),
    ("key", &["id", "X-A", "{id}", "{header.X-A}", "nope"]),
    ("driver", &["nats", "kafka", "rabbitmq", "sqs", "gcp_pubsub", "azure_service_bus", "jetstream", "mem"]),
];

/// What is chosen, one after the other; the first of everything when there is no more.
struct Choices<'a> {
    rest: std::slice::Iter<'a, u16>,
}

impl Choices<'_> {
    /// A number below `count`.
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.rest.next().copied().unwrap_or(0)) % count.max(1)
    }

    /// True once in `count`.
    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    fn one<'b, T: ?Sized>(&mut self, list: &[&'b T]) -> &'b T {
        list[self.below(list.len())]
    }

    fn is_over(&self) -> bool {
        self.rest.len() == 0
    }
}

/// The config that the choices make.
pub(super) fn config(choices: &[u16]) -> String {
    let mut choices = Choices { rest: choices.iter() };
    let mut text = String::new();
    value(&mut choices, &Kind::Record(&SERVICE), "", 0, &mut text);
    text
}

fn value(choices: &mut Choices<'_>, kind: &Kind, key: &str, depth: usize, text: &mut String) {
    if choices.once_in(60) {
        text.push_str(choices.one(&[
            "null",
            "-1",
            "\"\"",
            "[]",
            "{}",
            "[[1]]",
            "1e400",
            "true",
            "{\"a\": {\"a\": 1}}",
        ]));
        return;
    }
    match kind {
        Kind::Any => anything(choices, depth, text),
        Kind::Bool => text.push_str(choices.one(&["true", "false"])),
        Kind::Integer => text.push_str(choices.one(&[
            "3",
            "1",
            "0",
            "2",
            "-1",
            "8080",
            "65536",
            "9223372036854775807",
            "99999999999999999999",
            "1.0",
        ])),
        Kind::Number | Kind::Inside(..) | Kind::NotNegative | Kind::Share => {
            text.push_str(choices.one(&["1", "0.5", "10", "0", "-0.0", "1e308", "1e-400", "99999999999999999999"]));
        }
        Kind::Between(low, high) => match choices.below(5) {
            0 | 1 => text.push_str(&low.to_string()),
            2 => text.push_str(&high.to_string()),
            3 => text.push_str(&low.saturating_add(1).to_string()),
            _ => text.push_str(&high.saturating_add(1).to_string()),
        },
        Kind::Choice(list) => text.push_str(&quote(list[choices.below(list.len())])),
        Kind::Duration => text.push_str(choices.one(&[
            "\"2s\"",
            "\"1m30s\"",
            "\"500ms\"",
            "\"0s\"",
            "\"2562047h\"",
            "\"1\"",
            "\"-1s\"",
        ])),
        Kind::Url(schemes) => {
            text.push_str(&quote(&format!("{}://a.example/b", schemes[choices.below(schemes.len())])))
        }
        Kind::Address => text.push_str(choices.one(&["\":8090\"", "\"a:1\"", "\"a\""])),
        Kind::Regex => text.push_str(choices.one(&["\"a+\"", "\"(\"", "\"(?i)x\"", "\"\\\\d{1,9}\""])),
        Kind::Mime => text.push_str(choices.one(&["\"text/plain\"", "\"a\""])),
        Kind::Time => text.push_str(choices.one(&["\"2030-04-12T23:20:50Z\"", "\"x\""])),
        Kind::Base64 => text.push_str(choices.one(&["\"YQ==\"", "\"{\""])),
        Kind::Text | Kind::Filled | Kind::HeaderName => string(choices, key, text),
        Kind::List(inner) => {
            let most = if matches!(inner, Kind::Record(_)) { 4 } else { 3 };
            let count = if depth > MAX_DEPTH { 0 } else { 1 + choices.below(most) };
            list(choices, count, text, |choices, _, text| value(choices, inner, key, depth + 1, text));
        }
        Kind::Tuple(kinds) => {
            let count = if choices.once_in(10) { kinds.len() + 1 } else { kinds.len() };
            list(choices, count, text, |choices, index, text| {
                value(choices, &kinds[index.min(kinds.len() - 1)], key, depth + 1, text);
            });
        }
        Kind::Map(inner) => {
            let count = choices.below(4);
            members(choices, count, text, |choices, text| {
                string(choices, "", text);
                text.push(':');
                value(choices, inner, "", depth + 1, text);
            });
        }
        Kind::Record(fields) => record(choices, fields, depth, text),
        Kind::OneOf(fields) => {
            let count = if choices.once_in(10) { 2 } else { 1 };
            members(choices, count, text, |choices, text| {
                let field = &fields.keys[choices.below(fields.keys.len())];
                text.push_str(&format!("\"{}\":", field.name));
                value(choices, &field.kind, field.name, depth + 1, text);
            });
        }
        Kind::Namespaces(scope) => namespaces(choices, *scope, depth, text),
    }
}

fn string(choices: &mut Choices<'_>, key: &str, text: &mut String) {
    let own = OF_KEYS.iter().find(|(known, _)| *known == key).map(|(_, texts)| *texts);
    let chosen = match own {
        Some(own) if !choices.once_in(12) => choices.one(own),
        _ => choices.one(TEXTS),
    };
    text.push_str(&quote(chosen));
}

fn record(choices: &mut Choices<'_>, fields: &Record, depth: usize, text: &mut String) {
    let needs = |name: &str| {
        fields.required.contains(&name) || matches!(name, "version" | "endpoints" | "host" | "url_pattern")
    };
    let chance = if depth == 0 || fields.keys.len() < 6 { 3 } else { 6 };
    let mut chosen: Vec<usize> = Vec::new();
    for (index, field) in fields.keys.iter().enumerate() {
        let taken = if needs(field.name) { !choices.once_in(25) } else { choices.once_in(chance) };
        // When nothing is left to choose from, only what has to be there is.
        if taken && (needs(field.name) || !choices.is_over()) && depth <= MAX_DEPTH {
            chosen.push(index);
        }
    }
    if choices.once_in(40) {
        chosen.reverse();
    }
    if choices.once_in(40) {
        chosen.extend(chosen.first().copied());
    }
    let mut chosen = chosen.into_iter();
    let count = chosen.len();
    members(choices, count, text, |choices, text| {
        let Some(field) = chosen.next().map(|index| &fields.keys[index]) else { return };
        match choices.below(80) {
            78 => text.push_str(&format!("\"{}s\":", field.name)),
            79 => text.push_str(&format!("\"@{}\":", field.name)),
            _ => text.push_str(&format!("\"{}\":", field.name)),
        }
        if field.name == "version" && !choices.once_in(20) {
            return text.push('3');
        }
        value(choices, &field.kind, field.name, depth + 1, text);
    });
}

fn namespaces(choices: &mut Choices<'_>, scope: Scope, depth: usize, text: &mut String) {
    let here: Vec<_> = NAMESPACES.iter().filter(|known| known.scopes.contains(&scope)).collect();
    let count = if depth > MAX_DEPTH { 0 } else { choices.below(4) };
    members(choices, count, text, |choices, text| {
        let everywhere = choices.once_in(25);
        let known =
            if everywhere { &NAMESPACES[choices.below(NAMESPACES.len())] } else { here[choices.below(here.len())] };
        let long = ALIASES.iter().find(|(_, short)| *short == known.name).map(|(long, _)| *long);
        let name = long.filter(|_| choices.once_in(12)).unwrap_or(known.name);
        text.push_str(&format!("\"{name}\":"));
        match known.name {
            "validation/json-schema" => schema(choices, depth, text),
            "pubsub/brokers" => brokers(choices, text),
            _ => value(choices, &known.kind, known.name, depth + 1, text),
        }
    });
}

fn schema(choices: &mut Choices<'_>, depth: usize, text: &mut String) {
    if depth > MAX_DEPTH + 6 {
        return text.push_str("true");
    }
    let count = choices.below(4);
    members(choices, count, text, |choices, text| {
        let key = choices.one(&[
            "type",
            "properties",
            "items",
            "required",
            "allOf",
            "$ref",
            "$defs",
            "pattern",
            "minimum",
            "enum",
            "additionalProperties",
            "if",
        ]);
        text.push_str(&format!("\"{key}\":"));
        match key {
            "type" => text.push_str(choices.one(&["\"object\"", "\"string\"", "[\"null\", \"array\"]", "\"int\""])),
            "properties" | "$defs" => {
                text.push_str("{\"a\":");
                schema(choices, depth + 2, text);
                text.push('}');
            }
            "items" | "additionalProperties" | "if" => schema(choices, depth + 2, text),
            "allOf" => list(choices, 2, text, |choices, _, text| schema(choices, depth + 3, text)),
            "required" | "enum" => text.push_str(choices.one(&["[\"a\"]", "\"a\"", "[]"])),
            "$ref" => text.push_str(choices.one(&["\"#\"", "\"#/$defs/a\"", "\"https://x.y/z\"", "\"#/nope\""])),
            "pattern" => text.push_str(choices.one(&["\"^a\"", "\"(\"", "\"(?=a)\""])),
            _ => text.push_str(choices.one(&["1", "\"1\"", "1.5"])),
        }
    });
}

fn brokers(choices: &mut Choices<'_>, text: &mut String) {
    let mut names = ["a", "b", "orders"].into_iter();
    let count = 1 + choices.below(3);
    members(choices, count, text, |choices, text| {
        text.push_str(&format!("\"{}\":{{\"driver\":", names.next().unwrap_or("c")));
        string(choices, "driver", text);
        for key in [
            "servers",
            "username",
            "password",
            "tls",
            "timeout",
            "max_in_flight",
            "required",
            "sasl",
            "region",
            "endpoint",
            "virtual_host",
        ] {
            if choices.once_in(4) {
                text.push_str(&format!(",\"{key}\":"));
                text.push_str(choices.one(&[
                    "[\"a:1\"]",
                    "\"env:A\"",
                    "\"a\"",
                    "{\"ca\": \"cert.pem\"}",
                    "\"1s\"",
                    "1",
                    "true",
                    "\"file:a\"",
                ]));
            }
        }
        text.push('}');
    });
}

fn anything(choices: &mut Choices<'_>, depth: usize, text: &mut String) {
    match choices.below(if depth > MAX_DEPTH { 3 } else { 5 }) {
        0 => text.push_str(choices.one(&["1", "0.1", "true", "null", "12345678901234567890"])),
        1 | 2 => string(choices, "", text),
        3 => list(choices, 2, text, |choices, _, text| anything(choices, depth + 3, text)),
        _ => members(choices, 2, text, |choices, text| {
            string(choices, "", text);
            text.push(':');
            anything(choices, depth + 3, text);
        }),
    }
}

fn list(
    choices: &mut Choices<'_>,
    count: usize,
    text: &mut String,
    mut item: impl FnMut(&mut Choices<'_>, usize, &mut String),
) {
    text.push('[');
    for index in 0..count {
        text.push_str(if index > 0 { ", " } else { "" });
        item(choices, index, text);
    }
    text.push(']');
}

fn members(
    choices: &mut Choices<'_>,
    count: usize,
    text: &mut String,
    mut member: impl FnMut(&mut Choices<'_>, &mut String),
) {
    text.push('{');
    for index in 0..count {
        text.push_str(if index > 0 { ",\n" } else { "" });
        member(choices, text);
    }
    text.push('}');
}
