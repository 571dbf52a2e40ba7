//! Several backends of one endpoint: one after the other, several times at once, and with copies for shadow backends.
//! What is merged side by side is in the suite `shaping`.

mod concurrent;
mod messages;
mod sequence;
mod shadow;

use std::sync::{LazyLock, Mutex, Once};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::{Running, echo, eventually, json, never, serve_upstream, status};

mod gateway {
    include!(concat!(env!("OUT_DIR"), "/aggregation.rs"));
}

const VALUES: &str = r#"{"n":7,"list":[1,"two",3.50],"o":{"deep":{"v":"x y"}},"flag":true,"big":12345678901234567890123,"null":null,"empty":""}"#;
const HOSTILE: &str =
    r#"{"n":7,"path":"a/admin?x=1&y=2#z%2F","dots":"a/../..","who":"a\"},{\"b","lines":"a\r\nX-Admin: 1"}"#;

/// What the upstream was asked for under `/kept` and `/late`, and how often under the other paths.
static SEEN: LazyLock<Mutex<Vec<(String, Value)>>> = LazyLock::new(Mutex::default);
/// `/late` answers when it is told to.
static LATE: Semaphore = Semaphore::const_new(0);

fn start() -> Running {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| serve_upstream("127.0.0.1:18200", answer));
    Running::start(&gateway::GATEWAY)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/values" => json(VALUES),
        "/hostile" => json(HOSTILE),
        "/null" => json("null"),
        "/deep" => json(&format!(r#"{{"deep":{}{}}}"#, "[".repeat(200), "]".repeat(200))),
        "/text" => {
            Response::builder().header("content-type", "text/plain").body(Body::from("t/1?")).expect("an answer")
        }
        "/never" => never().await,
        "/404" => status(404, "gone"),
        "/500" => status(500, "broken"),
        _ if path.starts_with("/next/") => json(r#"{"m":8}"#),
        _ if path.starts_with("/echo/") => echo(request).await,
        _ if path.starts_with("/one-in-three/") => match note(path, request).await {
            3 => json(r#"{"ok":1}"#),
            _ => never().await,
        },
        "/fails-once" => match note(path, request).await {
            1 => status(404, "gone"),
            _ => json(r#"{"ok":1}"#),
        },
        _ if path.starts_with("/late/") => {
            drop(LATE.acquire().await);
            note(path, request).await;
            json("{}")
        }
        _ if path.starts_with("/kept/") => {
            note(path, request).await;
            json("{}")
        }
        _ => {
            note(path, request).await;
            status(503, "counted")
        }
    }
}

/// Writes the request down; the number of requests for this path so far.
async fn note(path: String, request: Request<Body>) -> usize {
    let seen = echo(request).await.into_body().collect().await.expect("a body").to_bytes();
    SEEN.lock().expect("no panic").push((path.clone(), serde_json::from_slice(&seen).expect("JSON")));
    seen_at(&path).len()
}

fn seen_at(path: &str) -> Vec<Value> {
    let seen = SEEN.lock().expect("no panic");
    seen.iter().filter(|(at, _)| at == path).map(|(_, request)| request.clone()).collect()
}

/// Waits for a request of which nobody else waits for the answer.
async fn arrived(path: &str) -> Value {
    eventually(async || !seen_at(path).is_empty()).await;
    seen_at(path).remove(0)
}

/// Long enough for something to arrive that must not.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}
