//! Where the service is: Google's own addresses and others.

use crate::host_port;

/// The domain of Google's services, but for clouds of their own.
pub(super) const UNIVERSE: &str = "googleapis.com";

const SERVICE: &str = "pubsub";
const TLS_PORT: u16 = 443;
const EMULATOR_PORT: u16 = 8085;

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// What the service is called over there: the gate of a private network wants the name of the service behind it.
    pub(super) authority: String,
}

/// The service itself, in a universe of that domain.
#[cfg_attr(not(feature = "gcp_pubsub"), allow(dead_code, reason = "for the client"))]
pub(super) fn of_universe(domain: &str) -> Endpoint {
    let host = format!("{SERVICE}.{domain}");
    Endpoint { authority: host.clone(), host, port: TLS_PORT, tls: true }
}

/// Reads `HOST`, `HOST:PORT` or `https://HOST:PORT`.
///
/// # Errors
/// What is wrong, without the text.
pub(super) fn parse(text: &str) -> Result<Endpoint, String> {
    if text.starts_with("http://") {
        return Err("is without TLS: only an emulator (`emulator`) is spoken to so".to_owned());
    }
    let text = text.strip_prefix("https://").unwrap_or(text);
    let (host, port) = split(text)?;
    let port = port.unwrap_or(TLS_PORT);
    let authority = match host.strip_suffix(UNIVERSE).and_then(|rest| rest.strip_suffix('.')) {
        Some(name) if !is_own_name(name) => format!("{SERVICE}.{UNIVERSE}"),
        _ => authority(&host, port, TLS_PORT),
    };
    Ok(Endpoint { host, port, tls: true, authority })
}

/// Reads an emulator's `HOST:PORT`.
///
/// # Errors
/// What is wrong, without the text.
pub(super) fn parse_emulator(text: &str) -> Result<Endpoint, String> {
    let (host, port) = split(text.strip_prefix("http://").unwrap_or(text))?;
    let port = port.unwrap_or(EMULATOR_PORT);
    Ok(Endpoint { authority: authority(&host, port, 80), host, port, tls: false })
}

fn split(text: &str) -> Result<(String, Option<u16>), String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) = host_port::split(text)?;
    match host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '?' | '#' | '%')) {
        true => Err("is neither HOST nor HOST:PORT".to_owned()),
        false => Ok((host.to_owned(), port)),
    }
}

fn authority(host: &str, port: u16, default: u16) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    if port == default { host } else { format!("{host}:{port}") }
}

/// Whether a name before Google's domain is one that the service itself answers to: `pubsub`, that of a region,
/// `pubsub.REGION.rep` or `REGION-pubsub`. Others are gates: `private`, `restricted`, `pubsub-NAME.p`.
fn is_own_name(name: &str) -> bool {
    let regional = name.strip_suffix(SERVICE).and_then(|rest| rest.strip_suffix('-'));
    match name.split('.').collect::<Vec<_>>()[..] {
        [SERVICE] => true,
        [_] => regional.is_some_and(|region| !region.is_empty()),
        [SERVICE, _, "rep"] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, host, port, authority) in [
            ("europe-west1-pubsub.googleapis.com", "europe-west1-pubsub.googleapis.com", 443, None),
            ("https://pubsub.europe-west1.rep.googleapis.com/", "pubsub.europe-west1.rep.googleapis.com", 443, None),
            ("pubsub.googleapis.com:443", "pubsub.googleapis.com", 443, None),
            ("restricted.googleapis.com", "restricted.googleapis.com", 443, Some("pubsub.googleapis.com")),
            ("pubsub-mine.p.googleapis.com", "pubsub-mine.p.googleapis.com", 443, Some("pubsub.googleapis.com")),
            ("proxy.example.com:8443", "proxy.example.com", 8443, Some("proxy.example.com:8443")),
            ("[::1]:8443", "::1", 8443, Some("[::1]:8443")),
        ] {
            let found = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let authority = authority.unwrap_or(host).to_owned();
            assert_eq!(found, Endpoint { host: host.to_owned(), port, tls: true, authority }, "{text}");
        }
        for (text, host, port, authority) in [
            ("localhost:8085", "localhost", 8085, "localhost:8085"),
            ("http://localhost", "localhost", 8085, "localhost:8085"),
            ("[::1]:9000", "::1", 9000, "[::1]:9000"),
        ] {
            let found = parse_emulator(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let authority = authority.to_owned();
            assert_eq!(found, Endpoint { host: host.to_owned(), port, tls: false, authority }, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("", "has no host"),
            ("a:b", "has no valid port"),
            ("http://pubsub.googleapis.com", "is without TLS: only an emulator (`emulator`) is spoken to so"),
            ("https://user:secret@host", "has no valid port"),
            ("https://host/path", "is neither HOST nor HOST:PORT"),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
    }
}
