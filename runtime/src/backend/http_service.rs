use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as HttpBody;
use http_body_util::LengthLimitError;

use crate::backend::failure::without_query;
use crate::backend::forward::{Forward, HeaderRules, QueryRules};
use crate::backend::graphql::{self, GraphQl};
use crate::backend::hosts::Targets;
use crate::backend::pass_through::{pass_through, without_trailers};
use crate::backend::redirect::{self, Redirected, SentBody};
use crate::backend::reply::{Data, Object, Reply};
use crate::backend::url::{self, Host, Piece, UrlTemplate};
use crate::backend::{Backend, BodyUse, ErrorBody, Failure, OpenBackend, Payload, Place};
use crate::body::{BodyError, drain, read_body};
use crate::client::{ClientError, HttpClient, gzip};
use crate::encoding::{self, Decode};
use crate::endpoint::Method;
use crate::incoming::Incoming;
use crate::opener::{OpenFailure, Opener};
use crate::shape::{self, Shape, Shaped};
use crate::sniff;

/// An HTTP service, as generated code describes it.
#[derive(Clone, Copy, Debug)]
pub struct Http {
    hosts: &'static [&'static str],
    method: Method,
    url: &'static [Piece],
    forward: Forward,
    decode: Decode,
    shape: &'static Shape,
    status: StatusRule,
    graphql: Option<&'static GraphQl>,
    /// The scheme of the hosts that service discovery finds.
    sd_dns: Option<&'static str>,
    h2c: bool,
    send_body_on_redirect: bool,
    max_response_bytes: Option<usize>,
}

/// The most of an answer that is kept in memory where the config does not say.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

/// The most that is read of an error's body to keep the connection.
const MAX_DRAINED_BYTES: usize = 64 << 10;

/// How long a body may be that is passed on, but read whole by a sequence: in the extensions of the answer.
#[derive(Clone, Copy, Debug)]
struct ReadLimit(usize);

/// What a status other than success becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusRule {
    /// 500 (trap 21; 202 and 204 are successes here).
    Default,
    /// The upstream's status (trap 23).
    ReturnCode,
    /// 200 with the error under `error_ALIAS` (trap 24). The text is that key.
    ReturnDetails(&'static str),
}

/// An [`Http`] backend with its client.
pub struct OpenHttp {
    client: HttpClient,
    hosts: Targets,
    method: http::Method,
    url: UrlTemplate,
    headers: HeaderRules,
    decode: Decode,
    shape: &'static Shape,
    status: StatusRule,
    graphql: Option<&'static GraphQl>,
    send_body_on_redirect: bool,
    max_response_bytes: Option<usize>,
    /// Whether it may be asked for gzip.
    compress: bool,
    merged: bool,
    endpoint: &'static str,
    /// `[GET /users/{{.Id}}]`: what it is called in errors, as in KrakenD.
    name: String,
}

/// What only some requests have.
#[derive(Debug)]
pub(super) struct Special {
    /// What a GraphQL operation adds to the query string.
    query: Option<String>,
    /// The body, for a redirect.
    kept: Option<Bytes>,
}

static GZIP: HeaderValue = HeaderValue::from_static("gzip");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
static ZERO: HeaderValue = HeaderValue::from_static("0");

