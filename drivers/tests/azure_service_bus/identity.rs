//! Azure's default credential, from each of the places where it finds a token, on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sluicegate_drivers::azure_service_bus::Broker;
use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, PublisherOptions, Settings};
use tokio::process::Command;

use super::server::{Proxy, Server, certificate, failure, open, publish, publisher, until};
use super::token_endpoint::{Answer, TokenEndpoint, now, token};
use crate::azure_service_bus_admin::unique;

/// A stand-in behind TLS, and a token endpoint behind the same certificate.
struct Cloud {
    _server: Server,
    proxy: Proxy,
    entra: TokenEndpoint,
    folder: PathBuf,
}

impl Cloud {
    async fn start(answer: Answer) -> Option<Self> {
        let server = Server::start()?;
        let (proxy, mut pem) = Proxy::start_with_tls(&server.address).await;
        let (acceptor, other) = certificate();
        pem += &other;
        let entra = TokenEndpoint::start(Some(acceptor), answer).await;
        let folder = std::env::temp_dir().join(unique("sluicegate-identity"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("ca.pem"), pem).expect("a file");
        Some(Self { _server: server, proxy, entra, folder })
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("text").to_owned()
    }

    fn authority(&self) -> String {
        format!("https://localhost:{}", self.entra.port)
    }

    /// A client whose settings say who it is.
    fn broker(&self, values: &[(&'static str, &str)]) -> Broker {
        let (host, ca, authority) = (self.proxy.by_name(), self.file("ca.pem"), self.authority());
        let own = [("hostname", &*host), ("tls.ca_certs", &*ca), ("authority_host", &*authority)];
        open(&[&own[..], values].concat())
    }

    /// A process whose environment says who it is publishes a message. Returns what it printed.
    async fn child(&self, variables: &[(&str, &str)]) -> String {
        let mut child = Command::new(std::env::current_exe().expect("this program"));
        child.args(["--exact", "azure_service_bus::identity::in_a_process_of_its_own", "--ignored", "--nocapture"]);
        child.env("AZURE_SERVICEBUS_HOSTNAME", self.proxy.by_name()).env("SSL_CERT_FILE", self.file("ca.pem"));
        for name in ["SERVICEBUS_CONNECTION_STRING", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"] {
            child.env_remove(name);
        }
        child.envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
        let output = child.output().await.expect("a process");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What [`Cloud::child`] runs.
#[tokio::test]
#[ignore = "a part of the others"]
async fn in_a_process_of_its_own() {
    let broker = Broker::open(&Settings::default()).unwrap_or_else(|error| panic!("{error}"));
    let topic = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect("a topic");
    let counters = broker.counters().expect("it counts");
    until("it has tried", || broker.state() == BrokerState::Connected || counters.connect_failures() > 0).await;
    match publish(&topic, Message::new("hi")).await {
        Ok(_) => println!("published"),
        Err(error) => println!("not published: {error}"),
    }
    broker.close().await;
}

const APPLICATION: [(&str, &str); 3] =
    [("tenant_id", "a-tenant"), ("client_id", "a-client"), ("client_secret", "hunter2")];

#[tokio::test]
async fn an_application_with_a_secret() {
    let Some(cloud) = Cloud::start(Answer::Token(3600)).await else { return };
    let broker = cloud.broker(&APPLICATION);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    publish(&topic, Message::new("hi")).await.expect("confirmed");
    broker.close().await;
    let asked = cloud.entra.asked();
    assert!(asked.len() == 1 && asked[0].starts_with("POST /a-tenant/oauth2/v2.0/token"), "{asked:?}");
    for part in ["client_id=a-client", "client_secret=hunter2", "scope=https%3A%2F%2Fservicebus.azure.net%2F.default"] {
        assert!(asked[0].contains(part), "{part}: {asked:?}");
    }
    // And from the environment.
    let said = cloud
        .child(&[
            ("AZURE_AUTHORITY_HOST", &cloud.authority()),
            ("AZURE_TENANT_ID", "t2"),
            ("AZURE_CLIENT_ID", "c2"),
            ("AZURE_CLIENT_SECRET", "s2"),
        ])
        .await;
    assert!(said.contains("\npublished"), "{said}");
    assert!(cloud.entra.asked().concat().contains("client_secret=s2"));
}

#[tokio::test]
async fn a_wrong_secret_is_told_and_not_shown() {
    let Some(cloud) = Cloud::start(Answer::No).await else { return };
    let broker = cloud.broker(&APPLICATION);
    let topic = broker.publisher("azuresb://myqueue", &PublisherOptions::default()).expect("a topic");
    let failures = || broker.counters().expect("it counts").connect_failures();
    until("it has tried", || failures() > 1).await;
    let (kind, text) = failure(&topic, Message::new("hi")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable, "{text}");
    assert!(text.contains("environment: ") && text.contains("AADSTS7000215") && !text.contains("hunter2"), "{text}");
    broker.close().await;
}

#[tokio::test]
async fn a_pod_with_a_token_in_a_file() {
    let Some(cloud) = Cloud::start(Answer::Token(3600)).await else { return };
    let file = cloud.file("federated");
    fs::write(&file, "the-clusters-token").expect("a file");
    let broker = cloud.broker(&[("tenant_id", "t"), ("client_id", "c"), ("token_file", &file)]);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    publish(&topic, Message::new("hi")).await.expect("confirmed");
    broker.close().await;
    assert!(cloud.entra.asked().concat().contains("client_assertion=the-clusters-token"));
    let said = cloud
        .child(&[
            ("AZURE_AUTHORITY_HOST", &cloud.authority()),
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_FEDERATED_TOKEN_FILE", &file),
        ])
        .await;
    assert!(said.contains("\npublished"), "{said}");
}

#[tokio::test]
async fn a_machine_with_an_identity() {
    let Some(cloud) = Cloud::start(Answer::No).await else { return };
    let metadata = TokenEndpoint::start(None, Answer::Token(3600)).await;
    let at = format!("http://127.0.0.1:{}", metadata.port);
    let said = cloud.child(&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &at), ("AZURE_CLIENT_ID", "mine")]).await;
    assert!(said.contains("\npublished"), "{said}");
    let asked = metadata.asked().concat();
    assert!(asked.contains("GET /metadata/identity/oauth2/token?") && asked.contains("client_id=mine"), "{asked}");
    assert!(asked.to_ascii_lowercase().contains("metadata: true"), "{asked}");
    // An app's host says where to ask, and with what.
    let app = TokenEndpoint::start(None, Answer::Token(3600)).await;
    let at = format!("http://127.0.0.1:{}/msi/token", app.port);
    let said = cloud.child(&[("IDENTITY_ENDPOINT", &at), ("IDENTITY_HEADER", "the-apps-secret")]).await;
    assert!(said.contains("\npublished"), "{said}");
    let asked = app.asked().concat();
    assert!(asked.contains("GET /msi/token?") && asked.contains("the-apps-secret"), "{asked}");
    assert!(cloud.entra.asked().is_empty());
}

#[tokio::test]
async fn whoever_is_logged_in_to_the_command_line() {
    let Some(cloud) = Cloud::start(Answer::No).await else { return };
    let az = cloud.folder.join("az");
    let said = format!(r#"{{"accessToken":"{}","expires_on":{},"tokenType":"Bearer"}}"#, token(3600), now() + 3600);
    fs::write(&az, format!("#!/bin/sh\necho '{said}'\n")).expect("a file");
    executable(&az);
    let path = format!("{}:{}", cloud.folder.display(), std::env::var("PATH").expect("a path"));
    // Nobody is there.
    let nowhere = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9");
    let said = cloud.child(&[nowhere, ("PATH", &path)]).await;
    assert!(said.contains("\npublished"), "{said}");
    let said = cloud.child(&[nowhere]).await;
    assert!(said.contains("not published: the broker cannot be reached"), "{said}");
    for part in ["environment: AZURE_TENANT_ID is not set", "workload identity: ", "managed identity: ", "Azure CLI: "]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it can be run");
}

/// The stand-in ends links whose token has ended.
#[tokio::test]
async fn tokens_are_renewed_before_they_end() {
    let Some(cloud) = Cloud::start(Answer::Token(4)).await else { return };
    let broker = cloud.broker(&APPLICATION);
    let topic = publisher(&broker, "azuresb://myqueue").await;
    let started = std::time::Instant::now();
    while started.elapsed().as_secs() < 10 {
        publish(&topic, Message::new("hi")).await.expect("confirmed");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let counters = broker.counters().expect("it counts");
    assert_eq!((counters.connects(), counters.disconnects()), (1, 0));
    assert!(cloud.entra.asked().len() >= 3, "{}", cloud.entra.asked().len());
    broker.close().await;
}
