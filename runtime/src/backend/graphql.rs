//! `backend/graphql`: the request to a GraphQL service, made of a query that the config holds and of variables.

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value};

use crate::backend::forward::query_escape;
use crate::backend::{BodyUse, Failure, Payload};
use crate::endpoint;
use crate::incoming::Incoming;

/// A GraphQL operation, as generated code describes it.
#[derive(Clone, Copy, Debug)]
pub struct GraphQl {
    query: &'static str,
    operation_name: Option<&'static str>,
    variables: &'static [(&'static str, Variable)],
    mutation: bool,
    get: bool,
}

/// The value of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// JSON text.
    Json(&'static str),
    /// The endpoint's path parameter at this position, as a string.
    PathParam(usize),
}

/// What is sent instead of the client's query and body.
#[derive(Debug)]
pub(super) struct Operation {
    /// `query=...`, ready for a URL, where it is sent so.
    pub(super) query: Option<String>,
    pub(super) body: Bytes,
}

impl GraphQl {
    /// A query whose variables come from the config and the path. Sent with POST.
    #[must_use]
    pub const fn query(query: &'static str) -> Self {
        Self { query, operation_name: None, variables: &[], mutation: false, get: false }
    }

    /// A mutation whose variables come from the client's body, a JSON object, and where it has none from the config and
    /// the path. Sent with POST.
    #[must_use]
    pub const fn mutation(query: &'static str) -> Self {
        Self { mutation: true, ..Self::query(query) }
    }

    /// The operation of the query that is meant.
    #[must_use]
    pub const fn operation_name(mut self, name: &'static str) -> Self {
        self.operation_name = Some(name);
        self
    }

    /// The variables that the config gives.
    #[must_use]
    pub const fn variables(mut self, variables: &'static [(&'static str, Variable)]) -> Self {
        self.variables = variables;
        self
    }

    /// Sent with GET, in the query string.
    #[must_use]
    pub const fn get(mut self) -> Self {
        self.get = true;
        self
    }

    pub(super) const fn method(&self) -> endpoint::Method {
        if self.get { endpoint::Method::Get } else { endpoint::Method::Post }
    }

    pub(super) fn body_use(&self) -> BodyUse {
        if self.mutation { BodyUse::Whole } else { BodyUse::None }
    }

    /// The operation for one request.
    ///
    /// # Errors
    /// A mutation whose body is no JSON object: 500, as in KrakenD.
    pub(super) fn operation(&self, incoming: &Incoming, body: &Payload) -> Result<Operation, Failure> {
        let mut variables = match body {
            Payload::Whole(bytes) if self.mutation => serde_json::from_slice::<Map<String, Value>>(bytes)
                .map_err(|error| Failure::internal(format!("the variables of the mutation: {error}")))?,
            _ => Map::new(),
        };
        for (name, value) in self.variables {
            if variables.contains_key(*name) {
                continue;
            }
            let value = match value {
                // The build has read it.
                Variable::Json(text) => serde_json::from_str(text).unwrap_or_default(),
                Variable::PathParam(index) => Value::from(incoming.params.get(*index)),
            };
            variables.insert((*name).to_owned(), value);
        }
        Ok(if self.get {
            Operation { query: Some(self.query_string(&variables)), body: Bytes::new() }
        } else {
            let mut body = Map::new();
            body.insert("query".to_owned(), self.query.into());
            if let Some(name) = self.operation_name {
                body.insert("operationName".to_owned(), name.into());
            }
            if !variables.is_empty() {
                body.insert("variables".to_owned(), variables.into());
            }
            Operation { query: None, body: Value::Object(body).to_string().into() }
        })
    }

    fn query_string(&self, variables: &Map<String, Value>) -> String {
        let mut text = String::new();
        let mut pair = |name: &str, value: &str| {
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(name);
            text.push('=');
            query_escape(value.as_bytes(), &mut text);
        };
        if let Some(name) = self.operation_name {
            pair("operationName", name);
        }
        pair("query", self.query);
        if !variables.is_empty() {
            pair("variables", &Value::Object(variables.clone()).to_string());
        }
        text
    }
}

/// Whether an operation is sent with a body.
pub(super) fn has_body(method: &Method) -> bool {
    method == Method::POST
}

#[cfg(test)]
mod tests {
    use super::*;

    static VARIABLES: [(&str, Variable); 3] = [
        ("id", Variable::PathParam(0)),
        ("first", Variable::Json("10")),
        ("filter", Variable::Json(r#"{"a":[1.50]}"#)),
    ];
    static QUERY: GraphQl = GraphQl::query("query Q($id: ID!) { a }").operation_name("Q").variables(&VARIABLES);
    static MUTATION: GraphQl = GraphQl::mutation("mutation { b }").variables(&VARIABLES);

    fn incoming(id: &str) -> Incoming {
        let mut incoming = crate::incoming::tests::incoming("POST", "/", &[]);
        incoming.params = crate::router::Params::from_values([id]);
        incoming
    }

    #[test]
    fn variables_come_from_the_path_and_the_config() {
        let made = QUERY.operation(&incoming("a\"b"), &Payload::Whole(Bytes::from_static(b"ignored"))).unwrap();
        let expected = r#"{"query":"query Q($id: ID!) { a }","operationName":"Q","variables":{"id":"a\"b","first":10,"filter":{"a":[1.50]}}}"#;
        assert_eq!((made.body, made.query), (Bytes::from(expected), None));
    }

    #[test]
    fn a_mutations_body_comes_first() {
        let made = |body: &'static str| MUTATION.operation(&incoming("7"), &Payload::Whole(body.into()));
        let expected =
            r#"{"query":"mutation { b }","variables":{"x":{"y":null},"first":11,"id":"7","filter":{"a":[1.50]}}}"#;
        assert_eq!(made(r#"{"x":{"y":null},"first":11}"#).unwrap().body, expected);
        for body in ["", "null", "[1]", "{", "7"] {
            assert_eq!(made(body).unwrap_err().status, 500, "{body}");
        }
    }

    #[test]
    fn with_get_it_is_a_query_string() {
        static GET: GraphQl = QUERY.get();
        let made = GET.operation(&incoming("é"), &Payload::Whole(Bytes::new())).unwrap();
        let expected = "operationName=Q&query=query+Q%28%24id%3A+ID%21%29+%7B+a+%7D&variables=%7B%22id%22%3A%22%C3%A9%22%2C%22first%22%3A10%2C%22filter%22%3A%7B%22a%22%3A%5B1.50%5D%7D%7D";
        assert_eq!((made.query.as_deref(), made.body.len()), (Some(expected), 0));
    }
}