impl Http {
    /// A backend that answers JSON.
    ///
    /// `hosts` are `scheme://authority`, or `env:NAME` for what a variable holds at start, and asked in turn; `url` is what
    /// `url_pattern` was compiled to.
    #[must_use]
    pub const fn new(method: Method, hosts: &'static [&'static str], url: &'static [Piece]) -> Self {
        Self {
            hosts,
            method,
            url,
            forward: Forward::DEFAULT,
            decode: Decode::Json,
            shape: &Shape::OBJECT,
            status: StatusRule::Default,
            graphql: None,
            sd_dns: None,
            h2c: false,
            send_body_on_redirect: false,
            max_response_bytes: None,
        }
    }

    /// A GraphQL operation in place of the client's body. It decides the method.
    #[must_use]
    pub const fn graphql(mut self, graphql: &'static GraphQl) -> Self {
        self.method = graphql.method();
        self.graphql = Some(graphql);
        self
    }

    /// The one host is the name of SRV records, which are looked up every `dns_cache_ttl`; `scheme` is how the hosts are
    /// called that they name.
    #[must_use]
    pub const fn sd_dns(mut self, scheme: &'static str) -> Self {
        self.sd_dns = Some(scheme);
        self
    }

    /// Speaks HTTP/2 without TLS.
    #[must_use]
    pub const fn h2c(mut self) -> Self {
        self.h2c = true;
        self
    }

    /// Keeps the client's body, so that a redirect that asks for it again (307, 308) can be followed.
    #[must_use]
    pub const fn send_body_on_redirect(mut self) -> Self {
        self.send_body_on_redirect = true;
        self
    }

    /// How long an answer may be that is decoded, decompressed and in bytes; 64 MiB otherwise.
    #[must_use]
    pub const fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = Some(bytes);
        self
    }

    /// The backend's own allow-lists.
    #[must_use]
    pub const fn forward(mut self, forward: Forward) -> Self {
        self.forward = forward;
        self
    }

    /// Leaves the answer as it is.
    #[must_use]
    pub const fn no_op(self) -> Self {
        self.decode(Decode::NoOp)
    }

    /// How the answer is read.
    #[must_use]
    pub const fn decode(mut self, decode: Decode) -> Self {
        self.decode = decode;
        self
    }

    /// How what was read is shaped.
    #[must_use]
    pub const fn shape(mut self, shape: &'static Shape) -> Self {
        self.shape = shape;
        self
    }

    /// What a status other than success becomes.
    #[must_use]
    pub const fn status(mut self, rule: StatusRule) -> Self {
        self.status = rule;
        self
    }
}

impl Backend for Http {
    type Open = OpenHttp;

    fn open(&'static self, opener: &mut Opener, place: &Place<'_>) -> Result<OpenHttp, OpenFailure> {
        let client = if self.h2c { opener.h2c_client()? } else { opener.http_client()? };
        Ok(OpenHttp {
            hosts: Targets::open(self.hosts, self.sd_dns, client.options().dns_cache_ttl)?,
            compress: !client.options().disable_compression && self.method != Method::Head,
            client,
            graphql: self.graphql,
            send_body_on_redirect: self.send_body_on_redirect,
            max_response_bytes: self.max_response_bytes,
            method: self.method.to_http(),
            url: UrlTemplate::new(self.url, QueryRules::new(place, &self.forward), place.router.disable_path_decoding)?,
            headers: HeaderRules::new(place, &self.forward),
            decode: self.decode,
            shape: self.shape,
            status: self.status,
            merged: place.merged,
            endpoint: place.endpoint.path,
            name: format!("[{} {}]", self.method, url::describe(self.url, place.endpoint.path)),
        })
    }

    fn summary(&self) -> String {
        format!("{} {}", self.method, self.hosts.join(", "))
    }
}

impl OpenBackend for OpenHttp {
    fn body_use(&self) -> BodyUse {
        match self.graphql {
            Some(graphql) => graphql.body_use(),
            None if self.send_body_on_redirect => BodyUse::Whole,
            None => BodyUse::Stream,
        }
    }

    fn refuse(&self, incoming: &Incoming, _: &Bytes) -> Result<(), Failure> {
        self.url.refuse(incoming)
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let host = self.hosts.next().await.ok_or_else(|| Failure::internal("the backend has no host"))?;
        let (body, special) = self.special(incoming, body)?;
        let mut body = body.into_body();
        if !body.is_end_stream() && (incoming.parts.version == Version::HTTP_2 || body.size_hint().exact().is_none()) {
            body = without_trailers(body);
        }
        let (request, asked) = self.request(&host, incoming, body, special.as_deref())?;
        let sent_body = !request.body().is_end_stream();
        let again =
            || self.request(&host, incoming, Body::empty(), special.as_deref()).ok().map(|(request, _)| request);
        let mut response = self.client.send(request, again).await.map_err(|error| not_sent(&error))?;
        if redirect::is_redirect(response.status()) {
            response = Box::pin(self.follow(&host, incoming, sent_body, special, response)).await?;
        }
        let zipped = gzip::is_gzip(response.headers()) && !response.body().is_end_stream();
        if zipped && (asked || self.decode != Decode::NoOp) {
            return Box::pin(self.read(gzip::decompress(response), &host, incoming)).await;
        }
        // Not `read`, whose future would have the response in it once more.
        match self.decode {
            Decode::NoOp => {
                let reply = self.passed_through(response, incoming)?;
                Ok(if sniff::is_needed(&reply) { Box::pin(sniff::with_type(reply)).await } else { reply })
            }
            _ => self.decode(response, &host, incoming).await,
        }
    }

    fn timed_out(&self, after: Duration) -> Failure {
        Failure::deadline(after)
    }
}

