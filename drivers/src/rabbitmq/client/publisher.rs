//! Publishing.

use crate::{Message, PublishError, PublishErrorKind, Receipt};

/// An open topic.
#[derive(Debug)]
pub struct Publisher {}

impl crate::Publisher for Publisher {
    async fn publish(&self, _: Message) -> Result<Receipt, PublishError> {
        Err(PublishError::new(PublishErrorKind::Unreachable, "not there yet"))
    }
}
