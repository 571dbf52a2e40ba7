use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

use Fate::{Delivered, GivenBack};

/// A folder of certificates that is removed in the end.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sluicegate-tls-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// A new self-signed certificate for `names`.
    pub(crate) fn key(&self, file: &str, names: &[&str]) -> TlsKey {
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let certified = rcgen::generate_simple_self_signed(names).expect("a certificate");
        TlsKey {
            certificate: self.write(&format!("{file}.crt"), &certified.cert.pem()),
            private_key: self.write(&format!("{file}.key"), &certified.signing_key.serialize_pem()),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn server_options(options: TlsOptions) -> ServerOptions {
    ServerOptions { tls: Some(options.load().expect("usable")), ..ServerOptions::default() }
}

fn with_keys(keys: Vec<TlsKey>) -> ServerOptions {
    server_options(TlsOptions { keys, ..TlsOptions::default() })
}

/// A client that trusts these keys alone.
struct TlsClient {
    roots: RootCertStore,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    alpn: Option<&'static [u8]>,
    versions: &'static [&'static rustls::SupportedProtocolVersion],
}

impl TlsClient {
    fn trusting(keys: &[&TlsKey]) -> Self {
        let mut roots = RootCertStore::empty();
        for key in keys {
            roots.add(CertificateDer::from_pem_file(&key.certificate).expect("a certificate")).expect("a root");
        }
        Self { roots, identity: None, alpn: None, versions: rustls::ALL_VERSIONS }
    }

    async fn connect(&self, server: &Running, name: &'static str) -> std::io::Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(self.versions)
            .expect("versions")
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key()).expect("a pair"),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(server.address).await.expect("the server listens");
        let name = ServerName::try_from(name).expect("a name");
        soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
    }
}

async fn get(mut stream: TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.map(|_| answer)
}

fn presented(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone().into_owned()
}

#[tokio::test]
async fn http1_is_delivered_after_a_flush_of_the_socket() {
    let files = Files::new();
    let key = files.key("a", &["a.test"]);
    let (server, probe) = Running::consuming(with_keys(vec![key.clone()]), hello);
    let stream = TlsClient::trusting(&[&key]).connect(&server, "a.test").await.expect("a handshake");
    assert!(get(stream).await.expect("an answer").ends_with("hello"));
    assert_eq!(probe.fates(1).await, [Delivered]);
}

