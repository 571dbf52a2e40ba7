//! The service behind a suite's gateway: `upstream.json`, route by route.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::client::chunked;
use super::suite::{array, text};
use super::text::{body_of, headers, latin1, query};
use crate::support::bind;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) port: u16,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: Vec<(String, Vec<String>)>,
    pub(super) body: Vec<u8>,
}

/// The routes, what came so far, and how often a route with several answers was asked.
pub(super) struct Upstream {
    routes: Vec<Value>,
    seen: Mutex<Vec<Request>>,
    asked: Mutex<HashMap<usize, usize>>,
}

impl Upstream {
    /// Answers at `ports`, which stand for the ports of the recording, on a thread of its own: what it does must not
    /// depend on what the gateway does.
    pub(super) fn start(spec: &Value, ports: [u16; 3]) -> Arc<Self> {
        let upstream =
            Arc::new(Self { routes: array(&spec["routes"]).to_vec(), seen: Mutex::default(), asked: Mutex::default() });
        let recorded: Vec<_> = array(&spec["ports"]).iter().filter_map(Value::as_u64).collect();
        let recorded = recorded.iter().map(|port| u16::try_from(*port).expect("a port"));
        let listeners: Vec<_> =
            recorded.map(|port| (port, bind(&format!("127.0.0.1:{}", ports[usize::from(port - 18081)])))).collect();
        let running = Arc::clone(&upstream);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut accepting = JoinSet::new();
                for (port, listener) in listeners {
                    accepting.spawn(accept(Arc::clone(&running), port, listener));
                }
                accepting.join_all().await;
            });
        });
        upstream
    }

    /// What came since the last time.
    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn route(&self, request: &Request) -> Value {
        let fits = |route: &Value| {
            matches!(route["method"].as_str(), None | Some("ANY"))
                .then_some(true)
                .unwrap_or_else(|| text(&route["method"]) == request.method)
                && route["port"].as_u64().is_none_or(|port| port == u64::from(request.port))
                && fits(text(&route["path"]), &request.path)
        };
        let Some(index) = self.routes.iter().position(fits) else {
            return json!({"status": 404, "body": {"upstream": "no route", "path": request.path}});
        };
        let mut route = self.routes[index].clone();
        let responses = array(&route["responses"]).to_vec();
        if !responses.is_empty() {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let times = asked.entry(index).or_default();
            let own = responses[(*times).min(responses.len() - 1)].as_object().cloned().unwrap_or_default();
            *times += 1;
            route.as_object_mut().expect("a route").extend(own);
        }
        route
    }
}

/// `{x}` stands for a part without a slash, `**` for anything.
fn fits(pattern: &str, path: &str) -> bool {
    let special = pattern.find("**").into_iter().chain(pattern.find('{')).min();
    let Some(at) = special else { return pattern == path };
    let (literal, rest) = pattern.split_at(at);
    let Some(path) = path.strip_prefix(literal) else { return false };
    let (rest, within) = match rest.strip_prefix("**") {
        Some(rest) => (rest, path.len()),
        None => {
            let end = rest.find('}').expect("a closing brace");
            (&rest[end + 1..], path.find('/').unwrap_or(path.len()))
        }
    };
    (0..=within).filter(|end| path.is_char_boundary(*end)).any(|end| fits(rest, &path[end..]))
}

async fn accept(upstream: Arc<Upstream>, port: u16, listener: std::net::TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    loop {
        let (stream, _) = listener.accept().await.expect("connections");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        tokio::spawn(connection(Arc::clone(&upstream), port, stream));
    }
}

async fn connection(upstream: Arc<Upstream>, port: u16, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream, port).await {
        upstream.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let route = upstream.route(&request);
        if let Some(delay) = route["delay_ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if route["close_connection"] == true {
            return;
        }
        let (bytes, goes_on) = answer(&route, &request);
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() || !goes_on {
            return;
        }
    }
}

