use serde_json::json;

use super::{a_while, seen_at, start};

#[tokio::test]
async fn values_go_into_path_and_query_as_they_came() {
    let gateway = start();
    let answer = gateway.get("/chain/a%20b").await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("true")));
    let url = "/echo/7/1,two,3.50/a%20b?v=x+y&f=true&big=12345678901234567890123";
    assert_eq!(answer.json()["then"]["url"], url);
    assert_eq!(answer.json()["flag"], true, "all answers are merged");
}

#[tokio::test]
async fn what_is_no_scalar_is_printed_as_krakend_does() {
    let answer = start().get("/printed").await;
    assert_eq!(answer.json()["then"]["url"], "/echo/%3Cnil%3E/map%5Bdeep:map%5Bv:x%20y%5D%5D/-");
}

#[tokio::test]
async fn a_value_cannot_become_a_part_of_the_url() {
    let gateway = start();
    let answer = gateway.get("/hostile").await;
    let url = "/echo/a%2Fadmin%3Fx=1&y=2%23z%252F/x?q=a%2Fadmin%3Fx%3D1%26y%3D2%23z%252F&r=1";
    assert_eq!(answer.json()["then"]["url"], url);
    // Nothing is asked for that leads elsewhere, however it is encoded.
    for path in ["/dots", "/dots/path"] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("false")), "{path}");
        assert!(answer.json().get("then").is_none(), "{path}");
    }
}

#[tokio::test]
async fn values_are_read_behind_the_shape() {
    let gateway = start();
    let answer = gateway.get("/shaped").await;
    assert_eq!(answer.json()["then"]["url"], "/echo/7/x%20y");
    let answer = gateway.get("/three").await.json();
    assert_eq!((&answer["b"], &answer["c"]["url"]), (&json!({"m": 8}), &json!("/echo/7/8")));
}

#[tokio::test]
async fn a_value_that_is_not_there_ends_the_sequence() {
    let gateway = start();
    for path in ["/missing", "/missing/deep"] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("false")), "{path}");
        assert_eq!(answer.json()["n"], 7, "{path}");
    }
    a_while().await;
    let seen = super::SEEN.lock().unwrap().iter().filter(|(path, _)| path.starts_with("/counted/missing")).count();
    assert_eq!(seen, 0, "nothing is sent with a placeholder in it");
}

#[tokio::test]
async fn a_first_call_that_fails_is_the_answer() {
    let gateway = start();
    assert_eq!(gateway.get("/first-fails").await.brief(), (404, "false", ""));
    let details =
        r#"{"error_first":{"http_status_code":404,"http_body":"gone","http_body_encoding":"application/json"}}"#;
    assert_eq!(gateway.get("/first-is-incomplete").await.brief(), (200, "false", details));
    a_while().await;
    assert!(seen_at("/counted/first-fails").is_empty() && seen_at("/counted/first-incomplete").is_empty());
}

#[tokio::test]
async fn a_later_call_that_fails_leaves_what_there_is() {
    let gateway = start();
    for (path, body) in [
        ("/later-fails", r#"{"n":7}"#),
        ("/later-fails/static", r#"{"n":7,"static":true}"#),
        ("/slow", r#"{"n":7}"#),
        ("/null-then-fails", "null"),
        ("/null-then-goes-on", r#"{"n":7}"#),
    ] {
        assert_eq!(gateway.get(path).await.brief(), (200, "false", body), "{path}");
    }
    a_while().await;
    for path in ["/counted/later-fails", "/counted/static", "/counted/slow"] {
        assert!(seen_at(path).is_empty(), "{path}");
    }
}

#[tokio::test]
async fn later_answers_win() {
    let gateway = start();
    assert_eq!(gateway.get("/same-order").await.brief(), (200, "true", r#"{"n":8,"flag":true}"#));
    assert_eq!(gateway.get("/alone").await.brief(), (200, "true", r#"{"n":7}"#));
}

#[tokio::test]
async fn the_whole_of_an_answer_that_is_not_read() {
    let gateway = start();
    let answer = gateway.client().await.request("POST", "/whole", &[("Content-Type", "a/b")], "mine").await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("true")));
    let then = answer.json()["then"].clone();
    assert_eq!((&then["url"], &then["body"]), (&json!("/echo/t%2F1%3F/x"), &json!("t/1?")));
    assert_eq!(then["headers"]["authorization"], json!(["Bearer t/1?"]));
    assert_eq!(then["headers"]["content-type"], json!(["text/plain"]), "its type goes with it");
    // As in KrakenD, whatever its status.
    assert_eq!(gateway.get("/whole/error").await.json()["then"]["url"], "/echo/gone");
}

#[tokio::test]
async fn a_body_and_headers_are_made_of_values() {
    let gateway = start();
    let answer = gateway.client().await.request("POST", "/made", &[("Content-Type", "a/b")], "mine").await;
    let then = answer.json()["then"].clone();
    let body: serde_json::Value = serde_json::from_str(then["body"].as_str().unwrap()).expect("JSON");
    let all: serde_json::Value = serde_json::from_str(super::HOSTILE).unwrap();
    assert_eq!(body, json!({"id": 7, "text": "<a\"},{\"b>", "all": all, "fixed": [1.50, null]}));
    assert_eq!(then["headers"]["x-who"], json!(["for a\"},{\"b"]));
    assert_eq!(then["headers"]["content-type"], json!(["application/json"]));
}

#[tokio::test]
async fn headers_are_made_of_the_request_and_of_answers() {
    let gateway = start();
    let client = &mut gateway.client().await;
    let answer = client.request("POST", "/templated", &[("X-Id", "a")], r#"{"order":{"id":1.50}}"#).await.json();
    let headers = &answer["then"]["headers"];
    assert_eq!((&headers["x-all"], &headers["x-id"]), (&json!(["a/1.50/7"]), &json!(["fixed"])));
    assert_eq!(answer["then"]["body"], "{}");
    // What the client left out is no answer's fault, and ends the sequence all the same.
    let answer = client.request("POST", "/templated", &[], "{}").await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("false")));
    assert_eq!(answer.json()["then"], json!(null));
}

#[tokio::test]
async fn nothing_is_called_for_a_request_that_a_publisher_would_refuse() {
    let gateway = start();
    assert_eq!(gateway.post("/refused", "{}").await.status, 400);
    a_while().await;
    assert!(seen_at("/counted/refused").is_empty());
}

#[tokio::test]
async fn a_value_cannot_become_a_header() {
    let gateway = start();
    let answer = gateway.get("/header-injection").await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (200, Some("false")));
    a_while().await;
    assert!(seen_at("/counted/header").is_empty());
}

#[tokio::test]
async fn every_call_gets_the_clients_body() {
    let answer = start().post("/body-for-all", "mine").await.json();
    assert_eq!((&answer["one"]["body"], &answer["two"]["body"]), (&json!("mine"), &json!("mine")));
}

#[tokio::test]
async fn one_alone_passes_its_answer_on() {
    let gateway = start();
    let answer = gateway.get("/alone/passed-on").await;
    assert_eq!((answer.status, &answer.json()["headers"]["x-set"]), (200, &json!(["here"])));
}
