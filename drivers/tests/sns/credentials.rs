//! Where credentials come from: each part of the SDK's chain, URLs and named brokers. A process of its own has the environment
//! that a test wants.

use std::time::{Duration, Instant};

use sluicegate_drivers::sns::Broker;
use sluicegate_drivers::{Broker as _, BrokerState, Message, PublishErrorKind, PublisherOptions, Settings};

use super::answers::ARN;
use super::cloud::{Cloud, ROLE, STATIC};
use super::server::{open, publish, publisher};
use crate::aws_admin::REGION;
use crate::log::Log;
use crate::support::{far, until};

/// What the tests below run, with `TOPIC` and an environment of theirs.
#[test]
#[ignore = "other tests run it"]
fn in_a_process_of_its_own() {
    let Ok(url) = std::env::var("TOPIC") else { return };
    tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing_subscriber::filter::LevelFilter::WARN).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let broker = Broker::open(&Settings::default()).expect("nothing is wrong with the environment");
        let to = broker.publisher(&url, &PublisherOptions::default()).expect("a topic");
        let failures = || broker.counters().is_some_and(|counters| counters.connect_failures() > 0);
        until("an attempt has ended", || broker.state() == BrokerState::Connected || failures()).await;
        for _ in 0..3 {
            match publish(&to, Message::new("x")).await {
                Ok(_) => println!("published"),
                Err(error) => println!("failed: {error}"),
            }
        }
        broker.close().await;
    });
}

fn topic_with(parameters: &str) -> String {
    format!("awssns:///{ARN}{parameters}")
}

/// All of it was published, with one key after the other of those that begin with `who`.
fn assert_renewed(cloud: &Cloud, printed: &str, who: &str) {
    assert_eq!(printed.matches("published").count(), 3, "{who}: {printed}");
    let shown = cloud.shown();
    assert!(shown.len() > 1 && shown.iter().all(|key| key.starts_with(who)), "{who}: {shown:?}");
    assert!(!printed.contains("s3same"), "{printed}");
}

