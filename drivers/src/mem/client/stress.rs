//! Many publishers and receivers, who do whatever can be done with a delivery.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::tests::far;
use super::*;
use crate::{Broker as _, Delivery as _, Publisher as _, PublisherOptions, Subscriber as _, SubscriberOptions};

const MESSAGES: usize = 4_000;
const TASKS: usize = 4;
const SUBSCRIPTIONS: usize = 2;

/// What happened to each message of a subscription.
#[derive(Default)]
struct Account {
    by_message: Mutex<BTreeMap<usize, Fate>>,
    acknowledged: AtomicUsize,
}

#[derive(Default)]
struct Fate {
    /// The counts of all deliveries, in whatever order the receivers came to write them down.
    counts: Vec<u32>,
    acknowledged: Vec<u32>,
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_on_many_threads() {
    everything_is_acknowledged_once().await;
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_is_lost_on_one_thread() {
    everything_is_acknowledged_once().await;
}

async fn everything_is_acknowledged_once() {
    let broker = Broker::open(&Settings::default()).unwrap();
    let accounts: Vec<Arc<Account>> = (0..SUBSCRIPTIONS).map(|_| Arc::default()).collect();
    let mut tasks = JoinSet::new();
    for (number, account) in accounts.iter().enumerate() {
        for task in 0..TASKS {
            let url = format!("mem://t?subscription=s{number}&ackdeadline=10ms&capacity=500");
            let subscriber = broker.subscriber(&url, &SubscriberOptions::default()).unwrap();
            let numbers = Numbers((number * TASKS + task) as u64);
            tasks.spawn(receive_all(subscriber, Arc::clone(account), numbers));
        }
    }
    for task in 0..TASKS {
        tasks.spawn(publish_all(broker.publisher("mem://t", &PublisherOptions::default()).unwrap(), task));
    }
    timeout(Duration::from_secs(120), async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    })
    .await
    .expect("a receiver waits for what never comes");
    for account in accounts {
        let fates = account.by_message.lock().unwrap();
        assert_eq!(fates.len(), MESSAGES);
        for (number, fate) in fates.iter() {
            let mut counts = fate.counts.clone();
            counts.sort_unstable();
            let last = counts.len() as u32;
            assert_eq!(counts, (1..=last).collect::<Vec<_>>(), "message {number}");
            // Its last delivery, and no other, was acknowledged.
            assert_eq!(fate.acknowledged, [last], "message {number}");
        }
    }
}

async fn publish_all(publisher: Publisher, task: usize) {
    for number in (task..MESSAGES).step_by(TASKS) {
        while let Err(error) = publisher.publish(Message::new(number.to_string())).await {
            assert_eq!(error.kind, PublishErrorKind::Full);
            sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn receive_all(subscriber: Subscriber, account: Arc<Account>, mut numbers: Numbers) {
    while account.acknowledged.load(Ordering::SeqCst) < MESSAGES {
        let patience = Duration::from_micros(1 << numbers.below(14));
        let Some(delivery) = receive_or_cancel(&subscriber, patience, &mut numbers).await else { continue };
        let number: usize = std::str::from_utf8(&delivery.message().body).unwrap().parse().unwrap();
        let count = delivery.delivery_count().unwrap();
        account.by_message.lock().unwrap().entry(number).or_default().counts.push(count);
        match numbers.below(16) {
            0 => drop(delivery),
            1 => settle(&delivery, Settlement::Nack { delay: Duration::ZERO }).await,
            2 => settle(&delivery, Settlement::Nack { delay: Duration::from_millis(numbers.below(5)) }).await,
            3 if numbers.below(8) == 0 => sleep(Duration::from_millis(20)).await,
            _ => {
                if delivery.settle(Settlement::Ack).await.is_ok() {
                    account.by_message.lock().unwrap().entry(number).or_default().acknowledged.push(count);
                    account.acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
}

/// Waits in one of two ways: for some time, or for as long as another task takes to be scheduled.
async fn receive_or_cancel(subscriber: &Subscriber, patience: Duration, numbers: &mut Numbers) -> Option<Delivery> {
    if numbers.below(2) == 0 {
        return timeout(patience, subscriber.receive(far())).await.ok().map(Result::unwrap);
    }
    tokio::select! {
        delivery = subscriber.receive(far()) => Some(delivery.unwrap()),
        () = tokio::task::yield_now() => None,
    }
}

async fn settle(delivery: &Delivery, settlement: Settlement) {
    // Its deadline may have passed.
    if let Err(error) = delivery.settle(settlement).await {
        assert!(matches!(error, SettleError::Expired), "{error}");
    }
}

/// One receiver that never gives up, beside another that begins to wait and is dropped once it may have been
/// woken: a lost wake-up would leave it waiting beside a ready message.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost() {
    let broker = Broker::open(&Settings::default()).unwrap();
    let received = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..2 {
        let subscriber = broker.subscriber("mem://t", &SubscriberOptions::default()).unwrap();
        let received = Arc::clone(&received);
        let mut numbers = Numbers(task as u64);
        if task == 0 {
            tasks.spawn(async move {
                while let Ok(delivery) = subscriber.receive(far()).await {
                    delivery.settle(Settlement::Ack).await.unwrap();
                    received.fetch_add(1, Ordering::SeqCst);
                    // So that the other one is before it.
                    yields(numbers.below(8)).await;
                }
            });
            continue;
        }
        tasks.spawn(async move {
            loop {
                let round = received.load(Ordering::SeqCst);
                // The receiver is asked last and so dropped unpolled, even when it was just woken.
                tokio::select! {
                    biased;
                    () = yields(1 + numbers.below(4)) => {}
                    delivery = subscriber.receive(far()) => match delivery {
                        Ok(delivery) => drop(delivery),
                        Err(_) => return,
                    },
                }
                // Once for each message: to wait again would find the message by chance.
                while received.load(Ordering::SeqCst) == round {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    let publisher = broker.publisher("mem://t", &PublisherOptions::default()).unwrap();
    timeout(Duration::from_secs(120), async {
        for number in 0..MESSAGES {
            yields(number as u64 % 8).await;
            publisher.publish(Message::default()).await.unwrap();
            while received.load(Ordering::SeqCst) <= number {
                tokio::task::yield_now().await;
            }
        }
    })
    .await
    .expect("a message wakes nobody");
    tasks.abort_all();
}

async fn yields(times: u64) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}
