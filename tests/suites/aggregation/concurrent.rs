use super::{a_while, seen_at, start};

#[tokio::test]
async fn the_first_complete_answer_counts() {
    let gateway = start();
    assert_eq!(gateway.get("/concurrent").await.brief(), (200, "true", r#"{"ok":1}"#));
    assert_eq!(seen_at("/one-in-three/plain").len(), 3);
    assert_eq!(gateway.stop().await.cut_off, 0, "the other calls were given up");
}

#[tokio::test]
async fn an_answer_is_passed_through() {
    let answer = start().get("/concurrent/raw").await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"ok":1}"#));
}

#[tokio::test]
async fn each_backend_of_a_merge_or_a_sequence_is_called_several_times() {
    let gateway = start();
    assert_eq!(gateway.get("/concurrent/merged").await.brief(), (200, "true", r#"{"ok":1,"n":7}"#));
    let chained = gateway.get("/concurrent/chained").await.json();
    assert_eq!((&chained["ok"], &chained["then"]["url"]), (&1.into(), &"/echo/1".into()));
}

#[tokio::test]
async fn failures_do_not_count_while_there_is_something_better() {
    let gateway = start();
    assert_eq!(gateway.get("/concurrent/one-fails").await.brief(), (200, "true", r#"{"ok":1}"#));
    let incomplete = gateway.get("/concurrent/incomplete").await;
    assert_eq!((incomplete.status, incomplete.header("x-krakend-completed")), (200, Some("false")));
    assert_eq!(incomplete.json()["error_first"]["http_status_code"], 404);
    assert_eq!(gateway.get("/concurrent/failing").await.brief(), (500, "false", ""));
    assert_eq!(seen_at("/counted/failing").len(), 4);
    assert_eq!(gateway.get("/concurrent/slow").await.brief(), (500, "false", ""));
}

#[tokio::test]
async fn every_call_has_the_body() {
    let gateway = start();
    assert_eq!(gateway.post("/concurrent/body", "mine").await.status, 200);
    a_while().await;
    let seen = seen_at("/one-in-three/body");
    assert_eq!(seen.iter().map(|request| request["body"].as_str().unwrap()).collect::<Vec<_>>(), ["mine"; 3]);
}
