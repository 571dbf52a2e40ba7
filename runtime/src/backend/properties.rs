//! Whatever a client sends: a request to a backend is one request, with the client's values in their places.

use std::cell::RefCell;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method as HttpMethod};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::backend::forward::QueryRules;
use crate::backend::http_service::OpenHttp;
use crate::backend::url::{Host, UrlTemplate};
use crate::backend::{Backend, Http, Param, PathParam, Piece, Place, Text};
use crate::client::ClientOptions;
use crate::endpoint::{Endpoint, Method, Names};
use crate::incoming::Incoming;
use crate::incoming::tests::incoming;
use crate::opener::Opener;
use crate::router::{Params, RouterOptions};

static ROUTER: RouterOptions = RouterOptions::DEFAULT;

/// The path and query that `pieces` become for one value; none where it is refused.
fn url(pieces: &'static [Piece], query: QueryRules, target: &str, value: &str) -> Option<(String, Option<String>)> {
    let template = UrlTemplate::new(pieces, query, false).expect("a template");
    let host = Host::parse("http://127.0.0.1:8081").expect("a host");
    let mut request = incoming("GET", target, &[]);
    request.params = Params::from_values([value]);
    let url = template.at(&host, &request, None);
    assert_eq!(url.is_err(), template.refuse(&request).is_err());
    let url = url.ok()?;
    assert_eq!((url.scheme_str(), url.authority().unwrap().as_str()), (Some("http"), "127.0.0.1:8081"));
    Some((url.path().to_owned(), url.query().map(str::to_owned)))
}

/// The text of a value, as somebody writes it who means harm.
fn harmful() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[./?#%&=;:@ \\\\\r\n\t{}2eEfF]{0,12}",
        select(vec![
            "..",
            ".",
            "../..",
            "%2e%2e",
            "..%2f",
            "a/../b",
            "//evil.test",
            "{{.Other}}",
            "a\r\nHost: x",
            "\0",
            "é/.."
        ])
        .prop_map(str::to_owned),
    ]
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

/// What a server makes of a query string.
fn pairs(query: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let decode = |text: &str| decoded(&text.replace('+', " "));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// What a server may make of a path: decoded first, whatever separates segments, parameters of segments cut off.
fn resolved(path: &str) -> Vec<String> {
    let path = String::from_utf8_lossy(&decoded(path)).into_owned();
    let mut segments = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment.split(';').next().unwrap_or_default() {
            "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name.to_owned()),
        }
    }
    segments
}

