//! Tokens that an endpoint gives (OAuth 2.0's client credentials, RFC 6749 section 4.4): fetched in the background before they
//! are needed, so that librdkafka is given one at once.

mod request;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::client::OAuthToken;
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::health::Health;
use crate::BrokerState;
use crate::backoff::Backoff;
use crate::kafka::DRIVER;
use crate::kafka::options::{Options, Stamps};
use crate::outage::Repeats;

/// How long whoever makes a client waits for the first token at a time.
const FIRST_TOKEN: Duration = Duration::from_secs(5);

/// The part of its life after which a token is renewed. librdkafka asks for another one after 0.8, when that is there.
const RENEW_AFTER: f64 = 0.75;

/// The waits between tries.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often it is looked for another time, or for files that have changed.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The token of now, or why there is none.
#[derive(Default)]
pub(in crate::kafka) struct Tokens {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// What the last try failed with.
    failure: Option<String>,
    is_closed: bool,
}

/// A token and whom it is of.
struct Token {
    text: String,
    principal: String,
    /// When its time is over, since 1970.
    end: Duration,
}

/// The task that fetches. It ends when this is dropped.
pub(super) struct Fetching {
    tokens: Arc<Tokens>,
    task: AbortHandle,
}

impl Tokens {
    /// The token of now. Does not block.
    ///
    /// # Errors
    /// There is none.
    pub(in crate::kafka) fn token(&self) -> Result<OAuthToken, String> {
        let state = self.state();
        match &state.token {
            Some(token) if token.end > now() => Ok(OAuthToken {
                token: token.text.clone(),
                principal_name: token.principal.clone(),
                lifetime_ms: i64::try_from(token.end.as_millis()).unwrap_or(i64::MAX),
            }),
            _ => Err(state.failure()),
        }
    }

    /// Waits until there is a token, or it is known why there is none. Blocks for a few seconds at most.
    ///
    /// # Errors
    /// There is none.
    pub(in crate::kafka) fn wait(&self) -> Result<(), String> {
        let is_open = |state: &mut State| !state.has_token() && state.failure.is_none() && !state.is_closed;
        let waited = self.changed.wait_timeout_while(self.state(), FIRST_TOKEN, is_open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.has_token() { Ok(()) } else { Err(state.failure()) }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_token(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.end > now())
    }

    fn failure(&self) -> String {
        let reason = self.failure.as_deref().unwrap_or("it has not answered yet");
        format!("gives no token: {reason}")
    }
}

/// A token is not shown.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("failure", &self.state().failure).finish_non_exhaustive()
    }
}

impl Fetching {
    /// Begins to fetch, where there is an endpoint. Must be called on a tokio runtime.
    pub(super) fn start(options: &Options, health: &Arc<Health>) -> Option<Self> {
        let tokens = Arc::clone(options.tokens()?);
        let task = tokio::spawn(run(Arc::clone(&tokens), options.clone(), Arc::clone(health))).abort_handle();
        Some(Self { tokens, task })
    }

    /// Nothing is fetched any more, and nobody waits for it.
    pub(super) fn end(&self) {
        self.task.abort();
        self.tokens.change(|state| state.is_closed = true);
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.end();
    }
}

async fn run(tokens: Arc<Tokens>, options: Options, health: Arc<Health>) {
    let broker = options.name();
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let (mut lines, mut has_told) = (Repeats::default(), false);
    loop {
        let files = stamps(&options).await;
        match fetch(&options).await {
            Ok(token) => {
                if std::mem::take(&mut has_told) {
                    tracing::info!(driver = DRIVER.name, broker, "the token is renewed again");
                }
                backoff.reset();
                let now = now();
                let renew_at = now + token.end.saturating_sub(now).mul_f64(RENEW_AFTER);
                tokens.change(|state| (state.token, state.failure) = (Some(token), None));
                // No more often than that, whatever the endpoint says.
                sleep(FIRST_WAIT).await;
                // By the clock that tokens end by, which may be set meanwhile.
                while let Some(left) = renew_at.checked_sub(self::now()).filter(|left| !left.is_zero()) {
                    sleep(left.min(LOOK_EVERY)).await;
                }
            }
            Err(reason) => {
                // Whoever cannot connect for it tells of it.
                if health.state() == BrokerState::Connected && lines.is_due(&reason) {
                    has_told = true;
                    tracing::warn!(driver = DRIVER.name, broker, reason, "the token is not renewed, will try again");
                }
                tokens.change(|state| state.failure = Some(reason));
                rest(&options, files, backoff.next_wait()).await;
            }
        }
    }
}

/// Waits, until files of the settings change at the longest.
async fn rest(options: &Options, files: Option<Stamps>, wait: Duration) {
    let end = Instant::now() + wait;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        sleep(left.min(LOOK_EVERY)).await;
        match (&files, stamps(options).await) {
            (Some(old), Some(new)) if old.need_another(&new, false) => return,
            _ => {}
        }
    }
}

async fn stamps(options: &Options) -> Option<Stamps> {
    let options = options.clone();
    spawn_blocking(move || options.stamps()).await.ok()
}

/// A token, with the settings as they are now.
async fn fetch(options: &Options) -> Result<Token, String> {
    let options = options.clone();
    let asking = spawn_blocking(move || options.asking()).await.map_err(|error| error.to_string())?;
    request::send(&asking.map_err(|error| error.to_string())?).await
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
