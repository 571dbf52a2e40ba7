//! What an exchange or a queue is declared as, in AMQP's own types.

use amq_protocol::protocol::{AMQPClass, exchange};
use amq_protocol::types::{AMQPValue, FieldArray, FieldTable};

use crate::rabbitmq::DEFAULT_EXCHANGE_TYPE;
use crate::{Argument, Declaration};

/// Makes the exchange, or makes sure that it is one like this.
pub(super) fn exchange(name: &str, declaration: &Declaration) -> AMQPClass {
    AMQPClass::Exchange(exchange::AMQPMethod::Declare(exchange::Declare {
        exchange: name.into(),
        kind: declaration.kind.unwrap_or(DEFAULT_EXCHANGE_TYPE).into(),
        passive: false,
        durable: declaration.durable,
        auto_delete: declaration.auto_delete,
        internal: false,
        nowait: false,
        arguments: table(declaration.arguments),
    }))
}

/// Asks whether there is the exchange. Nobody may ask for the default one, which is always there.
pub(super) fn look_at(exchange: &str) -> Option<AMQPClass> {
    if exchange.is_empty() {
        return None;
    }
    Some(AMQPClass::Exchange(exchange::AMQPMethod::Declare(exchange::Declare {
        exchange: exchange.into(),
        kind: "".into(),
        passive: true,
        durable: false,
        auto_delete: false,
        internal: false,
        nowait: false,
        arguments: FieldTable::default(),
    })))
}

/// Arguments, as they are sent.
pub(super) fn table(arguments: &[(&str, Argument)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, argument) in arguments {
        table.insert((*name).into(), value(argument));
    }
    table
}

fn value(argument: &Argument) -> AMQPValue {
    match argument {
        Argument::Null => AMQPValue::Void,
        Argument::Boolean(boolean) => AMQPValue::Boolean(*boolean),
        Argument::Integer(integer) => AMQPValue::LongLongInt(*integer),
        Argument::Float(float) => AMQPValue::Double(*float),
        Argument::Text(text) => AMQPValue::LongString((*text).into()),
        Argument::List(list) => AMQPValue::FieldArray(FieldArray::from(list.iter().map(value).collect::<Vec<_>>())),
        Argument::Table(arguments) => AMQPValue::FieldTable(table(arguments)),
    }
}
