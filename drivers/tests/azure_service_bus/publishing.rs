//! What becomes of messages that are published.

use super::server::{Server, publish, publisher};
use sluicegate_drivers::{Broker as _, Message};

#[tokio::test]
async fn many_at_once_are_each_confirmed() {
    let Some(server) = Server::start() else { return };
    let broker = server.broker();
    let topic = publisher(&broker, "azuresb://myqueue").await;
    let all = (0..1_000).map(|number| publish(&topic, Message::new(format!("{number}"))));
    for receipt in futures_util::future::join_all(all).await {
        receipt.expect("confirmed");
    }
    broker.close().await;
}
