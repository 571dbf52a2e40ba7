//! Where a backend is: hosts of the config in turn, or those that service discovery finds.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "dns")]
use crate::backend::discovery::Discovery;
use crate::backend::env_host;
use crate::backend::url::Host;
use crate::client::Hosts;
use crate::opener::OpenFailure;

/// The hosts of a backend.
#[derive(Debug)]
pub(crate) enum Targets {
    Fixed(Hosts<Host>),
    #[cfg(feature = "dns")]
    Discovered(Discovery),
}

/// The host of one request.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    Fixed(&'a Host),
    #[cfg_attr(not(feature = "dns"), expect(dead_code, reason = "made with the feature `dns`"))]
    Discovered(Arc<Host>),
}

impl Targets {
    /// `sd_dns` is the scheme of what service discovery finds.
    pub(crate) fn open(
        hosts: &'static [&'static str],
        sd_dns: Option<&'static str>,
        every: Duration,
    ) -> Result<Self, OpenFailure> {
        match (sd_dns, hosts) {
            (None, _) => Ok(Self::Fixed(Hosts::new(env_host::hosts(hosts)?))),
            #[cfg(feature = "dns")]
            (Some(scheme), [name]) => Ok(Self::Discovered(Discovery::start(name, scheme, every)?)),
            #[cfg(feature = "dns")]
            (Some(_), _) => Err(OpenFailure::new("sd: service discovery has one name")),
            #[cfg(not(feature = "dns"))]
            (Some(_), _) => {
                let _ = every;
                Err(OpenFailure::new("sd: this gateway was built without the feature `dns`"))
            }
        }
    }

    /// The host whose turn it is. Waits only for the first answer of service discovery.
    pub(crate) async fn next(&self) -> Option<Target<'_>> {
        match self {
            Self::Fixed(hosts) => hosts.next().map(Target::Fixed),
            #[cfg(feature = "dns")]
            Self::Discovered(discovery) => Box::pin(discovery.next()).await.map(Target::Discovered),
        }
    }
}

impl Deref for Target<'_> {
    type Target = Host;

    fn deref(&self) -> &Host {
        match self {
            Self::Fixed(host) => host,
            Self::Discovered(host) => host,
        }
    }
}
