use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::description::TlsVersion;
use crate::server::TlsKey;
use crate::server::tests::Files;

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(include_bytes!("cert.pem")).unwrap()
}

/// `client_tls` that trusts the certificate of the tests, and nothing else.
const TRUSTING: ClientTls = ClientTls::DEFAULT.ca_certs(&[CERTIFICATE]).disable_system_ca_pool(true);
const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/client/tests/cert.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/client/tests/key.pem");

fn with(tls: ClientTls) -> HttpClient {
    HttpClient::new(&ClientOptions::DEFAULT.tls(tls)).unwrap()
}

fn trusting() -> HttpClient {
    with(TRUSTING)
}

/// Answers with the version of HTTP that it was asked in.
async fn tls_backend(protocols: &[&str]) -> SocketAddr {
    backend_with(protocols, rustls::ALL_VERSIONS, None).await
}

/// The same, with these versions of TLS, and for clients whose certificate the authority `clients` has signed.
async fn backend_with(
    protocols: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
    clients: Option<CertificateDer<'static>>,
) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("key.pem")).unwrap();
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(vec![certificate()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request: Request<Incoming>| async move {
                    Ok::<_, std::convert::Infallible>(Response::new(format!("{:?}", request.version())))
                });
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn the_backend_chooses_the_protocol() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let address = tls_backend(protocols).await;
        let client = trusting();
        for host in ["127.0.0.1", "localhost"] {
            for _ in 0..2 {
                let uri = format!("https://{host}:{}/", address.port());
                let answered = send(&client, request(Method::GET, uri, "")).await.unwrap();
                assert_eq!(answered, (StatusCode::OK, Bytes::from(version)));
            }
        }
    }
}

#[tokio::test]
async fn failures_are_named() {
    let unknown = tls_backend(&[]).await;
    let client = HttpClient::new(&ClientOptions::DEFAULT).unwrap();
    let error = send(&client, request(Method::GET, format!("https://{unknown}/"), "")).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Tls);
    let text = error.to_string();
    assert!(text.starts_with(&format!("{unknown}: TLS failed: invalid peer certificate: ")), "{text}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Not closed yet: what was not read would become a reset.
        let _read = read_request(&mut stream).await;
    });
    let error = send(&trusting(), request(Method::GET, format!("https://{plain}/"), "")).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Tls);
}

#[tokio::test]
async fn versions_and_suites_are_those_of_the_options() {
    let (tls12, tls13) = (&rustls::version::TLS12, &rustls::version::TLS13);
    let only12 = TRUSTING.max_version(TlsVersion::Tls12);
    let only13 = TRUSTING.min_version(TlsVersion::Tls13);
    for (options, spoken, works) in [
        (TRUSTING, tls12, true),
        (TRUSTING, tls13, true),
        (only12, tls12, true),
        (only12, tls13, false),
        (only13, tls12, false),
        (only13, tls13, true),
        (only13.curve_preferences(&[23, 29]).cipher_suites(&[4865]), tls13, true),
        // ECDSA for a backend whose certificate has an ECDSA key, RSA for the same.
        (only12.cipher_suites(&[49195, 49196]), tls12, true),
        (only12.cipher_suites(&[49199]), tls12, false),
    ] {
        let address = backend_with(&[], &[spoken], None).await;
        let answered = send(&with(options), request(Method::GET, format!("https://{address}/"), "")).await;
        assert_eq!(answered.is_ok(), works, "{options:?} {spoken:?} {:?}", answered.err());
    }
}

#[tokio::test]
async fn insecure_connections_are_allowed_where_they_are_asked_for() {
    let address = tls_backend(&[]).await;
    let uri = format!("https://{address}/");
    let strict = with(ClientTls::DEFAULT.disable_system_ca_pool(true));
    let error = send(&strict, request(Method::GET, &uri, "")).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Tls);
    let insecure = with(ClientTls::DEFAULT.allow_insecure_connections(true));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let address = backend_with(&["h2"], &[version], None).await;
        send(&insecure, request(Method::GET, format!("https://{address}/"), "")).await.unwrap();
    }
}

