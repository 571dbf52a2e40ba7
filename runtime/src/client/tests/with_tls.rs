use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::*;

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(include_bytes!("cert.pem")).unwrap()
}

/// A client that trusts the certificate of the tests.
fn trusting() -> HttpClient {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).unwrap();
    HttpClient::with_tls(&ClientOptions::DEFAULT, Tls::trusting(roots).unwrap())
}

/// Answers with the version of HTTP that it was asked in.
async fn tls_backend(protocols: &[&str]) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("key.pem")).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate()], key)
        .unwrap();
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
