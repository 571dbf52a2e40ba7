//! Every way to log in, with TLS and without, for both connections.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sluicegate_drivers::rabbitmq::Broker;
use sluicegate_drivers::{
    Broker as _, BrokerState, Counters, Message, PublishErrorKind, PublisherOptions, SubscriberOptions,
};

use super::server::{Server, failure, keyed, open, publish, publisher, until, until_connected};
use crate::log::Log;
use crate::rabbitmq_admin::{Admin, unique};

fn counters(broker: &Broker) -> &Counters {
    broker.counters().expect("it counts")
}

/// Both connections stand, and a message is taken.
async fn works(broker: &Broker, queue: &str) {
    let _subscriber = broker.subscriber(&format!("rabbit://{queue}"), &SubscriberOptions::default()).expect("a queue");
    let topic = publisher(broker, "rabbit://?key_name=Q").await;
    until_connected(broker).await;
    publish(&topic, keyed(queue, "in")).await.expect("confirmed");
    assert_eq!(counters(broker).connects(), 2);
    broker.close().await;
    assert_eq!(broker.state(), BrokerState::Closed);
}

/// Neither is let in, and the reason says `why` and no secret.
async fn fails(broker: &Broker, why: &str) {
    let _subscriber = broker.subscriber("rabbit://q", &SubscriberOptions::default()).expect("a queue");
    let topic = broker.publisher("rabbit://?key_name=Q", &PublisherOptions::default()).expect("a topic");
    until("both failed", || counters(broker).connect_failures() > 1).await;
    assert_eq!(broker.state(), BrokerState::Connecting);
    let (kind, text) = failure(&topic, keyed("q", "out")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    assert!(text.contains(why) && !text.contains("hunter2"), "{text}");
    broker.close().await;
}

#[tokio::test]
async fn users_and_virtual_hosts() {
    let Some(server) = Server::shared() else { return };
    let (at, queue) = (&*server.address, unique("logins"));
    let admin = server.admin().await;
    admin.make_queue(&queue, &[]).await;
    works(&open(&[("servers", at)]), &queue).await;
    works(&open(&[("servers", at), ("user", "guest"), ("password", "guest"), ("vhost", "/")]), &queue).await;
    works(&open(&[("servers", &format!("amqp://guest:gu%65st@{at}/%2F?heartbeat=5"))]), &queue).await;
    admin.delete_queue(&queue).await;
    let other = Admin::connect(&format!("amqp://guest:guest@{at}/other")).await;
    other.make_queue(&queue, &[]).await;
    works(&open(&[("servers", &format!("guest:guest@{at}/other"))]), &queue).await;
    works(&open(&[("servers", at), ("vhost", "other")]), &queue).await;
    other.delete_queue(&queue).await;
    fails(&open(&[("servers", &format!("{at}/nowhere"))]), "vhost nowhere not found").await;
    fails(&open(&[("servers", at), ("user", "gateway"), ("password", "x"), ("vhost", "other")]), "ACCESS_REFUSED")
        .await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_tried_all_the_time() {
    let Some(server) = Server::shared() else { return };
    let log = Log::start();
    let broker = server.broker(&[("user", "guest"), ("password", "hunter2")]);
    let topic = broker.publisher("rabbit://?key_name=Q", &PublisherOptions::default()).expect("a topic");
    let started = std::time::Instant::now();
    until("it has tried again and again", || counters(&broker).connect_failures() > 3).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Waits of 0.1, 0.2, 0.4 ... seconds, or half of that, up to several: at most some ten tries at first, and then one a second.
    let (tries, most) = (counters(&broker).connect_failures(), 10 + started.elapsed().as_secs());
    assert!(tries <= most, "{tries} tries in {:?}", started.elapsed());
    let (kind, text) = failure(&topic, keyed("q", "x")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    assert!(text.contains("Login was refused using authentication mechanism PLAIN"), "{text}");
    let lines = log.lines("cannot connect");
    assert!(!lines.is_empty() && (lines.len() as u64) < tries, "one for many tries: {lines:?}");
    assert!(lines.iter().all(|line| line.contains("Login was refused") && line.contains("publishing")), "{lines:?}");
    assert!(log.lines("hunter2").is_empty());
    broker.close().await;
}

#[tokio::test]
async fn tls_with_a_certificate_of_the_client() {
    let Some(server) = Server::shared() else { return };
    let (at, queue) = (&*server.tls_address, unique("tls"));
    let admin = server.admin().await;
    admin.make_queue(&queue, &[]).await;
    let file = |name: &str| server.file(&format!("tls/{name}"));
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let tls = [("tls.ca_certs", &*ca), ("tls.client_cert", &*cert), ("tls.client_key", &*key)];
    let with = |more: &[(&'static str, &str)]| open(&[&tls, more].concat());
    works(&with(&[("servers", at)]), &queue).await;
    works(&with(&[("servers", &format!("amqps://guest:guest@{at}")), ("tls.disable_system_ca_pool", "true")]), &queue)
        .await;
    // The certificate says who it is.
    works(&with(&[("servers", at), ("auth", "external")]), &queue).await;
    let names = server.control(&["list_connections", "user", "ssl"]);
    assert!(!names.contains("gateway\ttrue"), "every connection is closed: {names}");

    // Refused by the server, whose word may be lost as it closes the connection.
    fails(&open(&[("servers", at), ("tls.ca_certs", &ca)]), at).await;
    fails(&open(&[("servers", at), ("tls.required", "true")]), "UnknownIssuer").await;
    let elsewhere = at.replace("127.0.0.1", "127.0.0.2");
    fails(&with(&[("servers", &elsewhere)]), "refused").await;
    fails(&open(&[("servers", at)]), "it ").await;
    admin.delete_queue(&queue).await;
}

#[tokio::test]
async fn one_of_several_servers_is_enough() {
    let Some(server) = Server::shared() else { return };
    let queue = unique("failover");
    let admin = server.admin().await;
    admin.make_queue(&queue, &[]).await;
    // Nobody listens on the first, and nobody answers on the second.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().expect("an address");
    let list = format!("guest:guest@127.0.0.1:1?connection_timeout=300,{silent},{}", server.address);
    for _ in 0..4 {
        works(&open(&[("servers", &list)]), &queue).await;
    }
    let broker = open(&[("servers", "127.0.0.1:1,127.0.0.1:2")]);
    fails(&broker, "127.0.0.1:2: ").await;
    admin.delete_queue(&queue).await;
}

/// Nobody who publishes meanwhile notices.
#[tokio::test]
async fn a_busy_connection_is_made_anew_when_its_password_changes() {
    let Some(server) = Server::shared() else { return };
    let (queue, admin) = (unique("renewed"), server.admin().await);
    admin.make_queue(&queue, &[]).await;
    let folder = std::env::temp_dir().join(&queue);
    fs::create_dir_all(&folder).expect("a folder");
    let (user, password) = (folder.join("user"), folder.join("password"));
    fs::write(&user, "guest\n").expect("the file can be written");
    fs::write(&password, "guest\n").expect("the file can be written");
    let file = |path: &std::path::Path| format!("file:{}", path.display());
    let broker = server.broker(&[("user", &file(&user)), ("password", &file(&password))]);
    let topic = Arc::new(publisher(&broker, "rabbit://?key_name=Q").await);
    let is_over = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..8)
        .map(|_| {
            let (topic, is_over, queue) = (Arc::clone(&topic), Arc::clone(&is_over), queue.clone());
            tokio::spawn(async move {
                let mut published = 0;
                while !is_over.load(Ordering::Relaxed) {
                    publish(&topic, keyed(&queue, "x")).await.expect("confirmed");
                    published += 1;
                }
                published
            })
        })
        .collect();
    // A wrong one is no reason to let go of what stands.
    fs::write(&password, "hunter2").expect("the file can be written");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((broker.state(), counters(&broker).connects()), (BrokerState::Connected, 1));
    fs::write(&password, "guest").expect("the file can be written");
    until("it is connected anew", || counters(&broker).connects() == 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    is_over.store(true, Ordering::Relaxed);
    let mut published = 0;
    for publisher in publishers {
        published += publisher.await.expect("no failure");
    }
    assert_eq!(counters(&broker).disconnects(), 0);
    broker.close().await;
    assert_eq!(admin.count(&queue).await, published);
    admin.delete_queue(&queue).await;
    fs::remove_dir_all(&folder).expect("removed");
}

#[tokio::test]
async fn closing_sends_what_was_taken() {
    let Some(server) = Server::shared() else { return };
    let (queue, admin) = (unique("closing"), server.admin().await);
    admin.make_queue(&queue, &[]).await;
    let broker = server.broker(&[]);
    let topic = publisher(&broker, "rabbit://?key_name=Q").await;
    publish(&topic, keyed(&queue, "first")).await.expect("confirmed");
    let all = futures_util::future::join_all((0..500).map(|_| publish(&topic, keyed(&queue, "x"))));
    let (all, ()) = tokio::join!(all, broker.close());
    let confirmed = all.iter().filter(|published| published.is_ok()).count();
    assert_eq!(confirmed, 500);
    assert_eq!(admin.count(&queue).await, 501);
    let (kind, _) = failure(&topic, Message::new("late")).await;
    assert_eq!(kind, PublishErrorKind::Unreachable);
    admin.delete_queue(&queue).await;
}

/// One that stands in a file is seen only when it is read.
#[tokio::test]
async fn a_virtual_host_that_is_too_long() {
    let file = std::env::temp_dir().join(unique("vhost"));
    fs::write(&file, "v".repeat(256)).expect("the file can be written");
    let values = [("servers", "127.0.0.1:1"), ("vhost", &*format!("file:{}", file.display()))];
    let error = Broker::open(&super::server::settings(&values)).expect_err("too long").to_string();
    assert_eq!(error, "`vhost` of the broker `test` has a virtual host of 256 bytes, which has at most 255");
    fs::remove_file(&file).expect("removed");
}
