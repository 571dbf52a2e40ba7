//! Configs that nobody wrote, through everything: no panic, every place in the file, code that parses.
//!
//! They are made from the tables of what a config may hold (`grammar`), and by changing bytes of real ones, of one file or of
//! several with overlays, fragments, variables and templates, in every format (`files`). proptest
//! chooses and, where one fails, makes it small. A few seconds by default; `FUZZ_SECONDS=600` goes on for ten minutes.

mod files;
mod grammar;

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::mutants::{Base, holds, wholes};
use crate::{SourceFile, check, render_human, render_json};

/// Between two looks at the clock.
const AT_ONCE: u32 = 64;

/// What is put in: what configs are made of, and what breaks them.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\ud83d\\ude00",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "\"\"",
    "\u{feff}",
    "\u{202e}",
    "é",
    "\u{0}",
    "\n",
    "\r\n",
    "\t",
    "//",
    "/*",
    "*/",
    "#",
    "'",
    "`",
    "{{",
    "}}",
    "${",
    "${A:-b}",
    "{id}",
    "{resp0_a.b}",
    "{JWT.sub}",
    "\"@a\": 1,",
    "\"extra_config\": {",
    "\"backend\": [{}],",
    "\"host\": [\"nats://\"],",
    "\"version\": 3,",
    "[[[[[[[[",
    "env:",
    "file:",
    "%",
    "%zz",
    "?",
    "*",
    "9223372036854775808",
    "0.1",
    "1s",
    "\"proxy\": {\"sequential\": true},",
    "\"method\": \"POST\",",
    "kafka://",
    "?topic=",
    ";",
];

fn seconds() -> Duration {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(3.0))
}

/// Runs for some time, and fails with the smallest config that fails.
fn run<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let end = Instant::now() + seconds();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(AT_ONCE) };
    let mut cases = 0;
    while Instant::now() < end {
        if let Err(error) = TestRunner::new(config.clone()).run(strategy, &test) {
            panic!("after {cases} configs: {error}");
        }
        cases += AT_ONCE;
    }
    println!("{cases} configs");
}

/// Everything that is done with a config, and what always holds of it.
fn whole(base: &Base, text: &str) -> Result<(), TestCaseError> {
    let file = SourceFile::new("gateway.json", &base.folder, text);
    let checked = check(&file);
    holds(text, &checked).map_err(TestCaseError::fail)?;
    let report = render_json(&file, &checked.diagnostics);
    prop_assert!(serde_json::from_str::<serde_json::Value>(&report).is_ok(), "{report} of {text}");
    prop_assert_eq!(render_human(&file, &checked.diagnostics, false).is_empty(), checked.diagnostics.is_empty());
    let again = check(&SourceFile::new("gateway.json", &base.folder, text));
    prop_assert_eq!(&again.diagnostics, &checked.diagnostics, "{}", text);
    let code = |checked: &crate::Checked| checked.gateway.as_ref().map(crate::generate);
    prop_assert_eq!(code(&again), code(&checked), "{}", text);
    Ok(())
}

#[test]
fn configs_of_the_grammar() {
    let base = Base { folder: "tests/model".into(), text: String::new() };
    run(&vec(any::<u16>(), 0..1500), |choices| {
        let text = grammar::config(&choices);
        whole(&base, &text)
    });
}

/// A change of bytes: where, how many go, what comes.
type Change = (f64, usize, usize);

fn change(text: &mut String, (at, length, piece): Change, other: &str) {
    let floor = |mut offset: usize| {
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
    let start = floor((text.len() as f64 * at) as usize);
    let end = floor((start + length).min(text.len())).max(start);
    let put = match PIECES.get(piece) {
        Some(piece) => (*piece).to_owned(),
        // A piece of another config.
        None => other.chars().skip(piece * 37 % other.len().max(1)).take(length * 4).collect(),
    };
    text.replace_range(start..end, &put);
}

#[test]
fn real_configs_with_other_bytes() {
    let bases: Vec<_> = wholes().into_iter().map(|(folder, text)| Base { folder, text }).collect();
    let changes = vec((0.0..1.0_f64, 0..24_usize, 0..PIECES.len() * 2), 1..6);
    run(&(0..bases.len(), 0..bases.len(), changes), |(base, other, changes)| {
        let mut text = bases[base].text.clone();
        changes.into_iter().for_each(|one| change(&mut text, one, &bases[other].text));
        whole(&bases[base], &text)
    });
}
