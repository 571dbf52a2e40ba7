//! Who the client says it is: Google's credentials of every kind.

use google_cloud_auth::credentials::{
    Builder, Credentials, external_account, external_account_authorized_user, impersonated, service_account,
    user_account,
};
use serde_json::Value;

/// What credentials are made from. Not shown.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::gcp_pubsub) enum Identity {
    /// An emulator does not ask.
    Nobody,
    Somebody {
        /// What a file of credentials holds; without it, the metadata server has some.
        json: Option<String>,
        /// Whom requests are counted for.
        quota_project: Option<String>,
    },
}

/// Makes credentials. Must be called on a tokio runtime, and blocks.
///
/// # Errors
/// Nothing can be made of it, and why, without secrets.
pub(super) fn credentials(identity: &Identity) -> Result<Credentials, String> {
    let Identity::Somebody { json, quota_project } = identity else {
        return Err("an emulator has no credentials".to_owned());
    };
    let quota = quota_project.as_ref();
    let made = match json {
        None => {
            let builder = Builder::default();
            quota.iter().fold(builder, |builder, project| builder.with_quota_project_id(project.as_str())).build()
        }
        Some(text) => {
            let json: Value = serde_json::from_str(text).map_err(|_| "the credentials are no JSON".to_owned())?;
            of_json(json, quota.map(String::as_str))?
        }
    };
    made.map_err(|error| format!("no credentials: {}", super::live::chain(&error)))
}

type Built = Result<Credentials, google_cloud_auth::build_errors::Error>;

fn of_json(json: Value, quota: Option<&str>) -> Result<Built, String> {
    macro_rules! build {
        ($kind:ident) => {
            quota
                .iter()
                .fold($kind::Builder::new(json), |builder, project| builder.with_quota_project_id(*project))
                .build()
        };
    }
    let kind = json.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(match kind.as_str() {
        "service_account" => build!(service_account),
        "authorized_user" => build!(user_account),
        "external_account" => build!(external_account),
        "external_account_authorized_user" => build!(external_account_authorized_user),
        "impersonated_service_account" => build!(impersonated),
        _ => return Err(no_kind()),
    })
}

/// Checks a text that should be credentials.
///
/// # Errors
/// It is none, and what it would be.
pub(in crate::gcp_pubsub) fn check(text: &str) -> Result<(), String> {
    const KINDS: [&str; 5] = [
        "service_account",
        "authorized_user",
        "external_account",
        "external_account_authorized_user",
        "impersonated_service_account",
    ];
    // What is wrong with it is not shown: it may show a secret.
    let json: Value = serde_json::from_str(text).map_err(|_| "is no JSON".to_owned())?;
    match json.get("type").and_then(Value::as_str) {
        Some(kind) if KINDS.contains(&kind) => Ok(()),
        _ => Err(no_kind()),
    }
}

fn no_kind() -> String {
    "has no `type` that is known: `service_account`, `authorized_user`, `external_account`, \
     `external_account_authorized_user` or `impersonated_service_account`"
        .to_owned()
}
