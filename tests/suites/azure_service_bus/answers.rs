//! Statuses, sessions, and what was seen before.

use serde_json::json;

use super::{ONE_JSON, Stage, state};

const LIMIT: usize = 256 << 10;

#[tokio::test]
async fn what_cannot_be_stored_is_answered_as_it_failed() {
    let Some(stage) = Stage::set().await else { return };
    let gateway = &stage.gateway;
    for answer in [gateway.post("/missing", "{}").await, gateway.get("/missing").await] {
        assert_eq!((answer.status, answer.header("retry-after")), (502, None), "{answer:?}");
    }
    assert_eq!(gateway.post("/shared", vec![b'x'; LIMIT + 1]).await.status, 413);
    assert_eq!(gateway.post("/sessions", "{}").await.status, 400, "no key");
    assert_eq!(gateway.post("/shared", ONE_JSON).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));
    assert_eq!(gateway.get("/shared").await.status, 204);
    assert_eq!(state(gateway).await, "connected");
    stage.gateway.stop().await;
}

#[tokio::test]
async fn several_publishers_are_confirmed_or_named() {
    let Some(stage) = Stage::set().await else { return };
    let gateway = &stage.gateway;
    assert_eq!(gateway.post("/both", ONE_JSON).await.brief(), (200, "true", "{}"));
    for path in ["/shared", "/queue"] {
        assert_eq!(gateway.get(path).await.brief(), (200, "true", ONE_JSON), "{path}");
    }
    let answer = gateway.post("/both-missing", ONE_JSON).await;
    assert_eq!((answer.status, answer.header("x-krakend-completed")), (502, Some("false")), "{answer:?}");
    let report = json!({"backends": [
        {"backend": "azuresb://suite/shared", "outcome": "confirmed"},
        {"backend": "azuresb://suite/missing", "outcome": "refused"},
    ]});
    assert_eq!(answer.json(), report);
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));
    stage.gateway.stop().await;
}

/// A key is the session.
#[tokio::test]
async fn a_queue_with_sessions_keeps_the_order_of_each() {
    let Some(stage) = Stage::set().await else { return };
    let mut client = stage.gateway.client().await;
    for n in 0..6 {
        let customer = ["a", "b"][n % 2];
        let body = json!({ "n": n }).to_string();
        let answer = client.request("POST", "/sessions", &[("X-Customer", customer)], body).await;
        assert_eq!(answer.brief(), (200, "true", "{}"));
    }
    let mut received = [Vec::new(), Vec::new()];
    while received.iter().map(Vec::len).sum::<usize>() < 6 {
        let answer = stage.gateway.get("/sessions").await;
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        if answer.status == 200 {
            let of = usize::from(answer.header("x-key").expect("a key") == "b");
            received[of].push(answer.json()["n"].as_u64().expect("a number"));
        }
    }
    assert_eq!(received, [[0, 2, 4], [1, 3, 5]]);
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_queue_that_detects_duplicates_stores_an_id_once() {
    let Some(stage) = Stage::set().await else { return };
    let mut client = stage.gateway.client().await;
    let id = format!("{:?}", std::time::SystemTime::now());
    for (n, id) in [(1, format!("first {id}")), (2, format!("first {id}")), (3, format!("second {id}"))] {
        let answer = client.request("POST", "/queue", &[("Idempotency-Key", &id)], json!({ "n": n }).to_string()).await;
        assert_eq!(answer.brief(), (200, "true", "{}"));
    }
    for n in [1, 3] {
        assert_eq!(stage.gateway.get("/queue").await.json(), json!({ "n": n }));
    }
    assert_eq!(stage.gateway.get("/queue").await.status, 204);
    stage.gateway.stop().await;
}
