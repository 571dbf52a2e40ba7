//! How a token is asked for.

use rustls::ClientConfig;

use super::Options;
use crate::OpenError;
use crate::kafka::endpoint::Endpoint;
use crate::kafka::settings::is_in_body;

/// What an endpoint is asked with, as it is now. Not shown, for its secret.
pub(crate) struct Asking {
    pub(crate) endpoint: Endpoint,
    pub(crate) id: String,
    pub(crate) secret: String,
    /// Whether id and secret are in the body, and not in a header.
    pub(crate) is_in_body: bool,
    pub(crate) scope: Option<String>,
    pub(crate) audience: Option<String>,
    /// Where the endpoint speaks TLS.
    pub(crate) tls: Option<ClientConfig>,
}

impl Options {
    /// Reads variables and files, which happens for each token. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(crate) fn asking(&self) -> Result<Asking, OpenError> {
        let text = |name| self.reader.settings.text(name)?.map(|text| self.not_empty(name, text)).transpose();
        let needed = |name| text(name)?.ok_or_else(|| self.reader.wrong(name, "is missing"));
        let endpoint = Endpoint::parse(&needed("sasl.token_endpoint")?)
            .map_err(|message| self.reader.wrong("sasl.token_endpoint", message))?;
        let is_in_body = text("sasl.client_auth")?.map_or(Ok(false), |text| is_in_body(&text));
        let tls = endpoint.is_tls.then(|| {
            let tls = self.reader.trust()?;
            tls.client_config().map_err(|message| self.reader.wrong("sasl.token_endpoint", message))
        });
        Ok(Asking {
            endpoint,
            id: needed("sasl.client_id")?,
            secret: needed("sasl.client_secret")?,
            is_in_body: is_in_body.map_err(|message| self.reader.wrong("sasl.client_auth", message))?,
            scope: text("sasl.scope")?,
            audience: text("sasl.audience")?,
            tls: tls.transpose()?,
        })
    }
}
