//! A topic to publish to.

use super::courier::Courier;
use super::entry::Entry;
use crate::aws::batch::{Batches, Rejected};
use crate::{Message, PublishError, PublishErrorKind, Receipt};

/// An open topic of SNS.
pub struct Publisher {
    batches: Batches<Courier>,
    fifo: bool,
}

impl Publisher {
    pub(super) fn new(batches: Batches<Courier>, fifo: bool) -> Self {
        Self { batches, fifo }
    }
}

impl crate::Publisher for Publisher {
    async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        let entry = Entry::new(message, self.fifo)?;
        // At once, rather than behind others.
        self.batches.courier().reachable()?;
        let answered = self.batches.push(entry).map_err(|rejected| match rejected {
            Rejected::Full => PublishError::new(PublishErrorKind::Full, "too many messages are on their way"),
            Rejected::Closed => PublishError::new(PublishErrorKind::Unreachable, "it is closed"),
        })?;
        match answered.await {
            Ok(answer) => answer,
            Err(_) => Err(PublishError::new(PublishErrorKind::Unknown, "the gateway ended before there was an answer")),
        }
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("fifo", &self.fifo).finish_non_exhaustive()
    }
}