/// A certificate that signed itself, in the name of `name`.
fn self_signed(files: &Files, name: &str) -> TlsKey {
    let mut params = rcgen::CertificateParams::new(vec![format!("{name}.test")]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = rcgen::KeyPair::generate().unwrap();
    TlsKey {
        certificate: files.write(&format!("{name}.crt"), &params.self_signed(&key).unwrap().pem()),
        private_key: files.write(&format!("{name}.key"), &key.serialize_pem()),
    }
}

#[tokio::test]
async fn a_client_has_the_certificate_that_the_backend_asks_for() {
    // Two authorities that are their own certificates; the second is the one that the backend names.
    let files = Files::new();
    let other = self_signed(&files, "other");
    let own = self_signed(&files, "own");
    let leak = |path: &std::path::Path| -> &'static str { path.to_str().unwrap().to_owned().leak() };
    let certificates: &'static [(&str, &str)] =
        vec![(leak(&other.certificate), leak(&other.private_key)), (leak(&own.certificate), leak(&own.private_key))]
            .leak();
    let authority = || CertificateDer::from_pem_file(&own.certificate).unwrap();
    let address = backend_with(&[], rustls::ALL_VERSIONS, Some(authority())).await;
    let uri = format!("https://{address}/");
    for (certificates, works) in [(certificates, true), (&certificates[..1], false), (&[], false)] {
        let client = with(TRUSTING.client_certs(certificates));
        let answered = send(&client, request(Method::GET, &uri, "")).await;
        assert_eq!(answered.is_ok(), works, "{:?}", answered.err());
    }

    // Read again once they have changed.
    let client = HttpClient::new(
        &ClientOptions::DEFAULT.disable_keep_alives(true).tls(TRUSTING.client_certs(&certificates[1..])),
    )
    .unwrap();
    send(&client, request(Method::GET, &uri, "")).await.unwrap();
    self_signed(&files, "own");
    let address = backend_with(&[], rustls::ALL_VERSIONS, Some(authority())).await;
    let started = std::time::Instant::now();
    while send(&client, request(Method::GET, format!("https://{address}/"), "")).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "the old certificate stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    for (tls, named) in [
        (TRUSTING.ca_certs(&["missing.pem"]), "missing.pem"),
        (TRUSTING.ca_certs(&[KEY]), "key.pem"),
        (TRUSTING.client_certs(&[(CERTIFICATE, "missing.key")]), "missing.key"),
        (TRUSTING.cipher_suites(&[7]), "7 is no cipher suite"),
    ] {
        let error = HttpClient::new(&ClientOptions::DEFAULT.tls(tls)).err().unwrap().to_string();
        assert!(error.starts_with("TLS failed: client_tls: ") && error.contains(named), "{error}");
    }
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let backend = tls_backend(&["h2"]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = read_request(&mut stream).await.unwrap();
            log.lock().unwrap().push(vec![head]);
            let mut backend = TcpStream::connect(backend).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut backend).await });
        }
    });
    let proxies = Proxies::new(String::new(), format!("http://u:p@{proxy}"), String::new()).unwrap();
    let options = ClientOptions::DEFAULT.tls(ClientTls::DEFAULT.allow_insecure_connections(true));
    let client = HttpClient::with(&options, Tls::new(&options.tls).unwrap(), proxies);
    let answered = send(&client, request(Method::GET, "https://backend.test:444/a", "")).await.unwrap();
    assert_eq!(answered, (StatusCode::OK, Bytes::from_static(b"HTTP/2.0")));
    let asked = asked.lock().unwrap().concat().join("").to_lowercase();
    assert!(asked.starts_with("connect backend.test:444 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic dtpw"), "{asked}");
}
