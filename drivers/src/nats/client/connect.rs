//! Connecting to a server: TCP, its INFO, TLS, and the login, until it has answered.

use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::protocol::{Op, Parsed, parse};
use crate::nats::options::{Access, Answer, Server};
use crate::stream::Stream;

/// A connection that is logged in.
pub(crate) struct Established {
    pub(crate) stream: Stream,
    /// What came in already.
    pub(crate) read: BytesMut,
    pub(crate) info: Info,
}

/// What a server says of itself, as far as it matters.
pub(crate) struct Info {
    pub(crate) max_payload: usize,
    /// It is going to end, and asks its clients to go elsewhere.
    pub(crate) is_leaving: bool,
    /// It understands `+TERM` with a reason (2.10.4).
    #[cfg_attr(not(feature = "jetstream"), expect(dead_code, reason = "only JetStream has reasons"))]
    pub(crate) takes_reasons: bool,
    has_headers: bool,
    tls_required: bool,
    tls_available: bool,
    nonce: Option<String>,
}

/// Connects to `server`. Has no limit of its own on how long that takes.
pub(crate) async fn connect(server: &Server, access: Arc<Access>, name: Option<&str>) -> Result<Established, String> {
    let mut stream = Stream::connect(&server.address.host, server.address.port).await?;
    let mut read = BytesMut::with_capacity(4096);
    let mut info = match next(&mut stream, &mut read).await? {
        Answered::Info(info) => info,
        _ => return Err("it is no NATS server".to_owned()),
    };
    let uses_tls = server.address.tls || access.tls.required || info.tls_required;
    if uses_tls {
        stream = encrypted(stream, &read, server, &access, &info).await?;
    }
    if !info.has_headers {
        return Err("it is too old: it has no headers (nats-server 2.2)".to_owned());
    }
    let answer = access.login(server).answer(info.nonce.as_deref())?;
    let hello = format!("CONNECT {}\r\nPING\r\n", hello(answer, uses_tls, name));
    stream.write_all(hello.as_bytes()).await.map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())?;
    loop {
        match next(&mut stream, &mut read).await? {
            Answered::Info(newer) => info = newer,
            Answered::Pong => return Ok(Established { stream, read, info }),
            Answered::Other => {}
        }
    }
}

async fn encrypted(
    stream: Stream,
    read: &BytesMut,
    server: &Server,
    access: &Arc<Access>,
    info: &Info,
) -> Result<Stream, String> {
    if !info.tls_required && !info.tls_available {
        return Err("it does not offer TLS".to_owned());
    }
    if !read.is_empty() {
        return Err("it sent more before TLS than its INFO".to_owned());
    }
    let access = Arc::clone(access);
    let config = tokio::task::spawn_blocking(move || access.tls.client_config());
    let config = config.await.map_err(|error| error.to_string())??;
    stream.encrypted(config, &server.address.host).await
}

enum Answered {
    Info(Info),
    Pong,
    Other,
}

/// The next thing that the server says.
async fn next(stream: &mut Stream, read: &mut BytesMut) -> Result<Answered, String> {
    loop {
        match parse(read)? {
            Parsed::Op(op, length) => {
                let answered = match op {
                    Op::Info(json) => Answered::Info(Info::read(json)?),
                    Op::Pong => Answered::Pong,
                    Op::Error(text) => return Err(text.to_owned()),
                    Op::Ping | Op::Ok | Op::Message(_) => Answered::Other,
                };
                read.advance(length);
                return Ok(answered);
            }
            Parsed::Incomplete(_) => match stream.read_buf(read).await {
                Ok(0) => return Err("it closed the connection".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            },
        }
    }
}

fn hello(answer: Answer, uses_tls: bool, name: Option<&str>) -> Value {
    let name = name.map_or_else(|| "sluicegate".to_owned(), |name| format!("sluicegate {name}"));
    let mut hello = Map::new();
    let mut set = |key: &str, value: Value| drop(hello.insert(key.to_owned(), value));
    set("verbose", false.into());
    set("pedantic", false.into());
    set("tls_required", uses_tls.into());
    set("lang", "rust".into());
    set("version", env!("CARGO_PKG_VERSION").into());
    set("name", name.into());
    // Understands an INFO at any time.
    set("protocol", 1.into());
    set("headers", true.into());
    // For JetStream: a request that nobody listens to is answered with 503.
    set("no_responders", true.into());
    let Answer { user, pass, auth_token, nkey, jwt, sig } = answer;
    for (key, value) in
        [("user", user), ("pass", pass), ("auth_token", auth_token), ("nkey", nkey), ("jwt", jwt), ("sig", sig)]
    {
        if let Some(value) = value {
            set(key, value.into());
        }
    }
    Value::Object(hello)
}

impl Info {
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        let info: Value = serde_json::from_slice(json).map_err(|error| format!("its INFO is not JSON: {error}"))?;
        let flag = |name: &str| info[name].as_bool().unwrap_or(false);
        let max_payload = info["max_payload"].as_u64().and_then(|bytes| usize::try_from(bytes).ok());
        Ok(Self {
            max_payload: max_payload.ok_or("its INFO has no max_payload")?,
            is_leaving: flag("ldm"),
            takes_reasons: is_at_least(info["version"].as_str().unwrap_or_default(), [2, 10, 4]),
            has_headers: flag("headers"),
            tls_required: flag("tls_required"),
            tls_available: flag("tls_available"),
            nonce: info["nonce"].as_str().map(str::to_owned),
        })
    }
}

/// Whether a version such as `2.11.0-beta` is that one or later.
fn is_at_least(version: &str, wanted: [u64; 3]) -> bool {
    let mut numbers = version.split(['.', '-']).map_while(|number| number.parse::<u64>().ok());
    let version: [u64; 3] = std::array::from_fn(|_| numbers.next().unwrap_or_default());
    version >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (version, expected) in [
            ("2.10.4", true),
            ("2.15.2", true),
            ("3.0", true),
            ("2.11.0-beta.1", true),
            ("2.10.3", false),
            ("2.9.25", false),
            ("", false),
        ] {
            assert_eq!(is_at_least(version, [2, 10, 4]), expected, "{version}");
        }
    }
}
