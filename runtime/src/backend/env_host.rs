//! Hosts that the environment names: `env:NAME` of a config, read when the gateway starts.

use std::env::{self, VarError};
use std::net::Ipv6Addr;

use crate::backend::url::Host;
use crate::opener::OpenFailure;

/// The hosts of a backend: `scheme://authority`, or `env:NAME`, whose value is one host or several between commas.
pub(super) fn hosts(entries: &[&str]) -> Result<Box<[Host]>, OpenFailure> {
    resolve(entries, |name| env::var(name))
}

fn resolve(entries: &[&str], variable: impl Fn(&str) -> Result<String, VarError>) -> Result<Box<[Host]>, OpenFailure> {
    let mut hosts = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(name) = entry.strip_prefix("env:") else {
            hosts.push(Host::parse(entry)?);
            continue;
        };
        // Without the value: it may hold a password.
        let wrong = |what: &str| OpenFailure::new(format!("the environment variable {name} {what}"));
        let value = match variable(name) {
            Ok(value) => value,
            Err(VarError::NotPresent) => return Err(wrong("is not set (it holds a host: http://HOST:PORT)")),
            Err(VarError::NotUnicode(_)) => return Err(wrong("is not text")),
        };
        for host in value.split(',') {
            let host = sanitised(host.trim()).map_err(|why| wrong(&format!("does not hold a host: {why}")))?;
            hosts.push(Host::parse(&host)?);
        }
    }
    Ok(hosts.into())
}

/// `(http[s]://)name(:port)(/)`: what the build takes for a host in the config. `codegen/tests/hosts.txt` holds the two
/// together.
fn sanitised(text: &str) -> Result<String, &'static str> {
    let (scheme, rest) = match text.split_once("://") {
        _ if text.is_empty() => return Err("it is empty"),
        None => ("http", text),
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        Some(_) => return Err("the schemes are `http` and `https`"),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains('/') {
        return Err("a host has no path");
    }
    if authority.contains('@') {
        return Err("a host has no user and no password");
    }
    if let Some(address) = authority.strip_prefix('[') {
        let (address, port) = address.split_once(']').ok_or("`[` is never closed")?;
        address.parse::<Ipv6Addr>().map_err(|_| "this is not an IPv6 address")?;
        match port.strip_prefix(':') {
            Some(port) => check_port(port)?,
            None if port.is_empty() => {}
            None => return Err("a port begins with `:`"),
        }
    } else {
        let (name, port) = authority.split_once(':').map_or((authority, None), |(name, port)| (name, Some(port)));
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() {
            return Err("the host has no name");
        }
        if !name.bytes().all(valid) {
            return Err("a host is a name or an IPv4 address");
        }
        port.map_or(Ok(()), check_port)?;
    }
    Ok(format!("{scheme}://{authority}"))
}

fn check_port(port: &str) -> Result<(), &'static str> {
    if port.len() == 1 && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a port has 2 to 5 digits");
    }
    match port.parse::<u16>() {
        Ok(1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        _ => Err("a port is a number up to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_what_the_build_takes_for_hosts() {
        let table = std::fs::read_to_string("../codegen/tests/hosts.txt").unwrap();
        let mut cases = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let (text, expected) = line.split_once(" -> ").unwrap();
            let found = sanitised(text);
            assert_eq!(found.as_deref().unwrap_or("error"), expected, "{text}: {found:?}");
            cases += 1;
        }
        assert!(cases > 20, "{cases}");
    }

    #[test]
    fn variables_are_read_and_named() {
        let variable = |name: &str| match name {
            "ONE" => Ok("a:8080".to_owned()),
            "TWO" => Ok("https://b, c/".to_owned()),
            "BAD" => Ok("http://u:hunter2@a".to_owned()),
            "HALF" => Ok("a,".to_owned()),
            _ => Err(VarError::NotPresent),
        };
        let hosts = resolve(&["http://x", "env:ONE", "env:TWO"], variable).unwrap();
        let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["http://x", "http://a:8080", "https://b", "http://c"]);
        for (name, expected) in [
            ("NONE", "the environment variable NONE is not set (it holds a host: http://HOST:PORT)"),
            ("BAD", "the environment variable BAD does not hold a host: a host has no user and no password"),
            ("HALF", "the environment variable HALF does not hold a host: it is empty"),
        ] {
            let error = resolve(&["http://x", &format!("env:{name}")], variable).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
