//! One request for a token, over HTTP/1.1. Redirects are not followed: the secret is for the endpoint that the config names.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout;

use super::{Token, now};
use crate::kafka::options::{ANYBODY, Asking, OPAQUE, claims};
use crate::stream::Stream;

/// From the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may be.
const MOST: usize = 64 * 1024;

/// What a form leaves as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// Asks for a token.
///
/// # Errors
/// There is none: why, without secrets.
pub(super) async fn send(asking: &Asking) -> Result<Token, String> {
    let asked_at = now();
    let answered = timeout(PATIENCE, exchange(asking)).await;
    let (status, body) = answered.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))?;
    if status != StatusCode::OK {
        let reason = reason(&body);
        return Err(asking.shown(&format!("it answers {status}{reason}")));
    }
    token(&body, asked_at)
}

async fn exchange(asking: &Asking) -> Result<(StatusCode, Bytes), String> {
    let endpoint = &asking.endpoint;
    let mut stream = Stream::connect(&endpoint.host, endpoint.port).await?;
    if let Some(config) = &asking.tls {
        stream = stream.encrypted(config.clone(), &endpoint.host).await?;
    }
    let request = asking.request()?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(MOST).handshake(TokioIo::new(stream)).await.map_err(|error| said(&error))?;
    let mut answered = pin!(async move {
        let answer = sender.send_request(request).await.map_err(|error| said(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST).collect().await.map_err(|error| said(&*error))?;
        Ok((status, body.to_bytes()))
    });
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        // What it has read is still to be taken.
        _ = connection => answered.await,
    }
}

impl Asking {
    fn request(&self) -> Result<Request<Full<Bytes>>, String> {
        let (id, secret) = (form(&self.id), form(&self.secret));
        let mut body = "grant_type=client_credentials".to_owned();
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                body += &format!("&{name}={}", form(value));
            }
        }
        let mut request = Request::post(&self.endpoint.target)
            .header(HOST, &self.endpoint.authority)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .header(CONNECTION, "close");
        if self.is_in_body {
            body += &format!("&client_id={id}&client_secret={secret}");
        } else {
            request = request.header(AUTHORIZATION, format!("Basic {}", basic(&id, &secret)));
        }
        request.body(Full::new(body.into())).map_err(|_| "its URL cannot be asked for".to_owned())
    }

    /// What an endpoint says, which may repeat what it was told.
    fn shown(&self, text: &str) -> String {
        let (id, secret) = (form(&self.id), form(&self.secret));
        let secrets = [&self.secret, &secret, &basic(&id, &secret)];
        secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(a secret)"))
    }
}

fn form(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string()
}

/// Both are written as in a form first (RFC 6749, section 2.3.1).
fn basic(id: &str, secret: &str) -> String {
    BASE64.encode(format!("{id}:{secret}").as_bytes())
}

/// An error with what is behind it.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

/// What an endpoint says of a refusal (RFC 6749, section 5.2), no more than a line.
fn reason(body: &[u8]) -> String {
    let Ok(said) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let texts = ["error", "error_description"].into_iter().filter_map(|name| said.get(name)?.as_str());
    let texts = texts.map(|text| {
        let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        format!(": {}", line.take(300).collect::<String>().trim())
    });
    texts.collect()
}

fn token(body: &[u8], asked_at: Duration) -> Result<Token, String> {
    let said: Value = serde_json::from_slice(body).map_err(|_| "its answer is no JSON".to_owned())?;
    let text = said.get("access_token").and_then(Value::as_str).ok_or("its answer has no `access_token`")?;
    // RFC 6750, section 2.1. Anything else could end the field that it is sent in.
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if text.is_empty() || !text.bytes().all(valid) {
        return Err("its answer has an `access_token` that is no bearer's".to_owned());
    }
    let kind = said.get("token_type").map(|kind| kind.as_str().unwrap_or_default());
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err("its answer has a `token_type` that is not `bearer`".to_owned());
    }
    let life = match said.get("expires_in") {
        None | Some(Value::Null) => None,
        Some(life) => Some(seconds(life).ok_or("its answer has an `expires_in` that is no time")?),
    };
    let (principal, end) = claims(text).unwrap_or_default();
    // Both are there as a rule, and say the same.
    let end = life.map(|life| asked_at.saturating_add(life)).into_iter().chain(end).min().unwrap_or(asked_at + OPAQUE);
    if end <= now() {
        return Err("the time of the token that it gives is over: one of the clocks may be wrong".to_owned());
    }
    let principal = principal.unwrap_or_else(|| ANYBODY.to_owned());
    Ok(Token { text: text.to_owned(), principal, end })
}

