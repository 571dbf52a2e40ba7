//! A record of a partition, read into a message.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, Mutex, Once, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};

use crate::outage::Repeats;
use crate::{Attribute, Message};

#[cfg(panic = "abort")]
compile_error!("the driver for Kafka needs `panic = \"unwind\"`: rdkafka panics at records of others, which is caught");

/// The attribute of a delivery whose value is null.
const TOMBSTONE: &str = "Kafka-Tombstone";

/// A message and where it was stored.
#[derive(Debug)]
pub(in crate::kafka::client) struct Record {
    pub(in crate::kafka::client) message: Message,
    pub(in crate::kafka::client) offset: i64,
    pub(in crate::kafka::client) timestamp: Option<SystemTime>,
}

impl Record {
    /// Copies what librdkafka lends. `place` is the partition's name: `orders-3`.
    pub(super) fn read(message: &BorrowedMessage<'_>, place: &str) -> Self {
        let offset = message.offset();
        let value = message.payload();
        let mut attributes = message.headers().map(|headers| attributes(headers, place, offset)).unwrap_or_default();
        if value.is_none() {
            attributes.push(Attribute { name: Cow::Borrowed(TOMBSTONE), value: "true".to_owned() });
        }
        let timestamp = message.timestamp().to_millis();
        Self {
            message: Message {
                body: value.map(Bytes::copy_from_slice).unwrap_or_default(),
                attributes,
                key: message.key().map(text),
                id: Some(id(place, offset)),
            },
            offset,
            timestamp: timestamp.and_then(since_epoch),
        }
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let Message { body, attributes, key, .. } = &self.message;
        let attributes: usize = attributes.iter().map(|it| it.name.len() + it.value.len()).sum();
        size_of::<Self>() + body.len() + attributes + key.as_ref().map_or(0, String::len)
    }
}

/// `orders-3@17`, as Kafka's own tools write it.
fn id(place: &str, offset: i64) -> String {
    let mut id = String::with_capacity(place.len() + 1 + 20);
    id.push_str(place);
    // Writing to a string does not fail.
    let _ = write!(id, "@{offset}");
    id
}

fn since_epoch(milliseconds: i64) -> Option<SystemTime> {
    let milliseconds = u64::try_from(milliseconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn attributes(headers: &impl Headers, place: &str, offset: i64) -> Vec<Attribute> {
    let count = headers.count();
    let mut attributes: Vec<Attribute> = Vec::with_capacity(count);
    for index in 0..count {
        // rdkafka panics at a name that is not UTF-8.
        let Some(header) = caught(|| headers.try_get(index)) else {
            left_out(place, offset);
            continue;
        };
        let Some(header) = header else { continue };
        let value = header.value.unwrap_or_default();
        match attributes.iter_mut().find(|attribute| attribute.name == header.key) {
            Some(attribute) => {
                attribute.value.push_str(", ");
                attribute.value.push_str(&String::from_utf8_lossy(value));
            }
            None => attributes.push(Attribute { name: Cow::Owned(header.key.to_owned()), value: text(value) }),
        }
    }
    attributes
}

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// `None` where it panics. Only the first of the process is written to its standard error.
fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    IS_CAUGHT.set(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    IS_CAUGHT.set(false);
    if read.is_err() {
        HOOK.call_once(|| {
            let known = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                if !IS_CAUGHT.get() {
                    known(panic);
                }
            }));
        });
    }
    read.ok()
}

#[cold]
fn left_out(place: &str, offset: i64) {
    static LINES: LazyLock<Mutex<Repeats>> = LazyLock::new(Mutex::default);
    if LINES.lock().unwrap_or_else(PoisonError::into_inner).is_due(place) {
        tracing::error!(record = id(place, offset), "a header was left out: its name is not UTF-8");
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::{Header, OwnedHeaders};

    use super::*;

    #[test]
    fn headers() {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "Content-Type", value: Some("text/plain") })
            .insert(Header { key: "a", value: Some(&b"\xffx"[..]) })
            .insert(Header { key: "nothing", value: None::<&str> })
            .insert(Header { key: "Content-Type", value: Some("a") });
        let read = attributes(&headers, "orders-3", 17);
        let read: Vec<_> = read.iter().map(|it| (&*it.name, &*it.value)).collect();
        assert_eq!(read, [("Content-Type", "text/plain, a"), ("a", "\u{fffd}x"), ("nothing", "")]);
    }

    #[test]
    fn panics_of_others_are_caught() {
        let name = |text: Option<&'static str>| caught(|| text.expect("UTF-8"));
        assert_eq!([name(Some("a")), name(None), name(None), name(Some("b"))], [Some("a"), None, None, Some("b")]);
    }

    #[test]
    fn ids() {
        assert_eq!(id("orders-3", 17), "orders-3@17");
    }

    #[test]
    fn timestamps() {
        assert_eq!(since_epoch(-1), None);
        assert_eq!(since_epoch(1_500), Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)));
    }
}
