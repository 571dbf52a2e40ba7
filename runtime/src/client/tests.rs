use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::*;
use crate::body::read_body;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Stands for: read the request, then close.
const HANG_UP: &str = "";
const SILENCE: &str = "silence";

/// What each connection was asked, in the order of the connections.
type Asked = Arc<Mutex<Vec<Vec<String>>>>;

/// A backend whose n-th connection gives the n-th list of answers and then closes.
async fn backend(connections: &'static [&'static [&'static str]]) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        for (index, answers) in connections.iter().enumerate() {
            let (stream, _) = listener.accept().await.unwrap();
            log.lock().unwrap().push(Vec::new());
            tokio::spawn(answer(stream, answers, index, Arc::clone(&log)));
        }
    });
    (address, asked)
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, answers: &[&str], index: usize, log: Asked) {
    for answer in answers {
        let Some(request) = read_request(&mut stream).await else { return };
        log.lock().unwrap()[index].push(request);
        match *answer {
            HANG_UP => return,
            SILENCE => std::future::pending().await,
            answer => stream.write_all(answer.as_bytes()).await.unwrap(),
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        request.push(byte[0]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text.into_owned());
            }
        }
    }
}

fn request(method: Method, uri: impl std::fmt::Display, body: &'static str) -> Request<Body> {
    let body = if body.is_empty() { Body::empty() } else { Body::from(body) };
    Request::builder().method(method).uri(uri.to_string()).body(body).unwrap()
}

async fn send(client: &HttpClient, request: Request<Body>) -> Result<(StatusCode, Bytes), ClientError> {
    let limit = Duration::from_secs(30);
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let again = || {
        let mut copy = Request::new(Body::empty());
        (*copy.method_mut(), *copy.uri_mut(), *copy.headers_mut()) = (method.clone(), uri.clone(), headers.clone());
        Some(copy)
    };
    let response = tokio::time::timeout(limit, client.send(request, again)).await.expect("hangs")?;
    let (parts, body) = response.into_parts();
    Ok((parts.status, read_body(body, None).await.unwrap()))
}

fn client(options: ClientOptions) -> HttpClient {
    HttpClient::new(&options).unwrap()
}

#[tokio::test]
async fn connections_are_reused() {
    let (address, asked) = backend(&[&[OK, OK]]).await;
    let client = client(ClientOptions::DEFAULT);
    let mut first = request(Method::GET, format!("http://{address}/a?b=c"), "");
    *first.version_mut() = Version::HTTP_2;
    let answered = send(&client, first).await.unwrap();
    assert_eq!(answered, (StatusCode::OK, Bytes::from_static(b"ok")));
    send(&client.clone(), request(Method::POST, format!("http://{address}/d"), "body")).await.unwrap();
    assert_eq!(
        *asked.lock().unwrap(),
        [[
            format!("GET /a?b=c HTTP/1.1\r\nhost: {address}\r\n\r\n"),
            format!("POST /d HTTP/1.1\r\nhost: {address}\r\ncontent-length: 4\r\n\r\nbody"),
        ]]
    );
}

#[tokio::test]
async fn connections_are_used_once_without_keep_alive() {
    let (address, asked) = backend(&[&[OK], &[OK]]).await;
    let client = client(ClientOptions::DEFAULT.disable_keep_alives(true));
    for _ in 0..2 {
        send(&client, request(Method::GET, format!("http://{address}/"), "")).await.unwrap();
    }
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().flatten().all(|request| request.contains("connection: close\r\n")));
}

#[tokio::test]
async fn what_is_repeated() {
    for (method, body, answered) in [
        (Method::GET, "", true),
        (Method::HEAD, "", true),
        (Method::POST, "", false),
        (Method::DELETE, "", false),
        (Method::GET, "body", false),
    ] {
        let (address, asked) = backend(&[&[OK, HANG_UP], &[OK]]).await;
        let client = client(ClientOptions::DEFAULT);
        send(&client, request(Method::GET, format!("http://{address}/1"), "")).await.unwrap();
        let second = send(&client, request(method.clone(), format!("http://{address}/2"), body)).await;
        match second {
            Ok((status, _)) => assert!(answered && status == 200, "{method}"),
            Err(error) => {
                assert!(!answered, "{method}");
                assert_eq!(error.kind(), ClientErrorKind::Closed);
            }
        }
        let asked: Vec<_> = asked.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(asked, if answered { vec![2, 1] } else { vec![2] }, "{method}");
    }
}

