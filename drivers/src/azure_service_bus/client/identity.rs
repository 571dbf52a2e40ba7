//! Azure's default credential, of the parts that `azure_identity` has: the first of them that can be used is asked for
//! tokens. That crate has such a chain for developers' tools alone.

mod transport;

use std::env;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::time::OffsetDateTime;
use azure_identity::{
    AzureCliCredential, ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use tokio::time::timeout;

use self::transport::{ClientOptions, Http, client_options};
use crate::azure_service_bus::options::Identity;
use crate::azure_service_bus::settings::Which;

const SCOPE: &str = "https://servicebus.azure.net/.default";

/// How long a token may take. A connection waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a machine's metadata service may take to be there: most machines have none.
const PROBE: Duration = Duration::from_secs(1);

const LONGEST_REASON: usize = 400;

/// Whatever gives tokens. Not shown.
pub(super) struct Credential {
    identity: Identity,
    http: Arc<Http>,
    /// The one that gave a token: it is asked from then on.
    chosen: Mutex<Option<Arc<dyn TokenCredential>>>,
}

/// A part of the chain that could be asked.
enum Part {
    /// It is set up: what it says counts.
    Ready(Arc<dyn TokenCredential>),
    /// It may be there.
    Perhaps(Arc<dyn TokenCredential>),
    /// Not set up: what is missing.
    Absent(String),
}

impl Credential {
    /// # Errors
    /// Something that was asked for by name is not there.
    pub(super) fn new(identity: &Identity, tls: rustls::ClientConfig) -> Result<Self, String> {
        Ok(Self { identity: identity.clone(), http: Arc::new(Http::new(tls)), chosen: Mutex::default() })
    }

    /// A token, and how long it lasts from now on.
    ///
    /// # Errors
    /// There is none: why, without secrets.
    pub(super) async fn token(&self) -> Result<(String, Duration), String> {
        match timeout(PATIENCE, self.ask()).await {
            Ok(asked) => asked,
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }

    async fn ask(&self) -> Result<(String, Duration), String> {
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(credential) = chosen {
            return get(&*credential).await.map_err(|reason| self.shown(&reason));
        }
        let mut absent = Vec::new();
        let all = [Which::Environment, Which::WorkloadIdentity, Which::ManagedIdentity, Which::Cli];
        for which in all.into_iter().filter(|which| self.identity.which.is_none_or(|wanted| wanted == *which)) {
            let part = self.part(which).await.map_err(|reason| format!("{which}: {}", self.shown(&reason)))?;
            let (credential, counts) = match part {
                Part::Ready(credential) => (credential, true),
                Part::Perhaps(credential) => (credential, false),
                Part::Absent(why) => {
                    absent.push(format!("{which}: {why}"));
                    continue;
                }
            };
            match get(&*credential).await {
                Ok(token) => {
                    *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential);
                    return Ok(token);
                }
                Err(reason) if counts => return Err(format!("{which}: {}", self.shown(&reason))),
                Err(reason) => absent.push(format!("{which}: {}", self.shown(&reason))),
            }
        }
        Err(format!("the default credential has none ({})", absent.join("; ")))
    }

    /// What is said of a refusal, no more than a line, without the secret that was told.
    fn shown(&self, reason: &str) -> String {
        let line: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REASON).collect();
        let secret = self.identity.client_secret.clone().or_else(|| variable("AZURE_CLIENT_SECRET"));
        match secret.filter(|secret| !secret.is_empty()) {
            Some(secret) => line.replace(&secret, "(a secret)"),
            None => line,
        }
    }

    async fn part(&self, which: Which) -> Result<Part, String> {
        match which {
            Which::Environment => self.client_secret(),
            Which::WorkloadIdentity => self.workload_identity(),
            Which::ManagedIdentity => self.managed_identity().await,
            Which::Cli => {
                let made = AzureCliCredential::new(None).map_err(|error| error.to_string())?;
                Ok(Part::Perhaps(made))
            }
        }
    }

    /// An application with a secret.
    fn client_secret(&self) -> Result<Part, String> {
        let own = &self.identity;
        let given = |own: &Option<String>, name| own.clone().or_else(|| variable(name)).ok_or(name);
        let parts = (
            given(&own.tenant_id, "AZURE_TENANT_ID"),
            given(&own.client_id, "AZURE_CLIENT_ID"),
            given(&own.client_secret, "AZURE_CLIENT_SECRET"),
        );
        let (tenant, client, secret) = match parts {
            (Ok(tenant), Ok(client), Ok(secret)) => (tenant, client, secret),
            (Err(name), _, _) | (_, Err(name), _) | (_, _, Err(name)) => {
                return Ok(Part::Absent(format!("{name} is not set")));
            }
        };
        let options = ClientSecretCredentialOptions { client_options: self.client_options() };
        let made = ClientSecretCredential::new(&tenant, client, Secret::new(secret), Some(options));
        Ok(Part::Ready(made.map_err(|error| error.to_string())?))
    }

    /// A pod, with a token of its cluster's in a file.
    fn workload_identity(&self) -> Result<Part, String> {
        let own = &self.identity;
        let file = own.token_file.clone().or_else(|| variable("AZURE_FEDERATED_TOKEN_FILE").map(Into::into));
        let tenant = own.tenant_id.clone().or_else(|| variable("AZURE_TENANT_ID"));
        let client = own.client_id.clone().or_else(|| variable("AZURE_CLIENT_ID"));
        let Some(file) = file else { return Ok(Part::Absent("AZURE_FEDERATED_TOKEN_FILE is not set".to_owned())) };
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options: self.client_options() },
            client_id: client,
            tenant_id: tenant,
            token_file_path: Some(file),
        };
        let made = WorkloadIdentityCredential::new(Some(options)).map_err(|error| error.to_string())?;
        Ok(Part::Ready(made))
    }

    /// What the machine or the app's host is.
    async fn managed_identity(&self) -> Result<Part, String> {
        let client = self.identity.client_id.clone().or_else(|| variable("AZURE_CLIENT_ID"));
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: client.map(UserAssignedId::ClientId),
            client_options: self.client_options(),
        };
        let made = ManagedIdentityCredential::new(Some(options)).map_err(|error| error.to_string())?;
        if ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"].into_iter().any(|name| variable(name).is_some()) {
            return Ok(Part::Ready(made));
        }
        // Where it is not there, asking it would take until nobody waits any more.
        match timeout(PROBE, self.http.probe_metadata()).await {
            Ok(Ok(())) => Ok(Part::Perhaps(made)),
            Ok(Err(reason)) => Ok(Part::Absent(format!("no metadata service ({reason})"))),
            Err(_) => Ok(Part::Absent("no metadata service".to_owned())),
        }
    }

    fn client_options(&self) -> ClientOptions {
        let cloud = self.identity.authority_host.clone().map(|host| {
            let mut custom = CustomConfiguration::default();
            custom.authority_host = host;
            Arc::new(CloudConfiguration::Custom(custom))
        });
        client_options(&self.http, cloud)
    }
}

async fn get(credential: &dyn TokenCredential) -> Result<(String, Duration), String> {
    let token = credential.get_token(&[SCOPE], None).await.map_err(|error| {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text += &format!(": {cause_text}");
            }
            source = cause.source();
        }
        text
    })?;
    let life = token.expires_on - OffsetDateTime::now_utc();
    match Duration::try_from(life) {
        Ok(life) if !life.is_zero() => Ok((token.token.secret().to_owned(), life)),
        _ => Err("the time of the token that it gives is over: one of the clocks may be wrong".to_owned()),
    }
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::WorkloadIdentity => "workload identity",
            Self::ManagedIdentity => "managed identity",
            Self::Cli => "Azure CLI",
        })
    }
}
