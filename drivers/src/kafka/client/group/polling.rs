//! The thread that polls what is not a message: rebalances, errors, log lines.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, park_timeout};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::{GroupContext, Rebalance, assign, unassign};
use super::partition::Partition;
use super::refusals::About;
use super::{Consumer, Group};
use crate::kafka::client::context::Observer;
use crate::kafka::options::{Access, Stamps};

/// How long a poll waits; whatever happens ends it.
const POLL: Duration = Duration::from_millis(100);
/// How long partitions that go to another member wait for what is held.
const HELD_PATIENCE: Duration = Duration::from_millis(500);
/// How long they, and closing, wait for their last commit.
const COMMIT_PATIENCE: Duration = Duration::from_secs(3);
/// How long the coordinator may take to say what is committed.
const ASK_PATIENCE: Duration = Duration::from_secs(5);
/// The wait before a consumer is made anew, doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(5 * 60);
/// How often files of the settings are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// When settings are tried again that did not work.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// A consumer that lasted as long was a good one.
const STEADY: Duration = Duration::from_secs(60);

/// How a consumer has ended.
enum End {
    Closed,
    /// Another takes its place, which knows the settings as they are now.
    Renewed,
    /// It is of no use any more.
    Broken(&'static str),
}

/// Starts the threads of `group`.
pub(super) fn start(group: &Arc<Group>) {
    let (polls, commits) = (Arc::clone(group), Arc::clone(group));
    let polling = thread::Builder::new().name("kafka-group".to_owned()).spawn(move || {
        polls.run();
        polls.commits.stop();
        polls.ended.send_replace(true);
    });
    let committing =
        thread::Builder::new().name("kafka-commits".to_owned()).spawn(move || commits.commits.run(&commits));
    if let Err(error) = polling.and(committing) {
        let name = &*group.wanted.group;
        tracing::error!(group = name, %error, "no thread for the group: it cannot be received from");
        group.refusals().add(&About::Group, &format!("no thread: {error}"));
        group.shut();
        group.commits.stop();
        group.ended.send_replace(true);
    }
}

impl Group {
    /// Makes consumers, one after the other if need be, until the group is closed.
    fn run(self: &Arc<Self>) {
        let mut retry = FIRST_RETRY;
        while !self.is_closing() {
            let since = Instant::now();
            let files = self.shared.options.stamps();
            let end = match self.make() {
                Ok(consumer) => {
                    self.set_consumer(Some(Arc::clone(&consumer)));
                    let end = self.poll(&consumer, files);
                    self.leave(consumer, &end);
                    end
                }
                Err(reason) => {
                    if self.refusals().add(&About::Group, &reason) {
                        tracing::error!(group = &*self.wanted.group, reason, "the group cannot be joined");
                    }
                    End::Broken("it cannot be made")
                }
            };
            let why = match end {
                End::Closed => return,
                End::Renewed => continue,
                End::Broken(why) => why,
            };
            if since.elapsed() >= STEADY {
                retry = FIRST_RETRY;
            }
            tracing::warn!(group = &*self.wanted.group, ?retry, "the group is joined anew: {why}");
            self.rest(retry);
            retry = (retry * 2).min(LONGEST_RETRY);
        }
    }

    fn make(self: &Arc<Self>) -> Result<Consumer, String> {
        let (mut config, observer) = self.access()?;
        self.wanted.configure(&mut config);
        if let Some(id) = self.shared.options.instance_id().map_err(|error| error.to_string())? {
            config.set("group.instance.id", id);
        }
        let context = GroupContext::new(self, &observer);
        self.set_observer(observer);
        let consumer: BaseConsumer<_> = config.create_with_context(context).map_err(|error| said(&error))?;
        consumer.subscribe(&self.wanted.topics()).map_err(|error| error.to_string())?;
        Ok(Arc::new(consumer))
    }

    /// What every client is told, read anew, and who sees its connections.
    fn access(&self) -> Result<(ClientConfig, Arc<Observer>), String> {
        let Access { config, secrets } = self.shared.options.load().map_err(|error| error.to_string())?;
        let observer = Observer::new(&self.shared.health, self.shared.options.name(), secrets);
        Ok((config, Arc::new(observer)))
    }

    fn poll(self: &Arc<Self>, consumer: &Consumer, mut files: Stamps) -> End {
        let (mut looked_at, mut try_again) = (Instant::now(), None::<Instant>);
        loop {
            // Of errors the context has heard.
            if let Some(Ok(message)) = consumer.poll(POLL) {
                // Its partition was split off before it was fetched from.
                drop(message);
                return End::Broken("a message came the wrong way");
            }
            for rebalance in self.take_decided() {
                match rebalance {
                    Rebalance::Assign(partitions) => self.assigned(consumer, partitions),
                    Rebalance::Revoke(partitions) => self.revoked(consumer, &partitions),
                }
            }
            if self.is_closing() {
                return End::Closed;
            }
            if self.broken.swap(false, Ordering::AcqRel) {
                return End::Broken("its messages came in disorder");
            }
            if consumer.client().fatal_error().is_some() {
                return End::Broken("it was fenced off");
            }
            if looked_at.elapsed() >= LOOK_EVERY {
                looked_at = Instant::now();
                let now = self.shared.options.stamps();
                let is_due = try_again.is_some_and(|at| Instant::now() >= at);
                if is_due || files.need_another(&now, self.is_connected()) {
                    files = now;
                    match self.try_settings() {
                        Ok(()) => return End::Renewed,
                        Err(reason) => {
                            try_again = Some(Instant::now() + TRY_AGAIN);
                            let group = &*self.wanted.group;
                            let what = "files of the broker's settings have changed, and it cannot be reached with them: \
                                        the group's connections are kept";
                            tracing::warn!(group, reason, "{what}");
                        }
                    }
                }
            }
        }
    }

