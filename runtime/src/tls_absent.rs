//! Stands in for `tls` in a build without that feature.

use crate::description::Tls;
use crate::gateway::StartError;
use crate::server;

pub(crate) fn install_provider() {}

pub(crate) fn load(_tls: &Tls) -> Result<server::Tls, StartError> {
    Err(StartError::new("tls: this gateway was built without the feature `tls`"))
}
