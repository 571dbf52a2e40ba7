//! TLS with certificates that the config names.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Http2, Program, eventually, soon};

/// The folder that GATEWAY_BASE names; removed in the end.
struct Base(PathBuf);

impl Base {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sluicegate-suites-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    /// Writes a new certificate for `gateway.test` under the names that the config has.
    fn certify(&self) -> CertificateDer<'static> {
        let certified = rcgen::generate_simple_self_signed(vec!["gateway.test".to_owned()]).expect("a certificate");
        std::fs::write(self.0.join("a.key"), certified.signing_key.serialize_pem()).expect("a file");
        std::fs::write(self.0.join("a.crt"), certified.cert.pem()).expect("a file");
        CertificateDer::from_pem_slice(certified.cert.pem().as_bytes()).expect("a certificate")
    }

    async fn start(&self) -> Program {
        let mut command = Program::command("tls");
        command.args(["--listen", "127.0.0.1:0"]).env("GATEWAY_BASE", &self.0);
        Program::spawn(command).await
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn connect(
    program: &Program,
    trusted: &CertificateDer<'static>,
    alpn: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a root");
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let stream = TcpStream::connect(program.address).await?;
    let name = ServerName::try_from("gateway.test").expect("a name");
    soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn http_1_and_2_by_alpn() {
    let base = Base::new();
    let certificate = base.certify();
    let program = base.start().await;
    assert_eq!(program.events[0]["scheme"], "https");
    let mut http1 = connect(&program, &certificate, "http/1.1").await.expect("a handshake");
    assert_eq!(http1.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request = "POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{\"id\":1}";
    http1.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    soon(http1.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{}"), "{answer}");

    let http2 = connect(&program, &certificate, "h2").await.expect("a handshake");
    assert_eq!(http2.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut http2 = Http2::over(http2).await;
    assert_eq!(http2.get("/orders").await, (200, r#"{"id":1}"#.into()));
    assert_eq!(http2.get("/orders").await.0, 204, "it was acknowledged");
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart() {
    let base = Base::new();
    let old = base.certify();
    let program = base.start().await;
    connect(&program, &old, "http/1.1").await.expect("the old certificate");
    let new = base.certify();
    let program = &program;
    eventually(async || connect(program, &new, "http/1.1").await.is_ok()).await;
    assert!(connect(program, &old, "http/1.1").await.is_err());
}

#[tokio::test]
async fn plain_http_is_not_served() {
    let base = Base::new();
    base.certify();
    let program = base.start().await;
    let mut client = program.client().await;
    client.send("GET /orders HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!client.rest().await.starts_with(b"HTTP/1.1 2"));
}

#[tokio::test]
async fn a_missing_certificate_exits_with_1_and_names_the_file() {
    let base = Base::new();
    let mut command = Program::command("tls");
    command.args(["--listen", "127.0.0.1:0"]).env("GATEWAY_BASE", &base.0);
    let output = soon(command.output()).await.expect("the program was built");
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).expect("text");
    assert!(log.contains("error: tls: ") && log.contains("a.crt"), "{log}");
}

#[tokio::test]
async fn when_the_time_to_drain_is_up_connections_are_cut() {
    let base = Base::new();
    let certificate = base.certify();
    let mut program = base.start().await;
    let mut waiting = connect(&program, &certificate, "http/1.1").await.expect("a handshake");
    waiting.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it reads");
    // A second connection that is answered: the request before it has arrived.
    let mut other = Http2::over(connect(&program, &certificate, "h2").await.expect("a handshake")).await;
    assert_eq!(other.get("/orders").await.0, 204);
    program.signal("TERM").await;
    assert_ne!(program.logged("stopped").await["cut_off"], 0);
    program.logged("the time to drain was up: connections were cut off").await;
    assert_eq!(program.ended().await.code(), Some(1));
}
