//! Questions to an entity's `$management`.

use tokio::time::timeout;

use super::amqp::{Error, Failure, Response, Value};
use super::inbox::Inbox;
use super::live::{Live, NoToken};
use super::settling::PATIENCE;
use super::trouble::is_routine;

/// Why a question has no good answer.
pub(super) enum Unanswered {
    /// The service said no.
    Said(Failure),
    /// It was not heard.
    Lost(String),
}

/// Asks, and waits for the answer.
///
/// # Errors
/// There is none, or the service said no.
pub(super) async fn ask(
    inbox: &Inbox,
    live: &Live,
    operation: &str,
    body: Vec<(Value, Value)>,
) -> Result<Response, Unanswered> {
    let node = format!("{}/$management", inbox.entity);
    let properties = vec![
        (Value::string("operation"), Value::string(operation)),
        (Value::string("com.microsoft:server-timeout"), Value::Uint(PATIENCE.as_millis() as u32)),
    ];
    let asked = async {
        live.authorize(&node).await.map_err(|error| match error {
            NoToken::Denied(failure) => Unanswered::Said(failure),
            other => Unanswered::Lost(other.to_string()),
        })?;
        // The pair of links may have been idle for too long; it is made anew with the next question.
        match live.session().request(&node, properties, Value::Map(body)).await {
            Ok(answer) => Ok(answer),
            Err(Error::Refused(failure)) if failure.is("amqp:unauthorized-access") => {
                // The next question puts another token.
                live.forget(&node).await;
                Err(Unanswered::Lost(failure.to_string()))
            }
            Err(Error::Refused(failure)) if !is_routine(&failure) => Err(Unanswered::Said(failure)),
            Err(error) => Err(Unanswered::Lost(error.to_string())),
        }
    };
    let response = timeout(PATIENCE, asked).await;
    let response = response.unwrap_or_else(|_| Err(Unanswered::Lost(format!("no answer within {PATIENCE:?}"))))?;
    if response.is_success() {
        return Ok(response);
    }
    if response.failure.is("amqp:unauthorized-access") {
        live.forget(&node).await;
    }
    Err(Unanswered::Said(response.failure))
}

/// The locks that a question is about.
pub(super) fn tokens(tokens: &[[u8; 16]]) -> (Value, Value) {
    (Value::string("lock-tokens"), Value::Array(tokens.iter().copied().map(Value::Uuid).collect()))
}
