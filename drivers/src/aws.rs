//! What SNS and SQS share: how a URL, a named broker and the environment lead to AWS. Not a driver.
//!
//! # Parameters
//!
//! | Parameter | Value |
//! | --- | --- |
//! | `region` | the region, `us-east-2` |
//! | `profile` | the profile of the shared configuration files, whose credentials win over keys in the environment |
//! | `role` | the ARN of a role to assume, with the credentials that are found otherwise |
//! | `anonymous` | boolean: do not sign requests |
//! | `endpoint` | the `http://` or `https://` address to use instead of the region's own, exactly as it is |
//! | `hostname_immutable` | boolean: accepted, as an endpoint's host is never changed |
//! | `dualstack`, `fips` | boolean: use such endpoints, which an `endpoint` is not |
//! | `rate_limiter_capacity` | the tokens of the client's retry limiter (a retry takes 5 to 14 of 500) |
//! | `request_checksum_calculation`, `response_checksum_validation` | `when_supported` or `when_required` |
//! | `awssdk` | accepted and ignored, as by KrakenD |
//!
//! An `endpoint` is that of STS as well, as with KrakenD, unless `AWS_ENDPOINT_URL_STS` names another.
//!
//! # Settings of a named broker
//!
//! What a URL says goes before what its broker says, and that before the environment.
//!
//! | Setting | Means |
//! | --- | --- |
//! | `region`, `profile`, `role`, `endpoint` | as above |
//! | `external_id` | what the role wants to be told by who assumes it |
//! | `access_key_id`, `secret_access_key`, `session_token` | credentials, instead of the SDK's default chain |
//! | `tls.ca_certs` | roots to trust besides the system's, paths of PEM files |
//! | `tls.disable_system_ca_pool` | trusts no others than those |
//!
//! Variables and files are read again at each connect, and within seconds where a file changes, without a restart.
//!
//! # Credentials
//!
//! Without any of those, the SDK's default chain finds them, in this order: the environment; the profile (`AWS_PROFILE`, or
//! `default`) with its keys, roles, SSO sessions and processes; a web identity, as EKS gives it (`AWS_WEB_IDENTITY_TOKEN_FILE`,
//! `AWS_ROLE_ARN`); a container's endpoint, as ECS and EKS Pod Identity give it; and instance metadata (IMDSv2). They are
//! renewed up to a minute before they end. Where nobody renews them then, they are used for as long as they are good, with a
//! line in the log. Credentials that are missing, or that the service does not know, make a broker that cannot be reached: a
//! publish is 503, and the log says why, once and then once a minute.
//!
//! # Connections
//!
//! Each different way that the URLs of a broker lead to AWS has credentials and connections of its own. They are made in the
//! background, and the service has answered once before it counts as reached; whatever the answer, for who may publish need not
//! be allowed to ask, but not with an error of its own (500 and more). It is asked again when a request fails, and once a minute
//! while there is none. Connections are made within 3 s, through the proxy that `HTTPS_PROXY` names, if any. TLS is of 1.2 or
//! 1.3, and trusts the system's roots, or the bundled ones where the system has none. `AWS_ENDPOINT_URL`, and whatever else the
//! SDK reads of the environment and of profiles, holds as well; but the requests of SQS, and those that ask whether a service is
//! there, are made as often as the driver says, whatever `AWS_MAX_ATTEMPTS` is.

pub(crate) mod attributes;
#[cfg(any(feature = "sns", feature = "sqs"))]
pub(crate) mod batch;
#[cfg(any(feature = "sns", feature = "sqs"))]
pub(crate) mod client;
pub(crate) mod settings;

use std::borrow::Cow;
use std::ops::Range;

use crate::grammar::{BrokerUrl, Value};
use crate::{UrlError, Variable};

