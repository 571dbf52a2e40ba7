//! Lists of servers' addresses, as RabbitMQ's URIs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::host_port;

/// What a virtual host's name has at most: AMQP keeps it as a short string.
const MAX_VHOST_BYTES: usize = 255;

/// One server's address. Shown without its login.
#[derive(Clone, Default)]
#[cfg_attr(
    not(any(feature = "rabbitmq", test)),
    expect(dead_code, reason = "a build only wants to know that there is one")
)]
pub(crate) struct Address {
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// Whether TLS is spoken; `None` without a scheme.
    pub(crate) tls: Option<bool>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) vhost: Option<String>,
    pub(crate) query: Query,
}

/// What an address says besides, and a lifetime of settings.
#[derive(Clone, Default)]
pub(crate) struct Query {
    /// In seconds.
    pub(crate) heartbeat: Option<u16>,
    pub(crate) channel_max: Option<u16>,
    pub(crate) frame_max: Option<u32>,
    pub(crate) connection_timeout: Option<Duration>,
    /// Whether the login is the client's certificate.
    pub(crate) external: Option<bool>,
    pub(crate) ca_cert: Option<String>,
    pub(crate) client_cert: Option<String>,
    pub(crate) client_key: Option<String>,
    pub(crate) server_name: Option<String>,
}

/// The parameters of [`Query`], by their names in RabbitMQ's URIs.
const PARAMETERS: [&str; 9] = [
    "auth_mechanism",
    "cacertfile",
    "certfile",
    "channel_max",
    "connection_timeout",
    "frame_max",
    "heartbeat",
    "keyfile",
    "server_name_indication",
];

/// Reads `amqp://user:password@host:port/vhost?heartbeat=10`, where all but the host may be missing, several of them
/// separated by commas. What one after the first does not say, is as in the first.
///
/// # Errors
/// What is wrong, without the text: it may hold a password.
pub(crate) fn parse(list: &str) -> Result<Vec<Address>, String> {
    let count = list.split(',').count();
    let one = |(index, text): (usize, &str)| {
        address(text.trim()).map_err(|what| match count {
            1 => format!("is not a server's address: {what}"),
            _ => format!("is not a list of servers: number {} {what}", index + 1),
        })
    };
    let mut addresses = list.split(',').enumerate().map(one).collect::<Result<Vec<_>, _>>()?;
    let Some((first, others)) = addresses.split_first_mut() else { return Ok(addresses) };
    for (index, other) in others.iter_mut().enumerate() {
        other.complete(first);
        if other.vhost != first.vhost {
            return Err(format!("is not a list of servers: number {} has another virtual host", index + 2));
        }
    }
    Ok(addresses)
}

fn address(text: &str) -> Result<Address, String> {
    let (tls, rest) = match text.split_once("://") {
        None => (None, text),
        Some(("amqp", rest)) => (Some(false), rest),
        Some(("amqps", rest)) => (Some(true), rest),
        Some(_) => return Err("has another scheme than `amqp://` and `amqps://`".to_owned()),
    };
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "#\\".contains(c)) {
        return Err("has white space, a `#` or a `\\`, which have to be escaped".to_owned());
    }
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, self::query(query)?),
        None => (rest, Query::default()),
    };
    // A password may have any sign, a virtual host no `@`.
    let (login, rest) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((login, rest)) => (Some(self::login(login)?), rest),
    };
    let (address, vhost) = match rest.split_once('/') {
        None => (rest, None),
        Some((address, vhost)) => (address, Some(vhost).filter(|vhost| !vhost.is_empty())),
    };
    let vhost = vhost.map(self::vhost).transpose()?;
    let (host, port) = host_port::split(address)?;
    Ok(Address { host: host.to_owned(), port, tls, login, vhost, query })
}

fn vhost(text: &str) -> Result<String, String> {
    if text.contains('/') {
        return Err("has a virtual host with a `/`, which has to be written as `%2F`".to_owned());
    }
    check_vhost(&decoded(text, "a virtual host")?)
}

