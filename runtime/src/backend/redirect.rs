//! Redirects, followed as Go's client does for KrakenD, but for one thing: to another origin (scheme, host and port) goes
//! neither what identifies the client, where Go lets it go to another port, nor a header that the config sets, nor more of
//! the last URL than its origin.

use axum::body::Body;
use bytes::Bytes;
use fluent_uri::{Uri as BaseUri, UriRef};
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, COOKIE,
    HeaderMap, HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::uri::Scheme;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body as HttpBody;
use hyper::body::Incoming;

use crate::backend::Failure;
use crate::backend::failure::without_query;
use crate::backend::forward::push_escaped;
use crate::body::read_body;
use crate::client::{ClientError, HttpClient};

/// Requests for one answer, as in Go: the tenth redirect is not followed.
const MAX_REQUESTS: usize = 10;

/// A body of a redirect up to this size is read, so that its connection can be used again.
const MAX_READ_BYTES: u64 = 2 << 10;

/// What of a request is not sent to another origin.
static SENSITIVE: [HeaderName; 5] =
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE, HeaderName::from_static("cookie2")];

/// What of a request speaks of a body that is not sent again.
static OF_BODY: [HeaderName; 6] =
    [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, TRANSFER_ENCODING];

/// Whether the status may send the request elsewhere.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// A request that was answered with a redirect.
#[derive(Debug)]
pub(super) struct Redirected {
    pub(super) url: Uri,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// The headers that the config gives a value (`set_headers`), which is often a credential.
    pub(super) set: Vec<HeaderName>,
    pub(super) body: SentBody,
}

/// The body that it had.
#[derive(Clone, Debug)]
pub(super) enum SentBody {
    /// None.
    Empty,
    /// It is gone: a redirect that wants it again is an answer like any other.
    Streamed,
    /// It was kept (`send_body_on_redirect`).
    Kept(Bytes),
}

/// Goes where `response` says, and on, to the answer that is no redirect, or one that cannot be followed.
pub(super) async fn follow(
    client: &HttpClient,
    mut request: Redirected,
    mut response: Response<Incoming>,
) -> Result<Response<Incoming>, Failed> {
    for _ in 1..MAX_REQUESTS {
        if !request.turn(&response)? {
            return Ok(response);
        }
        if response.body().size_hint().upper().is_some_and(|length| length <= MAX_READ_BYTES) {
            // What goes wrong here only costs the connection.
            let _ = read_body(response.into_body(), None).await;
        }
        response = client.send(request.request(true), || Some(request.request(false))).await.map_err(Failed::Client)?;
        if !is_redirect(response.status()) {
            return Ok(response);
        }
    }
    if !request.turn(&response)? {
        return Ok(response);
    }
    Err(Failed::Location(format!("stopped after {MAX_REQUESTS} redirects")))
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    Client(ClientError),
    Location(String),
}

impl Failed {
    pub(super) fn failure(self, of_client: fn(&ClientError) -> Failure) -> Failure {
        match self {
            Self::Client(error) => of_client(&error),
            Self::Location(message) => Failure::internal(message),
        }
    }
}

impl Redirected {
    /// Turns it into the request that `response` asks for. False where that cannot be made.
    fn turn(&mut self, response: &Response<Incoming>) -> Result<bool, Failed> {
        let again = matches!(response.status().as_u16(), 307 | 308);
        if again && matches!(self.body, SentBody::Streamed) {
            return Ok(false);
        }
        let Some(location) = response.headers().get(LOCATION) else { return Ok(false) };
        let url = resolve(&self.url, location).map_err(Failed::Location)?;
        if !again {
            if !matches!(self.method, Method::GET | Method::HEAD) {
                self.method = Method::GET;
            }
            self.body = SentBody::Empty;
            OF_BODY.iter().for_each(|name| drop(self.headers.remove(name)));
        }
        let elsewhere = origin(&url) != origin(&self.url);
        if elsewhere {
            SENSITIVE.iter().chain(&self.set).chain([&REFERER]).for_each(|name| drop(self.headers.remove(name)));
        }
        let from = if elsewhere { origin_of(&self.url) + "/" } else { without_user(&self.url) };
        let downgrade = self.url.scheme() == Some(&Scheme::HTTPS) && url.scheme() == Some(&Scheme::HTTP);
        if !downgrade && let Ok(from) = HeaderValue::from_str(&from) {
            // The client's own, once it was passed on, stays with its origin.
            self.headers.entry(REFERER).or_insert(from);
        }
        self.url = url;
        Ok(true)
    }

