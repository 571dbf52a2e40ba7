//! What a real KrakenD answered, replayed: [`conformance/README.md`](../../conformance/README.md) says how to run one suite,
//! and what its files are.
//!
//! An expectation is a recording, changed by the [`differences`] that apply to it. What the build refuses has to be what
//! the [`rules`] say, and what is missing has to be what the suite's own lists say.

mod broker;
mod client;
mod differences;
mod lists;
mod observation;
mod replay;
mod rules;
mod suite;
mod text;
mod upstream;

use sluicegate_runtime::description::Description;

include!(concat!(env!("OUT_DIR"), "/conformance/suites.rs"));

/// Replays a suite; fails with everything that was not as it should be.
async fn replay(name: &str, gateway: &'static Description, ports: [u16; 3], left_out: &str) {
    let suite = suite::Suite::load(name, ports, left_out);
    let report = replay::run(&suite, gateway).await;
    // What passes is worth a line too.
    println!("{report}");
    assert!(report.problems.is_empty(), "{} problems", report.problems.len());
}
