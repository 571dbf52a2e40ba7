//! All that is said before the first link.

use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::engine::{Engine, INCOMING_WINDOW, OUTGOING_WINDOW};
use super::frame::{self, AMQP_HEADER, Frame, SASL_HEADER, parse};
use super::{Session, Value};

/// The largest frames that are taken: what Service Bus uses.
pub(super) const MAX_FRAME: usize = 65_536;

/// What both agreed on.
pub(super) struct Terms {
    pub(super) max_frame: usize,
    /// How long the peer waits at most without hearing anything.
    pub(super) idle: Option<Duration>,
    pub(super) handle_max: u32,
    /// How long the peer may be silent.
    pub(super) silence: Duration,
    pub(super) remote_window: u32,
    pub(super) next_incoming_id: u32,
}

/// A connection, which ends when this is dropped.
pub(crate) struct Connection {
    pub(crate) session: Session,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens an AMQP connection on a stream, with one session. Has no limit of its own on how long that takes. A peer that is
/// silent for a `heartbeat` is gone.
///
/// # Errors
/// The peer does not speak AMQP, or does not want to.
pub(crate) async fn connect<S>(
    stream: S,
    hostname: &str,
    container: &str,
    heartbeat: Duration,
) -> Result<Connection, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut talk = Talk { stream, read: BytesMut::with_capacity(4096) };
    talk.send(SASL_HEADER).await?;
    talk.header(SASL_HEADER).await?;
    let Frame::Mechanisms(mechanisms) = talk.next().await? else { return Err(unexpected()) };
    if !offers(&mechanisms, "ANONYMOUS") {
        return Err("it does not offer the login ANONYMOUS, which comes before tokens".to_owned());
    }
    let mut out = Vec::new();
    frame::sasl_anonymous(&mut out, hostname);
    talk.send(&out).await?;
    match talk.next().await? {
        Frame::Outcome(0) => {}
        Frame::Outcome(code) => return Err(format!("it refuses the login ANONYMOUS (SASL code {code})")),
        _ => return Err(unexpected()),
    }
    // What follows does not need an answer before the next is said.
    out.clear();
    out.extend_from_slice(AMQP_HEADER);
    // Heard twice as often, it may be late.
    frame::open(&mut out, container, hostname, MAX_FRAME, (heartbeat.as_millis() / 2) as u32);
    frame::begin(&mut out, INCOMING_WINDOW, OUTGOING_WINDOW);
    talk.send(&out).await?;
    talk.header(AMQP_HEADER).await?;
    let Frame::Open { max_frame, idle } = talk.next().await? else { return Err(unexpected()) };
    let Frame::Begin { incoming_window, next_outgoing_id, handle_max } = talk.next().await? else {
        return Err(unexpected());
    };
    let terms = Terms {
        max_frame,
        idle: idle.map(|idle| Duration::from_millis(idle.into())),
        handle_max,
        silence: heartbeat,
        remote_window: incoming_window,
        next_incoming_id: next_outgoing_id,
    };
    let (commands, receiver) = mpsc::unbounded_channel();
    let (over, is_over) = watch::channel(None);
    let engine = Engine::new(talk.stream, talk.read, terms, receiver, over);
    let task = tokio::spawn(engine.run()).abort_handle();
    Ok(Connection { session: Session::new(container.into(), commands, is_over), task })
}

fn offers(mechanisms: &Value, mechanism: &str) -> bool {
    match mechanisms {
        Value::Array(several) => several.iter().any(|one| one.as_text() == Some(mechanism)),
        one => one.as_text() == Some(mechanism),
    }
}

fn unexpected() -> String {
    "it is no AMQP 1.0 server: it sent something else than was its turn".to_owned()
}

/// A peer, while there is one thing at a time to say.
struct Talk<S> {
    stream: S,
    read: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).await.map_err(|error| error.to_string())?;
        self.stream.flush().await.map_err(|error| error.to_string())
    }

    async fn more(&mut self) -> Result<(), String> {
        match self.stream.read_buf(&mut self.read).await {
            Ok(0) => Err("it closed the connection".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn header(&mut self, expected: &[u8; 8]) -> Result<(), String> {
        while self.read.len() < expected.len() {
            self.more().await?;
        }
        if self.read[..8] != expected[..] {
            return Err(match &self.read[..4] {
                b"AMQP" => "it speaks another AMQP than 1.0, or wants another login".to_owned(),
                _ => unexpected(),
            });
        }
        self.read.advance(8);
        Ok(())
    }

    async fn next(&mut self) -> Result<Frame, String> {
        loop {
            match parse(&mut self.read, MAX_FRAME)? {
                Some(Frame::Empty) => {}
                Some(Frame::Close(Some(failure)) | Frame::End(Some(failure))) => return Err(failure.to_string()),
                Some(frame) => return Ok(frame),
                None => self.more().await?,
            }
        }
    }
}
