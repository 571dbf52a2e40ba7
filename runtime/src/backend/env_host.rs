//! Hosts that the environment names: `env:NAME` and `file:PATH` of a config, read when the gateway starts.

use std::env::{self, VarError};
use std::fs;
use std::net::Ipv6Addr;
use std::path::Path;

use crate::backend::url::Host;
use crate::broker;
use crate::opener::OpenFailure;

/// The hosts of a backend: `scheme://authority`; or `env:NAME` or `file:PATH`, each of which holds one host or several, between
/// commas or on lines of their own.
pub(super) fn hosts(entries: &[&str]) -> Result<Box<[Host]>, OpenFailure> {
    resolve(entries, &broker::base(), |name| env::var(name))
}

fn resolve(
    entries: &[&str],
    base: &Path,
    variable: impl Fn(&str) -> Result<String, VarError>,
) -> Result<Box<[Host]>, OpenFailure> {
    let (mut hosts, mut wrong) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        let (what, value) = if let Some(name) = entry.strip_prefix("env:") {
            let value = variable(name).map_err(|error| match error {
                VarError::NotPresent => "is not set (it holds a host: http://HOST:PORT)".to_owned(),
                VarError::NotUnicode(_) => "is not text".to_owned(),
            });
            (format!("the environment variable {name}"), value)
        } else if let Some(path) = entry.strip_prefix("file:") {
            let value = fs::read_to_string(base.join(path)).map_err(|error| format!("cannot be read: {error}"));
            (format!("the file {path}"), value)
        } else {
            hosts.push(Host::parse(entry)?);
            continue;
        };
        let read = value.and_then(|value| several(&value));
        // Without the value: it may hold a password.
        match read {
            Ok(several) => several.iter().try_for_each(|host| Host::parse(host).map(|host| hosts.push(host)))?,
            Err(why) => wrong.push(format!("{what} {why}")),
        }
    }
    if wrong.is_empty() { Ok(hosts.into()) } else { Err(OpenFailure::of(wrong)) }
}

/// The hosts of a variable or a file.
fn several(value: &str) -> Result<Vec<String>, String> {
    let hosts = value.trim_end().split([',', '\n']).map(|host| sanitised(host.trim()));
    hosts.collect::<Result<_, _>>().map_err(|why| format!("does not hold a host: {why}"))
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
        let base = env::temp_dir();
        let file = format!("sluicegate-hosts-{}", std::process::id());
        fs::write(base.join(&file), "d:8080\r\nhttps://e, f\n").unwrap();
        let hosts = resolve(&["http://x", "env:ONE", "env:TWO", &format!("file:{file}")], &base, variable);
        fs::write(base.join(&file), "http://u:hunter2@a\n").unwrap();
        let error = resolve(&[&format!("file:{file}")], &base, variable).unwrap_err();
        fs::remove_file(base.join(&file)).unwrap();
        let hosts: Vec<_> = hosts.unwrap().iter().map(ToString::to_string).collect();
        let expected = ["http://x", "http://a:8080", "https://b", "http://c", "http://d:8080", "https://e", "http://f"];
        assert_eq!(hosts, expected);
        let expected = format!("the file {file} does not hold a host: a host has no user and no password");
        assert_eq!(error.to_string(), expected);
        let error = resolve(&["file:no/such/file"], &base, variable).unwrap_err().to_string();
        assert!(error.starts_with("the file no/such/file cannot be read: "), "{error}");
        for (name, expected) in [
            ("NONE", "the environment variable NONE is not set (it holds a host: http://HOST:PORT)"),
            ("BAD", "the environment variable BAD does not hold a host: a host has no user and no password"),
            ("HALF", "the environment variable HALF does not hold a host: it is empty"),
        ] {
            let error = resolve(&["http://x", &format!("env:{name}")], &base, variable).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
