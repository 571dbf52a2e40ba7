//! `backend/graphql`: what the GraphQL service is sent.

use serde_json::{Value, json};

use super::{seen, start};

#[tokio::test]
async fn a_query_is_posted_with_its_variables() {
    let gateway = start();
    let seen = seen(&gateway, "GET", "/graphql/7%22?a=x&c=y", &[("X-One", "1"), ("Content-Type", "text/x")], "").await;
    assert_eq!((&seen["method"], &seen["url"]), (&json!("POST"), &json!("/echo?b=1&a=x")));
    assert_eq!(seen["headers"]["content-type"], json!(["application/json"]));
    assert_eq!(seen["headers"]["x-one"], json!(["1"]));
    let expected = r#"{"query":"query Q($id: ID!) { user(id: $id) { name } }","operationName":"Q","variables":{"id":"7\"","limit":1.50}}"#;
    assert_eq!(seen["body"], expected);
    assert_eq!(seen["headers"]["content-length"], json!([expected.len().to_string()]));
}

#[tokio::test]
async fn with_get_it_stands_in_the_url() {
    let gateway = start();
    let seen = seen(&gateway, "GET", "/graphql/7/get?a=x", &[("Content-Type", "text/x")], "").await;
    assert_eq!((&seen["method"], &seen["body"]), (&json!("GET"), &json!("")));
    assert_eq!(seen["headers"]["content-type"], Value::Null);
    let query = "query=query+Q%28%24id%3A+ID%21%29+%7B+user%28id%3A+%24id%29+%7B+name+%7D+%7D";
    assert_eq!(seen["url"], format!("/echo?b=1&a=x&{query}&variables=%7B%22id%22%3A%227%22%7D"));
}

#[tokio::test]
async fn a_mutation_takes_its_variables_from_the_body() {
    let gateway = start();
    let variables = |seen: Value| -> Value {
        let body: Value = serde_json::from_str(seen["body"].as_str().expect("text")).expect("JSON");
        assert_eq!(body["query"], "mutation M { a }");
        body["variables"].clone()
    };
    let sent = variables(seen(&gateway, "POST", "/graphql/7", &[], r#"{"role":"admin","name":"x"}"#).await);
    assert_eq!(sent, json!({"role": "admin", "name": "x", "id": "7"}));
    let sent = variables(seen(&gateway, "POST", "/graphql/7", &[], "{}").await);
    assert_eq!(sent, json!({"id": "7", "role": "guest"}));
    for body in ["", "[]", "null", "{"] {
        assert_eq!(gateway.post("/graphql/7", body).await.brief(), (500, "false", ""), "{body}");
    }
}