/// What a URL says of the connection to AWS; the SDK's default chain fills in the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// The region.
    pub region: Option<Cow<'a, str>>,
    /// The profile of the shared configuration files.
    pub profile: Option<Cow<'a, str>>,
    /// The ARN of a role to assume.
    pub role: Option<Cow<'a, str>>,
    /// Whether requests are not signed.
    pub anonymous: bool,
    /// The address to use instead of the region's own.
    pub endpoint: Option<Cow<'a, str>>,
    /// Whether the endpoint's host is used exactly as it is.
    pub hostname_immutable: Option<bool>,
    /// Whether to use endpoints with IPv6.
    pub dualstack: Option<bool>,
    /// Whether to use FIPS endpoints.
    pub fips: Option<bool>,
    /// The tokens of the client's retry limiter.
    pub rate_limiter_capacity: Option<u32>,
    /// When to send a checksum.
    pub request_checksum_calculation: Option<Checksum>,
    /// When to check a checksum.
    pub response_checksum_validation: Option<Checksum>,
}

/// When a checksum is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Wherever the operation supports one.
    WhenSupported,
    /// Only where the operation requires one.
    WhenRequired,
}

/// The variables of the SDK's default chain that people set by hand. None is required: there are
/// also profiles, web identity, containers and instance metadata.
pub(crate) const ENVIRONMENT: &[Variable] = &[
    Variable { name: "AWS_REGION", expected: "the region, where the URL does not name one", required: false },
    Variable { name: "AWS_PROFILE", expected: "a profile of the shared configuration files", required: false },
    Variable { name: "AWS_ACCESS_KEY_ID", expected: "the id of an access key", required: false },
    Variable { name: "AWS_SECRET_ACCESS_KEY", expected: "the secret of the access key", required: false },
    Variable { name: "AWS_SESSION_TOKEN", expected: "the token of temporary credentials", required: false },
];

/// The names of the shared parameters.
pub(crate) const PARAMETERS: &[&str] = &[
    "region",
    "profile",
    "role",
    "anonymous",
    "endpoint",
    "hostname_immutable",
    "dualstack",
    "fips",
    "rate_limiter_capacity",
    "request_checksum_calculation",
    "response_checksum_validation",
    "awssdk",
];

/// Where credentials come from, for help.
pub(crate) const CREDENTIALS: &str = "the AWS default chain (environment, profile, role)";

const CHECKSUMS: &[(&str, Checksum)] =
    &[("when_supported", Checksum::WhenSupported), ("when_required", Checksum::WhenRequired)];

impl<'a> Parameters<'a> {
    /// The same, without a borrow.
    #[cfg(any(feature = "sns", feature = "sqs"))]
    pub(crate) fn into_owned(self) -> Parameters<'static> {
        let owned = |text: Option<Cow<'a, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Parameters {
            region: owned(self.region),
            profile: owned(self.profile),
            role: owned(self.role),
            endpoint: owned(self.endpoint),
            ..Parameters {
                anonymous: self.anonymous,
                hostname_immutable: self.hostname_immutable,
                dualstack: self.dualstack,
                fips: self.fips,
                rate_limiter_capacity: self.rate_limiter_capacity,
                request_checksum_calculation: self.request_checksum_calculation,
                response_checksum_validation: self.response_checksum_validation,
                ..Parameters::default()
            }
        }
    }

    /// Reads the shared parameters of `url`, whose resource is in `resource_region` as far as its name says.
    pub(crate) fn parse(url: &BrokerUrl<'a>, resource_region: Option<&str>) -> Result<Self, UrlError> {
        let region = url.value("region")?;
        let endpoint = url.value("endpoint")?;
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint)?;
        }
        if let Some(region) = &region {
            region.check_characters(in_region, REGION_RULE)?;
            // Behind an endpoint of one's own, a region may be any name.
            if let Some(expected) = resource_region.filter(|expected| endpoint.is_none() && *expected != region.text) {
                let message = format!("the region is not `{expected}`, where the resource is");
                return Err(region.error(message).with_help(format!("write `region={expected}`, or leave it out")));
            }
        }
        let role = url.value("role")?;
        if let Some(role) = &role {
            check_role(role)?;
        }
        url.text("awssdk")?;
        let anonymous = url.boolean("anonymous")?.unwrap_or_default();
        if let Some(role) = role.as_ref().filter(|_| anonymous) {
            return Err(role.error("a role is assumed with credentials, and `anonymous` has none"));
        }
        let (dualstack, fips) = (url.boolean("dualstack")?, url.boolean("fips")?);
        if let Some(endpoint) = endpoint.as_ref().filter(|_| dualstack == Some(true) || fips == Some(true)) {
            let which = if fips == Some(true) { "fips" } else { "dualstack" };
            return Err(endpoint.error(format!("an endpoint is used as it is, and cannot stand beside `{which}`")));
        }
        Ok(Self {
            region: region.map(Value::into_text),
            profile: url.text("profile")?,
            role: role.map(Value::into_text),
            anonymous,
            endpoint: endpoint.map(Value::into_text),
            hostname_immutable: url.boolean("hostname_immutable")?,
            dualstack,
            fips,
            rate_limiter_capacity: url.integer("rate_limiter_capacity", 0..=i32::MAX as u32)?,
            request_checksum_calculation: url.one_of("request_checksum_calculation", CHECKSUMS)?,
            response_checksum_validation: url.one_of("response_checksum_validation", CHECKSUMS)?,
        })
    }
}

