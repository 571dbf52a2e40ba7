//! What is answered while SNS and SQS are away, and after.

use serde_json::json;

use super::{ONE_JSON, create, start, start_alone};
use crate::support::{Broker, Moto, eventually};

const AWAY: &str = r#"{"error":"the message broker is not available now, try again"}"#;

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    if !crate::support::broker("moto") {
        return;
    }
    let broker = Broker::start("moto", "outages").await;
    let url = broker.variable("AWS_ENDPOINT_URL_SQS");
    create(Moto::at(url)).await;
    let gateway = start(url).await;
    assert_eq!(gateway.post("/shared", ONE_JSON).await.brief(), (200, "true", "{}"));
    assert_eq!(gateway.get("/shared").await.brief(), (200, "true", ONE_JSON));

    broker.kill().await;
    // And one that has never seen it.
    let later = start_alone(url).await;
    for gateway in [&gateway, &later] {
        for path in ["/shared", "/shared-topic"] {
            eventually(async || {
                let answer = gateway.post(path, "{}").await;
                // The connection was lost while it was in use.
                assert!(matches!(answer.status, 503 | 504), "{path}: {answer:?}");
                answer.brief() == (503, "false", AWAY) && answer.header("retry-after") == Some("1")
            })
            .await;
        }
        eventually(async || gateway.get("/shared").await.brief() == (503, "false", AWAY)).await;
        eventually(async || {
            let ready = gateway.get("/__ready").await.json();
            ["sns", "sqs"].iter().all(|name| ready["brokers"][name]["state"] != "connected")
        })
        .await;
        assert_eq!(gateway.get("/__health").await.status, 200);
    }

    broker.restart().await;
    // What it had went with it.
    create(Moto::at(url)).await;
    let restarted = std::time::Instant::now();
    for (gateway, n) in [(&gateway, 2), (&later, 3)] {
        for (path, name) in [("/shared", "sqs"), ("/shared-topic", "sns")] {
            let body = json!({"n": n, "to": name}).to_string();
            eventually(async || gateway.post(path, &body).await.status == 200).await;
            println!("{name}: confirmed {:.2} s after the server was back", restarted.elapsed().as_secs_f64());
            eventually(async || gateway.get("/shared").await.brief() == (200, "true", body.as_str())).await;
        }
        eventually(async || {
            let ready = gateway.get("/__ready").await.json();
            ["sns", "sqs"].iter().all(|name| ready["brokers"][name]["state"] == "connected")
        })
        .await;
    }
    gateway.stop().await;
    later.stop().await;
    broker.stop().await;
}
