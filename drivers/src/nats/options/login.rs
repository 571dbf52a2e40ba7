//! Who a client says it is.

use super::Nkey;

/// What a client logs in with. Not shown.
pub(crate) enum Login {
    None,
    Password {
        user: String,
        password: String,
    },
    Token(String),
    Nkey(Nkey),
    /// What a credentials file holds.
    Jwt {
        jwt: String,
        key: Nkey,
    },
}

/// The parts of a login that a server is sent, under the names that the protocol's CONNECT has for them.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) user: Option<String>,
    pub(crate) pass: Option<String>,
    pub(crate) auth_token: Option<String>,
    pub(crate) nkey: Option<String>,
    pub(crate) jwt: Option<String>,
    /// The signed nonce, in URL-safe base64 without padding.
    pub(crate) sig: Option<String>,
}

impl Login {
    /// Reads a credentials file: a JWT and an nkey's seed, each between two lines with dashes.
    ///
    /// # Errors
    /// One of the two is missing or malformed.
    pub(super) fn from_credentials(text: &str) -> Result<Self, String> {
        let block = |name: &str| {
            let mut lines = text.lines().map(str::trim);
            let begin = format!("BEGIN {name}");
            lines.find(|line| line.starts_with("---") && line.contains(&begin))?;
            lines.find(|line| !line.is_empty()).filter(|line| !line.starts_with("---"))
        };
        let jwt = block("NATS USER JWT").ok_or("holds no user JWT")?;
        let seed = block("USER NKEY SEED").ok_or("holds no seed of a user's nkey")?;
        Ok(Self::Jwt { jwt: jwt.to_owned(), key: Nkey::user(seed)? })
    }

    /// The answer to a server that sent `nonce`.
    ///
    /// # Errors
    /// A nonce is needed, and the server sent none.
    pub(crate) fn answer(&self, nonce: Option<&str>) -> Result<Answer, String> {
        let sign = |key: &Nkey| match nonce {
            Some(nonce) => Ok(Some(key.sign(nonce.as_bytes()))),
            None => Err("the server does not ask for an nkey's signature".to_owned()),
        };
        Ok(match self {
            Self::None => Answer::default(),
            Self::Password { user, password } => {
                Answer { user: Some(user.clone()), pass: Some(password.clone()), ..Answer::default() }
            }
            Self::Token(token) => Answer { auth_token: Some(token.clone()), ..Answer::default() },
            Self::Nkey(key) => Answer { nkey: Some(key.public().to_owned()), sig: sign(key)?, ..Answer::default() },
            Self::Jwt { jwt, key } => Answer { jwt: Some(jwt.clone()), sig: sign(key)?, ..Answer::default() },
        })
    }
}
