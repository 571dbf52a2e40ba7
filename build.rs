//! gateway.json to Rust; every mistake in it stops the build.

fn main() {
    sluicegate_codegen::build();
}
