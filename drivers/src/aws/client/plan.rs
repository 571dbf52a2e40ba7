//! From settings and URL parameters to the SDK's configuration.

use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use aws_smithy_types::checksum_config::{RequestChecksumCalculation, ResponseChecksumValidation};

use super::Access;
use super::transport::{Transport, Trust};
use crate::aws::{Checksum, Parameters};
use crate::settings::reader::{Reader, Stamp};
use crate::{OpenError, Settings};

/// How long a connection may take to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one attempt of a request may take, and all of them. A request that waits for messages asks for more.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);

/// How long before they end credentials are renewed.
pub(super) const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// What STS shows of who assumes a role.
const SESSION: &str = "sluicegate";

/// What a broker's settings and a URL say together.
#[derive(Clone)]
pub(super) struct Plan {
    reader: Reader,
    parameters: Parameters<'static>,
}

/// What a named broker's settings say, read now.
pub(super) struct Told {
    region: Option<String>,
    profile: Option<String>,
    role: Option<String>,
    external_id: Option<String>,
    endpoint: Option<String>,
    keys: Option<Credentials>,
    trust: Trust,
}

impl Plan {
    pub(super) fn new(settings: &Settings, parameters: Parameters<'static>) -> Self {
        Self { reader: Reader::new(settings), parameters }
    }

    /// Reads variables and files. Blocks.
    ///
    /// # Errors
    /// A value is missing or malformed. The error does not show it.
    pub(super) fn read(&self) -> Result<Told, OpenError> {
        let reader = &self.reader;
        let text = |name: &'static str| match reader.settings.text(name)? {
            Some(text) if text.is_empty() => Err(reader.wrong(name, "is empty")),
            text => Ok(text),
        };
        let (region, role, endpoint) = (text("region")?, text("role")?, text("endpoint")?);
        let check = |name: &'static str, text: &Option<String>, check: fn(&str) -> Result<(), String>| {
            text.as_deref().map_or(Ok(()), check).map_err(|message| reader.wrong(name, message))
        };
        check("region", &region, crate::aws::is_region)?;
        check("role", &role, crate::aws::is_role)?;
        check("endpoint", &endpoint, |text| crate::aws::is_endpoint(text).map_err(str::to_owned))?;
        let token = text("session_token")?;
        // Either both or neither: that was checked.
        let keys = match (text("access_key_id")?, text("secret_access_key")?) {
            (Some(id), Some(secret)) => Some(Credentials::new(id, secret, token, None, "settings")),
            _ => None,
        };
        let mut trust = Trust { these_alone: reader.flag("tls.disable_system_ca_pool")?, ..Trust::default() };
        for source in reader.settings.sources("tls.ca_certs") {
            let pem = reader.read_file("tls.ca_certs", source)?;
            trust.add(pem).map_err(|message| reader.wrong("tls.ca_certs", message))?;
        }
        Ok(Told { region, profile: text("profile")?, role, external_id: text("external_id")?, endpoint, keys, trust })
    }

    /// The files that [`read`](Self::read) reads, as they are now. Blocks.
    pub(super) fn stamps(&self) -> Vec<Stamp> {
        self.reader.stamps(&[])
    }

    /// Finds out how to reach AWS: with what the URL says, else the broker's settings, else the SDK's default chain, which
    /// reads its files anew.
    ///
    /// # Errors
    /// Why that cannot be known, without secrets.
    pub(super) async fn load(&self) -> Result<Access, String> {
        let plan = self.clone();
        let prepare = move || {
            let mut told = plan.read().map_err(|error| error.to_string())?;
            let transport = Transport::shared(std::mem::take(&mut told.trust))?;
            Ok::<_, String>((told, transport))
        };
        let (told, transport) = tokio::task::spawn_blocking(prepare).await.map_err(|error| error.to_string())??;
        let Parameters { region, profile, role, anonymous, endpoint, dualstack, fips, .. } = &self.parameters;
        let or = |ours: &Option<std::borrow::Cow<'static, str>>, theirs: Option<String>| {
            ours.as_ref().map(|text| text.clone().into_owned()).or(theirs)
        };
        let profile = or(profile, told.profile);
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(transport.clone())
            .timeout_config(timeouts())
            .identity_cache(identities());
        let region = or(region, told.region).map(Region::new);
        if let Some(region) = &region {
            loader = loader.region(region.clone());
        }
        if let Some(endpoint) = or(endpoint, told.endpoint) {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(dualstack) = dualstack {
            loader = loader.use_dual_stack(*dualstack);
        }
        if let Some(fips) = fips {
            loader = loader.use_fips(*fips);
        }
        if let Some(calculation) = self.parameters.request_checksum_calculation {
            loader = loader.request_checksum_calculation(match calculation {
                Checksum::WhenSupported => RequestChecksumCalculation::WhenSupported,
                Checksum::WhenRequired => RequestChecksumCalculation::WhenRequired,
            });
        }
        if let Some(validation) = self.parameters.response_checksum_validation {
            loader = loader.response_checksum_validation(match validation {
                Checksum::WhenSupported => ResponseChecksumValidation::WhenSupported,
                Checksum::WhenRequired => ResponseChecksumValidation::WhenRequired,
            });
        }
        if let Some(profile) = &profile {
            loader = loader.profile_name(profile);
        }
        if *anonymous {
            loader = loader.no_credentials();
        } else if let Some(profile) = &profile {
            // Whoever names a profile means it, whatever keys the environment has.
            let config = ProviderConfig::without_region().with_http_client(transport).with_timeout_config(timeouts());
            let config = match region {
                Some(region) => config.with_region(Some(region)),
                None => {
                    // As the client's: the profile's own goes before that of the instance.
                    let own = ProfileFileRegionProvider::builder().configure(&config).profile_name(profile).build();
                    let known = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(own);
                    match known.region().await {
                        Some(region) => config.with_region(Some(region)),
                        None => config.load_default_region().await,
                    }
                }
            };
            let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
            loader = loader.credentials_provider(provider);
        } else if let Some(keys) = told.keys {
            loader = loader.credentials_provider(keys);
        }
        let mut sdk = loader.load().await;
        if sdk.region().is_none() {
            return Err("no region is known: name one in the URL, for the broker, or in AWS_REGION".to_owned());
        }
        if let Some(role) = or(role, told.role) {
            sdk = assume(sdk, role, told.external_id).await;
        }
        Ok(Access::new(sdk, *anonymous, self.parameters.rate_limiter_capacity))
    }
}

/// With the credentials of a role, which those that are there may assume.
async fn assume(sdk: SdkConfig, role: String, external_id: Option<String>) -> SdkConfig {
    // An endpoint is that of all services, as with KrakenD, unless STS has one of its own.
    let own = std::env::var("AWS_ENDPOINT_URL_STS").ok();
    let endpoint = own.or_else(|| sdk.endpoint_url().map(str::to_owned));
    let mut sts = sdk.to_builder();
    sts.set_endpoint_url(endpoint);
    let mut provider = AssumeRoleProvider::builder(role).configure(&sts.build()).session_name(SESSION);
    if let Some(id) = external_id {
        provider = provider.external_id(id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    sdk.into_builder().credentials_provider(provider).build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

fn identities() -> SharedIdentityCache {
    IdentityCache::lazy().buffer_time(RENEW_BEFORE).build()
}