/// A value is refused only where it would lead out of its place.
fn may_be_refused(value: &str) -> bool {
    value.split(['/', '\\']).any(|part| matches!(part.split(';').next(), Some("." | "..")))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_value_is_one_segment(value in harmful()) {
        static PIECES: [Piece; 3] = [Text("/a/"), Param(0), Text("/z?q=1")];
        let Some((path, query)) = url(&PIECES, QueryRules::None, "/", &value) else {
            prop_assert!(may_be_refused(&value));
            return Ok(());
        };
        prop_assert_eq!(query.as_deref(), Some("q=1"));
        prop_assert!(is_plain(&path), "{}", path);
        let segments: Vec<&str> = path.split('/').collect();
        prop_assert_eq!(segments.len(), 4);
        let resolved = resolved(&path);
        prop_assert!(resolved.starts_with(&["".to_owned(), "a".to_owned()]), "{:?}", resolved);
        prop_assert_eq!(resolved.len(), 4 + value.matches(['/', '\\']).count());
        prop_assert_eq!(decoded(segments[2]), value.as_bytes());
        prop_assert_eq!((segments[1], segments[3]), ("a", "z"));
    }

    #[test]
    fn a_path_adds_segments_and_nothing_more(value in harmful()) {
        static PIECES: [Piece; 3] = [Text("/a/"), PathParam(0), Text("/z")];
        let Some((path, query)) = url(&PIECES, QueryRules::None, "/", &value) else {
            prop_assert!(may_be_refused(&value));
            return Ok(());
        };
        prop_assert_eq!(query, None);
        prop_assert!(is_plain(&path), "{}", path);
        let inner = path.strip_prefix("/a/").and_then(|rest| rest.strip_suffix("/z"));
        let segments: Vec<&str> = inner.expect("its ends").split('/').collect();
        prop_assert_eq!(resolved(&path).len(), 4 + value.matches(['/', '\\']).count());
        let values: Vec<Vec<u8>> = segments.into_iter().map(decoded).collect();
        prop_assert_eq!(values, value.split('/').map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>());
    }

    #[test]
    fn a_value_is_one_parameter(value in harmful()) {
        static PIECES: [Piece; 3] = [Text("/a?p="), Param(0), Text("&q=1")];
        let (path, query) = url(&PIECES, QueryRules::None, "/", &value).expect("a URL");
        prop_assert_eq!(path, "/a");
        let query = query.expect("a query");
        prop_assert!(is_plain(&query), "{}", query);
        prop_assert_eq!(pairs(&query), [(b"p".to_vec(), value.into_bytes()), (b"q".to_vec(), b"1".to_vec())]);
    }

    /// What passes is what a server would have read of it, and only under listed names.
    #[test]
    fn a_query_passes_by_name(query in "([abC%;=+&?/.~!'(){}0-9 \\[\\]\"]|%[0-9a-fA-F]{2}|a=|&b=){0,24}") {
        // hyper takes nothing else for a target.
        let query: String = query.chars().filter(|letter| letter.is_ascii_graphic() && *letter != '"').collect();
        static PIECES: [Piece; 1] = [Text("/x?fixed=1")];
        let target = format!("/?{query}");
        let sound = |pair: &&str| {
            let escapes = pair.match_indices('%').all(|(at, _)| {
                pair.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            });
            !pair.contains(';') && escapes
        };
        let sound: String = query.split('&').filter(sound).collect::<Vec<_>>().join("&");
        let mut sent = pairs(&sound);
        sent.sort_by(|(left, _), (right, _)| left.cmp(right));
        let listed = sent.iter().filter(|(name, _)| matches!(name.as_slice(), b"a" | b"b")).cloned().collect::<Vec<_>>();
        for (rules, expected) in [(QueryRules::All, sent), (QueryRules::Only(vec!["a", "b"]), listed)] {
            let (path, passed) = url(&PIECES, rules, &target, "").expect("a URL");
            prop_assert_eq!(path, "/x");
            let passed = passed.expect("the fixed one");
            prop_assert!(is_plain(&passed), "{}", passed);
            let found = pairs(&passed);
            prop_assert_eq!(&found[0], &(b"fixed".to_vec(), b"1".to_vec()));
            prop_assert_eq!(&found[1..], &expected[..]);
        }
    }
}

const NAMES: [&str; 22] = [
    "transfer-encoding",
    "content-length",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "host",
    "expect",
    "x-a",
    "x-b",
    "content-type",
    "cookie",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "accept-encoding",
    "range",
    "http2-settings",
    ":path",
];

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let value = prop_oneof![
        select(vec![
            "chunked",
            "gzip, chunked",
            "identity",
            "5",
            "0",
            "999",
            "close, x-a",
            "X-B",
            "trailers",
            "x\ty",
            ""
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..12),
    ];
    vec((select(NAMES.to_vec()), value), 0..12)
}

/// What hyper writes of the request that `backend` makes.
fn written(runtime: &tokio::runtime::Runtime, backend: &OpenHttp, incoming: &Incoming, body: Body) -> Vec<u8> {
    let host = Host::parse("http://upstream.test:81").expect("a host");
    let (request, _) = backend.request(&host, incoming, body, None).expect("a request");
    runtime.block_on(async {
        let (mut theirs, ours) = tokio::io::duplex(1 << 20);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.expect("HTTP");
        let connection = tokio::spawn(connection);
        let mut request = request;
        // As the pool does it.
        let authority = request.uri().authority().expect("a host").as_str().to_owned();
        request.headers_mut().insert(http::header::HOST, HeaderValue::from_str(&authority).expect("a value"));
        *request.uri_mut() = request.uri().path_and_query().expect("a path").as_str().parse().expect("a path");
        let sent = tokio::spawn(async move { sender.send_request(request).await.map(|answer| answer.into_body()) });
        // Everything is written before the answer is waited for.
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
        theirs.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await.expect("open");
        let answer = sent.await.expect("no panic").expect("an answer");
        answer.collect().await.expect("a body");
        connection.await.expect("no panic").expect("a clean end");
        let mut bytes = Vec::new();
        theirs.read_to_end(&mut bytes).await.expect("bytes");
        bytes
    })
}