/// A line of the log says why, and nothing is published.
fn assert_refused(printed: &str, reason: &str) {
    assert_eq!(printed.matches("failed: the broker cannot be reached: ").count(), 3, "{printed}");
    let mut lines = printed.lines().filter(|line| line.contains("cannot connect, will try again"));
    let line = lines.next().unwrap_or_else(|| panic!("{printed}"));
    assert!(line.contains("WARN") && line.contains(reason), "{printed}");
    assert!(!printed.contains("s3same"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instance_metadata() {
    let cloud = Cloud::start("").await;
    let url = cloud.fake.url();
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url), ("AWS_EC2_METADATA_DISABLED", "false")];
    assert_renewed(&cloud, &cloud.publish(&topic_with(""), &environment).await, "IMDS-");

    let cloud = Cloud::start("imds").await;
    let url = cloud.fake.url();
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url), ("AWS_EC2_METADATA_DISABLED", "false")];
    assert_refused(&cloud.publish(&topic_with(""), &environment).await, "credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container() {
    let cloud = Cloud::start("").await;
    let url = format!("{}/container", cloud.fake.url());
    let environment =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*url), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token")];
    assert_renewed(&cloud, &cloud.publish(&topic_with(""), &environment).await, "CONTAINER-");

    // As EKS has it.
    let cloud = Cloud::start("").await;
    let (url, file) = (format!("{}/container", cloud.fake.url()), cloud.file("token", "container-token"));
    let environment =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*url), ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &*file)];
    assert_renewed(&cloud, &cloud.publish(&topic_with(""), &environment).await, "CONTAINER-");

    let cloud = Cloud::start("container").await;
    let url = format!("{}/container", cloud.fake.url());
    let environment = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*url)];
    assert_refused(&cloud.publish(&topic_with(""), &environment).await, "credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_identity() {
    for (refuses, is_good) in [("", true), ("sts", false)] {
        let cloud = Cloud::start(refuses).await;
        let file = cloud.file("token", "web-token");
        let environment = [("AWS_WEB_IDENTITY_TOKEN_FILE", &*file), ("AWS_ROLE_ARN", ROLE), ("AWS_REGION", REGION)];
        let printed = cloud.publish(&topic_with(""), &environment).await;
        match is_good {
            true => assert_renewed(&cloud, &printed, "WEB-"),
            false => assert_refused(&printed, "not authorized to perform sts:AssumeRole"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_of_the_url() {
    let keys = [("AWS_ACCESS_KEY_ID", STATIC), ("AWS_SECRET_ACCESS_KEY", "s3same")];
    let url = topic_with(&format!("?role={ROLE}"));
    let cloud = Cloud::start("").await;
    assert_renewed(&cloud, &cloud.publish(&url, &keys).await, "ROLE-");
    assert!(cloud.assumed_by().iter().all(|key| key == STATIC));

    let cloud = Cloud::start("sts").await;
    assert_refused(&cloud.publish(&url, &keys).await, "not authorized to perform sts:AssumeRole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles() {
    let cloud = Cloud::start("").await;
    let script = cloud.file(
        "issue",
        "echo x >>\"$HOME/count\"\nend=$(date -u -d '+25 seconds' +%Y-%m-%dT%H:%M:%SZ)\n\
         echo \"{\\\"Version\\\": 1, \\\"AccessKeyId\\\": \\\"PROCESS-$(wc -l <\"$HOME/count\")\\\", \\\"SecretAccessKey\\\": \\\"s3same\\\", \
         \\\"SessionToken\\\": \\\"t\\\", \\\"Expiration\\\": \\\"$end\\\"}\"\n",
    );
    cloud.file(
        ".aws/config",
        &format!(
            "[profile process]\ncredential_process = /bin/sh {script}\n\
             [profile role]\nrole_arn = {ROLE}\nsource_profile = keys\n\
             [profile sso]\nsso_session = session\nsso_account_id = 123456789012\nsso_role_name = app\n\
             [sso-session session]\nsso_region = us-east-2\nsso_start_url = https://example.awsapps.com/start\n\
             [profile broken]\ncredential_process = /bin/false\n"
        ),
    );
    let keys = format!("[keys]\naws_access_key_id = {STATIC}\naws_secret_access_key = s3same\n");
    cloud.file(".aws/credentials", &keys);
    // Of the session's name.
    cloud.file(
        ".aws/sso/cache/fcbdc4c271c889825d8338d2d8f10b6e5e95c171.json",
        r#"{"accessToken": "sso-token", "expiresAt": "2999-01-01T00:00:00Z", "region": "us-east-2", "startUrl": "https://example.awsapps.com/start"}"#,
    );
    // A profile that is named wins over keys of the environment.
    let environment = [("AWS_ACCESS_KEY_ID", "NOBODY"), ("AWS_SECRET_ACCESS_KEY", "s3same")];
    let printed = cloud.publish(&topic_with("?profile=keys"), &environment).await;
    assert_eq!(printed.matches("published").count(), 3, "{printed}");
    assert_eq!(cloud.shown(), [STATIC]);
    let printed = cloud.publish(&topic_with(""), &[("AWS_PROFILE", "keys")]).await;
    assert_eq!(printed.matches("published").count(), 3, "{printed}");
    assert_eq!(cloud.shown(), [STATIC]);

    for (profile, who) in [("process", "PROCESS-"), ("role", "ROLE-"), ("sso", "SSO-")] {
        let before = cloud.shown().len();
        let printed = cloud.publish(&topic_with(&format!("?profile={profile}")), &[]).await;
        assert_eq!(printed.matches("published").count(), 3, "{profile}: {printed}");
        let shown = cloud.shown().split_off(before);
        assert!(shown.len() > 1 && shown.iter().all(|key| key.starts_with(who)), "{profile}: {shown:?}");
    }
    let printed = cloud.publish(&topic_with("?profile=broken"), &[]).await;
    assert_refused(&printed, "credential");
    let printed = cloud.publish(&topic_with("?profile=nobody"), &[]).await;
    assert_refused(&printed, "nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credentials_at_all() {
    let cloud = Cloud::start("").await;
    assert_refused(&cloud.publish(&topic_with(""), &[]).await, "credentials");
    assert!(cloud.shown().is_empty());
    // Where they are not wanted, there is no signature.
    cloud.publish(&topic_with("?anonymous=true"), &[]).await;
    assert_eq!(cloud.shown(), [""]);
}

/// A named broker's keys are read again when their files change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_files_that_change() {
    let cloud = Cloud::start("").await;
    let (id, secret) = (cloud.file("id", "PROCESS-1\n"), cloud.file("secret", "s3same"));
    let (id_source, secret_source) = (format!("file:{id}"), format!("file:{secret}"));
    let broker = open(&[
        ("endpoint", &*cloud.fake.url()),
        ("access_key_id", &*id_source),
        ("secret_access_key", &*secret_source),
    ]);
    let to = publisher(&broker, ARN).await;
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    cloud.file("id", "PROCESS-22\n");
    until("the new key is used", || cloud.shown() == ["PROCESS-1", "PROCESS-22"]).await;
    let end = far();
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    // A key that nobody knows, and then one that somebody does.
    cloud.file("id", "NOBODY");
    until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    cloud.file("id", "PROCESS-333");
    until("it is connected again", || broker.state() == BrokerState::Connected).await;
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    assert!(Instant::now() < end);
    broker.close().await;
}

fn with_a_role(cloud: &Cloud) -> Broker {
    open(&[
        ("endpoint", &*cloud.fake.url()),
        ("access_key_id", STATIC),
        ("secret_access_key", "s3same"),
        ("role", ROLE),
        ("external_id", "x-1"),
    ])
}

/// While they are good, credentials outlast whoever gives them.
#[tokio::test]
async fn credentials_that_nobody_renews() {
    let log = Log::start();
    let cloud = Cloud::start("").await;
    let broker = with_a_role(&cloud);
    let to = publisher(&broker, ARN).await;
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    assert!(cloud.fake.asked().iter().any(|request| request.is("Action=AssumeRole") && request.is("ExternalId=x-1")));
    cloud.refuse("sts");
    publish(&to, Message::new("x")).await.expect("it is confirmed, with the last credentials");
    let line = log.lines("cannot be renewed").concat();
    assert!(line.contains("WARN") && line.contains("not authorized to perform sts:AssumeRole"), "{line}");
    // Until they end, and whoever publishes then is told.
    let end = far() + Duration::from_secs(60);
    let error = loop {
        match publish(&to, Message::new("x")).await {
            Ok(_) => assert!(Instant::now() < end, "they do not end"),
            Err(error) => break error,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(error.kind, PublishErrorKind::Unreachable, "{error}");
    until("the loss is seen", || matches!(broker.state(), BrokerState::Disconnected { .. })).await;
    cloud.refuse("");
    until("it is connected again", || broker.state() == BrokerState::Connected).await;
    publish(&to, Message::new("x")).await.expect("it is confirmed");
    assert!(log.lines("s3same").is_empty());
    broker.close().await;
}
