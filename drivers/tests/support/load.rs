//! Publishers at work while something fails, and what each was told of its messages.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sluicegate_drivers::{PublishError, PublishErrorKind, Receipt};
use tokio::task::JoinHandle;

/// Eight that publish, each one message after the other, until they are stopped.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    publishers: Vec<JoinHandle<Told>>,
}

/// The messages that were confirmed, and those of which it was said that they were not sent.
#[derive(Default)]
pub(crate) struct Told {
    confirmed: HashSet<String>,
    unsent: HashSet<String>,
}

impl Load {
    /// Begins to publish texts, of which no two are the same.
    pub(crate) fn start<P, F>(publish: P) -> Self
    where
        P: Fn(String) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Receipt, PublishError>> + Send,
    {
        let is_over = Arc::new(AtomicBool::new(false));
        let publishers = (0..8_u32).map(|number| {
            let (publish, is_over) = (publish.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut told = Told::default();
                for message in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let text = format!("{number}-{message}");
                    let published = publish(text.clone()).await;
                    if published.as_ref().is_err_and(|error| error.kind == PublishErrorKind::Unreachable) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    told.add(text, published);
                }
                told
            })
        });
        let publishers = publishers.collect();
        Self { is_over, publishers }
    }

    /// Stops, and waits for what is on its way.
    pub(crate) async fn stop(self) -> Told {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        for publisher in self.publishers {
            let told = publisher.await.expect("no panic");
            all.confirmed.extend(told.confirmed);
            all.unsent.extend(told.unsent);
        }
        all
    }
}

impl Told {
    fn add(&mut self, text: String, published: Result<Receipt, PublishError>) {
        match published {
            Ok(_) => drop(self.confirmed.insert(text)),
            Err(error) if error.kind == PublishErrorKind::Unreachable => drop(self.unsent.insert(text)),
            Err(error) if error.kind == PublishErrorKind::Unknown => {}
            Err(error) => panic!("{text}: {error}"),
        }
    }

    /// What was confirmed is in `stored`, and what was said not to be sent is not.
    pub(crate) fn check(&self, stored: &HashSet<String>) {
        assert!(self.confirmed.len() > 100, "{} confirmed", self.confirmed.len());
        let lost: Vec<_> = self.confirmed.difference(stored).collect();
        assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
        let wrong: Vec<_> = self.unsent.intersection(stored).collect();
        assert!(wrong.is_empty(), "not sent, it was said: {wrong:?}");
    }
}
