//! Steps around an endpoint's backends.
//!
//! A middleware is one file: its options, as generated code describes them, its step, and its tests. It is registered by
//! one line in [`steps!`] below, whose order is the order they run in. codegen has a file and a line of the same name,
//! which reads its options from the config; a test there fails by name where one of the two lines is missing.

mod flatmap;
#[cfg(feature = "json-schema")]
mod json_schema;
#[cfg(feature = "rate-limit")]
mod rate_limit;
mod static_response;

use bytes::Bytes;
use http::StatusCode;

pub use self::flatmap::Flatmap;
#[cfg(feature = "json-schema")]
pub use self::json_schema::JsonSchema;
#[cfg(feature = "rate-limit")]
pub use self::rate_limit::{RateLimit, RateLimitBy};
pub use self::static_response::{StaticResponse, StaticStrategy};
use crate::backend::{Failure, Reply};
use crate::incoming::Incoming;
use crate::opener::OpenFailure;

/// A middleware's options. The state is made from them once per endpoint.
pub(crate) trait Options {
    type State: Middleware;

    fn open(&'static self) -> Result<Self::State, OpenFailure>;
}

/// What a middleware does. A stage that it has nothing to do in is left to the default.
pub(crate) trait Middleware: Send + Sync + 'static {
    /// Whether [`on_body`](Self::on_body) wants the request's body, which is read whole then.
    const READS_BODY: bool = false;
    /// Whether [`on_result`](Self::on_result) wants to know where the answer's root members are.
    const NEEDS_ROOTS: bool = false;

    /// Before anything of the body is read.
    fn on_head(&self, _incoming: &Incoming) -> Result<(), Rejection> {
        Ok(())
    }

    /// When the body was read, before the backends are called.
    fn on_body(&self, _incoming: &Incoming, _body: &Bytes) -> Result<(), Rejection> {
        Ok(())
    }

    /// When the backends have answered or failed. Not after a rejection.
    fn on_result(&self, _result: &mut Result<Reply, Failure>) {}
}

/// An answer that a middleware gives instead of the backends.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// A status and nothing else, not even `X-Krakend` (traps 25 and 30).
    #[cfg_attr(not(feature = "rate-limit"), expect(dead_code, reason = "only some middleware rejects like this"))]
    Bare(StatusCode),
    /// As if a backend had failed.
    Failed(Failure),
}

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $(#[cfg($cfg:meta)])? $name:ident($options:ty),)*) => {
        /// A middleware of an endpoint, as generated code describes it.
        #[derive(Clone, Copy, Debug)]
        pub enum Step {
            $(
                $(#[doc = $doc])+
                $(#[cfg($cfg)])?
                $name($options),
            )*
        }

        enum OpenStep {
            $($(#[cfg($cfg)])? $name(<$options as Options>::State),)*
        }

        /// The position of each step in the order they run in.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        enum Order {
            $($(#[cfg($cfg)])? $name,)*
        }

        impl Step {
            fn order(&self) -> Order {
                match self {
                    $($(#[cfg($cfg)])? Self::$name(_) => Order::$name,)*
                }
            }

            fn open(&'static self) -> Result<OpenStep, OpenFailure> {
                Ok(match self {
                    $($(#[cfg($cfg)])? Self::$name(options) => OpenStep::$name(options.open()?),)*
                })
            }

            fn reads_body(&self) -> bool {
                match self {
                    $($(#[cfg($cfg)])? Self::$name(_) => <$options as Options>::State::READS_BODY,)*
                }
            }

            fn needs_roots(&self) -> bool {
                match self {
                    $($(#[cfg($cfg)])? Self::$name(_) => <$options as Options>::State::NEEDS_ROOTS,)*
                }
            }
        }

        impl OpenStep {
            fn on_head(&self, incoming: &Incoming) -> Result<(), Rejection> {
                match self {
                    $($(#[cfg($cfg)])? Self::$name(state) => state.on_head(incoming),)*
                }
            }

            fn on_body(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Rejection> {
                match self {
                    $($(#[cfg($cfg)])? Self::$name(state) => state.on_body(incoming, body),)*
                }
            }

            fn on_result(&self, result: &mut Result<Reply, Failure>) {
                match self {
                    $($(#[cfg($cfg)])? Self::$name(state) => state.on_result(result),)*
                }
            }
        }
    };
}

// The order of KrakenD's handlers, outermost first (trap 59 and krakend-ce's handler and proxy factories): what rejects
// without reading the body comes first, so that a flood costs little.
steps! {
    /// `qos/ratelimit/router`.
    #[cfg(feature = "rate-limit")]
    RateLimit(RateLimit),
    /// `validation/json-schema`: after the limits, before any backend sees the body.
    #[cfg(feature = "json-schema")]
    JsonSchema(JsonSchema),
    /// `proxy.static`: outside the backends, inside the validation (trap 42).
    Static(StaticResponse),
    /// `proxy.flatmap_filter`: on what the backends made together, before anything is put over it.
    Flatmap(Flatmap),
}

/// The steps of one endpoint, in the order they run in. An endpoint without any costs one length check a stage.
#[derive(Default)]
pub(crate) struct Steps {
    steps: Box<[OpenStep]>,
    pub(crate) reads_body: bool,
}

impl Steps {
    pub(crate) fn open(described: &'static [Step]) -> Result<Self, OpenFailure> {
        let mut ordered: Vec<&'static Step> = described.iter().collect();
        ordered.sort_by_key(|step| step.order());
        Ok(Self {
            reads_body: ordered.iter().any(|step| step.reads_body()),
            steps: ordered.into_iter().map(Step::open).collect::<Result<_, _>>()?,
        })
    }

    /// Whether any of the described steps needs the root members of the answer.
    pub(crate) fn need_roots(described: &[Step]) -> bool {
        described.iter().any(Step::needs_roots)
    }

    pub(crate) fn on_head(&self, incoming: &Incoming) -> Result<(), Rejection> {
        self.steps.iter().try_for_each(|step| step.on_head(incoming))
    }

    pub(crate) fn on_body(&self, incoming: &Incoming, body: &Bytes) -> Result<(), Rejection> {
        self.steps.iter().try_for_each(|step| step.on_body(incoming, body))
    }

    /// From the innermost to the outermost.
    pub(crate) fn on_result(&self, result: &mut Result<Reply, Failure>) {
        self.steps.iter().rev().for_each(|step| step.on_result(result));
    }
}
