use std::os::unix::ffi::OsStringExt as _;

use super::*;
use crate::description::Server;

static BUILT: Description = Description::new("gateway.json", "", &[])
    .server(Server::DEFAULT.port(8081).read_timeout(Duration::from_secs(9)))
    .baked(&[
        Baked::new("timeout", "3s", "gateway.json:4:14"),
        Baked::new("disable_rest", "true", "gateway.json:5:19"),
    ]);

fn with(variables: &[(&str, &str)]) -> Result<Overridden, StartError> {
    read(&BUILT, variables.iter().map(|(name, value)| (name.into(), value.into())))
}

fn warning(name: &str, value: &str) -> String {
    let read = with(&[(name, value)]).unwrap_or_else(|error| panic!("{error}"));
    assert!(read.applied.is_empty(), "{:?}", read.applied);
    read.warnings.join("\n")
}

#[test]
fn what_the_runtime_holds_takes_effect() {
    let every = [
        ("KRAKEND_PORT", "9000"),
        ("KRAKEND_LISTEN_IP", "::1"),
        ("KRAKEND_NAME", "orders"),
        ("KRAKEND_READ_TIMEOUT", "1m30s"),
        ("KRAKEND_WRITE_TIMEOUT", "500ms"),
        ("KRAKEND_IDLE_TIMEOUT", "3s"),
        ("KRAKEND_READ_HEADER_TIMEOUT", "4s"),
        ("KRAKEND_MAX_SHUTDOWN_WAIT_TIME", "5s"),
        ("KRAKEND_MAX_HEADER_BYTES", "2048"),
        ("KRAKEND_USE_H2C", "true"),
        ("KRAKEND_DEBUG_ENDPOINT", "1"),
        ("KRAKEND_ECHO_ENDPOINT", "T"),
        ("KRAKEND_DISABLE_KEEP_ALIVES", "TRUE"),
        ("KRAKEND_DISABLE_COMPRESSION", "True"),
        ("KRAKEND_MAX_IDLE_CONNECTIONS_PER_HOST", "7"),
        ("KRAKEND_IDLE_CONNECTION_TIMEOUT", "6s"),
        ("KRAKEND_RESPONSE_HEADER_TIMEOUT", "8s"),
        ("KRAKEND_EXPECT_CONTINUE_TIMEOUT", "9s"),
        ("KRAKEND_DIALER_TIMEOUT", "10s"),
        ("KRAKEND_DIALER_FALLBACK_DELAY", "11s"),
        ("KRAKEND_DIALER_KEEP_ALIVE", "12s"),
        ("KRAKEND_DNS_CACHE_TTL", "13s"),
    ];
    let read = with(&every).unwrap();
    assert_eq!(read.applied.len(), every.len());
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    for (name, _) in every {
        assert!(listed().contains(name), "--help names {name}");
    }
    let listed = listed();
    assert_eq!(listed.matches(PREFIX).count(), every.len(), "{listed}");
    let Description { name, server, client, router, .. } = read.description;
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!((name, server.port, server.listen_ip), (Some("orders"), 9000, Some("::1".parse().unwrap())));
    assert_eq!((server.read_timeout, server.write_timeout), (seconds(90), Some(Duration::from_millis(500))));
    assert_eq!((server.idle_timeout, server.read_header_timeout), (seconds(3), seconds(4)));
    assert_eq!((server.max_shutdown_wait, server.max_header_bytes, server.h2c), (seconds(5), 2048, true));
    assert!(router.debug_endpoint && router.echo_endpoint);
    assert!(client.disable_keep_alives && client.disable_compression);
    assert_eq!((client.max_idle_connections_per_host, client.idle_connection_timeout), (7, seconds(6)));
    assert_eq!((client.response_header_timeout, client.expect_continue_timeout), (seconds(8), seconds(9)));
    assert_eq!((client.dialer_timeout, client.dialer_fallback_delay), (seconds(10), seconds(11)));
    assert_eq!((client.dialer_keep_alive, client.dns_cache_ttl), (seconds(12), Duration::from_secs(13)));
}

#[test]
fn nothing_is_what_the_config_says_and_zero_the_default() {
    let read =
        with(&[("KRAKEND_PORT", ""), ("KRAKEND_READ_TIMEOUT", ""), ("PORT", "1"), ("USAGE_DISABLE", "1")]).unwrap();
    assert_eq!(
        (read.description.server.port, read.description.server.read_timeout),
        (8081, Some(Duration::from_secs(9)))
    );
    assert!(read.applied.is_empty() && read.warnings.is_empty());
    let read = with(&[("KRAKEND_READ_TIMEOUT", "0s"), ("KRAKEND_DIALER_KEEP_ALIVE", "0")]).unwrap();
    assert_eq!(read.description.server.read_timeout, None);
    assert_eq!(read.description.client.dialer_keep_alive, Some(Duration::from_secs(15)));
}

