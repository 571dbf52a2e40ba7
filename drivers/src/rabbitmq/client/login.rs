//! Logging in: all that is said before the first channel.

use amq_protocol::protocol::{AMQPClass, connection};
use amq_protocol::types::{AMQPValue, FieldTable};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::dialer;
use super::wire::{HELLO, Incoming, parse, push_method};
use crate::rabbitmq::addresses::MIN_FRAME;
use crate::rabbitmq::options::{Access, Login, Server};
use crate::stream::Stream;

/// The largest frames that are asked for: RabbitMQ's own.
const FRAME_MAX: u32 = 131_072;

/// A connection that is logged in.
pub(super) struct Established {
    pub(super) stream: Stream,
    /// What came in already.
    pub(super) read: BytesMut,
    pub(super) terms: Terms,
}

/// What the server and the client agreed on.
pub(super) struct Terms {
    pub(super) frame_max: usize,
    /// The highest number of a channel.
    pub(super) channel_max: u16,
    /// In seconds; 0 is none.
    pub(super) heartbeat: u16,
    /// Who is logged in, where that is known.
    pub(super) user: Option<String>,
}

/// The login of a publisher.
#[derive(Clone)]
pub(super) struct Publishing;

impl dialer::Login for Publishing {
    type Connection = Established;

    async fn log_in(&self, stream: Stream, server: &Server, access: &Access) -> Result<Established, String> {
        let mut talk = Talk { stream, read: BytesMut::with_capacity(4096) };
        talk.send(HELLO).await?;
        let connection::AMQPMethod::Start(start) = talk.next().await? else { return Err(unexpected()) };
        let (mechanism, response) = match &server.login {
            Login::Password { user, password } => ("PLAIN", format!("\0{user}\0{password}")),
            Login::External => ("EXTERNAL", String::new()),
        };
        let offered = start.mechanisms.to_string();
        if !offered.split(' ').any(|offered| offered == mechanism) {
            return Err(format!("it does not offer the login {mechanism}, but: {offered}"));
        }
        talk.say(connection::AMQPMethod::StartOk(connection::StartOk {
            client_properties: about(&format!("{} (publishing)", access.connection_name)),
            mechanism: mechanism.into(),
            response: response.into(),
            locale: "en_US".into(),
        }))
        .await?;
        let tune = match talk.next().await? {
            connection::AMQPMethod::Tune(tune) => tune,
            connection::AMQPMethod::Secure(_) => return Err(format!("it wants more than the login {mechanism} has")),
            _ => return Err(unexpected()),
        };
        let frame_max = lower(tune.frame_max, server.frame_max.unwrap_or(FRAME_MAX)).max(MIN_FRAME);
        let channel_max = lower(tune.channel_max.into(), server.channel_max.unwrap_or(u16::MAX).into()) as u16;
        // As low as either wants it; without one, nobody would notice that the other is gone.
        let heartbeat = lower(tune.heartbeat.into(), server.heartbeat.into()) as u16;
        let agreed = connection::TuneOk { channel_max, frame_max, heartbeat };
        talk.say(connection::AMQPMethod::TuneOk(agreed)).await?;
        let open = connection::Open { virtual_host: server.vhost.as_str().into() };
        talk.say(connection::AMQPMethod::Open(open)).await?;
        let connection::AMQPMethod::OpenOk(_) = talk.next().await? else { return Err(unexpected()) };
        let user = match &server.login {
            Login::Password { user, .. } => Some(user.clone()),
            Login::External => None,
        };
        let terms = Terms { frame_max: frame_max as usize, channel_max, heartbeat, user };
        Ok(Established { stream: talk.stream, read: talk.read, terms })
    }
}

/// The lower of two limits, where 0 is none.
fn lower(one: u32, other: u32) -> u32 {
    match (one, other) {
        (0, limit) | (limit, 0) => limit,
        (one, other) => one.min(other),
    }
}

/// What the server shows of a client.
fn about(name: &str) -> FieldTable {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut capabilities = FieldTable::default();
    for capability in ["publisher_confirms", "basic.nack", "connection.blocked", "authentication_failure_close"] {
        capabilities.insert(capability.into(), AMQPValue::Boolean(true));
    }
    let mut about = FieldTable::default();
    about.insert("product".into(), text("Sluicegate"));
    about.insert("version".into(), text(env!("CARGO_PKG_VERSION")));
    about.insert("platform".into(), text("Rust"));
    about.insert("connection_name".into(), text(name));
    about.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    about
}

fn unexpected() -> String {
    "it is no AMQP 0-9-1 server: it sent something else than was its turn".to_owned()
}

/// A server, while there is one thing at a time to say.
struct Talk {
    stream: Stream,
    read: BytesMut,
}

impl Talk {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).await.map_err(|error| error.to_string())?;
        self.stream.flush().await.map_err(|error| error.to_string())
    }

    async fn say(&mut self, method: connection::AMQPMethod) -> Result<(), String> {
        let mut bytes = Vec::new();
        push_method(&mut bytes, 0, AMQPClass::Connection(method))?;
        self.send(&bytes).await
    }

    /// The next thing that the server says.
    async fn next(&mut self) -> Result<connection::AMQPMethod, String> {
        loop {
            match parse(&self.read, FRAME_MAX as usize)? {
                Some((incoming, length)) => {
                    let method = match incoming {
                        Incoming::Method(0, AMQPClass::Connection(connection::AMQPMethod::Close(close))) => {
                            return Err(format!("{} ({})", close.reply_text, close.reply_code));
                        }
                        Incoming::Method(0, AMQPClass::Connection(method)) => Some(method),
                        Incoming::Heartbeat => None,
                        _ => return Err(unexpected()),
                    };
                    self.read.advance(length);
                    if let Some(method) = method {
                        return Ok(method);
                    }
                }
                None => match self.stream.read_buf(&mut self.read).await {
                    Ok(0) => return Err("it closed the connection".to_owned()),
                    Ok(_) => {}
                    Err(error) => return Err(error.to_string()),
                },
            }
        }
    }
}