#[tokio::test]
async fn a_client_that_does_not_read_or_leaves_gives_back() {
    let files = Files::new();
    let key = files.key("a", &["a.test"]);
    let (server, probe) = Running::consuming(with_keys(vec![key.clone()]), large);
    let mut stream = TlsClient::trusting(&[&key]).connect(&server, "a.test").await.expect("a handshake");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the server reads");
    stream.read_exact(&mut vec![0; 1 << 16]).await.expect("the response begins");
    assert_eq!(probe.seen(), []);
    drop(stream);
    assert_eq!(probe.fates(1).await, [GivenBack]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_chosen_by_alpn_and_delivered() {
    let files = Files::new();
    let key = files.key("a", &["a.test"]);
    let (server, probe) = Running::consuming(with_keys(vec![key.clone()]), hello);
    let client = TlsClient { alpn: Some(b"h2"), ..TlsClient::trusting(&[&key]) };
    let stream = client.connect(&server, "a.test").await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    for count in 1..=3 {
        let request = Request::get("https://a.test/").body(Empty::<Bytes>::new()).expect("a request");
        let response = soon(sender.send_request(request)).await.expect("an answer");
        assert_eq!(soon(response.into_body().collect()).await.expect("complete").to_bytes(), "hello");
        assert_eq!(probe.fates(count).await, vec![Delivered; count]);
    }
}

#[tokio::test]
async fn the_server_name_chooses_the_certificate() {
    let files = Files::new();
    let keys = [files.key("a", &["a.test"]), files.key("b", &["b.test", "*.b.test"])];
    let server = Running::start(with_keys(keys.to_vec()), |_| async { hello() });
    let client = TlsClient::trusting(&[&keys[0], &keys[1]]);
    for (name, key) in [("a.test", 0), ("b.test", 1), ("x.b.test", 1)] {
        let stream = client.connect(&server, name).await.expect(name);
        let want = CertificateDer::from_pem_file(&keys[key].certificate).expect("a certificate");
        assert_eq!(presented(&stream), want, "{name}");
    }
    let error = client.connect(&server, "c.test").await.expect_err("the first is not for it").to_string();
    assert!(error.contains("only valid for DnsName(\"a.test\")"), "{error}");
}

#[tokio::test]
async fn a_changed_certificate_is_served_without_a_restart() {
    let files = Files::new();
    let old = files.key("a", &["a.test"]);
    let server = Running::start(with_keys(vec![old.clone()]), |_| async { hello() });
    let before = TlsClient::trusting(&[&old]);
    let first = presented(&before.connect(&server, "a.test").await.expect("the old certificate"));
    let new = files.key("a", &["a.test", "a-longer-name.test"]);
    let after = TlsClient::trusting(&[&new]);
    let stream = soon(async {
        loop {
            if let Ok(stream) = after.connect(&server, "a.test").await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_ne!(presented(&stream), first);
}

#[tokio::test]
async fn versions_outside_the_range_are_refused() {
    static TLS12: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
    let files = Files::new();
    let key = files.key("a", &["a.test"]);
    let client = TlsClient { versions: &TLS12, ..TlsClient::trusting(&[&key]) };
    for (min_version, works) in [(TlsVersion::Tls12, true), (TlsVersion::Tls13, false)] {
        let options = TlsOptions { keys: vec![key.clone()], min_version, ..TlsOptions::default() };
        let server = Running::start(server_options(options), |_| async { hello() });
        assert_eq!(client.connect(&server, "a.test").await.is_ok(), works, "{min_version:?}");
    }
}

#[tokio::test]
async fn mtls_demands_a_certificate_of_the_authority() {
    let files = Files::new();
    let key = files.key("server", &["a.test"]);
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let authority_file = files.write("ca.crt", &authority.self_signed(&authority_key).expect("a root").pem());
    let issuer = Issuer::new(authority, authority_key);
    let client_key = KeyPair::generate().expect("a key");
    let parameters = CertificateParams::new(vec!["client.test".to_owned()]).expect("parameters");
    let certificate = parameters.signed_by(&client_key, &issuer).expect("a certificate");

    let options = TlsOptions {
        keys: vec![key.clone()],
        enable_mtls: true,
        ca_certs: vec![authority_file],
        disable_system_ca_pool: true,
        ..TlsOptions::default()
    };
    let server = Running::start(server_options(options), |_| async { hello() });
    let stranger = TlsClient::trusting(&[&key]);
    let answer = match stranger.connect(&server, "a.test").await {
        Ok(stream) => get(stream).await,
        Err(error) => Err(error),
    };
    answer.expect_err("no certificate");
    let private_key = PrivateKeyDer::try_from(client_key.serialize_der()).expect("a key");
    let known = TlsClient { identity: Some((vec![certificate.der().clone()], private_key)), ..stranger };
    let stream = known.connect(&server, "a.test").await.expect("a handshake");
    assert!(get(stream).await.expect("an answer").ends_with("hello"));
}

#[tokio::test]
async fn a_client_that_does_not_speak_tls_is_closed_and_others_are_served() {
    let files = Files::new();
    let key = files.key("a", &["a.test"]);
    let mut server = Running::start(with_keys(vec![key.clone()]), |_| async { hello() });
    let mut plain = server.client().await;
    plain.get("/").await;
    let mut bytes = Vec::new();
    let _ = soon(plain.0.read_to_end(&mut bytes)).await;
    assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
    // Neither silence nor half a handshake keeps the server from its end.
    let _silent = server.client().await;
    let mut half = server.client().await;
    half.send(b"\x16\x03\x01\x02\x00").await;
    let stream = TlsClient::trusting(&[&key]).connect(&server, "a.test").await.expect("a handshake");
    assert!(get(stream).await.expect("an answer").ends_with("hello"));
    server.begin_shutdown();
    assert_eq!(server.ended().await, Drained { connections_cut: 0 });
}
