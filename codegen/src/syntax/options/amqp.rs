//! RabbitMQ without go-cloud: `backend/amqp/*`, `async/amqp`.

use crate::syntax::kind::{Kind, Record, SIZE, key};

pub(crate) static BACKEND_AMQP_CONSUMER: Record = Record {
    what: "`backend/amqp/consumer`",
    required: &["name", "exchange", "routing_key"],
    former: &[],
    keys: &[
        key("auto_ack", Kind::Bool),
        key(
            "backoff_strategy",
            Kind::Choice(&["linear", "linear-jitter", "exponential", "exponential-jitter", "fallback"]),
        ),
        key("delete", Kind::Bool),
        key("durable", Kind::Bool),
        key("exchange", Kind::Filled),
        key("exclusive", Kind::Bool),
        key("max_retries", Kind::Integer),
        key("nack_discard", Kind::Bool),
        key("name", Kind::Filled),
        key("no_local", Kind::Bool),
        key("no_wait", Kind::Bool),
        key("prefetch_count", SIZE),
        key("routing_key", Kind::List(&Kind::Filled)),
    ],
};

pub(crate) static BACKEND_AMQP_PRODUCER: Record = Record {
    what: "`backend/amqp/producer`",
    required: &["name", "exchange", "routing_key"],
    former: &[],
    keys: &[
        key(
            "backoff_strategy",
            Kind::Choice(&["linear", "linear-jitter", "exponential", "exponential-jitter", "fallback"]),
        ),
        key("delete", Kind::Bool),
        key("durable", Kind::Bool),
        key("exchange", Kind::Filled),
        key("exclusive", Kind::Bool),
        key("exp_key", Kind::Text),
        key("immediate", Kind::Bool),
        key("mandatory", Kind::Bool),
        key("max_retries", Kind::Integer),
        key("msg_id_key", Kind::Text),
        key("name", Kind::Filled),
        key("no_local", Kind::Bool),
        key("no_wait", Kind::Bool),
        key("priority_key", Kind::Text),
        key("reply_to_key", Kind::Text),
        key("routing_key", Kind::Text),
        key("static_routing_key", Kind::Bool),
    ],
};

pub(crate) static ASYNC_AMQP: Record = Record {
    what: "`async/amqp`",
    required: &["name", "host", "exchange"],
    former: &[],
    keys: &[
        key("auto_ack", Kind::Bool),
        key("delete", Kind::Bool),
        key("durable", Kind::Bool),
        key("exchange", Kind::Filled),
        key("exclusive", Kind::Bool),
        key("host", Kind::Url(&["amqp", "amqps"])),
        key("nack_discard", Kind::Bool),
        key("name", Kind::Filled),
        key("no_local", Kind::Bool),
        key("no_wait", Kind::Bool),
        key("prefetch_count", SIZE),
        key("prefetch_size", SIZE),
    ],
};
