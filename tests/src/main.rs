//! A generated program, for suites that look at it from outside. `SUITE` chooses the gateway.

use std::process::ExitCode;

mod broker_later {
    include!(concat!(env!("OUT_DIR"), "/broker_later.rs"));
}

mod faults {
    include!(concat!(env!("OUT_DIR"), "/faults.rs"));
}

mod hosts {
    include!(concat!(env!("OUT_DIR"), "/hosts.rs"));
}

mod jetstream {
    include!(concat!(env!("OUT_DIR"), "/jetstream.rs"));
}

mod interop {
    include!(concat!(env!("OUT_DIR"), "/interop.rs"));
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

mod kafka {
    include!(concat!(env!("OUT_DIR"), "/kafka.rs"));
}

mod kafka_brokers {
    include!(concat!(env!("OUT_DIR"), "/kafka_brokers.rs"));
}

mod rabbitmq {
    include!(concat!(env!("OUT_DIR"), "/rabbitmq.rs"));
}

mod rabbitmq_brokers {
    include!(concat!(env!("OUT_DIR"), "/rabbitmq_brokers.rs"));
}

mod azure_service_bus {
    include!(concat!(env!("OUT_DIR"), "/azure_service_bus.rs"));
}

mod eight_schemes {
    include!(concat!(env!("OUT_DIR"), "/eight_schemes.rs"));
}

mod gcp_pubsub {
    include!(concat!(env!("OUT_DIR"), "/gcp_pubsub.rs"));
}

mod seed_page {
    include!(concat!(env!("OUT_DIR"), "/seed_page.rs"));
}

mod sns_sqs {
    include!(concat!(env!("OUT_DIR"), "/sns_sqs.rs"));
}

fn main() -> ExitCode {
    match std::env::var("SUITE").as_deref() {
        Ok("broker_later") => sluicegate_runtime::main(&broker_later::GATEWAY),
        Ok("faults") => sluicegate_runtime::main(&faults::GATEWAY),
        Ok("hosts") => sluicegate_runtime::main(&hosts::GATEWAY),
        Ok("hostile") => sluicegate_runtime::main(&hostile::GATEWAY),
        Ok("streaming") => sluicegate_runtime::main(&streaming::GATEWAY),
        Ok("jetstream") => sluicegate_runtime::main(&jetstream::GATEWAY),
        Ok("interop") => sluicegate_runtime::main(&interop::GATEWAY),
        Ok("kafka") => sluicegate_runtime::main(&kafka::GATEWAY),
        Ok("kafka_brokers") => sluicegate_runtime::main(&kafka_brokers::GATEWAY),
        Ok("rabbitmq") => sluicegate_runtime::main(&rabbitmq::GATEWAY),
        Ok("rabbitmq_brokers") => sluicegate_runtime::main(&rabbitmq_brokers::GATEWAY),
        Ok("azure_service_bus") => sluicegate_runtime::main(&azure_service_bus::GATEWAY),
        Ok("eight_schemes") => sluicegate_runtime::main(&eight_schemes::GATEWAY),
        Ok("gcp_pubsub") => sluicegate_runtime::main(&gcp_pubsub::GATEWAY),
        Ok("seed_page") => sluicegate_runtime::main(&seed_page::GATEWAY),
        Ok("sns_sqs") => sluicegate_runtime::main(&sns_sqs::GATEWAY),
        Ok("tls") => sluicegate_runtime::main(&tls::GATEWAY),
        _ => sluicegate_runtime::main(&program::GATEWAY),
    }
}