    fn request(&self, with_body: bool) -> Request<Body> {
        let body = match &self.body {
            SentBody::Kept(bytes) if with_body => Body::from(bytes.clone()),
            _ => Body::empty(),
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn origin(url: &Uri) -> (Option<&Scheme>, Option<String>, Option<u16>) {
    let port = url.port_u16().or(match url.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    });
    (url.scheme(), url.host().map(str::to_ascii_lowercase), port)
}

fn without_user(url: &Uri) -> String {
    origin_of(url) + url.path_and_query().map_or("/", |path| path.as_str())
}

/// `scheme://host:port`.
fn origin_of(url: &Uri) -> String {
    let authority = url.authority().map(|authority| authority.as_str());
    let host = authority.map_or("", |authority| authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    format!("{}://{host}", url.scheme_str().unwrap_or_default())
}

/// The URL that `location` means where it was found at `base` (RFC 3986, section 5). What no URL can hold is encoded, as
/// servers write such things and Go reads them.
fn resolve(base: &Uri, location: &HeaderValue) -> Result<Uri, String> {
    let mut text = String::with_capacity(location.len());
    let bytes = location.as_bytes();
    for (index, &byte) in bytes.iter().enumerate() {
        let escape = || bytes.get(index + 1..index + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match byte {
            b'%' if escape() => text.push('%'),
            b'%' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => push_escaped(byte, &mut text),
            byte if byte.is_ascii_graphic() => text.push(char::from(byte)),
            byte => push_escaped(byte, &mut text),
        }
    }
    let failed = |why: String| format!("cannot follow the redirect to {:?}: {why}", shown(&text));
    let base = BaseUri::parse(without_user(base)).map_err(|(error, _)| failed(error.to_string()))?;
    let reference = UriRef::parse(text.as_str()).map_err(|error| failed(error.to_string()))?;
    let resolved = reference.resolve_against(&base).map_err(|error| failed(error.to_string()))?;
    let resolved = resolved.as_str();
    let resolved = resolved.split_once('#').map_or(resolved, |(url, _)| url);
    let url: Uri = resolved.parse().map_err(|error: http::uri::InvalidUri| failed(error.to_string()))?;
    // `http` takes any digits for a port.
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let sound_port = url.port_u16().is_some() || authority.ends_with(url.host().unwrap_or_default());
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() && sound_port => Ok(url),
        _ => Err(failed("it is no URL of http or https".to_owned())),
    }
}

/// What may be logged of a location: neither a login nor a query.
fn shown(location: &str) -> String {
    let url = without_query(location);
    match url.split_once("//") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}//{host}{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_location_leads() {
        let base: Uri = "http://a.test:81/x/y?z=1".parse().unwrap();
        for (location, expected) in [
            ("/landing?x=1", Ok("http://a.test:81/landing?x=1")),
            ("next", Ok("http://a.test:81/x/next")),
            ("../../../up", Ok("http://a.test:81/up")),
            ("?q", Ok("http://a.test:81/x/y?q")),
            ("", Ok("http://a.test:81/x/y?z=1")),
            ("//b.test/c", Ok("http://b.test/c")),
            ("https://b.test", Ok("https://b.test/")),
            ("HTTPS://b.test/a#part", Ok("https://b.test/a")),
            ("/a b/\u{e9}?c=%zz&d=%20", Ok("http://a.test:81/a%20b/%C3%A9?c=%25zz&d=%20")),
            ("/a|b", Ok("http://a.test:81/a%7Cb")),
            ("http://", Err(())),
            ("ftp://b.test/", Err(())),
            ("javascript:alert(1)", Err(())),
            ("http://b.test:99999/", Err(())),
        ] {
            let resolved = resolve(&base, &HeaderValue::from_bytes(location.as_bytes()).unwrap());
            assert_eq!(resolved.map(|url| url.to_string()).map_err(drop), expected.map(str::to_owned), "{location}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let base: Uri = "http://a.test/".parse().unwrap();
        for location in ["ftp://user:secret@b.test/x?secret", "http://b.test:99999/x?secret=1#secret", "//?secret"] {
            let failed = resolve(&base, &HeaderValue::from_static(location)).unwrap_err();
            assert!(failed.starts_with("cannot follow the redirect to") && !failed.contains("secret"), "{failed}");
        }
    }

    #[test]
    fn origins() {
        for (one, other, same) in [
            ("http://a/x", "http://A:80/y", true),
            ("https://a:443/", "https://a/", true),
            ("http://a/", "https://a/", false),
            ("http://a:80/", "http://a:81/", false),
            ("http://a.b/", "http://c.a.b/", false),
        ] {
            assert_eq!(origin(&one.parse().unwrap()) == origin(&other.parse().unwrap()), same, "{one} {other}");
        }
        assert_eq!(without_user(&"http://u:p@a:1/b?c".parse().unwrap()), "http://a:1/b?c");
    }
}
