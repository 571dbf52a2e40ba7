//! How the supervision connects, and keeps what is on the connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::amqp;
use super::live::{Live, NoToken};
use super::tokens::Tokens;
use super::websockets;
use super::{Shared, lock};
use crate::OpenError;
use crate::azure_service_bus::DRIVER;
use crate::azure_service_bus::options::{Access, Identity, Login, Options, Server};
use crate::dialer::{Dial, Dialer};
use crate::settings::reader::Stamp;
use crate::stream::Stream;
use crate::supervision::{Closing, Link, Repeats};

/// How long what is held may still be settled over a connection that another one has taken the place of.
const RETIRED_FOR: Duration = Duration::from_secs(60);

/// How the supervision connects.
pub(super) struct Connector {
    dialer: Dialer<By>,
    shared: Arc<Shared>,
}

/// The settings, and what has been made of them.
#[derive(Clone)]
struct By {
    options: Options,
    shared: Arc<Shared>,
    /// An identity keeps the tokens it has got, also while there is no connection.
    known: Arc<Mutex<Option<Known>>>,
}

/// An identity, and where its tokens come from.
type Known = (Identity, Arc<Tokens>);

impl Connector {
    pub(super) fn new(options: Options, shared: &Arc<Shared>) -> Result<Self, OpenError> {
        let by = By { options, shared: Arc::clone(shared), known: Arc::default() };
        Ok(Self { dialer: Dialer::new(by)?, shared: Arc::clone(shared) })
    }
}

impl Dial for By {
    type Access = Access;
    type Server = Server;
    type Connection = Arc<Live>;

    fn broker(&self) -> Option<&'static str> {
        self.options.name()
    }

    fn load(&self) -> Result<Access, OpenError> {
        self.options.load()
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.options.stamps()
    }

    fn servers(access: &Access) -> &[Server] {
        &access.servers
    }

    fn timeout(_server: &Server) -> Duration {
        Access::timeout()
    }

    async fn connect(&self, server: &Server, access: &Arc<Access>) -> Result<Arc<Live>, String> {
        let for_tls = Arc::clone(access);
        let config = tokio::task::spawn_blocking(move || for_tls.tls.client_config());
        let config = config.await.map_err(|error| error.to_string())??;
        let tokens = self.tokens(&access.login, &config)?;
        let mut stream = Stream::connect(&server.host, server.port).await?;
        if server.encrypted {
            stream = stream.encrypted(config, &server.host).await?;
        }
        let container = container();
        let connection = if server.websockets {
            let stream = websockets::connect(stream, server).await?;
            amqp::connect(stream, &server.host, &container, server.heartbeat).await?
        } else {
            amqp::connect(stream, &server.host, &container, server.heartbeat).await?
        };
        let live = Arc::new(Live::new(connection, &server.host, tokens, self.shared.session_places()));
        self.check(&live).await?;
        Ok(live)
    }
}

impl By {
    fn tokens(&self, login: &Login, config: &rustls::ClientConfig) -> Result<Arc<Tokens>, String> {
        let Login::Identity(identity) = login else { return Tokens::new(login, config.clone()).map(Arc::new) };
        let mut known = lock(&self.known);
        if let Some((_, tokens)) = known.as_ref().filter(|(known, _)| known == identity) {
            return Ok(Arc::clone(tokens));
        }
        let tokens = Arc::new(Tokens::new(login, config.clone())?);
        *known = Some((identity.clone(), Arc::clone(&tokens)));
        Ok(tokens)
    }

    /// Whether the service takes the credentials for one topic or subscription at least. A key may be for one alone.
    async fn check(&self, live: &Live) -> Result<(), String> {
        let mut refused = Ok(());
        for entity in self.shared.entities() {
            match live.authorize(&entity).await {
                Ok(()) => return Ok(()),
                // That is to say to who uses it.
                Err(NoToken::Denied(failure)) if failure.is("amqp:not-found") => return Ok(()),
                Err(NoToken::Denied(failure)) => refused = Err(failure.to_string()),
                Err(error) => return Err(error.to_string()),
            }
        }
        refused
    }
}

/// A name for the connection, which no other has.
fn container() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("sluicegate-{:016x}", RandomState::new().hash_one(0))
}

impl Link for Connector {
    type Connection = Arc<Live>;

    fn patience(&self) -> Duration {
        self.dialer.patience()
    }

    async fn connect(&mut self) -> Result<Arc<Live>, String> {
        self.dialer.dial().await
    }

    fn ready(&mut self, live: &Arc<Live>) {
        self.shared.set_live(Some(Arc::clone(live)));
    }

    async fn serve(&mut self, mut live: Arc<Live>, mut closing: Closing) -> String {
        let shared = Arc::clone(&self.shared);
        let mut complaints = Repeats::default();
        loop {
            shared.set_live(Some(Arc::clone(&live)));
            let complain = |reason: &str| {
                if complaints.is_due(reason) {
                    let (driver, broker) = (DRIVER.name, shared.broker());
                    tracing::warn!(driver, broker, reason, "a token cannot be renewed, will try again");
                }
            };
            let next = tokio::select! {
                biased;
                () = closing.requested() => {
                    shared.set_live(None);
                    live.session().close().await;
                    return "it is closed".to_owned();
                }
                reason = live.session().ended() => {
                    shared.set_live(None);
                    return reason.into();
                }
                next = self.dialer.renewed(DRIVER.name) => next,
                () = live.renew(complain) => continue,
                () = prepare(&shared, &live) => continue,
            };
            shared.supervision().counters().connected();
            let before = std::mem::replace(&mut live, next);
            // Its links end by themselves, and with the last of them that holds it the connection.
            // Whoever leaves it finds the new one.
            shared.set_live(Some(Arc::clone(&live)));
            before.retire();
            tokio::spawn(async move {
                sleep(RETIRED_FOR).await;
                before.session().close().await;
            });
        }
    }
}

/// Makes the links to what is published to, so that what is wrong with them is known early. Never ends.
async fn prepare(shared: &Shared, live: &Arc<Live>) {
    for lane in shared.lanes() {
        if let Err(reason) = lane.prepare(live).await {
            let (driver, broker, topic) = (DRIVER.name, shared.broker(), &*lane.entity);
            tracing::error!(driver, broker, topic, reason, "nothing can be published to it");
        }
    }
    std::future::pending().await
}
