use std::sync::Arc;

use axum::body::{Body, to_bytes};
use http::{Method, Request, Response, StatusCode};
use proptest::prelude::*;
use tower_service::Service;

use super::tree::Tree;
use super::*;

/// Answers with its name and the values of its parameters.
fn named(name: &'static str) -> Arc<dyn Handle> {
    Arc::new(move |_: Request<Body>, params: Params| -> BoxFuture<'static, Response<Body>> {
        let values: Vec<_> = params.iter().collect();
        let text = format!("{name}({})", values.join("|"));
        Box::pin(std::future::ready(Response::new(Body::from(text))))
    })
}

fn router(endpoints: &[(Method, &'static str, &'static str)], options: RouterOptions) -> Endpoints {
    let mut routes = Routes::new();
    for (method, path, name) in endpoints {
        routes.add(method.clone(), path, named(name));
    }
    routes.add_any("/__debug/*", named("debug"));
    routes.build(&options).unwrap()
}

fn shop(options: RouterOptions) -> Endpoints {
    let endpoints = [
        (Method::GET, "/shop/carts", "list"),
        (Method::POST, "/shop/carts", "create"),
        (Method::GET, "/shop/carts/{cart}", "read"),
        (Method::DELETE, "/shop/carts/{other}", "drop"),
        (Method::GET, "/shop/carts/mine", "mine"),
        (Method::GET, "/shop/carts/{c}/lines/{l}", "line"),
        (Method::GET, "/shop/Docs/", "docs"),
        (Method::GET, "/café/{drink}", "drink"),
        (Method::GET, "/files/*", "files"),
        (Method::PUT, "/files/{one}/tag", "tag"),
        (Method::GET, "/:odd/*odd", "odd"),
    ];
    router(&endpoints, options)
}

