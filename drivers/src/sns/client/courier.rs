//! The requests to a topic: one message, or up to ten at once.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_sns::config::Builder;
use aws_sdk_sns::operation::publish::PublishOutput;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use aws_sdk_sns::{Client, Config};

use super::Sns;
use super::entry::Entry;
use super::identity::Hashes;
use crate::aws::attributes::unique;
use crate::aws::batch;
use crate::aws::client::{Account, Attempts, Cause, Failure};
use crate::sns::{MAX_BYTES, Topic};
use crate::{PublishError, Receipt};

/// What became of a message.
type Answer = Result<Receipt, Failure>;

/// Carries messages to one topic.
pub(super) struct Courier {
    account: Arc<Account<Sns>>,
    arn: String,
    fifo: bool,
    hashes: Hashes,
}

impl Courier {
    pub(super) fn new(account: Arc<Account<Sns>>, topic: &Topic<'_>) -> Self {
        Self { account, arn: topic.arn.clone().into_owned(), fifo: topic.fifo, hashes: Hashes::default() }
    }

    pub(super) fn is_of(&self, account: &Arc<Account<Sns>>, arn: &str) -> bool {
        self.arn == arn && Arc::ptr_eq(&self.account, account)
    }

    /// Fails where there is no connection.
    pub(super) fn reachable(&self) -> Result<(), PublishError> {
        self.account.client().map(drop).map_err(Failure::publish)
    }

    async fn one(&self, client: &Client, entry: Entry, hashes: bool) -> Result<Receipt, Failure> {
        let attempts = Attempts::default();
        let (group, retries) = (entry.group.clone(), self.retries(&attempts, [&entry], hashes));
        let sent = client
            .publish()
            .topic_arn(&self.arn)
            .message(entry.body)
            .set_subject(entry.subject)
            .set_message_structure(entry.structure)
            .set_message_attributes(Some(entry.attributes))
            .set_message_group_id(entry.group)
            .set_message_deduplication_id(entry.deduplication);
        let sent = sent.customize().interceptor(attempts.clone()).config_override(retries).send().await;
        let PublishOutput { message_id, sequence_number, .. } =
            sent.map_err(|error| self.account.failed(&error, &attempts))?;
        self.account.worked();
        Ok(receipt(message_id, sequence_number, group))
    }

    async fn several(&self, client: &Client, entries: &[Entry], hashes: bool) -> Result<Vec<Answer>, Failure> {
        let attempts = Attempts::default();
        let retries = self.retries(&attempts, entries, hashes);
        let requested: Result<Vec<_>, _> = entries.iter().cloned().enumerate().map(to_entry).collect();
        let sent = client.publish_batch().topic_arn(&self.arn).set_publish_batch_request_entries(Some(requested?));
        let sent = sent.customize().interceptor(attempts.clone()).config_override(retries).send().await;
        let answer = sent.map_err(|error| self.account.failed(&error, &attempts))?;
        self.account.worked();
        Ok(answers(answer, entries.iter().map(|entry| entry.group.clone()), &attempts))
    }

    /// Where nobody says when two messages of a FIFO topic are the same, none is. Returns whether it compares bodies, as far as
    /// that matters and is known.
    async fn identify(&self, client: &Client, entries: &mut [Entry]) -> Option<bool> {
        let needs_one = |entry: &Entry| self.fifo && entry.deduplication.is_none();
        if !entries.iter().any(needs_one) {
            return Some(false);
        }
        let hashes = self.hashes.ask(client, &self.arn).await;
        if hashes == Some(false) {
            for entry in entries.iter_mut().filter(|entry| needs_one(entry)) {
                entry.deduplication = Some(unique());
            }
        }
        hashes
    }

    /// What may have been stored is sent again only where the topic drops what it has seen.
    fn retries<'a>(&self, attempts: &Attempts, entries: impl IntoIterator<Item = &'a Entry>, hashes: bool) -> Builder {
        let builder = Config::builder();
        match self.fifo && entries.into_iter().all(|entry| hashes || entry.deduplication.is_some()) {
            true => builder,
            false => builder.retry_classifier(attempts.clone()),
        }
    }

    async fn all(&self, client: &Client, entries: Vec<Entry>, hashes: bool) -> Vec<Answer> {
        if entries.len() > 1 {
            match self.several(client, &entries, hashes).await {
                Ok(answers) => return answers,
                // All of them, for what may be wrong with one.
                Err(failure) if matches!(failure.cause, Cause::Refused | Cause::TooLarge) => {}
                Err(failure) => return entries.iter().map(|_| Err(failure.clone())).collect(),
            }
        }
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            answers.push(self.one(client, entry, hashes).await);
        }
        answers
    }
}

impl batch::Courier for Courier {
    type Item = Entry;
    type Answer = Result<Receipt, PublishError>;

    const LEAVES_OUT: bool = true;

    fn size(entry: &Entry) -> usize {
        entry.bytes
    }

    fn max_bytes(&self) -> usize {
        MAX_BYTES
    }