/// None when the connection has ended, or what came is no request.
async fn read(stream: &mut BufReader<TcpStream>, port: u16) -> Option<Request> {
    let line = line(stream).await?;
    let (method, rest) = line.split_once(' ')?;
    let (target, _) = rest.rsplit_once(' ')?;
    let mut headers: Vec<(String, Vec<String>)> = Vec::new();
    loop {
        let line = self::line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        let (name, value) = (name.to_lowercase(), value.trim().to_owned());
        match headers.iter_mut().find(|(own, _)| *own == name) {
            Some((_, values)) => values.push(value),
            None => headers.push((name, vec![value])),
        }
    }
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, values)| values[0].as_str());
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let size = self::line(stream).await?;
            let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..]).await.ok()?;
            if size == 0 {
                while !self::line(stream).await?.is_empty() {}
                break;
            }
            self::line(stream).await?;
        }
    } else if let Some(length) = header("content-length") {
        body.resize(length.parse().ok()?, 0);
        stream.read_exact(&mut body).await.ok()?;
    }
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
    Some(Request { port, method: method.to_owned(), path: path.to_owned(), query, headers, body })
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    let count = stream.read_until(b'\n', &mut line).await.ok()?;
    (count > 0).then(|| latin1(&line).trim_end_matches(['\r', '\n']).to_owned())
}

/// The bytes of an answer, and whether the connection goes on after them.
fn answer(route: &Value, request: &Request) -> (Vec<u8>, bool) {
    if let Some(raw) = route["raw"].as_str() {
        return (raw.chars().filter_map(|character| u8::try_from(character).ok()).collect(), false);
    }
    let mut fields = headers(route);
    let has_type = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let (mut body, is_json) = match route["echo"] == true {
        true => (echo(route, request).to_string().into_bytes(), true),
        false => (body_of(route).unwrap_or_default(), route.get("body").is_some_and(|body| !body.is_string())),
    };
    if is_json && !has_type {
        fields.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    if route["date"] == true {
        fields.push(("Date".to_owned(), httpdate::fmt_http_date(SystemTime::now())));
    }
    if route["gzip"] == true {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&body).expect("memory");
        body = encoder.finish().expect("memory");
        fields.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
    }
    let status = route["status"].as_u64().unwrap_or(200);
    let without_body = request.method == "HEAD" || matches!(status, 100..200 | 204 | 304);
    if route["truncate"] == true {
        fields.push(("Content-Length".to_owned(), (body.len() + 50).to_string()));
    } else if route["chunked"] == true {
        fields.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
    } else if !matches!(status, 204 | 304) {
        fields.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    let closes = route["connection_close"] == true;
    if closes {
        fields.push(("Connection".to_owned(), "close".to_owned()));
    }
    let mut head = format!("HTTP/1.1 {status} {}\r\n", route["reason"].as_str().unwrap_or("X"));
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if !without_body {
        bytes.extend(if route["chunked"] == true { chunked(&body, 7000) } else { body });
    }
    (bytes, !closes && route["truncate"] != true)
}

/// The request as JSON, or the parts of it that `echo_only` names.
fn echo(route: &Value, request: &Request) -> Value {
    let mut pairs = Map::new();
    for (name, value) in query(request.query.as_deref().unwrap_or_default()) {
        if let Value::Array(values) = pairs.entry(name).or_insert_with(|| json!([])) {
            values.push(Value::from(value));
        }
    }
    let framing = ["content-length", "transfer-encoding", "connection"];
    let kept = request.headers.iter().filter(|(name, _)| !framing.contains(&name.as_str()));
    let all = json!({
        "method": request.method,
        "path": request.path,
        "query": pairs,
        "headers": kept.cloned().map(|(name, values)| (name, Value::from(values))).collect::<Map<_, _>>(),
        "body": String::from_utf8_lossy(&request.body),
    });
    match route["echo_only"].as_array() {
        Some(names) => {
            names.iter().map(|name| (text(name).to_owned(), all[text(name)].clone())).collect::<Map<_, _>>().into()
        }
        None => all,
    }
}
