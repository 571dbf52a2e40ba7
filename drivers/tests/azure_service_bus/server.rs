//! Stand-ins for the service, and what may stand before them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_drivers::azure_service_bus::{Broker, Publisher};
use sluicegate_drivers::{
    Broker as _, BrokerState, Message, PublishError, PublishErrorKind, Publisher as _, PublisherOptions, Receipt,
};
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use crate::azure_service_bus_admin::Entities;
use crate::support;
pub(super) use crate::support::{settings, until};

/// A stand-in of a test's own, which ends with the value.
pub(super) struct Server {
    folder: PathBuf,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    pub(super) entities: Entities,
}

impl Server {
    /// Starts one, where `BROKERS` says that there can be any.
    pub(super) fn start() -> Option<Self> {
        if !support::can_start("servicebus") {
            return None;
        }
        let folder = support::folder("servicebus", "");
        let entities = Entities::new(folder.join("extra.conf"));
        let mut server = Self { folder, address: String::new(), entities };
        server.run();
        Some(server)
    }

    /// Starts it, or starts it again.
    pub(super) fn run(&mut self) {
        let text = support::start("servicebus", &self.folder);
        let line = text.lines().find_map(|line| line.strip_prefix("SERVICEBUS_CONNECTION_STRING="));
        let endpoint = line.and_then(|line| line.split_once("sb://")?.1.split_once(';')).expect("an endpoint").0;
        self.address = endpoint.to_owned();
    }

    pub(super) async fn kill(&self) {
        support::kill(&self.folder, &self.address).await;
    }

    pub(super) fn signal(&self, signal: &str) {
        support::signal(&self.folder, signal);
    }

    /// The connection string that leads to it.
    pub(super) fn string(&self) -> String {
        string(&self.address)
    }

    /// A client of it.
    pub(super) fn broker(&self) -> Broker {
        open(&[("connection_string", &self.string())])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        support::stop("servicebus", &self.folder);
    }
}

/// A connection string without TLS.
pub(super) fn string(address: &str) -> String {
    format!("{};UseDevelopmentEmulator=true", tls_string(address))
}

/// A connection string with TLS.
pub(super) fn tls_string(address: &str) -> String {
    format!("Endpoint=sb://{address};SharedAccessKeyName=gateway;SharedAccessKey=secret")
}

/// Stands before a server, and can be cut. Ends with the value.
pub(super) struct Proxy {
    pub(super) address: String,
    cut: watch::Sender<u64>,
    task: AbortHandle,
}

impl Proxy {
    pub(super) async fn start(target: &str) -> Self {
        Self::start_with(target, None).await
    }

    /// Speaks TLS, by a certificate for `localhost` whose PEM is returned.
    pub(super) async fn start_with_tls(target: &str) -> (Self, String) {
        let (acceptor, pem) = certificate();
        (Self::start_with(target, Some(acceptor)).await, pem)
    }

    async fn start_with(target: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (cut, target) = (watch::Sender::new(0), target.to_owned());
        let cuts = cut.clone();
        let serve = async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (tls, target, mut is_cut) = (tls.clone(), target.clone(), cuts.subscribe());
                tokio::spawn(async move {
                    // Who finds nobody is let go at once.
                    let Ok(mut server) = TcpStream::connect(target).await else { return };
                    let joined = async {
                        match tls {
                            None => drop(copy_bidirectional(&mut client, &mut server).await),
                            Some(tls) => {
                                if let Ok(mut client) = tls.accept(client).await {
                                    let _ = copy_bidirectional(&mut client, &mut server).await;
                                    let _ = client.shutdown().await;
                                }
                            }
                        }
                    };
                    tokio::select! {
                        () = joined => {}
                        _ = is_cut.changed() => {}
                    }
                });
            }
        };
        Self { address, cut, task: tokio::spawn(serve).abort_handle() }
    }

    /// Ends all connections through it.
    pub(super) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// `localhost:PORT`, as the certificate has it.
    pub(super) fn by_name(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// For `localhost`; with its PEM.
pub(super) fn certificate() -> (TlsAcceptor, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .expect("a certificate");
    (TlsAcceptor::from(Arc::new(config)), certified.cert.pem())
}

/// A client with these settings.
pub(super) fn open(values: &[(&'static str, &str)]) -> Broker {
    Broker::open(&settings(values)).unwrap_or_else(|error| panic!("{error}"))
}

/// An open topic, once its broker is connected.
pub(super) async fn publisher(broker: &Broker, url: &str) -> Publisher {
    let publisher = broker.publisher(url, &PublisherOptions::default()).expect("a topic");
    until_connected(broker).await;
    publisher
}

pub(super) async fn until_connected(broker: &Broker) {
    until("it is connected", || broker.state() == BrokerState::Connected).await;
    // The state is told before the connection is in use.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

pub(super) async fn publish(publisher: &Publisher, message: Message) -> Result<Receipt, PublishError> {
    timeout(Duration::from_secs(60), publisher.publish(message)).await.expect("an end within a minute")
}

/// How a publish that fails has failed.
pub(super) async fn failure(publisher: &Publisher, message: Message) -> (PublishErrorKind, String) {
    let error = publish(publisher, message).await.expect_err("a failure");
    (error.kind, error.source.to_string())
}
