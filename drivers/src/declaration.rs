//! What a broker is told to have: an exchange or a queue, as the config describes it.

/// An exchange or a queue that is declared by whoever uses it, for brokers with
/// [`Capabilities::declare`](crate::Capabilities::declare). Plain data, so that generated code can hold it.
///
/// ```
/// use sluicegate_drivers::{Argument, Binding, Declaration};
///
/// static BILLING: Declaration = Declaration::new()
///     .kind("quorum")
///     .arguments(&[("x-delivery-limit", Argument::Integer(10))])
///     .bindings(&[Binding::new("orders").routing_key("eu.#")]);
/// assert!(BILLING.durable);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declaration {
    /// The type of the exchange or queue; the driver's default where there is none.
    pub kind: Option<&'static str>,
    /// Whether it outlives a restart of the broker.
    pub durable: bool,
    /// Whether the broker deletes it when nothing uses it any more.
    pub auto_delete: bool,
    /// What else the broker is told, by its own names.
    pub arguments: &'static [(&'static str, Argument)],
    /// Where a queue gets its messages from.
    pub bindings: &'static [Binding],
}

/// A value that the broker is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number that is not whole.
    Float(f64),
    /// A text.
    Text(&'static str),
    /// Several values.
    List(&'static [Argument]),
    /// Names and values.
    Table(&'static [(&'static str, Argument)]),
}

/// A queue's tie to an exchange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binding {
    /// The exchange's name.
    pub exchange: &'static str,
    /// Which of its messages; what this means is a matter of the exchange's type.
    pub routing_key: &'static str,
    /// What else the exchange is told, by the broker's own names.
    pub arguments: &'static [(&'static str, Argument)],
}

/// Which side of a broker something is declared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What is published to.
    Topic,
    /// What is received from.
    Subscription,
}

/// A part of a [`Declaration`] that a driver does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclarationError {
    /// Which part: an RFC 6901 pointer into the declaration, with the fields as its names, `kind` as `type`:
    /// `/bindings/0/exchange`. It may name a part that is not there.
    pub pointer: String,
    /// Whether it is the part's name that is wrong, and not its value.
    pub of_name: bool,
    /// What is wrong with it: lower case, no final dot.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// The verdict of a driver on a declaration, for the topic or subscription of this URL, which is one of its own: all that
/// is wrong with it. No I/O.
pub type CheckDeclaration = fn(url: &str, side: Side, declaration: &Declaration) -> Vec<DeclarationError>;

// === impl Declaration ===

impl Declaration {
    /// Durable, of the driver's default type, without arguments or bindings.
    #[must_use]
    pub const fn new() -> Self {
        Self { kind: None, durable: true, auto_delete: false, arguments: &[], bindings: &[] }
    }

    /// Of this type.
    #[must_use]
    pub const fn kind(self, kind: &'static str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Gone with a restart of the broker.
    #[must_use]
    pub const fn transient(self) -> Self {
        Self { durable: false, ..self }
    }

    /// Deleted by the broker when nothing uses it any more.
    #[must_use]
    pub const fn auto_delete(self) -> Self {
        Self { auto_delete: true, ..self }
    }

    /// What else the broker is told.
    #[must_use]
    pub const fn arguments(self, arguments: &'static [(&'static str, Argument)]) -> Self {
        Self { arguments, ..self }
    }

    /// Where a queue gets its messages from.
    #[must_use]
    pub const fn bindings(self, bindings: &'static [Binding]) -> Self {
        Self { bindings, ..self }
    }

    /// The value of the argument `name`.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<Argument> {
        self.arguments.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

impl Default for Declaration {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Argument ===

impl Argument {
    /// The type's name with its article, for messages.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number that is not whole",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Table(_) => "an object",
        }
    }
}

// === impl Binding ===

impl Binding {
    /// To this exchange, with an empty routing key.
    #[must_use]
    pub const fn new(exchange: &'static str) -> Self {
        Self { exchange, routing_key: "", arguments: &[] }
    }

    /// For this routing key.
    #[must_use]
    pub const fn routing_key(self, routing_key: &'static str) -> Self {
        Self { routing_key, ..self }
    }

    /// What else the exchange is told.
    #[must_use]
    pub const fn arguments(self, arguments: &'static [(&'static str, Argument)]) -> Self {
        Self { arguments, ..self }
    }
}