#[tokio::test]
async fn a_fresh_connection_or_a_begun_response_is_not_repeated() {
    let (address, asked) = backend(&[&[HANG_UP], &[OK, "HTTP/1.1 200"]]).await;
    let client = client(ClientOptions::DEFAULT);
    let uri = format!("http://{address}/");
    let get = || request(Method::GET, &uri, "");
    let error = send(&client, get()).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Closed);
    let text = format!("{address}: connection ended before the response: connection closed before message completed");
    assert_eq!(error.to_string(), text);
    send(&client, get()).await.unwrap();
    let error = send(&client, get()).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Closed);
    assert_eq!(asked.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn every_dead_connection_is_tried_at_most_once() {
    let (address, asked) = backend(&[&[OK, HANG_UP], &[OK, HANG_UP], &[OK]]).await;
    let client = client(ClientOptions::DEFAULT);
    let uri = format!("http://{address}/");
    let both = [send(&client, request(Method::GET, &uri, "")), send(&client, request(Method::GET, &uri, ""))];
    assert!(futures_util::future::join_all(both).await.iter().all(Result::is_ok));
    assert!(send(&client, request(Method::GET, &uri, "")).await.is_ok());
    let asked: usize = asked.lock().unwrap().iter().map(Vec::len).sum();
    assert_eq!(asked, 5);
}

#[tokio::test]
async fn errors_name_kind_and_authority() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (garbage, _) = backend(&[&["no http\r\n\r\n"]]).await;
    let (silent, _) = backend(&[&[SILENCE]]).await;
    let plain = ClientOptions::DEFAULT;
    let late = plain.response_header_timeout(Some(Duration::from_millis(20)));
    let hasty = plain.dialer_timeout(Some(Duration::from_millis(20)));
    // The kernel drops a connection attempt for which the listener has no place.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let full = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let connect = TcpStream::connect(full);
        waiting.push(tokio::time::timeout(Duration::from_millis(20), connect).await);
    }
    for (options, uri, kind, text) in [
        (
            plain,
            format!("http://user:secret@{closed}/"),
            ClientErrorKind::Connect,
            format!("{closed}: cannot connect: Connection refused"),
        ),
        (
            late,
            format!("http://{silent}/"),
            ClientErrorKind::HeaderTimeout,
            format!("{silent}: no response in time: deadline has elapsed"),
        ),
        (
            hasty,
            format!("http://{full}/"),
            ClientErrorKind::Connect,
            format!("{full}: cannot connect: dialer_timeout of 20ms went by"),
        ),
        (
            plain,
            format!("http://{garbage}/"),
            ClientErrorKind::Other,
            format!("{garbage}: request failed: invalid HTTP version parsed"),
        ),
        (
            plain,
            "/relative".to_owned(),
            ClientErrorKind::Other,
            "request failed: client error (UserAbsoluteUriRequired)".to_owned(),
        ),
    ] {
        let error = send(&client(options), request(Method::POST, uri, "")).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().starts_with(&text), "{error}");
    }
}

#[tokio::test]
async fn http_goes_to_a_proxy_as_a_whole_url() {
    let (proxy, asked) = backend(&[&[OK, OK]]).await;
    let proxies = Proxies::new(format!("u:p@{proxy}"), String::new(), "direct.test".to_owned()).unwrap();
    let options = ClientOptions::DEFAULT;
    let client = HttpClient::with(&options, Tls::new(&options.tls).unwrap(), proxies);
    for path in ["/a?b", "/c"] {
        send(&client, request(Method::GET, format!("http://backend.test:81{path}"), "")).await.unwrap();
    }
    let head = |path| {
        format!(
            "GET http://backend.test:81{path} HTTP/1.1\r\nproxy-authorization: Basic dTpw\r\nhost: backend.test:81\r\n\r\n"
        )
    };
    assert_eq!(*asked.lock().unwrap(), [[head("/a?b"), head("/c")]]);
}

#[tokio::test]
async fn http_2_without_tls_by_prior_knowledge() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
                Ok::<_, std::convert::Infallible>(Response::new(format!("{:?}", request.version())))
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(hyper_util::rt::TokioIo::new(stream), service));
        }
    });
    let client = client(ClientOptions::DEFAULT).h2c();
    for _ in 0..2 {
        let mut sent = request(Method::POST, format!("http://{address}/"), "body");
        sent.headers_mut().insert(http::header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        let answered = send(&client, sent).await.unwrap();
        assert_eq!(answered, (StatusCode::OK, Bytes::from_static(b"HTTP/2.0")));
    }
}

#[tokio::test]
async fn a_body_waits_until_it_is_asked_for() {
    for (first, limit) in [
        (Some("HTTP/1.1 100 Continue\r\n\r\n"), Duration::from_secs(3600)),
        (Some("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"), Duration::from_secs(3600)),
        (None, Duration::from_millis(50)),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backend = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            // Nothing follows the head by itself.
            let mut early = [0; 1];
            let early = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut early)).await;
            let waited = early.is_err();
            if let Some(first) = first {
                stream.write_all(first.as_bytes()).await.unwrap();
            }
            let mut body = [0; 4];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
            (waited, body)
        });
        let client = client(ClientOptions::DEFAULT.expect_continue_timeout(Some(limit)));
        let mut sent = request(Method::POST, format!("http://{address}/"), "body");
        sent.headers_mut().insert(http::header::EXPECT, HeaderValue::from_static("100-continue"));
        assert_eq!(send(&client, sent).await.unwrap().0, StatusCode::OK);
        assert_eq!(backend.await.unwrap(), (true, *b"body"));
    }
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_body() {
    let (address, _) =
        backend(&[&["HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]]).await;
    let client = client(ClientOptions::DEFAULT.expect_continue_timeout(Some(Duration::from_secs(3600))));
    let mut sent = request(Method::POST, format!("http://{address}/"), "body");
    sent.headers_mut().insert(http::header::EXPECT, HeaderValue::from_static("100-continue"));
    sent.headers_mut().insert(http::header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    assert_eq!(send(&client, sent).await.unwrap().0, StatusCode::EXPECTATION_FAILED);
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn https_without_tls() {
    let (address, _) = backend(&[&[]]).await;
    let error = send(&client(ClientOptions::DEFAULT), request(Method::GET, format!("https://{address}/"), ""))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Tls);
    assert_eq!(error.to_string(), format!("{address}: TLS failed: this gateway was built without the feature `tls`"));
}

#[cfg(feature = "tls")]
mod with_tls;