/// A number of seconds above 0, which some write as a text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|seconds| !seconds.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::endpoint::Endpoint;

    fn asking(is_in_body: bool) -> Asking {
        Asking {
            endpoint: Endpoint::parse("https://id.example.com:8443/t?a=b").expect("a URL"),
            id: "a:b c".to_owned(),
            secret: "h&nter/2".to_owned(),
            is_in_body,
            scope: Some("read write".to_owned()),
            audience: None,
            tls: None,
        }
    }

    async fn sent(is_in_body: bool) -> (Option<String>, String) {
        let request = asking(is_in_body).request().expect("a request");
        assert_eq!(
            (request.uri().to_string(), &request.headers()[HOST]),
            ("/t?a=b".to_owned(), &"id.example.com:8443".parse().expect("a header"))
        );
        let login = request.headers().get(AUTHORIZATION).map(|value| value.to_str().expect("text").to_owned());
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        (login, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn id_and_secret_are_in_a_header_or_in_the_body() {
        let expected = format!("Basic {}", BASE64.encode(b"a%3Ab%20c:h%26nter%2F2"));
        let body = "grant_type=client_credentials&scope=read%20write";
        assert_eq!(sent(false).await, (Some(expected), body.to_owned()));
        let body = format!("{body}&client_id=a%3Ab%20c&client_secret=h%26nter%2F2");
        assert_eq!(sent(true).await, (None, body));
    }

    #[test]
    fn what_an_endpoint_says() {
        let now = now();
        let life = |answer: &str| token(answer.as_bytes(), now).map(|token| (token.principal, token.end - now));
        let (seconds, any) = (Duration::from_secs, ANYBODY.to_owned());
        assert_eq!(
            life(r#"{"access_token": "a.b", "token_type": "Bearer", "expires_in": 60}"#),
            Ok((any.clone(), seconds(60)))
        );
        assert_eq!(life(r#"{"access_token": "a", "expires_in": "60"}"#), Ok((any.clone(), seconds(60))));
        assert_eq!(life(r#"{"access_token": "a", "expires_in": null}"#), Ok((any, OPAQUE)));
        let jwt = |claims: &str| {
            let claims = data_encoding::BASE64URL_NOPAD.encode(claims.as_bytes());
            format!(r#"{{"access_token": "e30.{claims}.", "token_type": "bearer", "expires_in": 60}}"#)
        };
        let (ann, end) = life(&jwt(&format!(r#"{{"sub": "ann", "exp": {}}}"#, now.as_secs() + 30))).expect("a token");
        assert!(ann == "ann" && end <= seconds(30), "{ann} {end:?}");
        for (answer, expected) in [
            ("<html>", "is no JSON"),
            ("{}", "has no `access_token`"),
            (r#"{"access_token": 7}"#, "has no `access_token`"),
            (r#"{"access_token": ""}"#, "no bearer's"),
            (r#"{"access_token": "a\u0001b"}"#, "no bearer's"),
            (r#"{"access_token": "a", "token_type": "mac"}"#, "`token_type`"),
            (r#"{"access_token": "a", "expires_in": 0}"#, "`expires_in`"),
            (r#"{"access_token": "a", "expires_in": -5}"#, "`expires_in`"),
            (r#"{"access_token": "a", "expires_in": 1e300}"#, "`expires_in`"),
            (&*jwt(r#"{"exp": 5}"#), "is over"),
        ] {
            let error = life(answer).expect_err(answer);
            assert!(error.contains(expected), "{answer}: {error}");
        }
    }

    #[test]
    fn a_refusal_is_a_line_without_secrets() {
        let said = reason(br#"{"error": "invalid_client", "error_description": "no\nh&nter/2"}"#);
        assert_eq!(asking(false).shown(&said), ": invalid_client: no (a secret)");
        assert_eq!(reason(b"<html>"), "");
        let long = format!(r#"{{"error": "{}"}}"#, "x".repeat(1000));
        assert_eq!(reason(long.as_bytes()).len(), 302);
    }
}
