//! What the build accepts compiles: configs of all suites and goldens, changed in one place each. `build/mutants.rs` makes them.

use sluicegate_runtime::description::Description;

include!(concat!(env!("OUT_DIR"), "/mutants/mutants.rs"));

#[test]
fn some_hundred_mutants_compile() {
    assert!(MUTANTS.len() >= 300, "only {}", MUTANTS.len());
}
