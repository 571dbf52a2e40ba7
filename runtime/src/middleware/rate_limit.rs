use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use tokio::time::MissedTickBehavior;

use crate::incoming::Incoming;
use crate::middleware::{Middleware, Options, Rejection};
use crate::opener::OpenFailure;

/// `qos/ratelimit/router`: a limit for all clients together (503) and one for each (429), the second checked first.
///
/// Buckets refill steadily and never hold more than their capacity; KrakenD's lets up to twice that through after a pause
/// (trap 65).
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    all: Option<Rate>,
    each: Option<(Rate, RateLimitBy)>,
    every: Duration,
    cleanup_period: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    max: f64,
    capacity: u32,
}

/// What tells one client from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitBy {
    /// The client's address.
    Ip,
    /// The first address in this header, the client's address where it has none; the name is in lower case.
    IpHeader(&'static str),
    /// The value of this header; the name is in lower case. Requests without it are rejected.
    Header(&'static str),
    /// The value of the path parameter at this position.
    Param(usize),
}

/// The buckets.
pub(crate) struct Limits {
    all: Option<DefaultDirectRateLimiter>,
    each: Option<(Clients, Key)>,
}

/// The buckets of the clients, found by a hash of what tells a client from another: the key itself comes from the client
/// and may be long.
///
/// Whoever invents new keys all the time makes new buckets. When there are [`MANY`], clients share that many more until the old ones have been cleaned up: about 100 MB are the most that a limiter takes.
struct Clients {
    buckets: Arc<DefaultKeyedRateLimiter<u64>>,
    hasher: RandomState,
    requests: AtomicUsize,
    crowded: AtomicBool,
    many: usize,
}

/// The number of buckets above which they are shared.
const MANY: usize = 1 << 20;
/// How often, in requests, they are counted.
const COUNTED: usize = 4096;

enum Key {
    Ip,
    IpHeader(HeaderName),
    Header(HeaderName),
    Param(usize),
}

impl RateLimit {
    /// No limit yet, counted per `every`.
    #[must_use]
    pub const fn per(every: Duration) -> Self {
        Self { all: None, each: None, every, cleanup_period: Duration::from_secs(60) }
    }

    /// At most `max` requests of all clients in each period, `capacity` of them at once.
    #[must_use]
    pub const fn max_rate(mut self, max: f64, capacity: u32) -> Self {
        self.all = Some(Rate { max, capacity });
        self
    }

    /// At most `max` requests of each client in each period, `capacity` of them at once.
    #[must_use]
    pub const fn client_max_rate(mut self, max: f64, capacity: u32, by: RateLimitBy) -> Self {
        self.each = Some((Rate { max, capacity }, by));
        self
    }

    /// How often buckets of clients that have gone are dropped.
    #[must_use]
    pub const fn cleanup_period(mut self, period: Duration) -> Self {
        self.cleanup_period = period;
        self
    }
}

impl Options for RateLimit {
    type State = Limits;

    fn open(&'static self) -> Result<Limits, OpenFailure> {
        let all = self.all.map(|rate| rate.quota(self.every)).transpose()?.map(RateLimiter::direct);
        let each = match &self.each {
            None => None,
            Some((rate, by)) => {
                let clients = Clients::new(rate.quota(self.every)?);
                clean_up(&clients.buckets, self.cleanup_period)?;
                Some((clients, Key::new(*by)?))
            }
        };
        Ok(Limits { all, each })
    }
}

impl Rate {
    fn quota(self, every: Duration) -> Result<Quota, OpenFailure> {
        let invalid = || OpenFailure::new(format!("qos/ratelimit/router: {} per {every:?} is not a rate", self.max));
        let interval = Duration::try_from_secs_f64(every.as_secs_f64() / self.max).map_err(|_| invalid())?;
        let capacity = NonZeroU32::new(self.capacity).ok_or_else(invalid)?;
        Ok(Quota::with_period(interval).ok_or_else(invalid)?.allow_burst(capacity))
    }
}

/// Drops idle buckets every `period`, until the gateway has gone.
fn clean_up(buckets: &Arc<DefaultKeyedRateLimiter<u64>>, period: Duration) -> Result<(), OpenFailure> {
    let runtime = tokio::runtime::Handle::try_current().map_err(|error| OpenFailure::new(error.to_string()))?;
    let buckets = Arc::downgrade(buckets);
    runtime.spawn(async move {
        let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(buckets) = buckets.upgrade() else { return };
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    });
    Ok(())
}

impl Key {
    fn new(by: RateLimitBy) -> Result<Self, OpenFailure> {
        let header = |name: &str| {
            HeaderName::from_bytes(name.as_bytes()).map_err(|error| OpenFailure::new(format!("{name:?}: {error}")))
        };
        Ok(match by {
            RateLimitBy::Ip => Self::Ip,
            RateLimitBy::IpHeader(name) => Self::IpHeader(header(name)?),
            RateLimitBy::Header(name) => Self::Header(header(name)?),
            RateLimitBy::Param(position) => Self::Param(position),
        })
    }

    /// Empty where the request has nothing to tell it by.
    fn of<'a>(&self, incoming: &'a Incoming) -> Cow<'a, [u8]> {
        // Under a server that does not tell the address, all clients are one.
        let address = || Cow::Borrowed(incoming.client_ip().unwrap_or("unknown").as_bytes());
        match self {
            Self::Ip => address(),
            Self::IpHeader(name) => first_address(incoming, name).unwrap_or_else(address),
            Self::Header(name) => {
                Cow::Borrowed(incoming.parts.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default())
            }
            Self::Param(position) => Cow::Borrowed(incoming.params.get(*position).as_bytes()),
        }
    }
}