const REGION_RULE: &str = "a region has small letters, digits and `-`: `us-east-2`";

fn in_region(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

fn check_endpoint(endpoint: &Value<'_>) -> Result<(), UrlError> {
    const RULE: &str = "an endpoint looks like `http://localhost:4566`";
    is_endpoint(&endpoint.text).map_err(|wrong| endpoint.error(format!("the endpoint {wrong}")).with_help(RULE))
}

/// Checks an endpoint: what is wrong with it, without its text.
pub(crate) fn is_endpoint(text: &str) -> Result<(), &'static str> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match host.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default()) {
        None | Some("") => Err("is not an http or https address"),
        Some(host) if host.contains('@') => Err("has a user or password in it, where those do not belong"),
        Some(host) if host.contains(char::is_whitespace) => Err("has white space in it"),
        Some(_) => Ok(()),
    }
}

/// Checks a region.
pub(crate) fn is_region(text: &str) -> Result<(), String> {
    if !text.is_empty() && text.chars().all(in_region) {
        return Ok(());
    }
    Err(format!("is no region: {REGION_RULE}"))
}

/// Checks the ARN of a role.
pub(crate) fn is_role(text: &str) -> Result<(), String> {
    let mut fields = text.splitn(6, ':');
    let mut field = || fields.next().unwrap_or_default();
    let (arn, partition, service, _, account, resource) = (field(), field(), field(), field(), field(), field());
    if arn != "arn" || (partition != "aws" && !partition.starts_with("aws-")) {
        return Err("is not an ARN".to_owned());
    }
    if service != "iam" || !is_account(account) || resource.strip_prefix("role/").is_none_or(str::is_empty) {
        return Err("is not a role's ARN: `arn:aws:iam::123456789012:role/myrole`".to_owned());
    }
    Ok(())
}

fn check_role(role: &Value<'_>) -> Result<(), UrlError> {
    const EXAMPLE: &str = "a role looks like `arn:aws:iam::123456789012:role/myrole`";
    let arn = Arn::parse(role, "iam", EXAMPLE)?;
    arn.check_account(EXAMPLE)?;
    if arn.field(5).strip_prefix("role/").is_none_or(str::is_empty) {
        return Err(role.error_at(arn.fields[5].clone(), "this is not a role").with_help(EXAMPLE));
    }
    Ok(())
}

/// An Amazon resource name, `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
struct Arn<'v, 'a> {
    value: &'v Value<'a>,
    /// Where the six fields are in the value's text.
    fields: [Range<usize>; 6],
}

