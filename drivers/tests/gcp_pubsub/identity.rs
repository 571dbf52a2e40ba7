//! Who the client says it is: each kind of credentials gets tokens, from fakes of whoever gives them, and renews them.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, PublisherOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::gate::{Gate, Reply, Seen};
use super::server::{failure, open, publish, publisher, until, until_connected};
use super::verdicts::publishes;
use crate::log::Log;
use crate::support;

const TOPIC: &str = "gcppubsub://project/topic";

/// Google's path for it.
const IMPERSONATION: &str = "/v1/projects/-/serviceAccounts/other@project.iam.gserviceaccount.com:generateAccessToken";

/// What gives tokens: an OAuth 2.0 endpoint, a security token service, whoever lets one act as another, and the metadata
/// server, each under its path. Ends with the value.
pub(super) struct Tokens {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    refuses: Arc<Mutex<bool>>,
    task: AbortHandle,
}

impl Tokens {
    /// Its tokens are renewed a second after they were given.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (asked, refuses) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<bool>>::default());
        let (log, no) = (Arc::clone(&asked), Arc::clone(&refuses));
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&log), Arc::clone(&no)));
            }
        };
        Self { address, asked, refuses, task: tokio::spawn(serve).abort_handle() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// Whether it gives no tokens.
    fn refuse(&self, it: bool) {
        *self.refuses.lock().unwrap_or_else(PoisonError::into_inner) = it;
    }

    /// The requests so far.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, asked: Arc<Mutex<Vec<String>>>, refuses: Arc<Mutex<bool>>) {
    let mut request = String::new();
    let mut bytes = [0; 4096];
    loop {
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break;
            }
        }
        match stream.read(&mut bytes).await {
            Ok(count) if count > 0 => request += &String::from_utf8_lossy(&bytes[..count]),
            _ => return,
        }
    }
    let number = {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(request.clone());
        asked.len()
    };
    let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    // A second more than tokens are renewed before their end.
    let body = match path {
        "/token" => format!(r#"{{"access_token":"user-{number}","token_type":"Bearer","expires_in":241}}"#),
        "/sts" => format!(
            r#"{{"access_token":"sts-{number}","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":241}}"#
        ),
        path if path == IMPERSONATION => {
            format!(r#"{{"accessToken":"other-{number}","expireTime":"2099-01-01T00:00:00Z"}}"#)
        }
        "/computeMetadata/v1/instance/service-accounts/default/token" => {
            format!(r#"{{"access_token":"metadata-{number}","token_type":"Bearer","expires_in":241}}"#)
        }
        _ => String::new(),
    };
    let refuses = *refuses.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = match (refuses, body.is_empty()) {
        (true, _) => ("401 Unauthorized", r#"{"error":"invalid_grant","error_description":"not you"}"#.to_owned()),
        (false, true) => ("404 Not Found", body),
        (false, false) => ("200 OK", body),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A file that ends with the value.
struct File(PathBuf);

impl File {
    fn with(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sluicegate-{name}-{}-{:p}", std::process::id(), text));
        std::fs::write(&path, text).expect("the file can be written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn user(tokens: &Tokens) -> String {
    format!(
        r#"{{"type":"authorized_user","client_id":"id","client_secret":"hunter2","refresh_token":"r","token_uri":"{}"}}"#,
        tokens.url()
    )
}

fn token(seen: &Seen) -> String {
    let header = seen.headers.get("authorization").expect("a token").to_str().expect("text");
    header.strip_prefix("Bearer ").expect("a bearer's").to_owned()
}

async fn gate() -> Gate {
    Gate::start(publishes(|_| Reply::Ids)).await
}

/// Publishes until `count` different tokens were seen, and returns them.
async fn tokens_that_are_shown(gate: &Gate, json: &str, count: usize) -> Vec<String> {
    let broker = open(&[("endpoint", &gate.address), ("tls.ca_certs", &gate.ca), ("credentials_json", json)]);
    let publisher = publisher(&broker, TOPIC).await;
    let end = support::far();
    loop {
        publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
        let mut tokens: Vec<_> = gate.published().iter().map(token).collect();
        tokens.dedup();
        if tokens.len() >= count {
            broker.close().await;
            return tokens;
        }
        assert!(std::time::Instant::now() < end, "{tokens:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_user() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let shown = tokens_that_are_shown(&gate, &user(&tokens), 3).await;
    assert!(shown.iter().all(|token| token.starts_with("user-")), "{shown:?}");
    assert!(tokens.asked()[0].contains("refresh_token"), "{:?}", tokens.asked());
    let seen = gate.published().remove(0);
    assert_eq!(seen.authority, gate.address);
    assert_eq!(seen.headers["x-goog-request-params"], "topic=projects/project/topics/topic");
    assert_eq!(seen.headers["te"], "trailers");
}

/// Its tokens are made from its key, and nobody is asked.
#[tokio::test]
async fn a_service_account() {
    let gate = gate().await;
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key").serialize_pem();
    let json = serde_json::json!({
        "type": "service_account",
        "client_email": "gateway@project.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": key,
        "project_id": "project",
    });
    let shown = tokens_that_are_shown(&gate, &json.to_string(), 1).await;
    assert_eq!(shown[0].split('.').count(), 3, "{shown:?}");
    assert!(shown[0].starts_with("eyJ"), "{shown:?}");
}

/// Workload identity federation: a token of somebody else's is exchanged for one of Google's.
#[tokio::test]
async fn an_external_account() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let subject = File::with("subject", "a-token-of-the-cluster");
    let external = |more: serde_json::Value| {
        let mut json = serde_json::json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("http://{}/sts", tokens.address),
            "credential_source": { "file": subject.path() },
        });
        for (name, value) in more.as_object().expect("an object") {
            json[name] = value.clone();
        }
        json.to_string()
    };
    let shown = tokens_that_are_shown(&gate, &external(serde_json::json!({})), 2).await;
    assert!(shown.iter().all(|token| token.starts_with("sts-")), "{shown:?}");
    assert!(tokens.asked()[0].contains("a-token-of-the-cluster"), "{:?}", tokens.asked());
    // And acts as a service account.
    let url = format!("http://{}{IMPERSONATION}", tokens.address);
    let json = external(serde_json::json!({ "service_account_impersonation_url": url }));
    let other = self::gate().await;
    let shown = tokens_that_are_shown(&other, &json, 1).await;
    assert!(shown[0].starts_with("other-"), "{shown:?}");
}

#[tokio::test]
async fn a_user_who_acts_as_a_service_account() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let source: serde_json::Value = serde_json::from_str(&user(&tokens)).expect("JSON");
    let json = serde_json::json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": format!("http://{}{IMPERSONATION}", tokens.address),
        "source_credentials": source,
        "quota_project_id": "payer",
    });
    let shown = tokens_that_are_shown(&gate, &json.to_string(), 1).await;
    assert!(shown[0].starts_with("other-"), "{shown:?}");
    assert_eq!(gate.published()[0].headers["x-goog-user-project"], "payer");
}

/// Publishes in a process of its own, whose environment is the test's.
struct Publishing(Child);

impl Publishing {
    fn start(gate: &Gate, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a test"));
        command
            .args(["--ignored", "--exact", "gcp_pubsub::identity::publishes_as_the_environment_says", "--nocapture"])
            .env("HOME", std::env::temp_dir().join("sluicegate-no-such-home"))
            .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
            .env_remove("PUBSUB_EMULATOR_HOST")
            .env("GATE_ADDRESS", &gate.address)
            .env("GATE_CA", &gate.ca)
            .envs(variables.iter().copied());
        Self(command.spawn().expect("a process"))
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other process.
#[tokio::test]
#[ignore = "a part of other tests"]
async fn publishes_as_the_environment_says() {
    let variable = |name| std::env::var(name).expect("a part of other tests");
    let (address, ca) = (variable("GATE_ADDRESS"), variable("GATE_CA"));
    let broker = open(&[("endpoint", &address), ("tls.ca_certs", &ca), ("quota_project", "payer")]);
    let publisher = publisher(&broker, TOPIC).await;
    loop {
        publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Tokens of the metadata server, where the environment has no credentials; and a named broker's project pays.
#[tokio::test]
async fn the_metadata_server() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let _publishing = Publishing::start(&gate, &[("GCE_METADATA_HOST", &tokens.address)]);
    let shown = || {
        let mut shown: Vec<_> = gate.published().iter().map(token).collect();
        shown.dedup();
        shown
    };
    until("tokens are renewed", || shown().len() > 2).await;
    assert!(shown().iter().all(|token| token.starts_with("metadata-")), "{:?}", shown());
    assert_eq!(gate.published()[0].headers["x-goog-user-project"], "payer");
    assert!(tokens.asked()[0].to_ascii_lowercase().contains("metadata-flavor: google"), "{:?}", tokens.asked());
}

#[tokio::test]
async fn the_file_that_the_environment_names() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let file = File::with("credentials", &user(&tokens));
    let _publishing = Publishing::start(&gate, &[("GOOGLE_APPLICATION_CREDENTIALS", file.path())]);
    until("something is published", || !gate.published().is_empty()).await;
    assert!(token(&gate.published()[0]).starts_with("user-"));
}

/// One clear line, an error for whoever publishes, no storm of requests, and a recovery.
#[tokio::test]
async fn credentials_that_are_refused() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    tokens.refuse(true);
    let log = Log::start();
    let json = user(&tokens);
    let broker = open(&[("endpoint", &gate.address), ("tls.ca_certs", &gate.ca), ("credentials_json", &json)]);
    let publisher = broker.publisher(TOPIC, &PublisherOptions::default()).expect("a topic");
    until("it is said", || !log.lines("cannot connect").is_empty()).await;
    let (kind, text) = failure(&publisher, Message::new("hello")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    assert!(text.contains("no token") && text.contains("invalid_grant"), "{text}");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(log.lines("cannot connect").len(), 1, "{:?}", log.lines(""));
    assert!(log.lines("hunter2").is_empty(), "{:?}", log.lines("hunter2"));
    assert!(tokens.asked().len() <= 3, "{} requests", tokens.asked().len());
    assert!(gate.seen().is_empty());
    tokens.refuse(false);
    until_connected(&broker).await;
    publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
    broker.close().await;
}

/// The same where the service itself does not believe the token, from the start or from some time on.
#[tokio::test]
async fn tokens_that_the_service_refuses() {
    let tokens = Tokens::start().await;
    let gate = Gate::start(|_| Reply::Status(16, "expired")).await;
    let log = Log::start();
    let json = user(&tokens);
    let broker = open(&[("endpoint", &gate.address), ("tls.ca_certs", &gate.ca), ("credentials_json", &json)]);
    let publisher = broker.publisher(TOPIC, &PublisherOptions::default()).expect("a topic");
    until("it is said", || !log.lines("does not accept the credentials: expired").is_empty()).await;
    let (kind, text) = failure(&publisher, Message::new("hello")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    gate.set(publishes(|_| Reply::Ids));
    until_connected(&broker).await;
    publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
    gate.set(|_| Reply::Status(16, "revoked"));
    let (kind, text) = failure(&publisher, Message::new("hello")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    assert_eq!(log.lines("does not accept the credentials: revoked").len(), 1, "{:?}", log.lines("revoked"));
    broker.close().await;
}

/// A file of credentials that changes is read again, without a restart.
#[tokio::test]
async fn a_file_that_changes() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let file = File::with("changes", &user(&tokens));
    let broker = open(&[("endpoint", &gate.address), ("tls.ca_certs", &gate.ca), ("credentials", file.path())]);
    let publisher = publisher(&broker, TOPIC).await;
    publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
    let other = Tokens::start().await;
    std::fs::write(&file.0, user(&other).replace("\"r\"", "\"another\"")).expect("the file can be written");
    until("the other one is asked", || !other.asked().is_empty()).await;
    until_connected(&broker).await;
    let end = support::far();
    let before = tokens.asked().len();
    loop {
        publish(&publisher, Message::new("hello")).await.expect("it is confirmed");
        // Both give numbered tokens: the first of the other's is shown.
        if gate.published().iter().rev().take(1).any(|seen| token(seen) == format!("user-{}", other.asked().len())) {
            break;
        }
        assert!(std::time::Instant::now() < end, "{before}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    broker.close().await;
}

/// A change is not missed for what else happens, and what could not be connected with is tried again.
#[tokio::test]
async fn a_file_that_changes_while_much_fails() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let file = File::with("busy", &user(&tokens));
    let broker = open(&[("endpoint", &gate.address), ("tls.ca_certs", &gate.ca), ("credentials", file.path())]);
    let publisher = std::sync::Arc::new(publisher(&broker, TOPIC).await);
    gate.set(publishes(|_| Reply::Status(14, "not now")));
    let failing = tokio::spawn(async move {
        loop {
            drop(publish(&publisher, Message::new("hello")).await);
        }
    });
    let other = Tokens::start().await;
    std::fs::write(&file.0, user(&other).replace("\"r\"", "\"another\"")).expect("the file can be written");
    until("it connects anew", || gate.connections() > 1).await;
    assert!(!other.asked().is_empty());
    failing.abort();
    broker.close().await;
}

/// Without the system's roots Google's library panics. That is an outage, and over when they are there.
#[tokio::test]
async fn roots_that_are_missing() {
    let (tokens, gate) = (Tokens::start().await, gate().await);
    let file = File::with("rootless", &user(&tokens));
    let folder = crate::support::folder("roots", "");
    let roots = folder.join("roots.pem");
    let _publishing = Publishing::start(
        &gate,
        &[
            ("GOOGLE_APPLICATION_CREDENTIALS", file.path()),
            ("SSL_CERT_FILE", roots.to_str().expect("text")),
            ("SSL_CERT_DIR", folder.to_str().expect("text")),
        ],
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(gate.seen().is_empty() && tokens.asked().is_empty(), "it needs roots");
    std::fs::copy(&gate.ca, &roots).expect("the file can be written");
    until("something is published", || !gate.published().is_empty()).await;
    assert!(token(&gate.published()[0]).starts_with("user-"));
    drop(std::fs::remove_dir_all(folder));
}

/// What cannot be read is an error when the gateway starts.
#[tokio::test]
async fn what_is_no_credentials() {
    for (json, expected) in [
        ("{", "`credentials_json` of the broker `test` is no JSON"),
        (r#"{"type":"robot"}"#, "`credentials_json` of the broker `test` has no `type` that is known"),
    ] {
        let opened = sluicegate_drivers::gcp_pubsub::Broker::open(&support::settings(&[("credentials_json", json)]));
        let error = opened.expect_err("no credentials").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
