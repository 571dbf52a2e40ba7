//! The registry beside the files and manifests, and all grammars on arbitrary texts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::{ALL, CheckUrl, by_scheme};

/// The names of the driver files in `src`: those that define a `DRIVER`.
fn driver_files() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(source).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        let is_driver = |text: &str| {
            let line = |line: &str| line.starts_with("pub static DRIVER:") || line.starts_with("pub const DRIVER:");
            text.lines().any(line)
        };
        if path.is_file() && is_driver(&fs::read_to_string(&path).expect("source is readable")) {
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("file names are text");
            names.insert(name.to_owned());
        }
    }
    names
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in the `[features]` of a manifest.
fn features(manifest: &str) -> BTreeSet<String> {
    let manifest = read(manifest);
    let lines = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name.to_owned()))
        .collect()
}

#[test]
fn every_driver_is_registered() {
    let registered: BTreeSet<String> = ALL.iter().map(|driver| driver.name.to_owned()).collect();
    assert_eq!(registered.len(), ALL.len(), "two drivers share a name");
    for name in driver_files() {
        assert!(registered.contains(&name), "drivers/src/{name}.rs has a driver that is not in ALL");
        assert!(
            read("src/lib.rs").contains(&format!("pub mod {name};")),
            "drivers/src/lib.rs has no `pub mod {name};`"
        );
    }
    for name in registered {
        assert!(driver_files().contains(&name), "the driver `{name}` is not in drivers/src/{name}.rs");
    }
}

#[test]
fn features_are_drivers_with_a_client() {
    for manifest in ["Cargo.toml", "../runtime/Cargo.toml", "../Cargo.toml"] {
        let features = features(manifest);
        for driver in ALL {
            assert_eq!(
                features.contains(driver.name),
                driver.has_client,
                "the feature `{}` of drivers/{manifest} and has_client do not agree",
                driver.name
            );
        }
    }
    // In this crate there are no other features, but for parts of a driver: `kafka-tls`.
    for feature in features("Cargo.toml") {
        let driver = feature.split('-').next().unwrap_or_default();
        assert!(
            feature == "default" || ALL.iter().any(|known| known.name == driver),
            "the feature `{feature}` of drivers/Cargo.toml belongs to no driver"
        );
    }
}

#[test]
fn the_readme_lists_every_driver() {
    let readme = read("../README.md");
    for driver in ALL {
        let row = readme.lines().find(|line| line.contains(&format!("| `{}` |", driver.name)));
        let row = row.unwrap_or_else(|| panic!("README.md has no row for the feature `{}`", driver.name));
        let scheme = driver.schemes.iter().any(|scheme| row.starts_with(&format!("| `{scheme}://")));
        assert!(scheme, "README.md shows `{}` with a URL that is not its own", driver.name);
    }
}

#[test]
fn what_the_documentation_promises_is_a_test() {
    let text = read("../docs/pubsub.md");
    let promises = text.split("## ").find(|section| section.starts_with("What each driver promises\n")).unwrap();
    let (head, rows) = promises.split_once("\n|---").expect("it is a table");
    for driver in ALL.iter().filter(|driver| driver.has_client) {
        assert!(head.contains(&format!("`{}`", driver.name)), "docs/pubsub.md promises nothing of `{}`", driver.name);
    }
    let tests = tests_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    for name in rows.split('`').skip(1).step_by(2) {
        let is_there = ["(", "<"].iter().any(|after| tests.contains(&format!("fn {name}{after}")));
        assert!(is_there, "docs/pubsub.md names a test that is not there: {name}");
    }
}

fn tests_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let mut text = String::new();
    for path in entries.map(|entry| entry.expect("it can be listed").path()) {
        if path.is_dir() {
            text += &tests_below(&path);
        } else {
            text += &fs::read_to_string(path).expect("it can be read");
        }
    }
    text
}

