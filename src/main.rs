//! The gateway that `gateway.json` describes.

include!(concat!(env!("OUT_DIR"), "/gateway.rs"));

fn main() -> std::process::ExitCode {
    sluicegate_runtime::main(&GATEWAY)
}
