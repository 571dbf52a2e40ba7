//! Lists of servers' addresses.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::host_port;

const DEFAULT_PORT: u16 = 4222;

/// One server's address. Shown without its login.
#[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "a build only wants to know that there is one"))]
pub(crate) struct Address {
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether its scheme asks for TLS.
    pub(crate) tls: bool,
    pub(crate) login: Option<AddressLogin>,
}

/// The login in an address. Not shown.
#[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "a build only wants to know that there is one"))]
pub(crate) enum AddressLogin {
    Password { user: String, password: String },
    Token(String),
}

/// Reads `nats://user:password@host:port`, where all but the host may be missing, several of them separated by
/// commas.
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
    list.split(',').enumerate().map(one).collect()
}

fn address(text: &str) -> Result<Address, String> {
    let (tls, rest) = match text.split_once("://") {
        None => (false, text),
        Some(("nats", rest)) => (false, rest),
        Some(("tls", rest)) => (true, rest),
        Some(_) => return Err("has another scheme than `nats://` and `tls://`".to_owned()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (login, address) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((login, address)) => (Some(self::login(login)?), address),
    };
    if address.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#\\".contains(c)) {
        return Err("has something else than a host and a port".to_owned());
    }
    let (host, port) = host_port::split(address)?;
    Ok(Address { host: host.to_owned(), port: port.unwrap_or(DEFAULT_PORT), tls, login })
}

/// `USER:PASSWORD`, or a token.
fn login(text: &str) -> Result<AddressLogin, String> {
    let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("has a login that is not UTF-8".to_owned()),
    };
    match text.split_once(':') {
        _ if text.is_empty() => Err("has an `@` and no login".to_owned()),
        None => Ok(AddressLogin::Token(decoded(text)?)),
        Some((user, password)) => Ok(AddressLogin::Password { user: decoded(user)?, password: decoded(password)? }),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
