//! A generated program, for suites that look at it from outside. `SUITE` chooses the gateway.

use std::process::ExitCode;

mod faults {
    include!(concat!(env!("OUT_DIR"), "/faults.rs"));
}

mod hosts {
    include!(concat!(env!("OUT_DIR"), "/hosts.rs"));
}

mod program {
    include!(concat!(env!("OUT_DIR"), "/program.rs"));
}

mod hostile {
    include!(concat!(env!("OUT_DIR"), "/hostile.rs"));
}

mod streaming {
    include!(concat!(env!("OUT_DIR"), "/streaming.rs"));
}

mod tls {
    include!(concat!(env!("OUT_DIR"), "/tls.rs"));
}

fn main() -> ExitCode {
    match std::env::var("SUITE").as_deref() {
        Ok("faults") => sluicegate_runtime::main(&faults::GATEWAY),
        Ok("hosts") => sluicegate_runtime::main(&hosts::GATEWAY),
        Ok("hostile") => sluicegate_runtime::main(&hostile::GATEWAY),
        Ok("streaming") => sluicegate_runtime::main(&streaming::GATEWAY),
        Ok("tls") => sluicegate_runtime::main(&tls::GATEWAY),
        _ => sluicegate_runtime::main(&program::GATEWAY),
    }
}
