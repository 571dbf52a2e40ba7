//! Every whole config in `docs/`: the build has nothing to say of it.

use std::fs;

use sluicegate_codegen::{SourceFile, check};

#[test]
fn configs_in_the_docs_are_right() {
    let mut configs = 0;
    for entry in fs::read_dir("../docs").expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a readable page");
        for (format, version) in [("json", "\"version\""), ("yaml", "version:"), ("toml", "version =")] {
            for block in text.split(&format!("```{format}\n")).skip(1) {
                let config = block.split("```").next().unwrap_or_default();
                // The rest are parts of one.
                if config.contains(version) {
                    let checked = check(&SourceFile::new(format!("gateway.{format}"), "", config));
                    assert_eq!(checked.diagnostics, [], "{}: {config}", path.display());
                    configs += 1;
                }
            }
        }
    }
    assert!(configs > 0, "no config in ../docs");
}
