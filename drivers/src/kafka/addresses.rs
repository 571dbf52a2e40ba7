//! Lists of brokers' addresses.

/// Kafka's own port.
const PORT: u16 = 9092;

/// Reads a list of addresses, `HOST` or `HOST:PORT`, separated by commas, and writes each with its port.
///
/// # Errors
/// What is wrong, without the text: it may hold what was never meant to be here.
pub(super) fn parse(list: &str) -> Result<Vec<String>, String> {
    let mut addresses = Vec::new();
    for (index, text) in list.split(',').enumerate() {
        let address = address(text.trim());
        addresses.push(address.map_err(|what| match list.contains(',') {
            true => format!("is not a list of servers: number {} {what}", index + 1),
            false => format!("is not a server's address: it {what}"),
        })?);
    }
    Ok(addresses)
}

fn address(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.contains("://") {
        return Err("has a scheme: write HOST:PORT (TLS and logins are settings of a named broker)");
    }
    if text.contains('@') {
        return Err("has a login: logins are settings of a named broker");
    }
    let (host, port) = host_and_port(text)?;
    Ok(format!("{host}:{}", port.unwrap_or(PORT)))
}

/// The parts of `HOST` or `HOST:PORT`, an IPv6 address with its brackets.
///
/// # Errors
/// What is wrong with it, without the text.
pub(super) fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("has no valid host")?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or("has no valid port")?),
            };
            host.parse::<std::net::Ipv6Addr>().map_err(|_| "has no valid host")?;
            (format!("[{host}]"), port)
        }
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            if host.is_empty() || !host.bytes().all(valid) {
                return Err("has no valid host");
            }
            (host.to_owned(), port)
        }
    };
    match port.map(str::parse::<u16>).transpose() {
        Ok(port) if port != Some(0) => Ok((host, port)),
        _ => Err("has no valid port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (list, expected) in [
            ("a", "a:9092"),
            ("kafka-1.example.com:19092", "kafka-1.example.com:19092"),
            (" a:1 , b_c ", "a:1 b_c:9092"),
            ("[::1]:9093,[fe80::2]", "[::1]:9093 [fe80::2]:9092"),
        ] {
            assert_eq!(parse(list).map(|addresses| addresses.join(" ")).as_deref(), Ok(expected), "{list}");
        }
        for (list, expected) in [
            ("", "is not a server's address: it is empty"),
            ("a,,b", "is not a list of servers: number 2 is empty"),
            ("a,SSL://b:1", "number 2 has a scheme"),
            ("bob:hunter2@a:1", "has a login"),
            ("a:hunter2", "is not a server's address: it has no valid port"),
            ("a:0", "no valid port"),
            ("a:1/hunter2", "no valid port"),
            ("a b", "no valid host"),
            ("[hunter2]:1", "no valid host"),
            ("[::1]1", "no valid port"),
            ("::1", "no valid host"),
        ] {
            let error = parse(list).expect_err(list);
            assert!(error.contains(expected) && !error.contains("hunter2"), "{list}: {error}");
        }
    }
}
