//! What every driver with a client has to do, whatever its broker: one list of behaviours, run for
//! each driver as tests called `DRIVER::BEHAVIOUR`.
//!
//! A behaviour that needs a capability which the driver does not declare ends as excluded, and has to be
//! in its harness's list of those; where the contract says what happens without the capability, that is
//! tested instead.

#![cfg(any(
    feature = "azure_service_bus",
    feature = "gcp_pubsub",
    feature = "jetstream",
    feature = "kafka",
    feature = "mem",
    feature = "nats",
    feature = "rabbitmq",
    all(feature = "sns", feature = "sqs")
))]

mod harness;
mod conformance {
    pub(crate) mod crowd;
    pub(crate) mod messages;
    pub(crate) mod run;
    pub(crate) mod settling;
    pub(crate) mod subscriptions;
    pub(crate) mod waiting;
}

/// One line per driver: its name, which is also its feature, and its harness. `beside` is a feature that the harness needs as
/// well.
macro_rules! drivers {
    ($($name:ident, $feature:literal $(beside $other:literal)?, $harness:ty;)*) => {
        /// The drivers that have a harness, compiled in or not.
        const HARNESSES: &[&str] = &[$($feature),*];

        $(
            #[cfg(all(feature = $feature $(, feature = $other)?))]
            mod $name {
                behaviours!($harness);
            }
        )*
    };
}

macro_rules! behaviours {
    ($harness:ty) => {
        tests! {
            $harness;
            messages: [
                send_and_receive,
                two_messages,
                metadata_is_carried,
                unusual_metadata_is_carried_or_refused,
                key_and_id_are_carried,
                non_utf8_body,
                empty_body,
                large_body,
                body_over_the_limit_is_refused,
                wrong_urls_are_refused,
            ]
            settling: [
                acknowledged_is_gone,
                ack_twice,
                settling_outlives_the_delivery,
                nack_redelivers,
                nack_with_delay,
                unsettled_comes_back_after_its_deadline,
                dropped_comes_back,
                deliveries_are_counted,
                dead_letter_moves,
                dead_letter_without_a_place_drops,
            ]
            waiting: [
                receive_waits,
                cancel_before_a_message_loses_nothing,
                cancel_among_messages_loses_nothing,
                close_while_waiting,
                receive_after_close,
                publish_after_close,
                settle_after_close,
            ]
            subscriptions: [
                messages_arrive_in_order,
                every_subscription_gets_a_copy,
                receivers_share_a_subscription,
                full_is_refused,
            ]
            crowd: [many_publishers_and_receivers]
        }
    };
}

macro_rules! tests {
    ($harness:ty; $($module:ident: [$($behaviour:ident),* $(,)?])*) => {
        $($(
            #[test]
            fn $behaviour() {
                crate::conformance::run::run::<$harness>(
                    stringify!($behaviour),
                    crate::conformance::$module::$behaviour::<$harness>,
                );
            }
        )*)*

        #[test]
        fn excluded_behaviours_exist() {
            let behaviours = [$($(stringify!($behaviour)),*),*];
            for excluded in <$harness as crate::harness::Harness>::EXCLUDED {
                assert!(behaviours.contains(excluded), "no behaviour is called {excluded}");
            }
        }
    };
}

drivers! {
    azure_service_bus, "azure_service_bus", crate::harness::azure_service_bus::ServiceBus;
    gcp_pubsub, "gcp_pubsub", crate::harness::gcp_pubsub::PubSub;
    jetstream, "jetstream", crate::harness::jetstream::JetStream;
    kafka, "kafka", crate::harness::kafka::Kafka;
    mem, "mem", crate::harness::mem::Mem;
    nats, "nats", crate::harness::nats::Nats;
    rabbitmq, "rabbitmq", crate::harness::rabbitmq::RabbitMq;
    sns, "sns" beside "sqs", crate::harness::sns::Sns;
    sqs, "sqs" beside "sns", crate::harness::sqs::Sqs;
}

#[test]
fn every_driver_with_a_client_has_a_harness() {
    let clients = sluicegate_drivers::ALL.iter().filter(|driver| driver.has_client).map(|driver| driver.name);
    let without: Vec<_> = clients.filter(|name| !HARNESSES.contains(name)).collect();
    assert!(without.is_empty(), "drivers without a harness in tests/harness: {without:?}");
}

#[test]
fn every_harness_is_of_a_driver_with_a_client() {
    for name in HARNESSES {
        let driver = sluicegate_drivers::ALL.iter().find(|driver| driver.name == *name);
        assert!(driver.is_some_and(|driver| driver.has_client), "{name} is no driver with a client");
    }
}