#[test]
fn every_driver_documents_the_same() {
    const HEADINGS: [&str; 4] = ["# URL", "# Environment", "# Delivery", "# Limits"];
    for driver in ALL {
        let text = read(&format!("src/{}.rs", driver.name));
        let docs = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        // A line of a doctest may begin with `#` as well, but not like a heading.
        let mut in_code = false;
        let headings: Vec<&str> = docs
            .filter(|line| {
                in_code ^= line.starts_with("```");
                !in_code && line.starts_with("# ")
            })
            .collect();
        assert_eq!(headings, HEADINGS, "drivers/src/{}.rs", driver.name);
        for variable in driver.environment {
            let environment = text.split("//! # Environment").nth(1).and_then(|rest| rest.split("//! # ").next());
            assert!(
                environment.is_some_and(|section| section.contains(variable.name)),
                "drivers/src/{}.rs does not document {}",
                driver.name,
                variable.name
            );
        }
    }
}

#[test]
fn a_scheme_chooses_one_driver() {
    for driver in ALL {
        assert!(!driver.schemes.is_empty(), "{} has no scheme", driver.name);
        for scheme in driver.schemes {
            let found = by_scheme(scheme).map(|found| found.name);
            assert_eq!(found, Some(driver.name), "two drivers share the scheme `{scheme}`");
        }
    }
    for unknown in ["", "kafak", "Kafka", "http", "kafka://"] {
        assert!(by_scheme(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn what_is_published_arrives_where_the_broker_delivers_it() {
    for (topic, subscription, expected) in [
        ("nats://orders.dead", "nats://orders.>?queue=a", true),
        ("nats://orders.d%65ad", "nats://orders.*?buffer=5", true),
        ("nats://dead.orders", "nats://orders.>", false),
        ("nats://orders.>", "nats://orders.>", false),
        ("jetstream://orders.dead", "jetstream://*.dead?durable=d", true),
        ("jetstream://orders.dead.eu", "jetstream://*.dead?durable=d", false),
        ("mem://orders", "mem://orders?subscription=billing", true),
        ("mem://orders.dead", "mem://orders", false),
    ] {
        let scheme = topic.split(':').next().unwrap_or_default();
        let covers = by_scheme(scheme).and_then(|driver| driver.covers).expect("the driver says");
        assert_eq!(covers(topic, subscription), expected, "{topic} {subscription}");
    }
}

#[test]
fn names_of_attributes() {
    for driver in [&crate::nats::DRIVER, &crate::jetstream::DRIVER] {
        let check = driver.check_attribute.expect("not every name can be carried");
        for name in ["Content-Type", "x", "Nats-Msg-Id", "a/b"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a:b", "caf\u{e9}", "a\n"] {
            assert!(check(name).is_err_and(|what| what.contains("is not a header's name")), "{name}");
        }
        assert_eq!(driver.reserved_attributes, ["Nats-"]);
    }
}

#[test]
fn settings_are_checked_without_a_client() {
    use crate::{Settings, Source};
    const A: (&str, &[Source]) = ("servers", &[Source::Literal("a")]);
    const ENV: &[Source] = &[Source::Env("SLUICEGATE_NO_SUCH_VARIABLE")];
    const FILE: &[Source] = &[Source::File("no/such/file")];
    const TRUE: &[Source] = &[Source::Literal("true")];
    const ZERO: &[Source] = &[Source::Literal("0")];
    let check = crate::nats::DRIVER.check_settings.expect("settings depend on each other");
    let said = |values| {
        let settings = Settings { name: Some("billing"), values, base: std::path::PathBuf::new() };
        check(&settings).map_err(|error| error.to_string())
    };
    // Neither variables nor files are read.
    assert_eq!(said(&[("servers", ENV), ("user", ENV), ("password", FILE), ("buffer", ENV)]), Ok(()));
    assert_eq!(said(&[A, ("tls.disable_system_ca_pool", TRUE), ("tls.ca_certs", FILE)]), Ok(()));
    for (error, expected) in [
        (said(&[]), "`servers` of the broker `billing` is missing"),
        (said(&[("servers", &[Source::Literal("a"), Source::Literal("b:hunter2")])]), "has no valid port"),
        (said(&[A, ("user", ENV), ("token", ENV)]), "`token` of the broker `billing` cannot stand beside `user`"),
        (said(&[A, ("password", ENV)]), "`password` of the broker `billing` needs `user`"),
        (said(&[A, ("tls.client_cert", FILE)]), "`tls.client_cert` of the broker `billing` needs `tls.client_key`"),
        (said(&[A, ("tls.client_key", FILE)]), "`tls.client_key` of the broker `billing` needs `tls.client_cert`"),
        (
            said(&[A, ("tls.disable_system_ca_pool", TRUE)]),
            "`tls.disable_system_ca_pool` of the broker `billing` needs",
        ),
        (said(&[A, ("nkey", &[Source::Literal("hunter2")])]), "`nkey` of the broker `billing` is not an nkey's seed"),
        (said(&[A, ("max_pending", ZERO)]), "`max_pending` of the broker `billing` is not a whole number above 0"),
        (said(&[A, ("buffer", ZERO)]), "`buffer` of the broker `billing` is not a whole number above 0"),
    ] {
        let error = error.expect_err(expected);
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
}

fn grammars() -> impl Iterator<Item = CheckUrl> {
    ALL.iter().flat_map(|driver| [driver.topic, driver.subscription]).flatten()
}

/// Runs every grammar on `url`, and checks where its error points.
fn no_panic_and_a_range_inside(url: &str) -> Result<(), TestCaseError> {
    for check in grammars() {
        let Err(error) = check(url) else { continue };
        prop_assert!(error.range.start <= error.range.end, "{url:?}: {error:?}");
        prop_assert!(url.get(error.range.clone()).is_some(), "{url:?}: {error:?}");
        prop_assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{url:?}: {error:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text(url in ".*") {
        no_panic_and_a_range_inside(&url)?;
    }

    #[test]
    fn any_text_after_a_scheme(driver in 0..ALL.len(), rest in ".*") {
        no_panic_and_a_range_inside(&format!("{}://{rest}", ALL[driver].schemes[0]))?;
    }

    /// Texts that get far into the grammars: their own words, in any order.
    #[test]
    fn words_of_the_grammars(driver in 0..ALL.len(), words in prop::collection::vec(0..WORDS.len(), 0..12)) {
        let rest: String = words.into_iter().map(|word| WORDS[word]).collect();
        no_panic_and_a_range_inside(&format!("{}://{rest}", ALL[driver].schemes[0]))?;
    }
}

const WORDS: &[&str] = &[
    "/",
    "?",
    "&",
    "=",
    ".",
    ":",
    "%",
    "%2F",
    "%e2%82",
    "%00",
    "+",
    "@",
    "#",
    "{",
    "}",
    "*",
    ">",
    "é",
    "€",
    " ",
    "-",
    "a",
    "name",
    "0",
    "1",
    "20s",
    "-1s",
    "1.5h",
    "true",
    "arn:aws:sns:us-east-2:123456789012:t",
    "arn:",
    "projects/",
    "topics/",
    "sqs.us-east-2.amazonaws.com/123456789012/q",
    ".fifo",
    "^",
    "topic=",
    "offset=oldest",
    "key_name=",
    "natsv2",
    "queue=",
    "buffer=",
    "prefetch_count=",
    "region=us-east-2",
    "endpoint=http://",
    "role=",
    "waittime=",
    "snstopicarn=",
    "subscription=",
    "listener_timeout=",
    "max_recv_batch_size=",
    "max_send_batch_size=",
    "nacklazy=",
    "raw=",
    "awssdk=",
    "ackdeadline=",
    "capacity=",
    "max_deliveries=",
    "dead_letter=",
];