/// The first of the addresses in a header, where it is one, with or without a port.
fn first_address<'a>(incoming: &'a Incoming, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let list = incoming.parts.headers.get(name)?.to_str().ok()?;
    let first = list.split(',').next()?.trim();
    let address = first.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| first.parse::<IpAddr>()).ok()?;
    Some(Cow::Owned(address.to_string().into_bytes()))
}

impl Clients {
    fn new(quota: Quota) -> Self {
        Self {
            buckets: Arc::new(RateLimiter::keyed(quota)),
            hasher: RandomState::new(),
            requests: AtomicUsize::new(0),
            crowded: AtomicBool::new(false),
            many: MANY,
        }
    }

    fn allow(&self, key: &[u8]) -> bool {
        if self.requests.fetch_add(1, Ordering::Relaxed) % COUNTED == COUNTED - 1 {
            self.crowded.store(self.buckets.len() >= self.many, Ordering::Relaxed);
        }
        let mut key = self.hasher.hash_one(key);
        if self.crowded.load(Ordering::Relaxed) {
            key %= self.many as u64;
        }
        self.buckets.check_key(&key).is_ok()
    }
}

impl Middleware for Limits {
    fn on_head(&self, incoming: &Incoming) -> Result<(), Rejection> {
        if let Some((clients, key)) = &self.each {
            let key = key.of(incoming);
            if key.is_empty() || !clients.allow(&key) {
                return Err(Rejection::Bare(StatusCode::TOO_MANY_REQUESTS));
            }
        }
        match &self.all {
            Some(bucket) if bucket.check().is_err() => Err(Rejection::Bare(StatusCode::SERVICE_UNAVAILABLE)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::tests::incoming;

    const HOUR: Duration = Duration::from_secs(3600);

    fn statuses(options: RateLimit, requests: &[(&str, &[(&str, &str)])]) -> Vec<u16> {
        let limits = Box::leak(Box::new(options)).open().unwrap();
        let status = |rejection| match rejection {
            Ok(()) => 200,
            Err(Rejection::Bare(status)) => status.as_u16(),
            Err(Rejection::Failed(failure)) => failure.status.as_u16(),
        };
        requests.iter().map(|(path, headers)| status(limits.on_head(&incoming("GET", path, headers)))).collect()
    }

    #[tokio::test]
    async fn the_endpoint_has_one_bucket() {
        let none: &[(&str, &str)] = &[];
        let any: &[(&str, &[(&str, &str)])] = &[("/", none); 4];
        assert_eq!(statuses(RateLimit::per(HOUR).max_rate(2.0, 2), any), [200, 200, 503, 503]);
        assert_eq!(statuses(RateLimit::per(HOUR).max_rate(0.5, 1), any), [200, 503, 503, 503]);
    }

    #[tokio::test]
    async fn each_client_has_a_bucket_of_its_own() {
        let by_ip = RateLimit::per(HOUR).client_max_rate(1.0, 1, RateLimitBy::Ip);
        let a: &[(&str, &str)] = &[("x-forwarded-for", "203.0.113.1")];
        let b: &[(&str, &str)] = &[("x-forwarded-for", "203.0.113.2, 10.0.0.1")];
        assert_eq!(statuses(by_ip, &[("/", a), ("/", b), ("/", a), ("/", b)]), [200, 200, 429, 429]);

        let by_header = RateLimit::per(HOUR).client_max_rate(1.0, 1, RateLimitBy::Header("x-key"));
        let x: &[(&str, &str)] = &[("x-key", "x")];
        assert_eq!(statuses(by_header, &[("/", x), ("/", x), ("/", &[])]), [200, 429, 429]);

        let by_ip_header = RateLimit::per(HOUR).client_max_rate(1.0, 1, RateLimitBy::IpHeader("x-real"));
        let one: &[(&str, &str)] = &[("x-real", "10.0.0.1, 10.0.0.2")];
        let same: &[(&str, &str)] = &[("x-real", "10.0.0.1")];
        let port: &[(&str, &str)] = &[("x-real", "10.0.0.1:4711")];
        assert_eq!(statuses(by_ip_header, &[("/", one), ("/", same), ("/", port)]), [200, 429, 429]);
        let neither: &[(&str, &str)] = &[("x-real", "unknown"), ("x-forwarded-for", "203.0.113.1")];
        assert_eq!(statuses(by_ip_header, &[("/", a), ("/", neither), ("/", one)]), [200, 429, 200]);
    }

    #[tokio::test]
    async fn invented_keys_do_not_take_all_memory() {
        let clients = Clients { many: 10_000, ..Clients::new(Quota::per_hour(NonZeroU32::MIN)) };
        for key in 0..50_000_u32 {
            clients.allow(&key.to_ne_bytes());
        }
        assert!(clients.buckets.len() <= 20_000 + COUNTED, "{}", clients.buckets.len());
    }

    #[tokio::test]
    async fn the_client_is_checked_first() {
        let both = RateLimit::per(HOUR).max_rate(1.0, 1).client_max_rate(1.0, 1, RateLimitBy::Header("x-key"));
        let a: &[(&str, &str)] = &[("x-key", "a")];
        let b: &[(&str, &str)] = &[("x-key", "b")];
        assert_eq!(statuses(both, &[("/", a), ("/", a), ("/", b)]), [200, 429, 503]);
    }

    #[tokio::test]
    async fn a_path_parameter_tells_clients_apart() {
        let limits =
            Box::leak(Box::new(RateLimit::per(HOUR).client_max_rate(1.0, 1, RateLimitBy::Param(0)))).open().unwrap();
        let mut request = incoming("GET", "/u/1", &[]);
        request.params = crate::router::Params::from_values(["1"]);
        assert!(limits.on_head(&request).is_ok());
        assert!(limits.on_head(&request).is_err());
        request.params = crate::router::Params::from_values(["2"]);
        assert!(limits.on_head(&request).is_ok());
    }
}
