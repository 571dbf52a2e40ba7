//! Where tokens come from: made with a key, made by somebody else, or got from one of Azure's identities.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::identity::Credential;
use crate::azure_service_bus::connection_string;
use crate::azure_service_bus::options::Login;

/// How long a token lasts that is made here.
const LIFE: Duration = Duration::from_secs(3600);

const SAS: &str = "servicebus.windows.net:sastoken";
const JWT: &str = "jwt";

/// Makes tokens. Not shown, for its secrets.
pub(super) enum Tokens {
    Key { name: String, key: Box<hmac::Key> },
    Signature(String),
    Identity(Credential),
}

/// A token. Not shown.
pub(super) struct Token {
    pub(super) text: String,
    /// What Service Bus calls tokens like it.
    pub(super) kind: &'static str,
    /// How long it lasts from now on.
    pub(super) life: Duration,
}

impl Tokens {
    /// # Errors
    /// Something that an identity needs is missing: what.
    pub(super) fn new(login: &Login, tls: rustls::ClientConfig) -> Result<Self, String> {
        Ok(match login {
            Login::Shared(connection_string::Login::Key { name, key }) => {
                Self::Key { name: name.clone(), key: Box::new(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())) }
            }
            Login::Shared(connection_string::Login::Signature(text)) => Self::Signature(text.clone()),
            Login::Identity(identity) => Self::Identity(Credential::new(identity, tls)?),
        })
    }

    /// A token for what `audience` names.
    ///
    /// # Errors
    /// There is none: why, without secrets.
    pub(super) async fn token(&self, audience: &str) -> Result<Token, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        match self {
            Self::Key { name, key } => {
                Ok(Token { text: sign(name, key, audience, (now + LIFE).as_secs()), kind: SAS, life: LIFE })
            }
            Self::Signature(text) => {
                let end = text.split('&').find_map(|part| part.trim().strip_prefix("se=")?.parse().ok());
                let end = Duration::from_secs(end.ok_or("the `SharedAccessSignature` does not say when it ends")?);
                match end.checked_sub(now) {
                    Some(life) if !life.is_zero() => Ok(Token { text: text.clone(), kind: SAS, life }),
                    _ => Err("the time of the `SharedAccessSignature` is over".to_owned()),
                }
            }
            Self::Identity(credential) => {
                let (text, life) = credential.token().await?;
                Ok(Token { text, kind: JWT, life })
            }
        }
    }
}

fn sign(name: &str, key: &hmac::Key, audience: &str, end: u64) -> String {
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let resource = escape(audience);
    let signature = BASE64.encode(hmac::sign(key, format!("{resource}\n{end}").as_bytes()).as_ref());
    format!("SharedAccessSignature sr={resource}&sig={}&se={end}&skn={}", escape(&signature), escape(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_as_azure_says() {
        // Made with the Python SDK's `generate_sas_token`'s way: hmac of the escaped resource and the end.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"y");
        let token = sign("x", &key, "amqps://ns/q", 1_700_000_000);
        assert!(token.starts_with("SharedAccessSignature sr=amqps%3A%2F%2Fns%2Fq&sig="), "{token}");
        assert!(token.ends_with("&se=1700000000&skn=x"), "{token}");
    }
}
