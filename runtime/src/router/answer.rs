//! What the router answers by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use super::path::{escape, escape_html};
use super::{RouterOptions, X_KRAKEND, X_KRAKEND_COMPLETED};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const TEXT_UTF8: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// No endpoint has this path (KrakenD trap 28).
pub(super) fn not_found(options: &RouterOptions) -> Response<Body> {
    failure(StatusCode::NOT_FOUND, options, options.error_body_404, "404 page not found")
}

/// Endpoints have this path, with other methods (KrakenD trap 28).
pub(super) fn method_not_allowed(options: &RouterOptions, allowed: &[&Method]) -> Response<Body> {
    let body = options.error_body_405;
    let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, options, body, "405 method not allowed");
    response.headers_mut().insert(ALLOW, join(allowed));
    response
}

/// `OPTIONS` under `auto_options`: 200 without a body.
pub(super) fn allowed(options: &RouterOptions, allowed: &HeaderValue) -> Response<Body> {
    with_headers(StatusCode::OK, Body::empty(), [(ALLOW, allowed.clone()), (X_KRAKEND, options.version_header())])
}

/// A path parameter that is refused.
pub(super) fn bad_parameter(why: String) -> Response<Body> {
    with_headers(StatusCode::BAD_REQUEST, Body::from(why), [(CONTENT_TYPE, TEXT_UTF8)])
}

/// A path that is not one, such as `/%zz`, as Go's server answers it.
pub(super) fn bad_path() -> Response<Body> {
    let headers = [(CONTENT_TYPE, TEXT_UTF8), (CONNECTION, HeaderValue::from_static("close"))];
    with_headers(StatusCode::BAD_REQUEST, Body::from("400 Bad Request"), headers)
}

/// 200 with nothing: Go's answer to `OPTIONS *`.
pub(super) fn nothing() -> Response<Body> {
    Response::new(Body::empty())
}

/// To `path`, which is decoded and begins with a slash, keeping `query`: 301 for GET, 307 for the rest, and
/// the HTML that Go's `http.Redirect` writes for a GET.
pub(super) fn redirect(method: &Method, path: &str, query: Option<&str>) -> Response<Body> {
    let mut location = escape(path);
    if let Some(query) = query {
        location.push('?');
        // A query may hold any byte from 0x80 on; a Location may not.
        location.extend(percent_encoding::utf8_percent_encode(query, percent_encoding::CONTROLS));
    }
    let (status, phrase) = match *method {
        Method::GET => (StatusCode::MOVED_PERMANENTLY, "Moved Permanently"),
        _ => (StatusCode::TEMPORARY_REDIRECT, "Temporary Redirect"),
    };
    let body = match *method {
        Method::GET => Body::from(format!("<a href=\"{}\">{phrase}</a>.\n\n", escape_html(&location))),
        _ => Body::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        response.headers_mut().insert(CONTENT_TYPE, HTML);
    }
    response
}

/// `/__health`: `agents` is empty, there are no async agents; `now` is written as Go prints a time.
pub(super) fn health(now: SystemTime) -> Response<Body> {
    let body = format!("{{\"agents\":{{}},\"now\":\"{}\",\"status\":\"ok\"}}", go_time(now));
    with_headers(StatusCode::OK, Body::from(body), [(CONTENT_TYPE, JSON)])
}

/// `GET, POST`.
pub(super) fn join(methods: &[&Method]) -> HeaderValue {
    let names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    // A method is a token, and so is a list of them; the default stands for what cannot be.
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

fn failure(
    status: StatusCode,
    options: &RouterOptions,
    json: Option<&'static str>,
    text: &'static str,
) -> Response<Body> {
    let (content_type, body) = match json {
        Some(json) => (JSON, json),
        None => (TEXT, text),
    };
    with_headers(
        status,
        Body::from(body),
        [
            (CONTENT_TYPE, content_type),
            (X_KRAKEND, options.version_header()),
            (X_KRAKEND_COMPLETED, HeaderValue::from_static("false")),
        ],
    )
}

fn with_headers<const N: usize>(
    status: StatusCode,
    body: Body,
    headers: [(HeaderName, HeaderValue); N],
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

/// `2026-11-23 01:06:57.098199035 +0000 UTC`, which is Go's `Time.String` without its monotonic reading.
fn go_time(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days since 0000-03-01, in eras of 400 years: a year that begins in March has its leap day last.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = format!(".{:09}", since.subsec_nanos());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction} +0000 UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, nanoseconds, text) in [
            (0, 0, "1970-01-01 00:00:00 +0000 UTC"),
            (951_782_400, 0, "2000-02-29 00:00:00 +0000 UTC"),
            (1_709_251_199, 5, "2024-02-29 23:59:59.000000005 +0000 UTC"),
            (1_709_251_200, 120_000_000, "2024-03-01 00:00:00.12 +0000 UTC"),
            (4_102_444_799, 999_999_999, "2099-12-31 23:59:59.999999999 +0000 UTC"),
        ] {
            assert_eq!(go_time(UNIX_EPOCH + Duration::new(seconds, nanoseconds)), text);
        }
    }
}