struct Answered {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Asks both ways in, which must answer alike.
async fn ask(endpoints: &Endpoints, method: &str, target: &str, headers: &[(&str, &str)]) -> Answered {
    let request = || {
        let builder = Request::builder().method(method).uri(target);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(Body::empty()).unwrap()
    };
    let direct = read(endpoints.clone().call(request()).await.unwrap()).await;
    let through_axum = read(endpoints.router().call(request()).await.unwrap()).await;
    assert_eq!(alike(&direct), alike(&through_axum), "{method} {target}");
    direct
}

/// Without the length, which axum writes and otherwise hyper does, and without the digits of the time.
fn alike(answered: &Answered) -> (StatusCode, http::HeaderMap, String) {
    let mut headers = answered.headers.clone();
    headers.remove(http::header::CONTENT_LENGTH);
    (answered.status, headers, answered.body.replace(|c: char| c.is_ascii_digit(), ""))
}

async fn read(response: Response<Body>) -> Answered {
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    Answered { status: parts.status, headers: parts.headers, body }
}

#[tokio::test]
async fn endpoints_match() {
    let router = shop(RouterOptions::DEFAULT);
    for (method, target, body) in [
        ("GET", "/shop/carts", "list()"),
        ("POST", "/shop/carts?x=1", "create()"),
        ("GET", "/shop/carts/7", "read(7)"),
        ("DELETE", "/shop/carts/7", "drop(7)"),
        ("GET", "/shop/carts/mine", "mine()"),
        ("DELETE", "/shop/carts/mine", "drop(mine)"),
        ("GET", "/shop/carts/mine/lines/2", "line(mine|2)"),
        ("GET", "/shop/carts//lines/2", "line(|2)"),
        ("GET", "/shop/Docs/", "docs()"),
        ("GET", "/shop/%63arts", "list()"),
        ("GET", "/shop%2Fcarts", "list()"),
        ("GET", "/shop/carts/%41%20b", "read(A b)"),
        ("GET", "/shop/carts/a+b", "read(a+b)"),
        ("GET", "/shop/carts/..", "read(..)"),
        ("GET", "/caf%C3%A9/tea", "drink(tea)"),
        ("GET", "/café/thé", "drink(thé)"),
        ("GET", "/files/", "files()"),
        ("GET", "/files/a", "files(a)"),
        ("GET", "/files/a/tag", "files(a/tag)"),
        ("GET", "/files/a//b/", "files(a//b/)"),
        ("PUT", "/files/a/tag", "tag(a)"),
        ("GET", "/:odd/*odd", "odd()"),
        ("TRACE", "/__debug/x/y", "debug(x/y)"),
        ("HEAD", "/__debug/", "debug()"),
    ] {
        let answered = ask(&router, method, target, &[]).await;
        assert_eq!((answered.status, answered.body.as_str()), (StatusCode::OK, body), "{method} {target}");
        assert_eq!(answered.header("x-krakend"), "", "endpoints set their own headers");
    }
}

#[tokio::test]
async fn parameters_may_follow_a_prefix() {
    let endpoints = [
        (Method::GET, "/a/v{x}", "short"),
        (Method::GET, "/a/version-{x}/{y}", "long"),
        (Method::GET, "/a/v{x}/{y}", "other"),
        (Method::GET, "/a/v1", "literal"),
        (Method::GET, "/a/{x}", "whole"),
    ];
    let router = router(&endpoints, RouterOptions::DEFAULT);
    for (target, body) in [
        ("/a/v1", "literal()"),
        ("/a/v12", "short(12)"),
        ("/a/v%41", "short(A)"),
        ("/a/w", "whole(w)"),
        ("/a/v", "whole(v)"),
        ("/a/version-2/b", "long(2|b)"),
        ("/a/vers/b", "other(ers|b)"),
        ("/a/v/b", "other(|b)"),
    ] {
        let answered = ask(&router, "GET", target, &[]).await;
        assert_eq!(answered.body, body, "{target}");
    }
    assert_eq!(ask(&router, "GET", "/A/VERSION-q/B", &[]).await.header("location"), "/a/version-q/B");
    assert_eq!(ask(&router, "GET", "/a/v%3F", &[]).await.status, 400);
}

#[tokio::test]
async fn not_found_and_method_not_allowed() {
    let router = shop(RouterOptions::DEFAULT);
    for (method, target, status, allow) in [
        ("GET", "/", 404, ""),
        ("GET", "/shop", 404, ""),
        ("POST", "/shop/nope/deep?x=1", 404, ""),
        ("HEAD", "/nope", 404, ""),
        ("OPTIONS", "/nope", 404, ""),
        ("GET", "/shop/carts/a%2Fb", 404, ""),
        ("PUT", "/shop/carts/", 404, ""),
        ("GET", "*", 404, ""),
        ("PUT", "/shop/carts", 405, "GET, POST"),
        ("HEAD", "/shop/carts", 405, "GET, POST"),
        ("OPTIONS", "/shop/carts", 405, "GET, POST"),
        ("PURGE", "/shop/c%61rts", 405, "GET, POST"),
        ("get", "/shop/carts", 405, "GET, POST"),
        ("PATCH", "/shop/carts/mine", 405, "DELETE, GET"),
        ("POST", "/files/a/tag", 405, "GET, PUT"),
        ("POST", "/__health", 405, "GET"),
        ("PURGE", "/__debug/x", 405, "CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"),
    ] {
        let answered = ask(&router, method, target, &[]).await;
        assert_eq!(answered.status, status, "{method} {target}");
        assert_eq!(answered.header("allow"), allow, "{method} {target}");
        assert_eq!(answered.header("content-type"), "text/plain");
        assert_eq!(answered.header("x-krakend"), concat!("Sluicegate ", env!("CARGO_PKG_VERSION")));
        assert_eq!(answered.header("x-krakend-completed"), "false");
        let text = if status == 404 { "404 page not found" } else { "405 method not allowed" };
        // hyper drops the body of an answer to HEAD.
        assert_eq!(answered.body, text);
    }
}

#[tokio::test]
async fn redirects() {
    let router = shop(RouterOptions::DEFAULT);
    for (method, target, location) in [
        ("GET", "/shop/carts/", "/shop/carts"),
        ("GET", "/shop/carts/?a=1&b=%20", "/shop/carts?a=1&b=%20"),
        ("GET", "/shop/Docs", "/shop/Docs/"),
        ("POST", "/shop/carts/", "/shop/carts"),
        ("DELETE", "/shop/carts/9/", "/shop/carts/9"),
        ("GET", "/files", "/files/"),
        ("GET", "/__debug", "/__debug/"),
        ("GET", "/__health/", "/__health"),
        ("GET", "/SHOP/CARTS/Ab", "/shop/carts/Ab"),
        ("GET", "/shop/docs", "/shop/Docs/"),
        ("GET", "/CAFÉ/x", "/caf%C3%A9/x"),
        ("GET", "/shop//carts", "/shop/carts"),
        ("GET", "//shop/carts", "/shop/carts"),
        ("GET", "/x/../shop/./carts", "/shop/carts"),
        ("GET", "/shop/carts/a%20b/", "/shop/carts/a%20b"),
        ("GET", "/shop/carts/a%3Fb/", "/shop/carts/a%3Fb"),
    ] {
        let answered = ask(&router, method, target, &[]).await;
        let get = method == "GET";
        assert_eq!(answered.status, if get { 301 } else { 307 }, "{method} {target}");
        assert_eq!(answered.header("location"), location, "{method} {target}");
        assert_eq!(answered.header("content-type"), if get { "text/html; charset=utf-8" } else { "" });
        let html = format!("<a href=\"{}\">Moved Permanently</a>.\n\n", location.replace('&', "&amp;"));
        assert_eq!(answered.body, if get { html } else { String::new() });
        assert_eq!(answered.header("x-krakend"), "");
    }
    for (prefix, location) in
        [("/api/v1", "/api/v1/shop/carts"), ("evil.com//x", "/evilcom/x/shop/carts"), ("", "/shop/carts")]
    {
        let answered = ask(&router, "GET", "/shop/carts/", &[("x-forwarded-prefix", prefix)]).await;
        assert_eq!(answered.header("location"), location);
    }
}

#[tokio::test]
async fn a_redirect_never_leaves_the_host() {
    let router = router(&[(Method::GET, "/{a}/{b}", "two")], RouterOptions::DEFAULT);
    let answered = ask(&router, "GET", "//elsewhere.test/", &[]).await;
    assert_eq!(answered.header("location"), "/elsewhere.test");
}

#[tokio::test]
async fn which_redirects_are_made() {
    let fixed_only = RouterOptions::DEFAULT.disable_redirect_trailing_slash(true);
    let slash_only = RouterOptions::DEFAULT.disable_redirect_fixed_path(true);
    let none = slash_only.disable_redirect_trailing_slash(true);
    for (options, target, status) in [
        (fixed_only, "/shop/carts/", 301),
        (fixed_only, "/SHOP/carts", 301),
        (slash_only, "/shop/carts/", 301),
        (slash_only, "/SHOP/carts", 404),
        (slash_only, "/shop//carts", 404),
        (none, "/shop/carts/", 404),
        (none, "/files", 404),
    ] {
        let answered = ask(&shop(options), "GET", target, &[]).await;
        assert_eq!(answered.status, status, "{options:?} {target}");
    }
}

#[tokio::test]
async fn refused_parameters() {
    let router = shop(RouterOptions::DEFAULT);
    let open = shop(RouterOptions::DEFAULT.disable_path_decoding(true));
    for (target, refused, passed) in [
        ("/shop/carts/a%3Fb", "error: encoded url params", Some("read(a?b)")),
        ("/shop/carts/a%23b", "error: encoded url params", Some("read(a#b)")),
        ("/shop/carts/a%252Fb", "error: encoded url params", Some("read(a%2Fb)")),
        ("/shop/carts/50%25", "error: invalid URL escape \"%\"", Some("read(50%)")),
        ("/shop/carts/1/lines/%25zz", "error: invalid URL escape \"%zz\"", Some("line(1|%zz)")),
        ("/files/a/%3F", "error: encoded url params", Some("files(a/?)")),
        ("/shop/carts/%FF", "error: encoded url params", None),
        ("/shop/carts/%zz", "400 Bad Request", None),
        ("/nope/%", "400 Bad Request", None),
        ("nope", "400 Bad Request", None),
    ] {
        let answered = ask(&router, "GET", target, &[]).await;
        assert_eq!((answered.status.as_u16(), answered.body.as_str()), (400, refused), "{target}");
        assert_eq!(answered.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answered.header("x-krakend"), "");
        let answered = ask(&open, "GET", target, &[]).await;
        let expected = passed.map_or((400, refused), |body| (200, body));
        assert_eq!((answered.status.as_u16(), answered.body.as_str()), expected, "{target}");
    }
    assert_eq!(ask(&router, "GET", "/nope/%FF", &[]).await.status, 404);
}

#[tokio::test]
async fn extra_slashes_are_removed() {
    let router = shop(RouterOptions::DEFAULT.remove_extra_slash(true));
    for (target, status, body) in [
        ("/shop//carts", 200, "list()"),
        ("/shop/carts//5", 200, "read(5)"),
        ("/x/../shop/./carts", 200, "list()"),
        ("/shop/carts/..", 404, "404 page not found"),
        ("/shop/carts/%2E%2E/carts", 200, "list()"),
        ("/files//a/../b", 200, "files(b)"),
    ] {
        let answered = ask(&router, "GET", target, &[]).await;
        assert_eq!((answered.status.as_u16(), answered.body.as_str()), (status, body), "{target}");
    }
}

#[tokio::test]
async fn own_bodies_and_hidden_version() {
    let options = RouterOptions::DEFAULT.error_body_404(r#"{"no":4}"#).error_body_405(r#"{"no":5}"#);
    let router = shop(options.hide_version_header(true));
    for (method, target, status, body) in [
        ("GET", "/nope", 404, r#"{"no":4}"#),
        ("PUT", "/shop/carts", 405, r#"{"no":5}"#),
        ("HEAD", "/nope", 404, r#"{"no":4}"#),
        ("HEAD", "/shop/carts", 405, r#"{"no":5}"#),
    ] {
        let answered = ask(&router, method, target, &[]).await;
        assert_eq!((answered.status.as_u16(), answered.body.as_str()), (status, body));
        assert_eq!(answered.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(answered.header("x-krakend"), "Version undefined");
    }
}

#[tokio::test]
async fn no_405() {
    let router = shop(RouterOptions::DEFAULT.disable_handle_method_not_allowed(true));
    for method in ["PUT", "HEAD", "OPTIONS", "get"] {
        let answered = ask(&router, method, "/shop/carts", &[]).await;
        assert_eq!((answered.status.as_u16(), answered.header("allow")), (404, ""));
    }
}

#[tokio::test]
async fn options() {
    let router = shop(RouterOptions::DEFAULT.auto_options(true));
    for (target, status, allow) in [
        ("/shop/carts", 200, "GET, POST"),
        ("/shop/carts/9", 200, "DELETE, GET"),
        ("/files/a", 200, "GET"),
        ("/nope", 404, ""),
        ("/__health", 405, "GET"),
        ("*", 200, ""),
    ] {
        let answered = ask(&router, "OPTIONS", target, &[]).await;
        assert_eq!((answered.status.as_u16(), answered.header("allow")), (status, allow), "{target}");
        assert_eq!(answered.header("x-krakend").is_empty(), target == "*");
        assert_eq!(answered.body.is_empty(), status == 200);
    }
    assert_eq!(ask(&router, "PUT", "/shop/carts", &[]).await.header("allow"), "GET, OPTIONS, POST");
    assert_eq!(ask(&router, "OPTIONS", "/__debug/x", &[]).await.body, "debug(x)");
    let plain = shop(RouterOptions::DEFAULT);
    assert_eq!(ask(&plain, "OPTIONS", "*", &[]).await.status, 200);
}

#[tokio::test]
async fn health() {
    let router = shop(RouterOptions::DEFAULT);
    let answered = ask(&router, "GET", "/__health", &[]).await;
    assert_eq!((answered.status.as_u16(), answered.header("content-type")), (200, "application/json; charset=utf-8"));
    let body: serde_json::Value = serde_json::from_str(&answered.body).unwrap();
    assert_eq!((&body["status"], &body["agents"]), (&"ok".into(), &serde_json::json!({})));
    assert!(body["now"].as_str().unwrap().ends_with(" +0000 UTC"));
    assert_eq!(answered.header("x-krakend"), "");

    let moved = shop(RouterOptions::DEFAULT.health_path("/up"));
    assert_eq!(ask(&moved, "GET", "/up", &[]).await.status, 200);
    assert_eq!(ask(&moved, "GET", "/__health", &[]).await.status, 404);
    let none = shop(RouterOptions::DEFAULT.disable_health(true));
    assert_eq!(ask(&none, "GET", "/__health", &[]).await.status, 404);
}

#[test]
fn refused_routes() {
    for (endpoints, error) in [
        (["/a/{x}", "/a/{y}"], "two endpoints answer GET /a/{y}"),
        (["/a", "/__health"], "two endpoints answer GET /__health"),
        (["/a", "b"], "the path `b` cannot be an endpoint: it does not begin with `/`"),
    ] {
        let mut routes = Routes::new();
        for path in endpoints {
            routes.add(Method::GET, path, named("x"));
        }
        assert_eq!(routes.build(&RouterOptions::DEFAULT).map(drop).unwrap_err().to_string(), error);
    }
}

const PATTERNS: [&str; 18] = [
    "/", "/a", "/a/", "/a/{x}", "/{x}/a", "/{x}/{y}", "/a/a", "/a/b/{x}", "/a/{x}/b", "/{x}/b/a", "/a/*", "/a/b/*",
    "/*", "/{x}", "/b/{x}/", "/a/{x}/*", "/{x}//b", "/a//",
];

proptest! {
    /// Whatever axum's matcher chooses is what the tree chooses, and no set of patterns panics.
    #[test]
    fn axum_and_the_tree_agree(
        chosen in prop::collection::btree_set((0..PATTERNS.len(), 0..2_usize), 1..10),
        paths in prop::collection::vec("(/[ab]?){1,4}", 8),
    ) {
        let methods = [Method::GET, Method::PUT];
        let off = RouterOptions::DEFAULT.disable_redirect_fixed_path(true).disable_redirect_trailing_slash(true);
        let endpoints: Vec<_> =
            chosen.iter().map(|&(path, method)| (methods[method].clone(), PATTERNS[path], PATTERNS[path])).collect();
        let mut tree = Tree::default();
        for (method, path, name) in &endpoints {
            tree.add(method.clone(), path, named(name)).unwrap();
        }
        let router = router(&endpoints, off);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for path in &paths {
            for method in &methods {
                let answered = runtime.block_on(ask(&router, method.as_str(), path, &[]));
                let expected = tree.find(method, path).map(|entry| {
                    let ranges = entry.pattern.locate(path);
                    let values: Vec<_> = ranges.iter().map(|(start, end)| &path[start..end]).collect();
                    let name = PATTERNS.iter().find(|name| {
                        pattern::Pattern::parse(name).unwrap().axum() == entry.pattern.axum()
                    });
                    format!("{}({})", name.unwrap(), values.join("|"))
                });
                match expected {
                    Some(body) => prop_assert_eq!(answered.body, body, "{} {}", method, path),
                    None => prop_assert_ne!(answered.status, StatusCode::OK, "{} {}", method, path),
                }
            }
        }
    }
}
