//! The keys of a config's first level, and what a variable of their name does.

use std::time::Duration;

use super::{duration, flag};
use crate::client::ClientOptions;
use crate::description::{Description, Server};

/// What a variable does.
pub(super) enum Takes {
    Port,
    Address,
    Name,
    /// `None` is the default. `least` is what it must not be below.
    Duration {
        set: fn(&mut Description, Option<Duration>),
        least: Duration,
    },
    /// `None` is the default.
    Number(fn(&mut Description, Option<usize>)),
    Flag(fn(&mut Description, bool)),
    /// It is generated code. `default` is what it is where the config does not say, `same` compares two values.
    Baked {
        default: &'static str,
        same: fn(&str, &str) -> Result<bool, String>,
    },
    /// There is nothing to change; with why, where that is to be said.
    Nothing(Option<&'static str>),
}

use Takes::{Address, Flag, Name, Nothing, Number, Port};

/// A time of the server or the client.
macro_rules! time {
    ($part:ident, $options:ident, $field:ident) => {
        Takes::Duration { set: |to, time| to.$part.$field = time.or($options::DEFAULT.$field), least: Duration::ZERO }
    };
}

/// A number of the server or the client.
macro_rules! number {
    ($part:ident, $options:ident, $field:ident) => {
        Number(|to, number| to.$part.$field = number.unwrap_or($options::DEFAULT.$field))
    };
}

/// All keys that a variable may name.
pub(super) static KEYS: &[(&str, Takes)] = &[
    ("port", Port),
    ("listen_ip", Address),
    ("name", Name),
    ("read_timeout", time!(server, Server, read_timeout)),
    ("write_timeout", time!(server, Server, write_timeout)),
    ("idle_timeout", time!(server, Server, idle_timeout)),
    ("read_header_timeout", time!(server, Server, read_header_timeout)),
    ("max_shutdown_wait_time", time!(server, Server, max_shutdown_wait)),
    ("max_header_bytes", number!(server, Server, max_header_bytes)),
    ("use_h2c", Flag(|to, set| to.server.h2c = set)),
    ("debug_endpoint", Flag(|to, set| to.router.debug_endpoint = set)),
    ("echo_endpoint", Flag(|to, set| to.router.echo_endpoint = set)),
    ("disable_keep_alives", Flag(|to, set| to.client.disable_keep_alives = set)),
    ("disable_compression", Flag(|to, set| to.client.disable_compression = set)),
    ("max_idle_connections_per_host", number!(client, ClientOptions, max_idle_connections_per_host)),
    ("idle_connection_timeout", time!(client, ClientOptions, idle_connection_timeout)),
    ("response_header_timeout", time!(client, ClientOptions, response_header_timeout)),
    ("expect_continue_timeout", time!(client, ClientOptions, expect_continue_timeout)),
    ("dialer_timeout", time!(client, ClientOptions, dialer_timeout)),
    ("dialer_fallback_delay", time!(client, ClientOptions, dialer_fallback_delay)),
    ("dialer_keep_alive", time!(client, ClientOptions, dialer_keep_alive)),
    ("dns_cache_ttl", Takes::Duration { set: dns_cache_ttl, least: Duration::from_secs(1) }),
    ("timeout", Takes::Baked { default: "2s", same: same_duration }),
    ("cache_ttl", Takes::Baked { default: "0s", same: same_duration }),
    ("output_encoding", Takes::Baked { default: "json", same: |one, other| Ok(one == other) }),
    ("disable_rest", Takes::Baked { default: "false", same: same_flag }),
    ("allow_insecure_connections", Takes::Baked { default: "false", same: same_flag }),
    // Nothing starts in any order.
    ("sequential_start", Nothing(None)),
    ("max_idle_connections", Nothing(Some("unused connections are counted for each host alone"))),
    ("version", Nothing(BAKED)),
    ("host", Nothing(Some("hosts are baked into this binary, but for those that the config has as `env:NAME`"))),
    ("tls", Nothing(BAKED)),
    ("client_tls", Nothing(BAKED)),
    ("endpoints", Nothing(BAKED)),
    ("async_agent", Nothing(BAKED)),
    ("extra_config", Nothing(BAKED)),
    ("plugin", Nothing(BAKED)),
];

const BAKED: Option<&str> = Some("it is baked into this binary");

fn dns_cache_ttl(to: &mut Description, time: Option<Duration>) {
    to.client.dns_cache_ttl = time.unwrap_or(ClientOptions::DEFAULT.dns_cache_ttl);
}

fn same_duration(one: &str, other: &str) -> Result<bool, String> {
    // What was built with was checked.
    Ok(duration(one, Duration::ZERO)? == duration(other, Duration::ZERO)?)
}

fn same_flag(one: &str, other: &str) -> Result<bool, String> {
    Ok(flag(one)? == flag(other)?)
}
