use serde_json::json;

use super::{LATE, arrived, seen_at, start};
use crate::support::{Logs, eventually};

const MAIN: (u16, &str, &str) = (200, "true", r#"{"n":7}"#);

#[tokio::test]
async fn a_copy_of_the_request_goes_to_the_shadow() {
    let gateway = start();
    let headers = [("X-Test", "1"), ("X-Secret", "2"), ("Content-Type", "text/plain")];
    let answer = gateway.client().await.request("POST", "/shadow?q=2&r=3", &headers, "mine").await;
    assert_eq!(answer.brief(), MAIN);
    let copy = arrived("/kept/shadow").await;
    assert_eq!((&copy["method"], &copy["url"]), (&json!("PUT"), &json!("/kept/shadow?x=1&q=2")));
    assert_eq!((&copy["body"], &copy["headers"]["x-test"]), (&json!("mine"), &json!(["1"])));
    assert_eq!(copy["headers"]["x-secret"], json!(null));
}

#[tokio::test]
async fn a_shadow_neither_delays_nor_fails_the_answer() {
    let logs = Logs::start();
    let gateway = start();
    for path in ["/shadow/never", "/shadow/fails", "/shadow/short"] {
        assert_eq!(gateway.get(path).await.brief(), MAIN, "{path}");
    }
    eventually(async || logs.with_message("shadow backend failed").len() >= 2).await;
    let answer = gateway.get("/shadow/main-fails").await;
    assert_eq!(answer.brief(), (404, "false", ""));
    arrived("/kept/main-fails").await;
}

#[tokio::test]
async fn shadows_are_no_part_of_a_merge_or_a_sequence() {
    let gateway = start();
    assert_eq!(gateway.get("/shadow/merged").await.brief(), (200, "true", r#"{"n":7,"m":8}"#));
    arrived("/kept/merged").await;
    let chained = gateway.get("/shadow/chained").await.json();
    assert_eq!(chained["then"]["url"], "/echo/7", "backends are counted without them");
    arrived("/kept/chained").await;
}

#[tokio::test]
async fn a_shadow_is_called_as_often_as_the_endpoints_backends() {
    let gateway = start();
    assert_eq!(gateway.get("/shadow/twice").await.brief(), MAIN);
    arrived("/kept/twice").await;
    eventually(async || (1..=2).contains(&seen_at("/kept/twice").len())).await;
}

#[tokio::test]
async fn shutting_down_waits_for_shadows() {
    let logs = Logs::start();
    let gateway = start();
    assert_eq!(gateway.get("/shadow/long").await.brief(), MAIN);
    let released = async {
        // Longer than the endpoint's timeout: the shadow has one of its own.
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        LATE.add_permits(1);
    };
    let (served, ()) = tokio::join!(gateway.stop(), released);
    assert_eq!(served.cut_off, 0);
    assert_eq!(seen_at("/late/long").len(), 1, "it had arrived when the gateway was gone");
    assert!(logs.with_message("shadow backend failed").is_empty());
}
