//! The connection that messages are received over: lapin's, made and watched by us.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use lapin::protocol::AMQPErrorKind;
use lapin::tcp::AsyncTcpStream;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{Connection, ConnectionProperties, ErrorKind, Event};
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use super::dialer::{self, By, Dialer};
use super::transport::{Kit, Line, Transport};
use crate::rabbitmq::DRIVER;
use crate::rabbitmq::options::{self, Access, Options, Server};
use crate::stream::Stream;
use crate::supervision::{Closing, Supervision};

/// How long closing waits for the server's word.
const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

const TICK: Duration = Duration::from_millis(500);

/// What subscribers see of their connection.
pub(super) struct Consuming {
    pub(super) supervision: Arc<Supervision>,
    /// What the config calls the broker.
    pub(super) broker: Option<&'static str>,
    live: watch::Sender<Option<Arc<Live>>>,
    closed: AtomicBool,
    last: AtomicU64,
}

/// A connection that is there, or was.
pub(super) struct Live {
    /// Has no recovery of its own: what is on it ends with it.
    pub(super) connection: Connection,
    /// Another for each connection, in their order.
    pub(super) generation: u64,
}

/// How the supervision connects.
pub(super) struct Connector {
    dialer: Dialer<Login>,
    consuming: Arc<Consuming>,
}

/// A login through lapin.
#[derive(Clone)]
struct Login;

/// A connection, and what ends it.
pub(super) struct LoggedIn {
    connection: Connection,
    line: Line,
}

impl Consuming {
    pub(super) fn new(supervision: Arc<Supervision>, broker: Option<&'static str>) -> Self {
        let live = watch::Sender::new(None);
        Self { supervision, broker, live, closed: AtomicBool::new(false), last: AtomicU64::new(0) }
    }

    /// The connection, where there is one.
    pub(super) fn live(&self) -> Option<Arc<Live>> {
        self.live.borrow().clone()
    }

    /// Tells of each connection, and with `None` that there is none any more.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Arc<Live>>> {
        self.live.subscribe()
    }

    /// Why there is no connection, or was none the last time.
    pub(super) fn failure(&self) -> String {
        self.supervision.failure()
    }

    /// Whether this is the first call.
    pub(super) fn set_closed(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    fn begin(&self, connection: Connection) -> Arc<Live> {
        let generation = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let live = Arc::new(Live { connection, generation });
        self.live.send_replace(Some(Arc::clone(&live)));
        live
    }
}

impl Connector {
    pub(super) fn new(settings: &crate::Settings, consuming: &Arc<Consuming>) -> Result<Self, crate::OpenError> {
        Ok(Self {
            dialer: Dialer::new(By { options: Options::new(settings), login: Login })?,
            consuming: Arc::clone(consuming),
        })
    }
}

impl crate::supervision::Link for Connector {
    type Connection = LoggedIn;

    fn patience(&self) -> Duration {
        self.dialer.patience()
    }

    async fn connect(&mut self) -> Result<LoggedIn, String> {
        self.dialer.dial().await
    }

    async fn serve(&mut self, mut logged_in: LoggedIn, mut closing: Closing) -> String {
        loop {
            // Goes on where it is, whatever else happens.
            let mut renewed = pin!(self.dialer.renewed(DRIVER.name));
            let LoggedIn { connection, mut line } = logged_in;
            let mut events = connection.events_listener();
            let heartbeat = Duration::from_secs(connection.configuration().heartbeat().into());
            let mut tick = interval(TICK);
            let live = self.consuming.begin(connection);
            let mut reason = None;
            let replacement = loop {
                tokio::select! {
                    biased;
                    () = closing.requested() => {
                        let close = live.connection.close(200, "OK".into());
                        // It is gone either way.
                        let _ = timeout(CLOSING_PATIENCE, close).await;
                        break None;
                    }
                    () = line.ended() => break None,
                    _ = tick.tick() => {
                        // lapin waits for twice as long.
                        if !heartbeat.is_zero() && line.silence() > heartbeat {
                            reason = Some(format!("the server was not heard for {heartbeat:?}"));
                            break None;
                        }
                    }
                    Some(event) = events.next() => note(event, &mut reason),
                    logged_in = &mut renewed => break Some(logged_in),
                }
            };
            match replacement {
                None => {
                    while let Some(Some(event)) = events.next().now_or_never() {
                        note(event, &mut reason);
                    }
                    self.consuming.live.send_replace(None);
                    return reason.unwrap_or_else(|| "the server closed the connection".to_owned());
                }
                Some(replacement) => {
                    self.consuming.supervision.counters().connected();
                    // Deliveries are settled where they came from: lapin closes the connection with the last of them.
                    tokio::spawn(keep(line));
                    logged_in = replacement;
                }
            }
        }
    }
}

/// Why the connection is lost. An error of a channel, which lapin tells in the same way, is none.
fn note(event: Event, reason: &mut Option<String>) {
    if let Event::Error(error) = event {
        let is_of_channel = match error.kind() {
            ErrorKind::ProtocolError(error) => matches!(error.kind(), AMQPErrorKind::Soft(_)),
            ErrorKind::InvalidChannelState(..) => true,
            _ => false,
        };
        if !is_of_channel {
            *reason = Some(error.to_string());
        }
    }
}

/// Lets a connection that is not the present one live on for as long as it is used.
async fn keep(mut line: Line) {
    line.ended().await;
}

impl dialer::Login for Login {
    type Connection = LoggedIn;

    async fn log_in(&self, stream: Stream, server: &Server, access: &Access) -> Result<LoggedIn, String> {
        let (transport, line) = Transport::new(stream);
        let transport = Mutex::new(Some(transport));
        let hand_over = async move |_, _| {
            let transport = transport.lock().unwrap_or_else(PoisonError::into_inner).take();
            // lapin asks once, as it does not reconnect.
            transport.map(AsyncTcpStream::Plain).ok_or_else(|| std::io::Error::other("asked for twice").into())
        };
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("{} (consuming)", access.connection_name).into())
            .with_client_property("product".into(), "Sluicegate".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
        let connecting = Connection::connector(uri(server), Kit::runtime(), hand_over, properties);
        // Where this is dropped, the line goes with it and ends lapin's thread.
        let connection = connecting.await.map_err(|error| error.to_string())?;
        Ok(LoggedIn { connection, line })
    }
}

fn uri(server: &Server) -> AMQPUri {
    let (user, password, mechanism) = match &server.login {
        options::Login::Password { user, password } => (user.clone(), password.clone(), SASLMechanism::Plain),
        options::Login::External => (String::new(), String::new(), SASLMechanism::External),
    };
    AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username: user, password },
            host: server.host.clone(),
            port: server.port,
        },
        vhost: server.vhost.clone(),
        query: AMQPQueryString {
            frame_max: server.frame_max,
            channel_max: server.channel_max,
            heartbeat: Some(server.heartbeat),
            connection_timeout: None,
            auth_mechanism: Some(mechanism),
        },
    }
}

impl fmt::Debug for Consuming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consuming").field("state", &self.supervision.state()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("generation", &self.generation).finish_non_exhaustive()
    }
}
