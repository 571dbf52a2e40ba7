//! Settings against a driver that has one of each kind.

use std::time::Duration;

use sluicegate_drivers::{Capabilities, Driver, Setting, SettingKind};

use super::*;
use crate::check::Defaults;
use crate::diagnostic::Sink;
use crate::model::Source;
use crate::render::render_human;
use crate::source::SourceFile;
use crate::sources;

const fn setting(name: &'static str, kind: SettingKind, required: bool) -> Setting {
    Setting { name, kind, required, about: "" }
}

static DRIVER: Driver = Driver {
    name: "test",
    schemes: &["test"],
    topic: None,
    subscription: None,
    environment: &[],
    settings: &[
        setting("servers", SettingKind::List, true),
        setting("user", SettingKind::Text, false),
        setting("password", SettingKind::Secret, false),
        setting("credentials", SettingKind::Path, false),
        setting("tls.ca_certs", SettingKind::Paths, false),
        setting("tls.required", SettingKind::Flag, false),
        setting("ping", SettingKind::Duration, false),
        setting("retries", SettingKind::Number, false),
    ],
    capabilities: Capabilities {
        nack: false,
        nack_delay: false,
        redelivery: false,
        ordering: false,
        dead_letter: false,
        delivery_count: false,
        empty_body: false,
        binary_body: false,
        key: false,
        dedup: false,
        confirm: &[],
        offset: false,
        timestamp: false,
        attributes: false,
        declare: false,
        max_body_bytes: None,
    },
    has_client: true,
    covers: None,
    check_attribute: None,
    reserved_attributes: &[],
    check_settings: None,
    check_declaration: None,
    check_message: None,
};

/// The broker `b` of `text`, and what there is to say of it as a person sees it.
fn read(text: &str) -> (Option<NamedBroker>, String) {
    let file = SourceFile::new("a.json", "", format!("{{\"b\": {text}}}"));
    let sink = Sink::default();
    let root = crate::json::parse(file.text(), 0, &sink).expect("JSON");
    let defaults = Defaults { timeout: Duration::ZERO, ..Defaults::default() };
    let context = Context::new(file.as_ref(), &sink, defaults);
    let member = &root.members()[0];
    let broker = broker(&context, member, Object::new(&member.value), &DRIVER);
    sources::conceal(file.as_ref(), context.secrets.take());
    let told = sink.finish(Some(&root));
    (broker, render_human(&file, &told, false))
}

#[test]
fn each_kind_of_setting() {
    let (broker, told) = read(
        r#"{"driver": "test", "required": true, "max_in_flight": 10, "servers": ["a", "env:B"], "user": "file:u",
            "password": "env:P", "credentials": "file:c", "@comment": 1, "tls": {"ca_certs": "ca", "required": true},
            "ping": "5s", "retries": 3}"#,
    );
    assert_eq!(told, "");
    let broker = broker.expect("a broker");
    assert_eq!((broker.required, broker.max_in_flight), (true, Some(10)));
    let literal = |text: &str| Source::Literal(text.to_owned());
    let found: Vec<_> = broker.settings.into_iter().map(|setting| (setting.name, setting.values)).collect();
    let expected = [
        ("servers", vec![literal("a"), Source::Env("B".to_owned())]),
        ("user", vec![Source::File("u".to_owned())]),
        ("password", vec![Source::Env("P".to_owned())]),
        // A path is where a file is, however it is written.
        ("credentials", vec![literal("c")]),
        ("tls.ca_certs", vec![literal("ca")]),
        ("tls.required", vec![literal("true")]),
        ("ping", vec![literal("5s")]),
        ("retries", vec![literal("3")]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn mistakes_are_told_once() {
    for (text, expected) in [
        (r#"{"servers": "a", "usr": "u"}"#, "unknown key `usr` in the broker `b`"),
        (r#"{"servers": "a", "requird": true}"#, "did you mean `required`?"),
        (r#"{"servers": "a", "tls": {"ca_cert": "x"}}"#, "did you mean `ca_certs`?"),
        (r#"{"servers": "a", "tls": "x"}"#, "`tls` of the broker `b` must be an object, not a string"),
        (r#"{"user": "u"}"#, "`servers` is missing in the broker `b`"),
        (r#"{"server": "a"}"#, "did you mean `servers`?"),
        (r#"{"servers": []}"#, "`servers` of the broker `b` is empty"),
        (r#"{"servers": 1}"#, "must be a string or a list of strings, not a number"),
        (r#"{"servers": ["a", ["b"]]}"#, "must be a string or a list of strings, not an array"),
        (r#"{"servers": "a", "user": ["u"]}"#, "must be a string, not an array"),
        (r#"{"servers": "a", "user": ""}"#, "`user` of the broker `b` is empty"),
        (r#"{"servers": "a", "user": "file:"}"#, "`user` of the broker `b` is empty"),
        (r#"{"servers": "a", "user": "env:"}"#, "`env:` names no environment variable"),
        (r#"{"servers": "a", "user": "env:A-B"}"#, "`A-B` is not the name of an environment variable"),
        (r#"{"servers": "a", "tls": {"required": "true"}}"#, "remove the quotes: `true`"),
        (r#"{"servers": "a", "ping": "5"}"#, "`ping` of the broker `b` has no unit"),
        (r#"{"servers": "a", "retries": -1}"#, "`retries` of the broker `b` is negative"),
        (r#"{"servers": "a", "max_in_flight": 0}"#, "`max_in_flight` must be above 0"),
        (r#"{"servers": "a", "required": "yes"}"#, "must be `true` or `false`, not a string"),
    ] {
        let (_, told) = read(text);
        assert!(told.contains(expected), "{text}:\n{told}");
        assert_eq!(told.matches("error: ").count() + told.matches("warning: ").count(), 1, "{text}:\n{told}");
    }
}

#[test]
fn secrets_are_warned_of_and_never_drawn() {
    for (text, told_of) in [
        (
            r#"{"servers": "a", "password": "hunter2"}"#,
            "warning: `password` of the broker `b` is a secret in plain text",
        ),
        (r#"{"servers": ["nats://u:hunter2@a"]}"#, "warning: `servers` of the broker `b` is a secret in plain text"),
        (r#"{"servers": "u:hunter2@a:4222"}"#, "warning: `servers` of the broker `b` is a secret in plain text"),
        (r#"{"servers": "nats://a,nats://u:hunter2@b"}"#, "warning: `servers` of the broker `b` is a secret"),
        (r#"{"servers": ["a", "nats://u:hunter2/3@b"]}"#, "warning: `servers` of the broker `b` is a secret"),
        (r#"{"servers": "a", "user": "nats://u:hunter2/3@b"}"#, "warning: `user` of the broker `b` is a secret"),
        (r#"{"servers": "a", "pasword": "hunter2"}"#, "error: unknown key `pasword`"),
        (r#"{"servers": "a", "pass": {"word": ["hunter2"]}}"#, "error: unknown key `pass`"),
        (r#"{"servers": "a", "password": ["hunter2"]}"#, "must be a string, not an array"),
        (r#"{"usr": 1, "servers": "a", "password": "hunter2"}"#, "error: unknown key `usr`"),
    ] {
        let (broker, told) = read(text);
        assert!(told.contains(told_of), "{text}:\n{told}");
        assert!(!told.contains("hunter2") && told.contains("*******"), "{text}:\n{told}");
        assert!(!format!("{broker:?}").contains("hunter2"), "{broker:?}");
    }
    let (_, told) = read(r#"{"servers": "a", "password": 123456}"#);
    assert!(told.contains("must be a string, not a number") && !told.contains("123456"), "{told}");
}
