//! Many at once: nothing is lost, nothing is doubled.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::start;
use crate::support::Http2;

const CLIENTS: usize = 20;
const EACH: usize = 25;

#[tokio::test]
async fn every_message_reaches_one_client() {
    let gateway = start();
    let publish = async |client: usize| {
        let mut connection = gateway.client().await;
        for message in 0..EACH {
            let answer = connection.request("POST", "/many", &[], format!("{client}.{message}")).await;
            assert_eq!(answer.status, 200);
        }
    };
    let consume = async || {
        let mut connection = gateway.client().await;
        let mut messages = Vec::new();
        for _ in 0..EACH {
            let answer = connection.get("/many").await;
            assert_eq!(answer.status, 200);
            messages.push(answer.text().to_owned());
        }
        messages
    };
    let publishers = join_all((0..CLIENTS).map(publish));
    let (_, consumed) = tokio::join!(publishers, join_all((0..CLIENTS).map(|_| consume())));
    let consumed: Vec<String> = consumed.into_iter().flatten().collect();
    let distinct: BTreeSet<&String> = consumed.iter().collect();
    assert_eq!((consumed.len(), distinct.len()), (CLIENTS * EACH, CLIENTS * EACH));
    assert_eq!(gateway.get("/many/now").await.status, 204);
}

#[tokio::test]
async fn more_streams_than_a_connection_may_have_at_once_wait_their_turn() {
    let gateway = start();
    let client = Http2::connect(&gateway).await;
    let waiting = join_all((0..400).map(|_| {
        let mut client = client.clone();
        async move { client.get("/many").await }
    }));
    let publishing = async {
        for message in 0..400 {
            assert_eq!(gateway.post("/many", message.to_string()).await.status, 200);
        }
    };
    let (answers, ()) = tokio::join!(waiting, publishing);
    let distinct: BTreeSet<_> = answers.iter().map(|(status, body)| (*status, body.clone())).collect();
    assert_eq!(distinct.len(), 400);
    assert!(distinct.iter().all(|(status, _)| *status == 200));
}
