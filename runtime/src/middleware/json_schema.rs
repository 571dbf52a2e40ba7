use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use jsonschema::Validator;

use crate::backend::Failure;
use crate::incoming::Incoming;
use crate::middleware::{Middleware, Options, Rejection};
use crate::opener::OpenFailure;

/// `validation/json-schema`: request bodies must be JSON and match, whatever the method (trap 63).
#[derive(Clone, Copy, Debug)]
pub struct JsonSchema {
    schema: &'static str,
}

/// How many errors of a body are told: a long list of wrong items would make a longer answer.
const MOST_ERRORS: usize = 32;

/// The compiled schema.
pub(crate) struct Compiled(Validator);

impl JsonSchema {
    /// `schema` is a JSON Schema as JSON text. Its draft is the one that `$schema` names, otherwise 2020-12.
    #[must_use]
    pub const fn new(schema: &'static str) -> Self {
        Self { schema }
    }
}

impl Options for JsonSchema {
    type State = Compiled;

    fn open(&'static self) -> Result<Compiled, OpenFailure> {
        let invalid = |why: &dyn fmt::Display| OpenFailure::new(format!("validation/json-schema: {why}"));
        let schema: serde_json::Value = serde_json::from_str(self.schema).map_err(|error| invalid(&error))?;
        jsonschema::validator_for(&schema).map(Compiled).map_err(|error| invalid(&error))
    }
}

impl Middleware for Compiled {
    const READS_BODY: bool = true;

    fn on_body(&self, _incoming: &Incoming, body: &Bytes) -> Result<(), Rejection> {
        let refuse = |message: String| Rejection::Failed(Failure::new(StatusCode::BAD_REQUEST, message));
        let value = serde_json::from_slice(body).map_err(|error| refuse(format!("the body is not JSON: {error}")))?;
        if self.0.is_valid(&value) {
            return Ok(());
        }
        let errors: Vec<String> = self
            .0
            .iter_errors(&value)
            .take(MOST_ERRORS)
            .map(|error| match error.instance_path().as_str() {
                "" => format!("- (root): {error}"),
                path => format!("- {}: {error}", path.trim_start_matches('/').replace('/', ".")),
            })
            .collect();
        Err(refuse(errors.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::tests::incoming;

    static SCHEMA: JsonSchema = JsonSchema::new(
        r#"{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":18}}}"#,
    );

    #[test]
    fn bodies_must_match() {
        let step = SCHEMA.open().unwrap();
        let request = incoming("GET", "/", &[]);
        for (body, expected) in [
            (r#"{"name":"a"}"#, None),
            (r#"{"name":"a","age":18}"#, None),
            (r#"{"age":18}"#, Some("- (root): ")),
            (r#"{"name":"a","age":17}"#, Some("- age: ")),
            ("", Some("the body is not JSON")),
            (r#"{"name":"a"} x"#, Some("the body is not JSON")),
        ] {
            match (step.on_body(&request, &Bytes::from_static(body.as_bytes())), expected) {
                (Ok(()), None) => {}
                (Err(Rejection::Failed(failure)), Some(start)) => {
                    assert_eq!(failure.status, StatusCode::BAD_REQUEST);
                    assert!(failure.message.starts_with(start), "{body}: {}", failure.message);
                }
                (result, _) => panic!("{body}: {result:?}"),
            }
        }
    }

    #[test]
    fn a_broken_schema_does_not_open() {
        static BROKEN: JsonSchema = JsonSchema::new(r#"{"type":"objekt"}"#);
        assert!(BROKEN.open().is_err());
    }
}
