//! How backends' answers and messages are read, how answers are written, and what `flatmap_filter` makes of them.

use std::sync::Once;

use axum::body::Body;
use http::{Request, Response};

use crate::support::{Logs, Running, json, serve_upstream, status};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/encodings.rs"));
}

const XML: &str =
    r#"<?xml version="1.0"?><order id="9"><item qty="2">pen</item><item>ink</item><note>a &amp; b</note></order>"#;
const FEED: &str =
    "<rss version=\"2.0\"><channel><title>News</title><item><title>One</title><guid>g1</guid></item></channel></rss>";
const USERS: &str = r#"[{"name":"ada","password":"x","card":{"number":1}},{"name":"bob","password":"y"}]"#;

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18185", answer));
    Running::start(&gateway::GATEWAY)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match request.uri().path() {
        "/xml" => json(XML),
        "/feed" => json(FEED),
        "/yaml" => json("a: 1E3\nb: [x, ~]\n"),
        "/text" => json("line 1\nü {not json}"),
        "/list" => json("[1.50,{\"a\":2}]"),
        "/scalar" => json("123456789012345678901234567890"),
        "/json" => json(r#"{"b":1.50,"content":"text","a":[1,null]}"#),
        "/null" => json("null"),
        "/deep" => json(&format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200))),
        "/users" => json(USERS),
        _ => status(500, "{}"),
    }
}

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const YAML: &str = "application/yaml; charset=utf-8";

#[tokio::test]
async fn answers() {
    let gateway = start();
    for (path, completed, content_type, body) in [
        ("/xml", "true", JSON, r##"{"order":{"-id":"9","item":[{"-qty":"2","#text":"pen"},"ink"],"note":"a & b"}}"##),
        ("/xml/shaped", "true", JSON, r##"{"order":{"-id":"9","item":[{"-qty":"2","#text":"pen"},"ink"]}}"##),
        (
            "/xml/as/xml",
            "true",
            "application/xml",
            r#"<order id="9"><item qty="2">pen</item><item>ink</item><note>a &amp; b</note></order>"#,
        ),
        ("/feed", "true", JSON, r#"{"items":[{"title":"One","guid":"g1"}],"title":"News"}"#),
        ("/yaml", "true", JSON, r#"{"a":1E3,"b":["x",null]}"#),
        ("/yaml/as/yaml", "true", YAML, "a: 1E3\nb:\n- x\n- null\n"),
        ("/text", "true", JSON, r#"{"content":"line 1\nü {not json}"}"#),
        ("/text/as/text", "true", TEXT, "line 1\nü {not json}"),
        ("/safe/list", "true", JSON, r#"{"collection":[1.50,{"a":2}]}"#),
        ("/safe/scalar", "true", JSON, r#"{"content":123456789012345678901234567890}"#),
        ("/list/as/list", "true", JSON, r#"[1.50,{"a":2}]"#),
        ("/json/as/list", "true", JSON, "[]"),
        ("/json/as/text", "true", TEXT, "text"),
        ("/json/as/xml", "true", "application/xml", "<doc><a>1</a><a/><b>1.50</b><content>text</content></doc>"),
        ("/json/as/yaml", "true", YAML, "a:\n- \"1\"\n- null\nb: \"1.50\"\ncontent: text\n"),
        ("/null/as/xml", "false", "application/xml", "<doc/>"),
        (
            "/merged",
            "true",
            JSON,
            r#"{"note":"a & b","text":"line 1\nü {not json}","y":{"a":1E3,"b":["x",null]},"collection":[1.50,{"a":2}]}"#,
        ),
        ("/flatmap", "true", JSON, r#"{"g":{"collection":[{"login":"ada","card":null},{"login":"bob"}]}}"#),
        (
            "/flatmap/all",
            "true",
            JSON,
            r#"{"users":[{"name":"ada","card":{"number":1}},{"name":"bob"},{"name":"ada","card":{"number":1}},{"name":"bob"}]}"#,
        ),
        // What is deleted does not come back because a backend failed.
        ("/flatmap/partial", "false", JSON, r#"{"users":[{"name":"ada","card":{"number":1}},{"name":"bob"}]}"#),
        ("/flatmap/nothing", "false", JSON, "null"),
    ] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.text()), (200, body), "{path}");
        assert_eq!(answer.header("x-krakend-completed"), Some(completed), "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
    }
    for path in ["/xml/wrong", "/failed/as/xml", "/deep/as/xml"] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.brief(), (500, "false", ""), "{path}");
        assert_eq!(answer.header("content-type"), None, "{path}");
    }
}

#[tokio::test]
async fn the_client_chooses() {
    let gateway = start();
    let (as_json, as_yaml, as_xml) = (
        (JSON, r#"{"b":1.50,"content":"text","a":[1,null]}"#),
        (YAML, "a:\n- \"1\"\n- null\nb: \"1.50\"\ncontent: text\n"),
        ("application/xml", "<doc><a>1</a><a/><b>1.50</b><content>text</content></doc>"),
    );
    for (accept, expected) in [
        ("*/*", as_json),
        ("image/png", as_json),
        ("application/json", as_json),
        ("application/xml;q=0.1, application/json", as_xml),
        ("text/plain", as_yaml),
        ("application/x-yaml", as_yaml),
    ] {
        let answer = gateway.client().await.request("GET", "/negotiate", &[("Accept", accept)], "").await;
        assert_eq!((answer.header("content-type"), answer.text()), (Some(expected.0), expected.1), "{accept}");
    }
}

#[tokio::test]
async fn messages_are_read_alike() {
    let logs = Logs::start();
    let gateway = start();
    for body in [XML, "<order>", "<order><id>8</id></order>"] {
        assert_eq!(gateway.post("/messages", body).await.status, 200);
    }
    let first = gateway.get("/messages").await;
    assert_eq!(first.text(), r##"{"-id":"9","item":[{"-qty":"2","#text":"pen"},"ink"],"note":"a & b"}"##);
    // One that cannot be read is settled by policy, and does not block the next.
    let second = gateway.get("/messages").await;
    assert_eq!((second.status, second.text()), (502, ""));
    assert_eq!(logs.with_message("message dropped").len(), 1);
    assert_eq!(gateway.get("/messages").await.text(), r#"{"id":"8"}"#);

    for body in ["plain ü", ""] {
        assert_eq!(gateway.post("/notes", body).await.status, 200);
        let note = gateway.get("/notes").await;
        assert_eq!((note.header("content-type"), note.text()), (Some(TEXT), body));
        assert_eq!(note.header("x-krakend-completed"), Some("true"));
    }
}