/// Checks the ARN of an SNS topic, and says whether the topic is FIFO and where it is.
pub(crate) fn check_topic_arn<'v>(value: &'v Value<'_>) -> Result<TopicArn<'v>, UrlError> {
    const EXAMPLE: &str = "a topic's ARN looks like `arn:aws:sns:us-east-2:123456789012:mytopic`";
    const RULE: &str = "the name of an SNS topic has letters, digits, `_` and `-`, and may end in `.fifo`";
    let arn = Arn::parse(value, "sns", EXAMPLE)?;
    let region = arn.fields[3].clone();
    if region.is_empty() || !arn.field(3).chars().all(in_region) {
        return Err(value.error_at(region, "this is not a region").with_help(EXAMPLE));
    }
    arn.check_account(EXAMPLE)?;
    let name = arn.field(5);
    let range = arn.fields[5].clone();
    if let Some(colon) = name.find(':') {
        return Err(value
            .error_at(range.start + colon..range.end, "the ARN goes on after the topic's name")
            .with_help(EXAMPLE));
    }
    let stem = name.strip_suffix(".fifo");
    check_name(value, range, stem.unwrap_or(name), 256, "the name of an SNS topic", RULE)?;
    Ok(TopicArn { region: arn.field(3), fifo: stem.is_some() })
}

/// What an SNS topic's ARN says.
pub(crate) struct TopicArn<'v> {
    pub(crate) region: &'v str,
    pub(crate) fifo: bool,
}

/// Checks the name at `range` of `value`; `stem` is the name without the `.fifo` that it may end in.
pub(crate) fn check_name(
    value: &Value<'_>,
    range: Range<usize>,
    stem: &str,
    max: usize,
    what: &str,
    rule: &str,
) -> Result<(), UrlError> {
    if stem.is_empty() {
        return Err(value.error_at(range, format!("{what} is missing")).with_help(rule));
    }
    if let Some((at, c)) = stem.char_indices().find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
        return Err(value.not_allowed(range.start + at, c, rule));
    }
    if range.len() > max {
        let message = format!("{what} has at most {max} bytes, this one has {}", range.len());
        return Err(value.error_at(range, message));
    }
    Ok(())
}

/// An AWS account's number.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

// === impl Arn ===

impl<'v, 'a> Arn<'v, 'a> {
    fn parse(value: &'v Value<'a>, service: &str, example: &str) -> Result<Self, UrlError> {
        let mut fields = [const { 0..0 }; 6];
        let mut count = 0;
        let mut start = 0;
        for (field, text) in fields.iter_mut().zip(value.text.splitn(6, ':')) {
            *field = start..start + text.len();
            start = field.end + 1;
            count += 1;
        }
        let arn = Self { value, fields };
        if count < 6 || arn.field(0) != "arn" {
            return Err(value.error("this is not an ARN").with_help(example));
        }
        let partition = arn.field(1);
        if partition != "aws" && !partition.starts_with("aws-") {
            let error = value.error_at(arn.fields[1].clone(), format!("`{partition}` is not a partition of AWS"));
            return Err(error.with_help(example));
        }
        if arn.field(2) != service {
            let message = format!("the service is `{}`, not `{service}`", arn.field(2));
            return Err(value.error_at(arn.fields[2].clone(), message).with_help(example));
        }
        Ok(arn)
    }