impl OpenHttp {
    /// What the few backends that need more than a stream make of the body.
    fn special(&self, incoming: &Incoming, body: Payload) -> Result<(Payload, Option<Box<Special>>), Failure> {
        if self.graphql.is_none() && !self.send_body_on_redirect {
            return Ok((body, None));
        }
        let (body, query) = match self.graphql {
            Some(graphql) => {
                let operation = graphql.operation(incoming, &body)?;
                (Payload::Whole(operation.body), operation.query)
            }
            None => (body, None),
        };
        let kept = match &body {
            Payload::Whole(bytes) if self.send_body_on_redirect => Some(bytes.clone()),
            _ => None,
        };
        Ok((body, Some(Box::new(Special { query, kept }))))
    }

    /// The request, and whether it asks for gzip in the gateway's name.
    pub(super) fn request(
        &self,
        host: &Host,
        incoming: &Incoming,
        body: Body,
        special: Option<&Special>,
    ) -> Result<(Request<Body>, bool), Failure> {
        let mut headers = self.headers.request_headers(incoming);
        let asks_gzip = self.compress && self.headers.may_ask_gzip(&headers);
        if asks_gzip {
            headers.insert(ACCEPT_ENCODING, GZIP.clone());
        }
        if self.graphql.is_some() {
            if graphql::has_body(&self.method) {
                headers.insert(CONTENT_TYPE, JSON.clone());
            } else {
                headers.remove(CONTENT_TYPE);
            }
        }
        if body.is_end_stream() {
            // As in Go: a method that usually has a body says that it has none.
            if matches!(self.method, http::Method::POST | http::Method::PUT | http::Method::PATCH) {
                headers.insert(CONTENT_LENGTH, ZERO.clone());
            }
        } else if self.graphql.is_none() && !self.headers.tells_length() {
            headers.insert(TRANSFER_ENCODING, CHUNKED.clone());
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.at(host, incoming, special.and_then(|special| special.query.as_deref()))?;
        *request.headers_mut() = headers;
        Ok((request, asks_gzip))
    }

    async fn follow(
        &self,
        host: &Host,
        incoming: &Incoming,
        sent_body: bool,
        special: Option<Box<Special>>,
        response: Response<hyper::body::Incoming>,
    ) -> Result<Response<hyper::body::Incoming>, Failure> {
        let (first, _) = self.request(host, incoming, Body::empty(), special.as_deref())?;
        let (mut head, _) = first.into_parts();
        let body = match special.and_then(|special| special.kept) {
            _ if !sent_body => SentBody::Empty,
            Some(bytes) => {
                head.headers.remove(CONTENT_LENGTH);
                SentBody::Kept(bytes)
            }
            None => SentBody::Streamed,
        };
        let set = self.headers.set_names(incoming);
        let redirected = Redirected { url: head.uri, method: head.method, headers: head.headers, set, body };
        redirect::follow(&self.client, redirected, response).await.map_err(|failed| failed.failure(not_sent))
    }

    async fn read<B>(&self, response: Response<B>, host: &Host, incoming: &Incoming) -> Result<Reply, Failure>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        match self.decode {
            Decode::NoOp => {
                let reply = self.passed_through(response, incoming)?;
                Ok(if sniff::is_needed(&reply) { Box::pin(sniff::with_type(reply)).await } else { reply })
            }
            _ => self.decode(response, host, incoming).await,
        }
    }

