use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::*;

/// Connects when it is told to, and loses the connection when it is told to.
struct Told {
    attempts: Arc<AtomicUsize>,
    answers: mpsc::Receiver<Result<(), &'static str>>,
    losses: mpsc::Receiver<&'static str>,
}

struct Teller {
    attempts: Arc<AtomicUsize>,
    answers: mpsc::Sender<Result<(), &'static str>>,
    losses: mpsc::Sender<&'static str>,
}

impl Link for Told {
    type Connection = ();

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn connect(&mut self) -> Result<(), String> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        match self.answers.recv().await {
            Some(answer) => answer.map_err(str::to_owned),
            None => std::future::pending().await,
        }
    }

    async fn serve(&mut self, (): (), mut closing: Closing) -> String {
        tokio::select! {
            () = closing.requested() => "closed".to_owned(),
            Some(reason) = self.losses.recv() => reason.to_owned(),
        }
    }
}

fn told() -> (Told, Teller) {
    let (answers, answered) = mpsc::channel(1);
    let (losses, lost) = mpsc::channel(1);
    let attempts = Arc::<AtomicUsize>::default();
    let told = Told { attempts: Arc::clone(&attempts), answers: answered, losses: lost };
    (told, Teller { attempts, answers, losses })
}

/// Connects at once, and looks at the state when it is to be used.
struct Looking {
    supervision: Arc<Supervision>,
    seen: Arc<Mutex<Vec<BrokerState>>>,
}

impl Link for Looking {
    type Connection = ();

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn connect(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn ready(&mut self, (): &()) {
        self.seen.lock().expect("not poisoned").push(self.supervision.state());
    }

    async fn serve(&mut self, (): (), mut closing: Closing) -> String {
        closing.requested().await;
        "closed".to_owned()
    }
}

#[tokio::test]
async fn who_is_told_of_a_connection_can_use_it() {
    let (supervision, seen) = (Supervision::new("test", None), Arc::<Mutex<Vec<_>>>::default());
    let _supervisor = supervision.start(Looking { supervision: Arc::clone(&supervision), seen: Arc::clone(&seen) });
    supervision.wait_until(|state| *state == BrokerState::Connected).await;
    assert_eq!(*seen.lock().expect("not poisoned"), [BrokerState::Connecting]);
    supervision.close().await;
}

#[tokio::test(start_paused = true)]
async fn comes_back_by_itself_and_closes() {
    let (link, teller) = told();
    let supervision = Supervision::new("test", None);
    let _supervisor = supervision.start(link);
    assert_eq!(supervision.state(), BrokerState::Connecting);
    teller.answers.send(Err("refused")).await.expect("it asks");
    teller.answers.send(Ok(())).await.expect("it asks again");
    supervision.wait_until(|state| *state == BrokerState::Connected).await;
    assert_eq!(supervision.failure(), "refused");
    teller.losses.send("cut").await.expect("it serves");
    let lost = BrokerState::Disconnected { reason: "cut".to_owned() };
    supervision.wait_until(|state| *state == lost).await;
    teller.answers.send(Err("away")).await.expect("it asks");
    let away = BrokerState::Disconnected { reason: "away".to_owned() };
    supervision.wait_until(|state| *state == away).await;
    teller.answers.send(Ok(())).await.expect("it asks");
    supervision.wait_until(|state| *state == BrokerState::Connected).await;
    let counters = supervision.counters();
    assert_eq!((counters.connects(), counters.connect_failures(), counters.disconnects()), (2, 2, 1));
    supervision.close().await;
    assert_eq!(supervision.state(), BrokerState::Closed);
    assert_eq!(counters.disconnects(), 1, "closing is no loss");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_day_ends_within_seconds() {
    let (link, teller) = told();
    let supervision = Supervision::new("test", None);
    let _supervisor = supervision.start(link);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(24 * 60 * 60) {
        teller.answers.send(Err("refused")).await.expect("it asks");
    }
    let attempts = teller.attempts.load(Ordering::Relaxed);
    // Between every 1.5 and every 3 seconds, in the end.
    assert!((28_000..60_000).contains(&attempts), "{attempts} attempts");
    // The last one sent is still to be asked for, as the broker's last refusal.
    drop(teller.answers.reserve().await.expect("it asks"));
    let back = Instant::now();
    while supervision.state() != BrokerState::Connected {
        let _ = teller.answers.try_send(Ok(()));
        sleep(Duration::from_millis(10)).await;
    }
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_given_up() {
    let (link, teller) = told();
    let supervision = Supervision::new("test", None);
    let _supervisor = supervision.start(link);
    sleep(Duration::from_secs(60)).await;
    assert!(teller.attempts.load(Ordering::Relaxed) >= 6);
    assert_eq!(supervision.failure(), "no answer within 5s");
    assert_eq!(supervision.state(), BrokerState::Connecting);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_an_attempt_and_a_wait() {
    for answers in [0, 5] {
        let (link, teller) = told();
        let supervision = Supervision::new("test", None);
        let _supervisor = supervision.start(link);
        for _ in 0..answers {
            teller.answers.send(Err("refused")).await.expect("it asks");
        }
        supervision.close().await;
        assert_eq!(supervision.state(), BrokerState::Closed);
        assert_eq!(supervision.failure(), "it is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_supervisor_ends_it() {
    let (link, _teller) = told();
    let supervision = Supervision::new("test", None);
    drop(supervision.start(link));
    supervision.wait_until(|state| *state == BrokerState::Closed).await;
}

#[tokio::test(start_paused = true)]
async fn repeats_are_let_through_once_a_minute() {
    let mut lines = crate::outage::Repeats::default();
    assert!(lines.is_due("refused"));
    assert!(lines.is_due("cut"));
    assert!(!lines.is_due("refused"));
    sleep(MINUTE).await;
    assert!(lines.is_due("refused"));
    // However many different ones there are.
    let many = (0..1_000).filter(|number| lines.is_due(&number.to_string())).count();
    assert!(many < 10, "{many}");
}

const MINUTE: Duration = Duration::from_secs(60);