    async fn carry(&self, mut entries: Vec<Entry>) -> Vec<Result<Receipt, PublishError>> {
        let client = match self.account.client() {
            Ok(client) => client,
            Err(failure) => return entries.iter().map(|_| Err(failure.clone().publish())).collect(),
        };
        let hashes = self.identify(&client, &mut entries).await;
        // A topic that does not say what it is shows it by what it refuses, which is then sent once more.
        let may_lack = |entry: &Entry| hashes.is_none() && entry.deduplication.is_none();
        let copies: Vec<_> = entries.iter().map(|entry| may_lack(entry).then(|| entry.clone())).collect();
        let mut answers = self.all(&client, entries, hashes == Some(true)).await;
        let (mut places, mut again) = (Vec::new(), Vec::new());
        for (place, copy) in copies.into_iter().enumerate() {
            if let Some(mut entry) = copy
                && matches!(answers.get(place), Some(Err(failure)) if failure.wants_identity())
            {
                entry.deduplication = Some(unique());
                again.push(entry);
                places.push(place);
            }
        }
        if !again.is_empty() {
            self.hashes.compares_no_bodies().await;
            for (place, answer) in places.into_iter().zip(self.all(&client, again, false).await) {
                answers[place] = answer;
            }
        }
        answers.into_iter().map(|answer| answer.map_err(Failure::publish)).collect()
    }
}

fn to_entry((id, entry): (usize, Entry)) -> Result<PublishBatchRequestEntry, Failure> {
    PublishBatchRequestEntry::builder()
        .id(id.to_string())
        .message(entry.body)
        .set_subject(entry.subject)
        .set_message_structure(entry.structure)
        .set_message_attributes(Some(entry.attributes))
        .set_message_group_id(entry.group)
        .set_message_deduplication_id(entry.deduplication)
        .build()
        .map_err(|error| Failure::new(Cause::Refused, error.to_string()))
}

/// What became of each of the messages of these groups, whose places are their ids.
fn answers(
    answer: PublishBatchOutput,
    groups: impl IntoIterator<Item = Option<String>>,
    attempts: &Attempts,
) -> Vec<Answer> {
    /// Its id and its sequence number.
    type Stored = (Option<String>, Option<String>);
    let mut told: HashMap<String, Result<Stored, Failure>> = HashMap::new();
    for failed in answer.failed.unwrap_or_default() {
        let failure = Failure::of_entry(&failed.code, failed.message.as_deref(), failed.sender_fault, attempts);
        told.insert(failed.id, Err(failure));
    }
    for stored in answer.successful.unwrap_or_default() {
        if let Some(id) = stored.id {
            told.insert(id, Ok((stored.message_id, stored.sequence_number)));
        }
    }
    let of = |(id, group): (usize, Option<String>)| match told.remove(&id.to_string()) {
        Some(Ok((message_id, sequence_number))) => Ok(receipt(message_id, sequence_number, group)),
        Some(Err(failure)) => Err(failure),
        None => Err(Failure::new(Cause::Unanswered, "SNS does not say what became of the message")),
    };
    groups.into_iter().enumerate().map(of).collect()
}

/// A sequence number is that of a message group.
fn receipt(id: Option<String>, sequence_number: Option<String>, group: Option<String>) -> Receipt {
    let offset = sequence_number.and_then(|number| number.parse().ok());
    Receipt { id, partition: group.filter(|_| offset.is_some()), offset, duplicate: false }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::types::{BatchResultErrorEntry, PublishBatchResultEntry};

    use super::*;
    use crate::PublishErrorKind;

    #[test]
    fn each_message_has_its_answer() {
        let failed = |id: &str, code: &str, sender_fault: bool| {
            let entry = BatchResultErrorEntry::builder().id(id).code(code).sender_fault(sender_fault).build();
            entry.expect("all is there")
        };
        let stored = |id: &str, number: &str| {
            PublishBatchResultEntry::builder().id(id).message_id(format!("m{id}")).sequence_number(number).build()
        };
        // In no order, and one is missing.
        let answer = PublishBatchOutput::builder()
            .failed(failed("3", "InternalError", false))
            .failed(failed("1", "InvalidParameter", true))
            .successful(stored("2", "10000000000000003000"))
            .successful(stored("0", ""))
            .build();
        let kind = |answer: Answer| answer.map_err(|failure| failure.publish().kind);
        let groups = vec![Some("a".to_owned()), None, Some("b".to_owned()), None, None];
        let answers: Vec<_> = answers(answer, groups, &Attempts::default()).into_iter().map(kind).collect();
        let receipt = |id: &str, partition: Option<&str>, offset| Receipt {
            id: Some(id.to_owned()),
            partition: partition.map(str::to_owned),
            offset,
            duplicate: false,
        };
        assert_eq!(
            answers,
            [
                Ok(receipt("m0", None, None)),
                Err(PublishErrorKind::Refused),
                Ok(receipt("m2", Some("b"), Some(10_000_000_000_000_003_000))),
                Err(PublishErrorKind::Unknown),
                Err(PublishErrorKind::Unknown),
            ]
        );
    }
}
