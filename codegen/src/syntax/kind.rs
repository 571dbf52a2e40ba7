//! The words that the tables are written in.

use crate::tree::Span;

/// What a value must be.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Anything; looked at elsewhere.
    Any,
    Bool,
    /// A whole number.
    Integer,
    Number,
    Text,
    /// A string that Go's `time.ParseDuration` takes, not negative.
    Duration,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A whole number, from the first to the second.
    Between(i64, i64),
    /// A number above the first and below the second.
    Inside(f64, f64),
    /// A number, 0 or more.
    NotNegative,
    /// A number from 0 to 1.
    Share,
    /// A string that is not empty.
    Filled,
    /// An absolute URL with one of these schemes.
    Url(&'static [&'static str]),
    /// `host:port`, or `:port` for every address of the machine.
    Address,
    /// A regular expression, as the crate `regex` takes it.
    Regex,
    HeaderName,
    Base64,
    /// `type/subtype`, perhaps with parameters.
    Mime,
    /// A time as RFC 3339 writes it.
    Time,
    /// A list of exactly these, in this order.
    Tuple(&'static [Self]),
    /// An object with exactly one of the keys.
    OneOf(&'static Record),
    List(&'static Kind),
    Record(&'static Record),
    /// An object with any keys.
    Map(&'static Kind),
    /// `extra_config`.
    Namespaces(Scope),
}

/// A whole number, 0 or more.
pub(crate) const SIZE: Kind = Kind::Between(0, i64::MAX);
/// A whole number, 1 or more.
pub(crate) const COUNT: Kind = Kind::Between(1, i64::MAX);
/// A TCP port.
pub(crate) const PORT: Kind = Kind::Between(1, 65_535);
/// A number above 0.
pub(crate) const POSITIVE: Kind = Kind::Inside(0.0, f64::INFINITY);
/// A URL of a web server.
pub(crate) const WEB: Kind = Kind::Url(&["http", "https"]);

/// An object with known keys.
#[derive(Debug)]
pub(crate) struct Record {
    /// What it is, with its article: `an endpoint`.
    pub(crate) what: &'static str,
    /// The keys that must be there.
    pub(crate) required: &'static [&'static str],
    /// Names of earlier versions of KrakenD, and their present ones.
    pub(crate) former: &'static [(&'static str, &'static str)],
    pub(crate) keys: &'static [Key],
}

/// A known key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) support: Support,
    /// What it does, for the JSON Schema.
    pub(crate) about: &'static str,
    /// Texts that it often is, which an editor offers.
    pub(crate) such_as: &'static [&'static str],
}

/// Whether something known can be used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Support {
    Done,
    /// Not yet, but for these values (compact JSON), which ask for nothing.
    Later(&'static [&'static str]),
    /// Only KrakenD's Enterprise edition has it: its open edition ignores it.
    Enterprise,
    /// Never, for this reason.
    Never(&'static str),
}

/// Where an `extra_config` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Service,
    Endpoint,
    Backend,
    Agent,
}

/// A string's value and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A supported key.
pub(crate) const fn key(name: &'static str, kind: Kind) -> Key {
    Key::new(name, kind, Support::Done)
}

/// A key that is not supported yet, but for the values `neutral`.
pub(crate) const fn later(name: &'static str, kind: Kind, neutral: &'static [&'static str]) -> Key {
    Key::new(name, kind, Support::Later(neutral))
}

/// A key of KrakenD's Enterprise edition.
pub(crate) const fn enterprise(name: &'static str, kind: Kind) -> Key {
    Key::new(name, kind, Support::Enterprise)
}

/// A key that cannot be supported.
pub(crate) const fn never(name: &'static str, kind: Kind, why: &'static str) -> Key {
    Key::new(name, kind, Support::Never(why))
}

/// A table. What stands above each entry describes it, for the JSON Schema; an entry without does not compile.
macro_rules! described {
    ($($(#[doc = $about:literal])+ $make:ident $arguments:tt $(.$more:ident $with:tt)*),* $(,)?) => {
        &[$($make $arguments $(.$more $with)* .about(concat!($($about),+))),*]
    };
}
pub(crate) use described;

// === impl Key ===

impl Key {
    const fn new(name: &'static str, kind: Kind, support: Support) -> Self {
        Self { name, kind, support, about: "", such_as: &[] }
    }

    /// With what is said of it in `described!`.
    pub(crate) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// With texts that an editor offers. Others are not wrong by that.
    pub(crate) const fn such_as(self, such_as: &'static [&'static str]) -> Self {
        Self { such_as, ..self }
    }
}

// === impl Scope ===

impl Scope {
    /// Its owner, with the article.
    pub(crate) const fn owner(self) -> &'static str {
        match self {
            Self::Service => "the service",
            Self::Endpoint => "an endpoint",
            Self::Backend => "a backend",
            Self::Agent => "an async agent",
        }
    }
}
