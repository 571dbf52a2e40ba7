//! RabbitMQ without go-cloud: `backend/amqp/*`, `async/amqp`.

use crate::syntax::kind::{Kind, Record, SIZE, described, key};

pub(crate) static BACKEND_AMQP_CONSUMER: Record = Record {
    what: "`backend/amqp/consumer`",
    required: &["name", "exchange", "routing_key"],
    former: &[],
    keys: described![
        /// Messages count as acknowledged when they are sent. Default: false.
        key("auto_ack", Kind::Bool),
        /// How the time between two tries to connect grows. Default: `fallback`, one second always.
        key(
            "backoff_strategy",
            Kind::Choice(&["linear", "linear-jitter", "exponential", "exponential-jitter", "fallback"]),
        ),
        /// Whether the queue goes when nothing uses it. Default: false.
        key("delete", Kind::Bool),
        /// Whether the queue outlives a restart of the server. Default: false.
        key("durable", Kind::Bool),
        /// The exchange that messages come from.
        key("exchange", Kind::Filled),
        /// Whether the queue belongs to this connection alone. Default: false.
        key("exclusive", Kind::Bool),
        /// How often connecting is tried again. Default: 0, without end.
        key("max_retries", Kind::Integer),
        /// Does not put a message that failed back into the queue. Default: false.
        key("nack_discard", Kind::Bool),
        /// The name of the queue.
        key("name", Kind::Filled),
        /// Does not get what the same connection published.
        key("no_local", Kind::Bool),
        /// Does not wait for the broker's answers.
        key("no_wait", Kind::Bool),
        /// How many messages are taken ahead. Default: 0, no limit.
        key("prefetch_count", SIZE),
        /// The routing keys of the messages.
        key("routing_key", Kind::List(&Kind::Filled)),
    ],
};

pub(crate) static BACKEND_AMQP_PRODUCER: Record = Record {
    what: "`backend/amqp/producer`",
    required: &["name", "exchange", "routing_key"],
    former: &[],
    keys: described![
        /// How the time between two tries to connect grows. Default: `fallback`, one second always.
        key(
            "backoff_strategy",
            Kind::Choice(&["linear", "linear-jitter", "exponential", "exponential-jitter", "fallback"]),
        ),
        /// Whether the queue goes when nothing uses it. Default: false.
        key("delete", Kind::Bool),
        /// Whether the exchange outlives a restart of the server. Default: false.
        key("durable", Kind::Bool),
        /// The exchange to publish to.
        key("exchange", Kind::Filled),
        /// Whether the queue belongs to this connection alone. Default: false.
        key("exclusive", Kind::Bool),
        /// The parameter of the path that holds the time that a message is valid.
        key("exp_key", Kind::Text),
        /// Refuses a message that no consumer takes at once. Default: false.
        key("immediate", Kind::Bool),
        /// Refuses a message that no queue gets. Default: false.
        key("mandatory", Kind::Bool),
        /// How often connecting is tried again. Default: 0, without end.
        key("max_retries", Kind::Integer),
        /// The parameter of the path that holds the message's id.
        key("msg_id_key", Kind::Text),
        /// The name of the queue.
        key("name", Kind::Filled),
        /// Does not get what the same connection published.
        key("no_local", Kind::Bool),
        /// Does not wait for the broker's answers.
        key("no_wait", Kind::Bool),
        /// The parameter of the path that holds the message's priority.
        key("priority_key", Kind::Text),
        /// The parameter of the path that holds where an answer goes.
        key("reply_to_key", Kind::Text),
        /// The parameter of the path that holds the routing key, or with `static_routing_key` the routing key.
        key("routing_key", Kind::Text),
        /// Takes `routing_key` for the routing key itself. Default: false.
        key("static_routing_key", Kind::Bool),
    ],
};

pub(crate) static ASYNC_AMQP: Record = Record {
    what: "`async/amqp`",
    required: &["name", "host", "exchange"],
    former: &[],
    keys: described![
        /// Messages count as acknowledged when they are sent. Default: false.
        key("auto_ack", Kind::Bool),
        /// Whether the queue goes when nothing uses it. Default: false.
        key("delete", Kind::Bool),
        /// Whether the queue outlives a restart of the server. Default: false.
        key("durable", Kind::Bool),
        /// The exchange that messages come from.
        key("exchange", Kind::Filled),
        /// Whether the queue belongs to this connection alone. Default: false.
        key("exclusive", Kind::Bool),
        /// The URL of the broker: `amqp://user:password@host:5672/`.
        key("host", Kind::Url(&["amqp", "amqps"])),
        /// Does not put a message that failed back into the queue. Default: false.
        key("nack_discard", Kind::Bool),
        /// The name of the queue.
        key("name", Kind::Filled),
        /// Does not get what the same connection published.
        key("no_local", Kind::Bool),
        /// Does not wait for the broker's answers.
        key("no_wait", Kind::Bool),
        /// How many messages are taken ahead. Default: 10.
        key("prefetch_count", SIZE),
        /// How many bytes are taken ahead. Default: 0, no limit.
        key("prefetch_size", SIZE),
    ],
};
