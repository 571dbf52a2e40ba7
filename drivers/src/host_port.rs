//! `HOST:PORT` within a server's address.

/// The parts of `HOST` or `HOST:PORT`, where an IPv6 address has brackets, which are left out.
///
/// # Errors
/// What is wrong, without the text: it may hold what was never meant to be here.
pub(crate) fn split(address: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("has a `[` without `]`")?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or("has no `:` after `]`")?) })
        }
        None => match address.split_once(':') {
            None => (address, None),
            Some((_, port)) if port.contains(':') => {
                return Err("has an IPv6 address without `[` and `]`, or several ports".to_owned());
            }
            Some((host, port)) => (host, Some(port)),
        },
    };
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    let port = port.map(|port| match port.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err("has no valid port"),
    });
    Ok((host, port.transpose()?))
}