/// The body of the one request that `rest` is, by its framing.
fn unframed<'a>(framing: &[(String, String)], rest: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
    match framing {
        [] => Some((Vec::new(), rest)),
        [(name, length)] if name == "content-length" => {
            let (body, after) = rest.split_at_checked(length.parse().ok()?)?;
            Some((body.to_vec(), after))
        }
        [(name, value)] if name == "transfer-encoding" && value == "chunked" => {
            let (mut body, mut rest) = (Vec::new(), rest);
            loop {
                let end = rest.windows(2).position(|window| window == b"\r\n")?;
                let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
                let (chunk, after) = rest[end + 2..].split_at_checked(size)?;
                body.extend_from_slice(chunk);
                rest = after.strip_prefix(b"\r\n")?;
                if size == 0 {
                    return Some((body, rest));
                }
            }
        }
        _ => None,
    }
}

thread_local! {
    static OPENER: RefCell<Opener> = {
        static OPTIONS: ClientOptions = ClientOptions::DEFAULT;
        RefCell::new(Opener::new(&OPTIONS))
    };
}

fn open(names: Names) -> OpenHttp {
    static BACKEND: Http = Http::new(Method::Post, &["http://upstream.test:81"], &[Text("/u")]);
    let endpoint = Endpoint::new(Method::Post, "/", "", BACKEND).input_headers(names);
    let place = Place {
        endpoint: &endpoint.options,
        router: &ROUTER,
        merged: false,
        sets_headers: false,
        timeout: std::time::Duration::from_secs(1),
    };
    OPENER.with_borrow_mut(|opener| BACKEND.open(opener, &place)).expect("it opens")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_request_is_one_request(
        sent in headers(),
        body in vec(any::<u8>(), 0..40),
        streamed in any::<bool>(),
        listed in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut incoming = incoming("POST", "/", &[]);
        incoming.parts.method = HttpMethod::POST;
        for (name, value) in &sent {
            // What hyper lets in.
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
                incoming.parts.headers.append(name, value);
            }
        }
        let backend = open(if listed { Names::Only(&NAMES) } else { Names::All });
        let made = if streamed {
            let pieces: Vec<_> = body.chunks(7).map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(piece))).collect();
            if pieces.is_empty() { Body::empty() } else { Body::from_stream(futures_util::stream::iter(pieces)) }
        } else {
            Body::from(body.clone())
        };
        let bytes = written(&runtime, &backend, &incoming, made);
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        prop_assert_eq!(lines.next(), Some("POST /u HTTP/1.1"));
        let found: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").map_or((line.to_owned(), String::new()), |(n, v)| (n.to_owned(), v.to_owned())))
            .collect();
        let named = |name: &str| found.iter().filter(|(own, _)| own == name).cloned().collect::<Vec<_>>();
        prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n', '\0']), "{}", head);
        prop_assert_eq!(named("host"), [("host".to_owned(), "upstream.test:81".to_owned())]);
        for gone in ["connection", "trailer", "upgrade", "keep-alive", "proxy-connection", "proxy-authorization", ":path"] {
            prop_assert!(named(gone).is_empty(), "{}", head);
        }
        prop_assert!(named("te").iter().all(|(_, value)| value == "trailers"), "{}", head);
        let framing = [named("content-length"), named("transfer-encoding")].concat();
        let (seen, after) = unframed(&framing, &bytes[end + 4..]).expect("a body");
        prop_assert_eq!((seen, after.len()), (body, 0));
    }
}