/// Checks a virtual host's name.
pub(crate) fn check_vhost(name: &str) -> Result<String, String> {
    match name.len() {
        0 => Err("has a virtual host without a name".to_owned()),
        length if length > MAX_VHOST_BYTES => {
            Err(format!("has a virtual host of {length} bytes, which has at most {MAX_VHOST_BYTES}"))
        }
        _ => Ok(name.to_owned()),
    }
}

/// `USER:PASSWORD`, or a user whose password is empty.
fn login(text: &str) -> Result<(String, String), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    if user.is_empty() {
        return Err("has an `@` and no user".to_owned());
    }
    Ok((decoded(user, "a login")?, decoded(password, "a login")?))
}

fn decoded(text: &str, what: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err(format!("has {what} that is not UTF-8 text")),
    }
}

fn query(text: &str) -> Result<Query, String> {
    let mut query = Query::default();
    let mut seen = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = PARAMETERS.into_iter().find(|known| *known == name) else {
            // Not the name: it may be a part of a password with a `?`.
            let known = PARAMETERS.join("`, `");
            return Err(format!("has an unknown parameter (known: `{known}`)"));
        };
        if seen.contains(&name) {
            return Err(format!("has `{name}` twice"));
        }
        seen.push(name);
        let value = decoded(value, "a parameter")?;
        let some_text =
            || if value.is_empty() { Err(format!("has `{name}` without a value")) } else { Ok(value.clone()) };
        match name {
            "heartbeat" => query.heartbeat = Some(whole(name, &value, 1)?),
            "channel_max" => query.channel_max = Some(whole(name, &value, 2)?),
            "frame_max" => query.frame_max = Some(whole(name, &value, MIN_FRAME)?),
            "connection_timeout" => {
                query.connection_timeout = Some(Duration::from_millis(whole::<u32>(name, &value, 1)?.into()));
            }
            "auth_mechanism" => {
                query.external = Some(is_external(&value).map_err(|what| format!("has `{name}`, which {what}"))?)
            }
            "cacertfile" => query.ca_cert = Some(some_text()?),
            "certfile" => query.client_cert = Some(some_text()?),
            "keyfile" => query.client_key = Some(some_text()?),
            _ => query.server_name = Some(some_text()?),
        }
    }
    if query.client_cert.is_some() != query.client_key.is_some() {
        return Err("has only one of `certfile` and `keyfile`".to_owned());
    }
    Ok(query)
}

/// The least that AMQP allows, and what a client and a server log in with.
pub(crate) const MIN_FRAME: u32 = 4096;

fn whole<N: FromStr + PartialOrd + fmt::Display>(name: &str, value: &str, least: N) -> Result<N, String> {
    match value.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("has `{name}`, which is not a whole number from {least} up")),
    }
}

/// Reads the name of a way to log in.
pub(crate) fn is_external(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "plain" => Ok(false),
        "external" => Ok(true),
        _ => Err("is neither `plain` nor `external`".to_owned()),
    }
}

