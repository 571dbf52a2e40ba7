//! What makes two messages of a FIFO topic the same.

use std::time::Duration;

use aws_sdk_sns::Client;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a topic's word is believed, so that who changes it need not restart a gateway, and how soon one is asked again that
/// did not answer.
const BELIEVED: Duration = Duration::from_secs(300);
const AGAIN: Duration = Duration::from_secs(30);

const CONTENT_BASED: &str = "ContentBasedDeduplication";

/// Whether a FIFO topic takes the hash of a body for an identity. Held by whoever asks, so that one does.
#[derive(Debug, Default)]
pub(super) struct Hashes(Mutex<Option<(Option<bool>, Instant)>>);

impl Hashes {
    /// What the topic says; `None` where it does not, as to who may not ask.
    pub(super) async fn ask(&self, client: &Client, topic: &str) -> Option<bool> {
        let mut known = self.0.lock().await;
        if let Some((hashes, until)) = *known
            && until > Instant::now()
        {
            return hashes;
        }
        let attributes = client.get_topic_attributes().topic_arn(topic).send().await.ok();
        let attributes = attributes.and_then(|answer| answer.attributes);
        let hashes = attributes.map(|attributes| attributes.get(CONTENT_BASED).is_some_and(|text| text == "true"));
        let until = Instant::now() + if hashes.is_some() { BELIEVED } else { AGAIN };
        *known = Some((hashes, until));
        hashes
    }

    /// The topic has refused a message for having no identity.
    pub(super) async fn compares_no_bodies(&self) {
        *self.0.lock().await = Some((Some(false), Instant::now() + BELIEVED));
    }
}
