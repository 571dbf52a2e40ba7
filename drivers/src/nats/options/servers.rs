//! The servers that a client connects to.

use std::fmt;

use super::Login;
use crate::nats::addresses::{self, Address, AddressLogin};

/// One server. Shown without its login.
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(super) login: Option<Login>,
}

/// Reads a list of addresses.
///
/// # Errors
/// What is wrong, without the text: it may hold a password.
pub(super) fn parse(list: &str) -> Result<Vec<Server>, String> {
    Ok(addresses::parse(list)?.into_iter().map(Server::from).collect())
}

impl From<Address> for Server {
    fn from(mut address: Address) -> Self {
        let login = address.login.take().map(|login| match login {
            AddressLogin::Password { user, password } => Login::Password { user, password },
            AddressLogin::Token(token) => Login::Token(token),
        });
        Self { address, login }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
