use std::time::Duration;

/// How backends are connected to: the outbound keys of a gateway.json's first level, with KrakenD's defaults.
///
/// Every field has a builder function of its name, so that it can be written as a `static`:
///
/// ```
/// use std::time::Duration;
/// use sluicegate_runtime::client::ClientOptions;
/// static OPTIONS: ClientOptions = ClientOptions::DEFAULT.dialer_timeout(Some(Duration::from_secs(1)));
/// assert_eq!(OPTIONS.max_idle_connections_per_host, 250);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientOptions {
    /// How many unused connections are kept for each scheme, host and port. 0 keeps none.
    pub max_idle_connections_per_host: usize,
    /// How long an unused connection is kept; `None`: until the backend closes it.
    pub idle_connection_timeout: Option<Duration>,
    /// Use every connection once and say `Connection: close`.
    pub disable_keep_alives: bool,
    /// The time for name resolution and the TCP handshake together; `None`: the operating system's.
    pub dialer_timeout: Option<Duration>,
    /// How long the preferred address family is tried alone (RFC 8305); `None`: until it has failed.
    pub dialer_fallback_delay: Option<Duration>,
    /// The unused time after which the operating system asks whether the backend is still there, and between
    /// two such questions; `None`: it never asks.
    pub dialer_keep_alive: Option<Duration>,
    /// The time from handing over the request, connecting included, to the response's headers; `None`: no limit
    /// but the endpoint's.
    pub response_header_timeout: Option<Duration>,
}

macro_rules! builders {
    ($($name:ident: $type:ty),* $(,)?) => {
        impl ClientOptions {
            $(
                #[doc = concat!("Sets [`Self::", stringify!($name), "`](struct@ClientOptions).")]
                #[must_use]
                pub const fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

builders! {
    max_idle_connections_per_host: usize,
    idle_connection_timeout: Option<Duration>,
    disable_keep_alives: bool,
    dialer_timeout: Option<Duration>,
    dialer_fallback_delay: Option<Duration>,
    dialer_keep_alive: Option<Duration>,
    response_header_timeout: Option<Duration>,
}

impl ClientOptions {
    /// KrakenD's defaults.
    pub const DEFAULT: Self = Self {
        max_idle_connections_per_host: 250,
        idle_connection_timeout: None,
        disable_keep_alives: false,
        dialer_timeout: None,
        dialer_fallback_delay: Some(Duration::from_millis(300)),
        dialer_keep_alive: Some(Duration::from_secs(15)),
        response_header_timeout: None,
    };
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