#[test]
fn malformed_values_are_refused_all_at_once() {
    let error = with(&[
        ("KRAKEND_READ_TIMEOUT", "90"),
        ("KRAKEND_PORT", "http"),
        ("KRAKEND_LISTEN_IP", "localhost"),
        ("KRAKEND_USE_H2C", "yes"),
        ("KRAKEND_MAX_HEADER_BYTES", "-1"),
        ("KRAKEND_DNS_CACHE_TTL", "10ms"),
    ]);
    let expected = "\
error: KRAKEND_DNS_CACHE_TTL: \"10ms\" is below 1s
error: KRAKEND_LISTEN_IP: \"localhost\" is not an IP address: it is like 127.0.0.1, or ::1
error: KRAKEND_MAX_HEADER_BYTES: \"-1\" is not a whole number from 0 up
error: KRAKEND_PORT: \"http\" is not a port: it is a number up to 65535
error: KRAKEND_READ_TIMEOUT: \"90\" is not a duration, as 500ms, 2s or 1m30s are: ";
    let error = error.err().unwrap().to_string();
    assert!(error.starts_with(expected), "{error}");
    assert!(error.ends_with("\nerror: KRAKEND_USE_H2C: \"yes\" is neither `true` nor `false`"), "{error}");
    let value = OsString::from_vec(vec![0xff]);
    let error = read(&BUILT, [("KRAKEND_NAME".into(), value)]).err().unwrap().to_string();
    assert_eq!(error, "error: KRAKEND_NAME: the value is not text");
}

#[test]
fn what_is_baked_in_is_refused_unless_it_is_the_same() {
    let same = [("KRAKEND_TIMEOUT", "3000ms"), ("KRAKEND_DISABLE_REST", "1"), ("KRAKEND_OUTPUT_ENCODING", "json")];
    let read = with(&same).unwrap();
    assert!(read.applied.is_empty() && read.warnings.is_empty());
    let error = with(&[("KRAKEND_TIMEOUT", "500ms"), ("KRAKEND_CACHE_TTL", "1m")]).err().unwrap().to_string();
    let expected = "\
error: KRAKEND_CACHE_TTL: `cache_ttl` is baked into this binary, as \"0s\", and cannot be \"1m\" at start: add it to \
gateway.json and build again
error: KRAKEND_TIMEOUT: `timeout` is baked into this binary, as \"3s\", and cannot be \"500ms\" at start: change it in the \
config and build again
  --> gateway.json:4:14";
    assert_eq!(error, expected);
    let error = with(&[("KRAKEND_TIMEOUT", "soon")]).err().unwrap().to_string();
    assert!(error.starts_with("error: KRAKEND_TIMEOUT: \"soon\" is not a duration"), "{error}");
}

#[test]
fn what_is_not_read_is_said() {
    let found = warning("KRAKEND_READ_TIMEOUTS", "1s");
    assert_eq!(found, "KRAKEND_READ_TIMEOUTS is not read: did you mean KRAKEND_READ_TIMEOUT?");
    let found = warning("KRAKEND_LICENSE", "x");
    assert_eq!(found, "KRAKEND_LICENSE is not read: the config's first level has no `license`");
    assert!(warning("KRAKEND_TLS.DISABLED", "true").contains("below the config's first level"));
    assert!(warning("KRAKEND_HOST", "http://a").contains("`env:NAME`"));
    assert_eq!(warning("KRAKEND_SEQUENTIAL_START", "true"), "");
    // The name is read as KrakenD reads it.
    assert_eq!(with(&[("KRAKEND_port", "9001")]).unwrap().description.server.port, 9001);
}

/// Of a service that is called `krakend`, and of one called `krakend-orders`.
#[test]
fn what_kubernetes_says_of_a_service_is_no_override() {
    let found = warning("KRAKEND_PORT", "tcp://10.0.0.1:8080");
    assert!(found.contains("enableServiceLinks"), "{found}");
    for (name, value) in [
        ("KRAKEND_SERVICE_HOST", "10.0.0.1"),
        ("KRAKEND_SERVICE_PORT", "8080"),
        ("KRAKEND_SERVICE_PORT_HTTP", "8080"),
        ("KRAKEND_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("KRAKEND_PORT_8080_TCP_PROTO", "tcp"),
        ("KRAKEND_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("KRAKEND_ORDERS_PORT", "tcp://10.0.0.1:8080"),
        ("KRAKEND_ORDERS_SERVICE_HOST", "10.0.0.1"),
        ("KRAKEND_ORDERS_PORT_53_UDP_PORT", "53"),
    ] {
        assert_eq!(warning(name, value), "", "{name}");
    }
    assert_ne!(warning("KRAKEND_ORDERS_PORT", "8080"), "");
}
