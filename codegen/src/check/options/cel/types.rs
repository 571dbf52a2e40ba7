//! The types of what KrakenD declares to CEL, as far as they say that a comparison can never be made.

use cel::common::ast::{Expr, LiteralValue};

/// A type, with numbers of all kinds as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Bool,
    /// The values of a header or of a parameter of the query.
    Values,
    List,
    Map,
}

impl Type {
    /// With its article.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Values => "a list of values",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }

    /// Whether values of both can be equal.
    pub(super) fn meets(self, other: Self) -> bool {
        let list = |kind| matches!(kind, Self::Values | Self::List);
        self == other || list(self) && list(other)
    }
}

/// The type of an expression; `None` where only its evaluation shows it.
pub(super) fn type_of(expr: &Expr) -> Option<Type> {
    match expr {
        Expr::Literal(literal) => match literal {
            LiteralValue::Boolean(_) => Some(Type::Bool),
            LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Some(Type::Number),
            LiteralValue::String(_) => Some(Type::Text),
            LiteralValue::Bytes(_) | LiteralValue::Null => None,
        },
        Expr::List(_) => Some(Type::List),
        Expr::Map(_) => Some(Type::Map),
        Expr::Ident(name) => match name.as_str() {
            "req_method" | "req_path" | "now" => Some(Type::Text),
            "resp_completed" => Some(Type::Bool),
            "resp_metadata_status" => Some(Type::Number),
            "req_params" | "req_headers" | "req_querystring" | "resp_metadata_headers" | "resp_data" | "JWT" => {
                Some(Type::Map)
            }
            _ => None,
        },
        Expr::Select(select) if select.test => Some(Type::Bool),
        Expr::Select(select) => member_of(&select.operand.expr),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            ("_[_]", [list, _]) if type_of(&list.expr) == Some(Type::Values) => Some(Type::Text),
            ("_[_]", [map, _]) => member_of(&map.expr),
            ("size" | "int" | "uint" | "double", _) => Some(Type::Number),
            ("string", _) => Some(Type::Text),
            ("startsWith" | "endsWith" | "contains" | "matches" | "bool" | "!_" | "@in" | "_&&_" | "_||_", _) => {
                Some(Type::Bool)
            }
            ("_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", _) => Some(Type::Bool),
            _ => None,
        },
        _ => None,
    }
}

/// The type of what a map holds.
fn member_of(map: &Expr) -> Option<Type> {
    let Expr::Ident(name) = map else { return None };
    match name.as_str() {
        "req_params" => Some(Type::Text),
        "req_headers" | "req_querystring" | "resp_metadata_headers" => Some(Type::Values),
        _ => None,
    }
}
