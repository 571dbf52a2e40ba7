//! Brokers that the config names.

use std::env;
use std::path::PathBuf;

use sluicegate_drivers::{Settings, Source};

/// A broker that the config names, as generated code describes it.
///
/// Publishers and subscribers that name it share its connections. Those that name none share one broker of their driver,
/// which the environment describes.
#[derive(Clone, Copy, Debug)]
pub struct NamedBroker {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) max_in_flight: u32,
    settings: &'static [(&'static str, &'static [Source])],
}

impl NamedBroker {
    /// How many publishes, and how many receives, a broker has at a time where nothing else is said.
    pub const MAX_IN_FLIGHT: u32 = 10_000;

    /// A broker without settings, that readiness does not depend on.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, required: false, max_in_flight: Self::MAX_IN_FLIGHT, settings: &[] }
    }

    /// `/__ready` answers 503 while it is not connected.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// How many publishes may wait for their confirmation at a time, and how many requests for a message.
    #[must_use]
    pub const fn max_in_flight(mut self, count: u32) -> Self {
        self.max_in_flight = count;
        self
    }

    /// What its driver is told, by the names that the driver declares.
    #[must_use]
    pub const fn settings(mut self, settings: &'static [(&'static str, &'static [Source])]) -> Self {
        self.settings = settings;
        self
    }
}

/// What a driver opens its broker with.
pub(crate) fn settings(named: Option<&NamedBroker>) -> Settings {
    Settings { name: named.map(|named| named.name), values: named.map_or(&[], |named| named.settings), base: base() }
}

/// Where relative paths of a config start: GATEWAY_BASE, or the working directory without it.
pub(crate) fn base() -> PathBuf {
    env::var_os("GATEWAY_BASE").map(PathBuf::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        static NAMED: NamedBroker = NamedBroker::new("a").settings(&[("token", &[Source::Literal("hunter2")])]);
        let settings = settings(Some(&NAMED));
        assert_eq!(settings.text("token").unwrap().as_deref(), Some("hunter2"));
        for shown in [format!("{NAMED:?}"), format!("{settings:?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