impl Address {
    /// Takes over what is not said here.
    fn complete(&mut self, first: &Self) {
        self.tls = self.tls.or(first.tls);
        let Query { heartbeat, channel_max, frame_max, connection_timeout, external, .. } = first.query;
        self.query.heartbeat = self.query.heartbeat.or(heartbeat);
        self.query.channel_max = self.query.channel_max.or(channel_max);
        self.query.frame_max = self.query.frame_max.or(frame_max);
        self.query.connection_timeout = self.query.connection_timeout.or(connection_timeout);
        self.query.external = self.query.external.or(external);
        let take = |own: &mut Option<String>, other: &Option<String>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        take(&mut self.vhost, &first.vhost);
        take(&mut self.query.ca_cert, &first.query.ca_cert);
        take(&mut self.query.client_cert, &first.query.client_cert);
        take(&mut self.query.client_key, &first.query.client_key);
        take(&mut self.query.server_name, &first.query.server_name);
        if self.login.is_none() {
            self.login.clone_from(&first.login);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &str) -> Result<String, String> {
        let one = |address: &Address| {
            let Address { host, port, tls, login, vhost, query } = address;
            let tls = match tls {
                Some(true) => "tls ",
                Some(false) => "plain ",
                None => "",
            };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let login = login.as_ref().map(|(user, password)| format!(" {user}:{password}")).unwrap_or_default();
            let vhost = vhost.as_ref().map(|vhost| format!(" in {vhost}")).unwrap_or_default();
            let heartbeat = query.heartbeat.map(|seconds| format!(" {seconds}s")).unwrap_or_default();
            format!("{tls}{host}{port}{login}{vhost}{heartbeat}")
        };
        Ok(parse(list)?.iter().map(one).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn addresses() {
        for (list, expected) in [
            ("localhost", "localhost"),
            ("guest:guest@localhost:5672/vhost", "localhost:5672 guest:guest in vhost"),
            ("amqp://guest:guest@localhost:5672/", "plain localhost:5672 guest:guest"),
            ("amqps://bob:p%40s%2Fs@[::1]/%2F", "tls ::1 bob:p@s/s in /"),
            ("amqp://bob:p@s/s@a/v", "plain a bob:p@s/s in v"),
            ("amqp://bob@a?heartbeat=5&channel_max=10&frame_max=8192&connection_timeout=250", "plain a bob: 5s"),
            (
                "amqps://u:p@a:1/v?heartbeat=7, b:2 ,x:y@c",
                "tls a:1 u:p in v 7s; tls b:2 u:p in v 7s; tls c x:y in v 7s",
            ),
            ("amqp://a/caf%C3%A9", "plain a in café"),
        ] {
            assert_eq!(shown(list).as_deref(), Ok(expected), "{list}");
        }
    }

    #[test]
    fn wrong_addresses_are_not_shown() {
        for (list, expected) in [
            ("", "is not a server's address: has no host"),
            ("amqp://hunter2@", "is not a server's address: has no host"),
            ("amqp://@a", "is not a server's address: has an `@` and no user"),
            ("amqp://a,", "is not a list of servers: number 2 has no host"),
            ("http://a", "is not a server's address: has another scheme than `amqp://` and `amqps://`"),
            ("rabbit://a", "is not a server's address: has another scheme than `amqp://` and `amqps://`"),
            ("amqp://a:hunter2", "is not a server's address: has no valid port"),
            ("amqp://a:0", "is not a server's address: has no valid port"),
            ("amqp://[::1", "is not a server's address: has a `[` without `]`"),
            ("::1", "is not a server's address: has an IPv6 address without `[` and `]`, or several ports"),
            ("amqp://%ff@a", "is not a server's address: has a login that is not UTF-8 text"),
            (
                "amqp://a/b/c",
                "is not a server's address: has a virtual host with a `/`, which has to be written as `%2F`",
            ),
            ("amqp://a/b,c/d", "is not a list of servers: number 2 has another virtual host"),
            ("a,c/d", "is not a list of servers: number 2 has another virtual host"),
            ("a?heartbeat=0", "is not a server's address: has `heartbeat`, which is not a whole number from 1 up"),
            ("a?frame_max=100", "is not a server's address: has `frame_max`, which is not a whole number from 4096 up"),
            ("a?heartbeat=1&heartbeat=2", "is not a server's address: has `heartbeat` twice"),
            (
                "a?auth_mechanism=x",
                "is not a server's address: has `auth_mechanism`, which is neither `plain` nor `external`",
            ),
            ("a?certfile=x", "is not a server's address: has only one of `certfile` and `keyfile`"),
            (
                "amqp://a?verify=verify_none",
                "is not a server's address: has an unknown parameter (known: `auth_mechanism`, `cacertfile`, `certfile`, \
                 `channel_max`, `connection_timeout`, `frame_max`, `heartbeat`, `keyfile`, `server_name_indication`)",
            ),
        ] {
            assert_eq!(parse(list).map(drop), Err(expected.to_owned()), "{list}");
        }
    }
}
