//! How a service is reached and who asks it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};

use super::failure::chain;
use super::plan::RENEW_BEFORE;

/// What the client of a service is made of.
pub(crate) struct Access {
    sdk: SdkConfig,
    anonymous: bool,
    retries: Option<RetryPartition>,
}

impl Access {
    pub(super) fn new(sdk: SdkConfig, anonymous: bool, tokens: Option<u32>) -> Self {
        let sdk = match sdk.credentials_provider() {
            None => sdk,
            Some(inner) => {
                let kept = Kept { inner, last: Mutex::default() };
                sdk.into_builder().credentials_provider(SharedCredentialsProvider::new(kept)).build()
            }
        };
        let bucket = |tokens: u32| TokenBucket::builder().capacity(tokens as usize).build();
        let retries = tokens.map(|tokens| RetryPartition::custom("url").token_bucket(bucket(tokens)).build());
        Self { sdk, anonymous, retries }
    }

    /// Region, endpoint, credentials, timeouts: all that clients have in common.
    pub(crate) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Whether requests are not signed.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    /// What limits retries, where the URL says that.
    pub(crate) fn retries(&self) -> Option<&RetryPartition> {
        self.retries.as_ref()
    }
}

/// Credentials that outlast a while in which no new ones can be had, for as long as they are good.
struct Kept {
    inner: SharedCredentialsProvider,
    last: Mutex<Option<Credentials>>,
}

impl Kept {
    async fn provide(&self) -> Result {
        match self.inner.provide_credentials().await {
            Ok(new) => {
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(new.clone());
                Ok(new)
            }
            Err(error) => match self.last() {
                None => Err(error),
                Some(last) => {
                    tracing::warn!(
                        reason = chain(&error),
                        "credentials for AWS cannot be renewed, the old ones are used until they end"
                    );
                    Ok(last)
                }
            },
        }
    }

    /// The last ones where they are still good, to be asked for again in some seconds.
    fn last(&self) -> Option<Credentials> {
        const AGAIN: Duration = Duration::from_secs(5);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let now = SystemTime::now();
        // Those without an end are asked for anew because they may have been replaced.
        if last.expiry()? <= now + AGAIN {
            return None;
        }
        *last.expiry_mut() = Some(now + RENEW_BEFORE + AGAIN);
        Some(last)
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.last().or_else(|| self.inner.fallback_on_interrupt())
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