    /// Whether a client can connect with the settings as they are now, which a member of no group tries.
    fn try_settings(self: &Arc<Self>) -> Result<(), String> {
        let (config, observer) = self.access()?;
        let client: BaseConsumer<_> =
            config.create_with_context(GroupContext::new(self, &observer)).map_err(|error| said(&error))?;
        let until = Instant::now() + ASK_PATIENCE;
        while !observer.is_connected() {
            if Instant::now() >= until {
                return Err(format!("no connection within {ASK_PATIENCE:?}"));
            }
            drop(client.poll(POLL));
        }
        Ok(())
    }

    fn assigned(&self, consumer: &Consumer, partitions: TopicPartitionList) {
        let partitions = self.beginnings(consumer, partitions);
        let mut all = self.partitions().to_vec();
        for element in partitions.elements() {
            let partition = Arc::new(Partition::new(element.topic().into(), element.partition()));
            if !partition.split(consumer, &self.wake) {
                // Its messages come the wrong way then, which is seen to.
                tracing::error!(?partition, "the partition has no queue");
            }
            all.push(partition);
        }
        self.set_partitions(all);
        self.expect(assign(consumer, &partitions), "an assignment");
        self.refusals().joined();
        tracing::debug!(group = &*self.wanted.group, partitions = ?self.partitions(), "partitions assigned");
        self.wake.notify_waiters();
    }

    /// Where to begin. A group without an offset that begins at its next message has that place committed at once: what
    /// is published from now on is not lost, whoever has the partition later.
    fn beginnings(&self, consumer: &Consumer, partitions: TopicPartitionList) -> TopicPartitionList {
        if !self.wanted.is_newest() || partitions.count() == 0 {
            return partitions;
        }
        match begin_at_newest(consumer, partitions.clone()) {
            Ok(partitions) => partitions,
            Err(error) => {
                let group = &*self.wanted.group;
                tracing::warn!(group, %error, "where the group begins was not committed: it begins at what comes next");
                partitions
            }
        }
    }

    fn revoked(&self, consumer: &Consumer, partitions: &TopicPartitionList) {
        let is_eager = !matches!(consumer.rebalance_protocol(), rdkafka::consumer::RebalanceProtocol::Cooperative);
        let goes = |partition: &Arc<Partition>| {
            is_eager || partitions.find_partition(&partition.topic, partition.number).is_some()
        };
        let (going, staying): (Vec<_>, Vec<_>) = self.partitions().iter().cloned().partition(goes);
        self.set_partitions(staying);
        self.give_up(&going, consumer.assignment_lost());
        self.expect(unassign(consumer, partitions), "a revocation");
    }

    /// Gives partitions up: after a moment for what is held, and the commit of what was settled, where they are not lost
    /// already.
    fn give_up(&self, going: &[Arc<Partition>], are_lost: bool) {
        for partition in going {
            partition.leave();
        }
        if !are_lost {
            let until = Instant::now() + HELD_PATIENCE;
            while Instant::now() < until && going.iter().any(|partition| partition.held() > 0) {
                park_timeout(Duration::from_millis(5));
            }
            self.commits.flush(Instant::now() + COMMIT_PATIENCE);
        }
        let unsettled: usize = going.iter().map(|partition| partition.revoke()).sum();
        let group = &*self.wanted.group;
        tracing::debug!(group, partitions = ?going, unsettled, are_lost, "partitions given up");
    }

    /// Leaves the group, and drops the consumer, which blocks.
    fn leave(&self, consumer: Consumer, end: &End) {
        let going = self.partitions();
        self.set_partitions([]);
        let is_of_use = matches!(end, End::Closed) || consumer.client().fatal_error().is_none();
        self.give_up(&going, !is_of_use || consumer.assignment_lost());
        consumer.client().context().leave();
        drop(self.set_consumer(None));
        self.take_decided();
        // Whoever has it still is one of our own threads, which has just done with it.
        let until = Instant::now() + COMMIT_PATIENCE;
        while Arc::strong_count(&consumer) > 1 && Instant::now() < until {
            park_timeout(Duration::from_millis(5));
        }
        drop(consumer);
    }

    /// Sleeps, unless the group is closed.
    fn rest(&self, wait: Duration) {
        let until = Instant::now() + wait;
        while !self.is_closing() && Instant::now() < until {
            park_timeout(POLL);
        }
    }

    pub(super) fn expect(&self, done: KafkaResult<()>, what: &str) {
        if let Err(error) = done {
            let group = &*self.wanted.group;
            tracing::warn!(group, %error, "librdkafka does not take {what}");
        }
    }
}

/// An error, without a value of the settings.
fn said(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, what, ..) => what.clone(),
        other => other.to_string(),
    }
}

/// Looks up what is committed, and commits the end of each partition where nothing is.
fn begin_at_newest(
    consumer: &BaseConsumer<GroupContext>,
    asked: TopicPartitionList,
) -> KafkaResult<TopicPartitionList> {
    let mut partitions = consumer.committed_offsets(asked, ASK_PATIENCE)?;
    let mut fresh = TopicPartitionList::new();
    for element in partitions.elements() {
        element.error()?;
        if element.offset() == Offset::Invalid {
            let (topic, partition) = (element.topic(), element.partition());
            let (_, end) = consumer.fetch_watermarks(topic, partition, ASK_PATIENCE)?;
            fresh.add_partition_offset(topic, partition, Offset::Offset(end))?;
        }
    }
    if fresh.count() > 0 {
        consumer.commit(&fresh, rdkafka::consumer::CommitMode::Sync)?;
        for element in fresh.elements() {
            partitions.set_partition_offset(element.topic(), element.partition(), element.offset())?;
        }
    }
    Ok(partitions)
}
