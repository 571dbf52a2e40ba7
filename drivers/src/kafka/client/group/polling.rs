//! The thread that polls what is not a message: rebalances, errors, log lines.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread::{self, park_timeout};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
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
/// How long it is asked where it does not say.
const BEGINNING_PATIENCE: Duration = Duration::from_secs(20);
/// The wait before a consumer is made anew, doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(5 * 60);
/// How often files of the settings are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// When settings are tried again that did not work.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// When a group is joined anew that cannot read one of its topics, doubled each time: nothing less says whether it can by
/// now, and it makes all members wait.
const FIRST_LOOK: Duration = Duration::from_secs(5 * 60);
const LONGEST_LOOK: Duration = Duration::from_secs(60 * 60);
/// A consumer that lasted as long was a good one.
const STEADY: Duration = Duration::from_secs(60);

/// How a consumer has ended.
enum End {
    Closed,
    /// Another takes its place, which knows the settings as they are now.
    Renewed,
    /// It is of no use any more.
    Broken(&'static str),
    /// Another process has its `group.instance.id`.
    Fenced,
}

/// Starts the threads of `group`.
pub(super) fn start(group: &Arc<Group>, others: Vec<Arc<Group>>) {
    let (polls, commits) = (Arc::clone(group), Arc::clone(group));
    let polling = thread::Builder::new().name("kafka-group".to_owned()).spawn(move || {
        while !polls.is_closing() && others.iter().any(|other| !other.has_ended()) {
            park_timeout(POLL);
        }
        drop(others);
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
        let (mut retry, mut look) = (FIRST_RETRY, FIRST_LOOK);
        while !self.is_closing() {
            // Without one it is an outage like others, and nothing that the group is refused.
            if let Err(error) = self.shared.options.wait_for_token() {
                self.shared.health.failed(&error.to_string());
                self.rest(LOOK_EVERY);
                continue;
            }
            let since = Instant::now();
            let files = self.shared.options.stamps();
            let end = match self.make() {
                Ok(consumer) => {
                    self.set_consumer(Some(Arc::clone(&consumer)));
                    let end = self.poll(&consumer, files, &mut look);
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
                // Two that had their rests begin again whenever they were left alone would fence each other off for ever.
                End::Fenced => "it was fenced off",
                End::Broken(why) => {
                    if since.elapsed() >= STEADY {
                        retry = FIRST_RETRY;
                    }
                    why
                }
            };
            tracing::warn!(group = &*self.wanted.group, ?retry, "the group is joined anew: {why}");
            self.rest(retry);
            retry = (retry * 2).min(LONGEST_RETRY);
        }
    }

    fn make(self: &Arc<Self>) -> Result<Consumer, String> {
        let (mut config, observer) = self.access()?;
        let observer = Arc::new(observer);
        self.wanted.configure(&mut config);
        if let Some(id) = self.shared.options.instance_id().map_err(|error| error.to_string())? {
            config.set("group.instance.id", id);
        }
        let context = GroupContext::new(self, &observer);
        self.set_observer(observer);
        self.refusals().clear_unreadable();
        let consumer: BaseConsumer<_> = config.create_with_context(context).map_err(|error| said(&error))?;
        consumer.subscribe(&self.wanted.topics()).map_err(|error| error.to_string())?;
        Ok(Arc::new(consumer))
    }

    /// What every client is told, read anew, and who sees its connections.
    fn access(&self) -> Result<(ClientConfig, Observer), String> {
        let Access { config, secrets } = self.shared.options.load().map_err(|error| error.to_string())?;
        let observer = Observer::new(&self.shared.health, self.shared.options.name(), secrets);
        Ok((config, observer))
    }

    fn poll(self: &Arc<Self>, consumer: &Consumer, mut files: Stamps, look: &mut Duration) -> End {
        let (mut looked_at, mut try_again) = (Instant::now(), None::<Instant>);
        let mut trial = None::<Receiver<Result<(), String>>>;
        loop {
            // Of errors the context has heard.
            if let Some(Ok(message)) = consumer.poll(POLL) {
                // Its partition was split off before it was fetched from.
                drop(message);
                return End::Broken("a message came the wrong way");
            }
            for rebalance in self.take_decided() {
                match rebalance {
                    Rebalance::Assign(partitions) => {
                        if let Err(why) = self.assigned(consumer, partitions) {
                            return End::Broken(why);
                        }
                    }
                    Rebalance::Revoke(partitions) => self.revoked(consumer, &partitions),
                }
            }
            self.commits.watch(self);
            if self.is_closing() {
                return End::Closed;
            }
            if self.broken.swap(false, Ordering::AcqRel) {
                return End::Broken("its messages came in disorder");
            }
            match consumer.client().fatal_error() {
                Some((RDKafkaErrorCode::FencedInstanceId, _)) => return End::Fenced,
                Some(_) => return End::Broken("librdkafka has given it up"),
                None => {}
            }
            if self.waits_in_vain() {
                return End::Broken("a token is there that it lacked");
            }
            if self.refusals().unreadable_since().is_some_and(|since| since.elapsed() >= *look) {
                *look = (*look * 2).min(LONGEST_LOOK);
                return End::Renewed;
            }
            match trial.as_ref().map(Receiver::try_recv) {
                None | Some(Err(TryRecvError::Empty)) => {}
                Some(Ok(Ok(()))) => return End::Renewed,
                Some(tried) => {
                    let reason = tried.ok().and_then(Result::err).unwrap_or_else(|| "no thread to try them".to_owned());
                    trial = None;
                    try_again = Some(Instant::now() + TRY_AGAIN);
                    let group = &*self.wanted.group;
                    let what = "files of the broker's settings have changed, and it cannot be reached with them: \
                                the group's connections are kept";
                    tracing::warn!(group, reason, "{what}");
                }
            }
            if looked_at.elapsed() >= LOOK_EVERY && trial.is_none() {
                looked_at = Instant::now();
                let now = self.shared.options.stamps();
                let is_due = try_again.is_some_and(|at| Instant::now() >= at);
                if is_due || files.need_another(&now, self.is_connected()) {
                    (files, try_again) = (now, None);
                    trial = Some(self.start_trial());
                }
            }
        }
    }

    /// Tries the settings as they are now, on a thread of its own: rebalances do not wait for that.
    fn start_trial(self: &Arc<Self>) -> Receiver<Result<(), String>> {
        let (sender, receiver) = channel();
        let group = Arc::clone(self);
        // Where there is no thread the sender is dropped, which says so. Who has ended does not want to know.
        let trial = move || drop(sender.send(group.try_settings()));
        drop(thread::Builder::new().name("kafka-settings".to_owned()).spawn(trial));
        receiver
    }

    /// Whether a client can connect with the settings as they are now, which a member of no group tries.
    fn try_settings(&self) -> Result<(), String> {
        let (config, observer) = self.access()?;
        let client: BaseConsumer<Observer> = config.create_with_context(observer).map_err(|error| said(&error))?;
        let until = Instant::now() + ASK_PATIENCE;
        while !client.context().is_connected() {
            if Instant::now() >= until || self.is_closing() {
                return Err(format!("no connection within {ASK_PATIENCE:?}"));
            }
            drop(client.poll(POLL));
        }
        Ok(())
    }

    fn assigned(&self, consumer: &Consumer, partitions: TopicPartitionList) -> Result<(), &'static str> {
        let partitions = self.beginnings(consumer, partitions)?;
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
        if let Err(error) = assign(consumer, &partitions) {
            let group = &*self.wanted.group;
            tracing::error!(group, %error, "librdkafka does not take an assignment");
            return Err("what is assigned to it is not certain");
        }
        self.refusals().joined();
        tracing::debug!(group = &*self.wanted.group, partitions = ?self.partitions(), "partitions assigned");
        self.wake.notify_waiters();
        Ok(())
    }

    /// Where to begin. A group without an offset that begins at its next message has that place committed at once: what
    /// is published from now on is not lost, whoever has the partition later.
    ///
    /// What is committed has to be known: to begin at the end where that cannot be asked would leave out what is stored,
    /// and to leave it to librdkafka would begin at the oldest.
    fn beginnings(
        &self,
        consumer: &Consumer,
        partitions: TopicPartitionList,
    ) -> Result<TopicPartitionList, &'static str> {
        if !self.wanted.is_newest() || partitions.count() == 0 {
            return Ok(partitions);
        }
        let group = &*self.wanted.group;
        let until = Instant::now() + BEGINNING_PATIENCE;
        loop {
            match committed(consumer, partitions.clone()) {
                Ok(committed) => {
                    let (partitions, done) = begin_at_newest(consumer, committed);
                    if let Err(error) = done {
                        tracing::warn!(group, %error, "where the group begins was not committed: it begins at what comes next");
                    }
                    return Ok(partitions);
                }
                Err(error) if self.is_closing() || consumer.assignment_lost() || Instant::now() >= until => {
                    tracing::warn!(group, %error, "where the group was is not known");
                    return Err("where it was is not known");
                }
                Err(_) => park_timeout(POLL),
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
            // Who settles from now on is told that it is too late: nothing that was taken may miss the commit.
            let dirty = going.iter().filter(|partition| partition.seal()).cloned().collect();
            self.commits.flush(dirty, Instant::now() + COMMIT_PATIENCE);
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

/// What the group has committed.
fn committed(consumer: &BaseConsumer<GroupContext>, asked: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    let committed = consumer.committed_offsets(asked, ASK_PATIENCE)?;
    committed.elements().iter().try_for_each(|element| element.error())?;
    Ok(committed)
}

/// Begins at the end of each partition that nothing is committed of, and commits that.
fn begin_at_newest(
    consumer: &BaseConsumer<GroupContext>,
    committed: TopicPartitionList,
) -> (TopicPartitionList, KafkaResult<()>) {
    let mut partitions = TopicPartitionList::with_capacity(committed.count());
    let mut fresh = TopicPartitionList::new();
    let mut done = Ok(());
    for element in committed.elements() {
        let (topic, partition) = (element.topic(), element.partition());
        let mut offset = element.offset();
        if offset == Offset::Invalid {
            offset = match consumer.fetch_watermarks(topic, partition, ASK_PATIENCE) {
                Ok((_, end)) => Offset::Offset(end),
                Err(error) => {
                    done = Err(error);
                    Offset::End
                }
            };
            if offset != Offset::End {
                done = done.and(fresh.add_partition_offset(topic, partition, offset));
            }
        }
        done = done.and(partitions.add_partition_offset(topic, partition, offset));
    }
    if fresh.count() > 0 {
        done = done.and(consumer.commit(&fresh, rdkafka::consumer::CommitMode::Sync));
    }
    (partitions, done)
}
