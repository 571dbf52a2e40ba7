//! Every way to log in, with TLS and without.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::json;
use sluicegate_drivers::{Broker as _, BrokerState, Message, Publisher as _, nats};

use super::keys::{ACCOUNT, Key, OPERATOR, USER};
use super::server::{Server, connected, counters, open, publisher, until, until_connected};

/// It is logged in: it can publish.
async fn works(broker: &nats::Broker) {
    until_connected(broker).await;
    publisher(broker, "nats://login").publish(Message::new("in")).await.expect("confirmed");
    broker.close().await;
}

/// It is not let in, and the reason says `why` and no secret.
async fn fails(broker: &nats::Broker, why: &str) {
    until("a try failed", || counters(broker).connect_failures() > 0).await;
    assert_eq!(broker.state(), BrokerState::Connecting);
    let error = publisher(broker, "nats://login").publish(Message::new("out")).await.unwrap_err().to_string();
    assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
    broker.close().await;
}

#[tokio::test]
async fn user_and_password() {
    let Some(server) = Server::start("authorization { user: bob, password: \"p@ss\" }") else { return };
    let at = &*server.address;
    works(&open(&[("servers", at), ("user", "bob"), ("password", "p@ss")])).await;
    works(&open(&[("servers", &format!("nats://bob:p%40ss@{at}"))])).await;
    fails(&open(&[("servers", at), ("user", "bob"), ("password", "hunter2")]), "Authorization Violation").await;
    fails(&open(&[("servers", at)]), "Authorization Violation").await;
}

#[tokio::test]
async fn a_token_that_is_renewed() {
    let Some(mut server) = Server::start("authorization { token: first }") else { return };
    let file = server.write("token", "first\n");
    let at = server.address.clone();
    works(&open(&[("servers", &format!("nats://first@{at}"))])).await;
    fails(&open(&[("servers", &format!("nats://hunter2@{at}"))]), "Authorization Violation").await;
    let broker = connected(&server, &[("token", &format!("file:{}", file.display()))]).await;
    server.kill().await;
    server.configure("authorization { token: second }");
    fs::write(file, "second").expect("the file can be written");
    server.run();
    until("it is connected again", || counters(&broker).connects() == 2).await;
    works(&broker).await;
}

#[tokio::test]
async fn an_nkey() {
    let (user, other) = (Key::new(USER), Key::new(USER));
    let Some(server) = Server::start(&format!("authorization {{ users: [ {{ nkey: {} }} ] }}", user.public)) else {
        return;
    };
    works(&open(&[("servers", &server.address), ("nkey", &user.seed)])).await;
    fails(&open(&[("servers", &server.address), ("nkey", &other.seed)]), "Authorization Violation").await;
}

#[tokio::test]
async fn a_credentials_file() {
    let (operator, system, account, user) = (Key::new(OPERATOR), Key::new(ACCOUNT), Key::new(ACCOUNT), Key::new(USER));
    let limits = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1 });
    let of_account = json!({ "type": "account", "version": 2, "limits": limits });
    let of_user = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {} });
    let Some(server) = Server::start(&format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}\n",
        operator.issue(&operator, "operator", json!({ "type": "operator", "version": 2 })),
        system.public,
        system.public,
        operator.issue(&system, "system", of_account.clone()),
        account.public,
        operator.issue(&account, "account", of_account),
    )) else {
        return;
    };
    let credentials = |key: &Key| {
        let jwt = account.issue(key, "user", of_user.clone());
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            user.seed
        )
    };
    let right = server.write("right.creds", &credentials(&user)).display().to_string();
    works(&open(&[("servers", &server.address), ("credentials", &right)])).await;
    works(&open(&[("servers", &server.address), ("credentials", &format!("file:{right}"))])).await;
    // The JWT of another key.
    let wrong = server.write("wrong.creds", &credentials(&Key::new(USER))).display().to_string();
    fails(&open(&[("servers", &server.address), ("credentials", &wrong)]), "Authorization Violation").await;
}

#[tokio::test]
async fn tls_and_a_certificate_of_the_client() {
    let authority = authority();
    let Some(mut server) = Server::start("") else { return };
    server.kill().await;
    let file = |name: &str, text: &str| server.write(name, text).display().to_string();
    let ca = file("ca.pem", &authority.pem());
    let (certificate, key) = issue(&authority, ExtendedKeyUsagePurpose::ServerAuth);
    let (certificate, key) = (file("server.pem", &certificate), file("server.key", &key));
    let (client, client_key) = issue(&authority, ExtendedKeyUsagePurpose::ClientAuth);
    let (client, client_key) = (file("client.pem", &client), file("client.key", &client_key));
    let other_ca = file("other.pem", &self::authority().pem());
    server.configure(&format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}"));
    server.run();
    let at = &*server.address.clone();
    works(&open(&[("servers", at), ("tls.ca_certs", &ca)])).await;
    works(&open(&[("servers", &format!("tls://{at}")), ("tls.ca_certs", &ca)])).await;
    works(&open(&[("servers", at), ("tls.ca_certs", &ca), ("tls.disable_system_ca_pool", "true")])).await;
    fails(&open(&[("servers", at), ("tls.ca_certs", &other_ca)]), "invalid peer certificate").await;
    fails(&open(&[("servers", at)]), "invalid peer certificate").await;

    server.kill().await;
    server.configure(&format!(
        "tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}\n\
         authorization {{ user: bob, password: pass }}"
    ));
    server.run();
    let both = [("servers", at), ("tls.ca_certs", &ca), ("user", "bob"), ("password", "pass")];
    works(&open(&[&both[..], &[("tls.client_cert", &client), ("tls.client_key", &client_key)]].concat())).await;
    fails(&open(&both), "ertificate").await;
}

#[tokio::test]
async fn tls_is_not_left_out() {
    let Some(server) = Server::start("") else { return };
    fails(&open(&[("servers", &format!("tls://{}", server.address))]), "it does not offer TLS").await;
    fails(&open(&[("servers", &server.address), ("tls.required", "true")]), "it does not offer TLS").await;
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A certificate and its key.
fn issue(authority: &CertifiedIssuer<'static, KeyPair>, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    params.extended_key_usages = vec![usage];
    (params.signed_by(&key, authority).expect("a certificate").pem(), key.serialize_pem())
}
