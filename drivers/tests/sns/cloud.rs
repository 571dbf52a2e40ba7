//! What gives credentials in a cloud, on loopback: instance metadata, a container's endpoint, STS and SSO, with an SNS that
//! knows whom they gave some.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::answers::{error, fine};
use super::fake::{Fake, Reply, Request};

pub(super) const ROLE: &str = "arn:aws:iam::123456789012:role/app";

/// A key that needs nobody who gives it.
pub(super) const STATIC: &str = "STATIC";

/// How long credentials are good: so short that each request finds them about to end.
const LIFE: Duration = Duration::from_secs(25);

/// All of it, and a folder that is a process's home.
pub(super) struct Cloud {
    pub(super) fake: Fake,
    pub(super) home: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// What gives nothing.
    refuses: &'static str,
    /// The keys that were given, and when they end.
    given: HashMap<String, SystemTime>,
    /// Those that were shown to SNS, in order, each once.
    shown: Vec<String>,
    /// Who asked STS to assume a role.
    assumed_by: Vec<String>,
}

impl Cloud {
    /// What `refuses` names gives nothing.
    pub(super) async fn start(refuses: &'static str) -> Self {
        let seen = Arc::new(Mutex::new(Seen { refuses, ..Seen::default() }));
        let of_fake = Arc::clone(&seen);
        let answer = move |request: &Request| {
            let mut seen = of_fake.lock().unwrap_or_else(PoisonError::into_inner);
            answer(request, &mut seen)
        };
        let home = crate::support::folder("aws-home", "");
        fs::create_dir_all(home.join(".aws/sso/cache")).expect("a folder");
        Self { fake: Fake::start(answer).await, home, seen }
    }

    /// Writes a file of the home, and returns its path.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.join(name);
        fs::write(&path, text).expect("the file can be written");
        path.to_str().expect("text").to_owned()
    }

    /// Publishes three times in a process whose environment is this alone, and returns what it printed.
    pub(super) async fn publish(&self, topic: &str, environment: &[(&str, &str)]) -> String {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["sns::credentials::in_a_process_of_its_own", "--exact", "--ignored", "--nocapture"]);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("HOME", &self.home);
        let url = self.fake.url();
        command.env("TOPIC", topic).env("AWS_ENDPOINT_URL_SNS", &url).env("AWS_ENDPOINT_URL_STS", &url);
        command.env("AWS_ENDPOINT_URL_SSO", &url);
        // Unless a test says otherwise, there is no metadata: not that of the machine that runs it.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(environment.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// From now on, what `refuses` names gives nothing.
    pub(super) fn refuse(&self, refuses: &'static str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).refuses = refuses;
    }

    /// The keys that were shown to SNS.
    pub(super) fn shown(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).shown.clone()
    }

    pub(super) fn assumed_by(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).assumed_by.clone()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn answer(request: &Request, seen: &mut Seen) -> Reply {
    let refuses = seen.refuses;
    let (method, path) = request.line.split_once(' ').expect("a request");
    let path = path.split('?').next().unwrap_or_default();
    match (method, path) {
        ("PUT", "/latest/api/token") if refuses != "imds" => Reply::Answer(200, "text/plain", "imds-token".to_owned()),
        ("GET", _) if path.starts_with("/latest/") => {
            if request.header("x-aws-ec2-metadata-token") != Some("imds-token") {
                return Reply::Answer(401, "text/plain", String::new());
            }
            match path.strip_prefix("/latest/meta-data/iam/security-credentials") {
                Some("" | "/") => Reply::Answer(200, "text/plain", "app".to_owned()),
                Some("/app") => json(&seen.give("IMDS"), r#""Code": "Success", "Type": "AWS-HMAC", "#),
                _ => Reply::Answer(404, "text/plain", String::new()),
            }
        }
        ("GET", "/container")
            if refuses != "container" && request.header("authorization") == Some("container-token") =>
        {
            json(&seen.give("CONTAINER"), "")
        }
        ("GET", "/federation/credentials")
            if refuses != "sso" && request.header("x-amz-sso_bearer_token") == Some("sso-token") =>
        {
            let key = seen.give("SSO");
            let end = key.end.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
            let text = format!(
                r#"{{"roleCredentials": {{"accessKeyId": "{}", "secretAccessKey": "s3same", "sessionToken": "{}", "expiration": {end}}}}}"#,
                key.id, key.id
            );
            Reply::Answer(200, "application/json", text)
        }
        ("POST", "/") if request.is("Action=AssumeRole") && refuses != "sts" => {
            seen.assumed_by.push(request.key().unwrap_or_default().to_owned());
            sts("AssumeRole", &seen.give("ROLE"))
        }
        ("POST", "/") if request.is("Action=AssumeRoleWithWebIdentity") && refuses != "sts" => {
            assert!(request.is("WebIdentityToken=web-token"), "{}", request.body);
            sts("AssumeRoleWithWebIdentity", &seen.give("WEB"))
        }
        ("POST", "/") if request.body.contains("Action=Assume") => {
            error(403, "AccessDenied", "not authorized to perform sts:AssumeRole")
        }
        ("POST", "/") => {
            let key = request.key().unwrap_or_default().to_owned();
            let is_known = match seen.given.get(&key) {
                Some(end) => request.header("x-amz-security-token") == Some(&key) && *end > SystemTime::now(),
                None => key == STATIC || key.starts_with("PROCESS-"),
            };
            if !seen.shown.contains(&key) {
                seen.shown.push(key);
            }
            match is_known {
                true => fine(request),
                false => error(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
            }
        }
        _ => Reply::Answer(403, "application/json", "{}".to_owned()),
    }
}

struct Key {
    id: String,
    end: SystemTime,
}

impl Seen {
    fn give(&mut self, who: &str) -> Key {
        let key = Key { id: format!("{who}-{}", self.given.len()), end: SystemTime::now() + LIFE };
        self.given.insert(key.id.clone(), key.end);
        key
    }
}

impl Key {
    fn end(&self) -> String {
        DateTime::from(self.end).fmt(Format::DateTime).expect("a date")
    }
}

fn json(key: &Key, more: &str) -> Reply {
    let (id, end) = (&key.id, key.end());
    let text = format!(
        r#"{{{more}"AccessKeyId": "{id}", "SecretAccessKey": "s3same", "Token": "{id}", "Expiration": "{end}", "LastUpdated": "2020-01-01T00:00:00Z"}}"#
    );
    Reply::Answer(200, "application/json", text)
}

fn sts(action: &str, key: &Key) -> Reply {
    let (id, end) = (&key.id, key.end());
    let text = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/app/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s3same</SecretAccessKey><SessionToken>{id}</SessionToken>\
         <Expiration>{end}</Expiration></Credentials></{action}Result></{action}Response>"
    );
    Reply::Answer(200, "text/xml", text)
}
