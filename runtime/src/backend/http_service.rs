use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::LengthLimitError;

use crate::backend::env_host;
use crate::backend::forward::{Forward, HeaderRules, QueryRules};
use crate::backend::pass_through::pass_through;
use crate::backend::reply::{Data, Object, Reply};
use crate::backend::url::{self, Host, Piece, UrlTemplate};
use crate::backend::{Backend, BodyUse, ErrorBody, Failure, OpenBackend, Payload, Place};
use crate::body::read_body;
use crate::client::{ClientError, Hosts, HttpClient};
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
}

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
    hosts: Hosts<Host>,
    method: http::Method,
    url: UrlTemplate,
    headers: HeaderRules,
    decode: Decode,
    shape: &'static Shape,
    status: StatusRule,
    merged: bool,
    endpoint: &'static str,
    /// `[GET /users/{{.Id}}]`: what it is called in errors, as in KrakenD.
    name: String,
}

impl Http {
    /// A backend that answers JSON.
    ///
    /// `hosts` are `scheme://authority`, or `env:NAME` for what a variable holds at start, and asked in turn; `url` is what `url_pattern` was compiled to.
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
        }
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
        Ok(OpenHttp {
            client: opener.http_client()?,
            hosts: Hosts::new(env_host::hosts(self.hosts)?),
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
        BodyUse::Stream
    }

    async fn call(&self, incoming: &Incoming, body: Payload) -> Result<Reply, Failure> {
        let host = self.hosts.next().ok_or_else(|| Failure::internal("the backend has no host"))?;
        let request =
            self.request(host, incoming, body.into_body()).map_err(|error| Failure::internal(error.to_string()))?;
        let again = || self.request(host, incoming, Body::empty()).ok();
        let response = self.client.send(request, again).await.map_err(|error| not_sent(&error))?;
        match self.decode {
            Decode::NoOp => {
                let reply = pass_through(response, &self.method, self.endpoint, incoming.deadline)?;
                Ok(if sniff::is_needed(&reply) { Box::pin(sniff::with_type(reply)).await } else { reply })
            }
            _ => self.decode(response, host, incoming).await,
        }
    }

    fn timed_out(&self, after: Duration) -> Failure {
        Failure::deadline(after)
    }
}

impl OpenHttp {
    fn request(&self, host: &Host, incoming: &Incoming, body: Body) -> Result<Request<Body>, http::Error> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.at(host, incoming)?;
        *request.headers_mut() = self.headers.request_headers(incoming);
        Ok(request)
    }

    async fn decode(
        &self,
        response: Response<hyper::body::Incoming>,
        host: &Host,
        incoming: &Incoming,
    ) -> Result<Reply, Failure> {
        let status = response.status();
        let (head, body) = response.into_parts();
        let body =
            read_body(body, None).await.map_err(|error| Failure::internal(format!("reading the answer: {error}")))?;
        match status {
            StatusCode::OK | StatusCode::CREATED => {}
            // Not errors, as they are in KrakenD (design: 202 and 204 are success), and often without a body.
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT if body.is_empty() => {
                return Ok(Reply::object(Object::empty()));
            }
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {}
            status => {
                let url = self.url.at(host, incoming).map(|url| url.to_string()).unwrap_or_default();
                let message = format!("invalid status code {} {}: {url}", status.as_u16(), self.name);
                return self.refused(status, message, head.headers.get(CONTENT_TYPE), body);
            }
        }
        let data = encoding::read(self.decode, self.shape, &body, self.merged).map_err(Failure::internal)?;
        Ok(Reply::new(data, true))
    }

    fn refused(
        &self,
        status: StatusCode,
        message: String,
        content_type: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Reply, Failure> {
        match self.status {
            StatusRule::Default => Err(Failure::internal(message)),
            StatusRule::ReturnCode => Err(Failure {
                body: Some(Box::new(ErrorBody::Upstream(body, content_type.cloned()))),
                ..Failure::new(status, message)
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
