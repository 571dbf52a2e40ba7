//! Tokens to log in with (OAUTHBEARER): of a setting that is read again whenever librdkafka needs one, so that somebody else
//! may renew the file; or those that an endpoint gives.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use rdkafka::client::OAuthToken;
use serde_json::Value;

use super::Options;
use crate::OpenError;
#[cfg(feature = "kafka-tls")]
use crate::kafka::client::oidc::Tokens;

/// How long a token is used whose end cannot be read from it.
pub(crate) const OPAQUE: Duration = Duration::from_secs(300);

/// Whom a token is of that does not say so. The broker knows.
pub(crate) const ANYBODY: &str = "sluicegate";

/// Where tokens come from.
pub(crate) enum TokenSource {
    /// `sasl.token`.
    Setting(Options),
    /// `sasl.token_endpoint`.
    #[cfg(feature = "kafka-tls")]
    Endpoint(std::sync::Arc<Tokens>),
}

impl TokenSource {
    /// Reads the token of a setting, to know that it can be read.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn new(options: &Options) -> Result<Self, OpenError> {
        #[cfg(feature = "kafka-tls")]
        if let Some(tokens) = options.tokens() {
            return Ok(Self::Endpoint(std::sync::Arc::clone(tokens)));
        }
        read(options)?;
        Ok(Self::Setting(options.clone()))
    }

    /// Whether there is a token that nobody has asked for since.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            // Another client is made when the file changes.
            Self::Setting(_) => false,
            #[cfg(feature = "kafka-tls")]
            Self::Endpoint(tokens) => tokens.token().is_ok(),
        }
    }

    /// The token of now. Blocks no longer than reading a file does.
    ///
    /// # Errors
    /// It cannot be read, or its time is over.
    pub(crate) fn token(&self) -> Result<OAuthToken, String> {
        let options = match self {
            Self::Setting(options) => options,
            #[cfg(feature = "kafka-tls")]
            Self::Endpoint(tokens) => {
                return tokens.token().map_err(|reason| format!("`sasl.token_endpoint` {reason}"));
            }
        };
        let token = read(options).map_err(|error| error.to_string())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (principal, end) = claims(&token).unwrap_or_default();
        if end.is_some_and(|end| end <= now) {
            return Err("the time of `sasl.token` is over".to_owned());
        }
        let end = end.unwrap_or(now + OPAQUE);
        let lifetime_ms = i64::try_from(end.as_millis()).unwrap_or(i64::MAX);
        Ok(OAuthToken { token, principal_name: principal.unwrap_or_else(|| ANYBODY.to_owned()), lifetime_ms })
    }
}

fn read(options: &Options) -> Result<String, OpenError> {
    let token = options.reader.settings.text("sasl.token")?.unwrap_or_default();
    options.not_empty("sasl.token", token)
}

/// Whom a JSON Web Token is of, and when its time is over. Nobody checks it here: that is the broker's part.
pub(crate) fn claims(token: &str) -> Option<(Option<String>, Option<Duration>)> {
    let payload = token.split('.').nth(1)?;
    let payload = BASE64URL_NOPAD.decode(payload.trim_end_matches('=').as_bytes()).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let principal = claims.get("sub").and_then(Value::as_str).filter(|sub| !sub.contains('\0')).map(str::to_owned);
    let end = claims.get("exp").and_then(Value::as_f64).and_then(|end| Duration::try_from_secs_f64(end).ok());
    Some((principal, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_tokens() {
        let token = |claims: &str| format!("e30.{}.", BASE64URL_NOPAD.encode(claims.as_bytes()));
        let (principal, end) = claims(&token(r#"{"sub": "ann", "exp": 1700000000.5}"#)).expect("claims");
        assert_eq!((principal.as_deref(), end), (Some("ann"), Some(Duration::from_millis(1_700_000_000_500))));
        assert_eq!(claims(&token(r#"{"exp": "soon"}"#)), Some((None, None)));
        assert_eq!(claims(&token(r#"{"exp": -1}"#)), Some((None, None)));
        for opaque in ["", "abc", "a.b.c", "a.%.c"] {
            assert_eq!(claims(opaque), None, "{opaque}");
        }
    }
}
