//! What makes two messages of a FIFO topic the same.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_sns::Client;
use tokio::time::Instant;

/// How long a topic's word is believed, so that who changes it need not restart a gateway, and how soon one is asked again that
/// did not answer.
const BELIEVED: Duration = Duration::from_secs(300);
const AGAIN: Duration = Duration::from_secs(30);

const CONTENT_BASED: &str = "ContentBasedDeduplication";

/// Whether a FIFO topic takes the hash of a body for an identity.
#[derive(Debug, Default)]
pub(super) struct Hashes(Mutex<Option<(Option<bool>, Instant)>>);

impl Hashes {
    /// What the topic says; `None` where it does not, as to who may not ask.
    pub(super) async fn ask(&self, client: &Client, topic: &str) -> Option<bool> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((hashes, until)) = known
            && until > Instant::now()
        {
            return hashes;
        }
        let attributes = client.get_topic_attributes().topic_arn(topic).send().await.ok();
        let attributes = attributes.and_then(|answer| answer.attributes);
        let hashes = attributes.map(|attributes| attributes.get(CONTENT_BASED).is_some_and(|text| text == "true"));
        let until = Instant::now() + if hashes.is_some() { BELIEVED } else { AGAIN };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((hashes, until));
        hashes
    }
}

/// A text that no other message has.
pub(super) fn unique() -> String {
    let mut text = String::with_capacity(32);
    for half in 0..2 {
        // Each has keys of its own, that are random in a process and count up in it.
        let _ = write!(text, "{:016x}", RandomState::new().hash_one((half, SystemTime::now())));
    }
    text
}
