//! A connection as it is shared: with the tokens that were put on it, which are renewed for as long as it lasts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::amqp::{Connection, Error, Failure, Session, Value};
use super::tokens::Tokens;

/// A token is renewed when this part of its life is over,
const RENEW_AFTER: f64 = 0.75;

/// or when as much of it is left, where that is earlier.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// When a token is tried again that could not be renewed.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// How long the service may take to answer to a token.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that is authorized.
pub(super) struct Live {
    connection: Connection,
    hostname: Box<str>,
    tokens: Arc<Tokens>,
    put: tokio::sync::Mutex<HashMap<Box<str>, Put>>,
    /// Another token was put.
    changed: Notify,
    retired: watch::Sender<bool>,
    /// Each session that is held or waited for has a link of its own, of which a connection has only so many.
    places: Arc<Semaphore>,
}

/// A token that the service has.
#[derive(Clone, Copy)]
struct Put {
    end: Instant,
    renew: Instant,
}

/// Why there is no token at the service.
#[derive(Clone, Debug)]
pub(super) enum NoToken {
    /// None could be had.
    None(String),
    /// The service does not take it.
    Denied(Failure),
    Lost(Error),
}

impl Live {
    pub(super) fn new(connection: Connection, hostname: &str, tokens: Arc<Tokens>, places: usize) -> Self {
        Self {
            connection,
            hostname: hostname.into(),
            tokens,
            put: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            retired: watch::Sender::new(false),
            places: Arc::new(Semaphore::new(places)),
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.connection.session
    }

    /// Places for sessions.
    pub(super) fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }

    /// Has the service let this connection use an entity: `TOPIC`, or `TOPIC/Subscriptions/SUBSCRIPTION`.
    pub(super) async fn authorize(&self, entity: &str) -> Result<(), NoToken> {
        let mut put = self.put.lock().await;
        if put.get(entity).is_some_and(|token| token.end > Instant::now()) {
            return Ok(());
        }
        let token = self.put_token(entity).await?;
        put.insert(entity.into(), token);
        drop(put);
        self.changed.notify_one();
        Ok(())
    }

    /// The service does not believe the token any more.
    pub(super) async fn forget(&self, entity: &str) {
        self.put.lock().await.remove(entity);
    }

    async fn put_token(&self, entity: &str) -> Result<Put, NoToken> {
        let audience = format!("amqps://{}/{entity}", self.hostname);
        let token = self.tokens.token(&audience).await.map_err(NoToken::None)?;
        let text = |name: &'static str, value: &str| (Value::string(name), Value::string(value));
        let properties = vec![text("operation", "put-token"), text("type", token.kind), text("name", &audience)];
        let request = self.session().request("$cbs", properties, Value::string(&*token.text));
        let Ok(answer) = timeout(PATIENCE, request).await else {
            return Err(NoToken::None(format!(
                "the service says nothing to the token for {entity} within {PATIENCE:?}"
            )));
        };
        match answer {
            Ok(answer) if answer.is_success() => {}
            Ok(answer) => {
                let status = answer.status;
                let description = &answer.failure.description;
                let condition = if status == 404 { "amqp:not-found" } else { "amqp:unauthorized-access" };
                let description = format!("the service does not take the token for {entity}: {description} ({status})");
                return Err(NoToken::Denied(Failure::new(condition, &description)));
            }
            Err(Error::Refused(failure)) => return Err(NoToken::Denied(failure)),
            Err(lost) => return Err(NoToken::Lost(lost)),
        }
        let (now, life) = (Instant::now(), token.life);
        let early = life.mul_f64(RENEW_AFTER).min(life.saturating_sub(RENEW_BEFORE).max(life / 2));
        Ok(Put { end: now + life, renew: now + early })
    }

    /// Renews tokens before they end, for ever. `complain` is told when one cannot be renewed.
    pub(super) async fn renew(&self, mut complain: impl FnMut(&str)) {
        loop {
            let next = self.put.lock().await.values().map(|token| token.renew).min();
            match next {
                None => self.changed.notified().await,
                Some(at) => tokio::select! {
                    () = sleep_until(at) => self.renew_due(&mut complain).await,
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    async fn renew_due(&self, complain: &mut impl FnMut(&str)) {
        let now = Instant::now();
        let due: Vec<_> = {
            let put = self.put.lock().await;
            put.iter().filter(|(_, token)| token.renew <= now).map(|(entity, _)| entity.clone()).collect()
        };
        for entity in due {
            let renewed = self.put_token(&entity).await;
            let mut put = self.put.lock().await;
            match renewed {
                Ok(token) => drop(put.insert(entity, token)),
                Err(error) => {
                    complain(&error.to_string());
                    if let Some(token) = put.get_mut(&entity) {
                        token.renew = Instant::now() + TRY_AGAIN;
                    }
                }
            }
        }
    }

    /// Another connection has taken its place: what is held is still settled over this one, and nothing new is begun.
    pub(super) fn retire(&self) {
        self.retired.send_replace(true);
    }

    /// Waits until another connection has taken its place.
    pub(super) async fn retired(&self) {
        let _ = self.retired.subscribe().wait_for(|retired| *retired).await;
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None(reason) => write!(f, "there is no token: {reason}"),
            Self::Denied(failure) => failure.fmt(f),
            Self::Lost(error) => error.fmt(f),
        }
    }
}