    fn field(&self, index: usize) -> &'v str {
        &self.value.text[self.fields[index].clone()]
    }

    fn check_account(&self, example: &str) -> Result<(), UrlError> {
        if is_account(self.field(4)) {
            return Ok(());
        }
        Err(self.value.error_at(self.fields[4].clone(), "an account has 12 digits").with_help(example))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Grammar;
    use crate::grammar::tests::assert_refused;

    static GRAMMAR: Grammar = Grammar {
        what: "a test topic",
        schemes: &["test"],
        example: "test://name",
        parameters: &[PARAMETERS],
        elsewhere: (&[], "a topic"),
        credentials: CREDENTIALS,
    };

    fn parse(url: &str) -> Result<Parameters<'_>, UrlError> {
        Parameters::parse(&BrokerUrl::parse(url, &GRAMMAR)?, Some("us-east-2"))
    }

    #[test]
    fn every_parameter() {
        let url = "test://q?region=us-east-2&profile=dev&role=arn:aws:iam::123456789012:role/a/b&anonymous=false\
                   &endpoint=http%3A%2F%2Flocalhost:4566&hostname_immutable=1&dualstack=false&fips=F\
                   &rate_limiter_capacity=500&request_checksum_calculation=when_required\
                   &response_checksum_validation=WHEN_SUPPORTED&awssdk=v2";
        let expected = Parameters {
            region: Some("us-east-2".into()),
            profile: Some("dev".into()),
            role: Some("arn:aws:iam::123456789012:role/a/b".into()),
            anonymous: false,
            endpoint: Some("http://localhost:4566".into()),
            hostname_immutable: Some(true),
            dualstack: Some(false),
            fips: Some(false),
            rate_limiter_capacity: Some(500),
            request_checksum_calculation: Some(Checksum::WhenRequired),
            response_checksum_validation: Some(Checksum::WhenSupported),
        };
        assert_eq!(parse(url), Ok(expected));
        assert_eq!(parse("test://q"), Ok(Parameters::default()));
        assert!(parse("test://q?region=eu-west-1&endpoint=https://localhost").is_ok());
    }

    #[test]
    fn refused() {
        const ROLE: &str = "a role looks like `arn:aws:iam::123456789012:role/myrole`";
        const ENDPOINT: &str = "an endpoint looks like `http://localhost:4566`";
        const BOOLEAN: &str = "write `true` or `false`";
        const CHECKSUM: &str = "accepted: `when_supported`, `when_required`";
        assert_refused(
            Some(|url| parse(url).map(drop)),
            &[
                ("test://q?region=us[_]east-2", "`_` is not allowed here", REGION_RULE),
                (
                    "test://q?region=[us-east-1]",
                    "the region is not `us-east-2`, where the resource is",
                    "write `region=us-east-2`, or leave it out",
                ),
                ("test://q?role=[myrole]", "this is not an ARN", ROLE),
                ("test://q?role=arn:[azure]:iam::1:role/x", "`azure` is not a partition of AWS", ROLE),
                ("test://q?role=arn:aws:[sts]::1:role/x", "the service is `sts`, not `iam`", ROLE),
                ("test://q?role=arn:aws:iam::[1]:role/x", "an account has 12 digits", ROLE),
                ("test://q?role=arn:aws:iam::123456789012:[user/x]", "this is not a role", ROLE),
                ("test://q?endpoint=[localhost:4566]", "the endpoint is not an http or https address", ENDPOINT),
                ("test://q?endpoint=[http://]", "the endpoint is not an http or https address", ENDPOINT),
                (
                    "test://q?endpoint=[http://me:secret@host]",
                    "the endpoint has a user or password in it, where those do not belong",
                    ENDPOINT,
                ),
                ("test://q?endpoint=[http://a+b]", "the endpoint has white space in it", ENDPOINT),
                ("test://q?anonymous=[yes]", "`yes` is not a boolean", BOOLEAN),
                ("test://q?hostname_immutable=[2]", "`2` is not a boolean", BOOLEAN),
                ("test://q?dualstack=[on]", "`on` is not a boolean", BOOLEAN),
                ("test://q?[fips]", "`fips` has no value", ""),
                ("test://q?rate_limiter_capacity=[x]", "`x` is not a whole number from 0 to 2147483647", ""),
                (
                    "test://q?request_checksum_calculation=[never]",
                    "`never` is not a value of `request_checksum_calculation`",
                    CHECKSUM,
                ),
                (
                    "test://q?response_checksum_validation=[always]",
                    "`always` is not a value of `response_checksum_validation`",
                    CHECKSUM,
                ),
            ],
        );
    }
}