    fn passed_through<B>(&self, mut response: Response<B>, incoming: &Incoming) -> Result<Reply, Failure>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if let Some(limit) = self.max_response_bytes {
            response.extensions_mut().insert(ReadLimit(limit));
        }
        pass_through(response, &self.method, self.endpoint, incoming)
    }

    async fn decode<B>(&self, response: Response<B>, host: &Host, incoming: &Incoming) -> Result<Reply, Failure>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Into<axum::BoxError>,
    {
        let status = response.status();
        let (head, body) = response.into_parts();
        // 202 and 204 are not errors, as they are in KrakenD (design), and often without a body.
        let may_be_empty = matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT);
        let is_error = !may_be_empty && !matches!(status, StatusCode::OK | StatusCode::CREATED);
        if is_error && self.status == StatusRule::Default {
            Box::pin(drain(body, MAX_DRAINED_BYTES)).await;
            return Err(self.invalid_status(status, host, incoming));
        }
        let limit = self.max_response_bytes.unwrap_or(MAX_RESPONSE_BYTES);
        let body = read_body(body, Some(limit)).await.map_err(|error| not_read(&error))?;
        if is_error {
            let failure = self.invalid_status(status, host, incoming);
            return self.refused(status, failure, head.headers.get(CONTENT_TYPE), body);
        }
        if may_be_empty && body.is_empty() {
            return Ok(Reply::object(Object::empty()));
        }
        let data = encoding::read(self.decode, self.shape, &body, self.merged).map_err(Failure::internal)?;
        Ok(Reply::new(data, true))
    }

    #[cold]
    fn invalid_status(&self, status: StatusCode, host: &Host, incoming: &Incoming) -> Failure {
        let url = self.url.at(host, incoming, None).map(|url| url.to_string()).unwrap_or_default();
        let message = |name: &str, url: &str| format!("invalid status code {} {name}: {url}", status.as_u16());
        let name = match self.name.split_once('?') {
            Some((name, _)) => Cow::Owned(format!("{name}]")),
            None => Cow::Borrowed(self.name.as_str()),
        };
        Failure::internal(message(&name, without_query(&url))).telling(message(&self.name, &url))
    }

    fn refused(
        &self,
        status: StatusCode,
        failure: Failure,
        content_type: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Reply, Failure> {
        match self.status {
            StatusRule::Default => Err(failure),
            StatusRule::ReturnCode => Err(Failure {
                status,
                body: Some(Box::new(ErrorBody::Upstream(body, content_type.cloned()))),
                ..failure
            }),
            StatusRule::ReturnDetails(key) => {
                let mut details = serde_json::Map::new();
                details.insert("http_status_code".to_owned(), status.as_u16().into());
                if !body.is_empty() {
                    details.insert("http_body".to_owned(), String::from_utf8_lossy(&body).into());
                }
                if let Some(content_type) = content_type.and_then(|value| value.to_str().ok()) {
                    details.insert("http_body_encoding".to_owned(), content_type.into());
                }
                let text = serde_json::json!({ key: details }).to_string();
                let data = shape_json(&Shape::OBJECT, &Bytes::from(text), self.merged).map_err(Failure::internal)?;
                Ok(Reply::new(data, false))
            }
        }
    }
}

/// Reads an answer whole that was to be passed on.
pub(super) async fn read_passed_on(response: Response<Body>) -> Result<(http::response::Parts, Bytes), Failure> {
    let (head, body) = response.into_parts();
    let limit = head.extensions.get::<ReadLimit>().map_or(MAX_RESPONSE_BYTES, |limit| limit.0);
    let body = read_body(body, Some(limit)).await.map_err(|error| not_read(&error))?;
    Ok((head, body))
}

fn not_read(error: &BodyError) -> Failure {
    Failure::internal(format!("reading the answer: {error}"))
}

/// The client's body may break off or be over the limit while it is passed on: that is not the upstream's failure.
fn not_sent(error: &ClientError) -> Failure {
    let Some(body) = causes(error).find(|error| error.is::<axum::Error>()) else {
        return Failure::internal(error.to_string());
    };
    match causes(body).any(|error| error.is::<LengthLimitError>()) {
        true => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is over the limit"),
        false => Failure::new(StatusCode::BAD_REQUEST, format!("the request's body could not be read: {body}")),
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| Error::source(*error))
}

/// Shapes a JSON body; with `merged`, records where the root's members are. The error is one line.
pub(crate) fn shape_json(shape: &Shape, body: &Bytes, merged: bool) -> Result<Data, String> {
    let (object, shaped) = if merged {
        let (mut text, mut roots) = (Vec::new(), Vec::new());
        let shaped = shape.apply_fields(body, &mut text, &mut roots).map_err(|error| error.to_string())?;
        (Object { text: text.into(), roots, empty: false }, shaped)
    } else if shape.is_plain() {
        let (text, shaped) = shape::validate_object(body).map_err(|error| error.to_string())?;
        let text = match text {
            Cow::Borrowed(text) => body.slice_ref(text),
            Cow::Owned(text) => text.into(),
        };
        (Object { text, ..Object::default() }, shaped)
    } else {
        let mut text = Vec::with_capacity(body.len());
        let shaped = shape.apply(body, &mut text).map_err(|error| error.to_string())?;
        (Object { text: text.into(), ..Object::default() }, shaped)
    };
    Ok(match shaped {
        Shaped::Null => Data::Null,
        shaped => Data::Object(Object { empty: shaped == Shaped::Empty, ..object }),
    })
}
