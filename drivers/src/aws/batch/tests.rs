use super::*;

/// Notes its requests, and answers when it is let.
struct Noting {
    requests: Mutex<Vec<Vec<u32>>>,
    let_go: tokio::sync::Semaphore,
}

impl Courier for Noting {
    type Item = u32;
    type Answer = u32;

    const LEAVES_OUT: bool = true;

    fn size(item: &u32) -> usize {
        *item as usize
    }

    fn max_bytes(&self) -> usize {
        100
    }

    async fn carry(&self, items: Vec<u32>) -> Vec<u32> {
        self.requests.lock().expect("no panic").push(items.clone());
        self.let_go.acquire().await.expect("open").forget();
        items
    }
}

const LIMITS: Limits = Limits { items: 3, requests: 2, pending: 20, pending_bytes: 1000 };

fn batches() -> Batches<Noting> {
    Batches::new(Noting { requests: Mutex::default(), let_go: tokio::sync::Semaphore::new(0) }, LIMITS)
}

impl Batches<Noting> {
    fn requests(&self) -> Vec<Vec<u32>> {
        self.courier().requests.lock().expect("no panic").clone()
    }

    async fn until_requests(&self, count: usize) {
        while self.requests().len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_one_goes_at_once_and_the_rest_gathers() {
    let batches = batches();
    let first = batches.push(1).expect("room");
    batches.until_requests(1).await;
    let rest: Vec<_> = (2..=5).map(|item| batches.push(item).expect("room")).collect();
    // Three fill a request; the fourth waits, as both places are taken.
    batches.until_requests(2).await;
    tokio::time::sleep(10 * LINGER).await;
    assert_eq!(batches.requests(), [vec![1], vec![2, 3, 4]]);
    batches.courier().let_go.add_permits(3);
    assert_eq!(first.await, Ok(1));
    for (answer, item) in rest.into_iter().zip(2..) {
        assert_eq!(answer.await, Ok(item));
    }
    assert_eq!(batches.requests(), [vec![1], vec![2, 3, 4], vec![5]]);
}

/// On another thread, at any time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_is_counted_no_longer() {
    let batches = batches();
    batches.courier().let_go.add_permits(1_000_000);
    for _ in 0..2000 {
        let answers: Vec<_> = (0..10).filter_map(|_| batches.push(1).ok()).collect();
        tokio::spawn(async move { drop(answers) });
        tokio::task::yield_now().await;
    }
    batches.close(Duration::from_secs(60)).await;
    let state = batches.0.state();
    assert_eq!((state.pending, state.pending_bytes, state.waiting_bytes, state.waiting.len()), (0, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn none_waits_for_long_behind_one_that_hangs() {
    let batches = batches();
    let hangs = batches.push(1).expect("room");
    batches.until_requests(1).await;
    let second = batches.push(2).expect("room");
    batches.until_requests(2).await;
    batches.courier().let_go.add_permits(2);
    assert_eq!((hangs.await, second.await), (Ok(1), Ok(2)));
}

#[tokio::test(start_paused = true)]
async fn bytes_are_counted_and_who_left_is_left_out() {
    let batches = batches();
    let mut answers = vec![batches.push(1).expect("room"), batches.push(60).expect("room")];
    batches.until_requests(2).await;
    answers.extend([50, 40, 30].map(|item| batches.push(item).expect("room")));
    drop(batches.push(7).expect("room"));
    answers.push(batches.push(200).expect("room"));
    batches.courier().let_go.add_permits(9);
    for answer in answers {
        answer.await.expect("an answer");
    }
    assert_eq!(batches.requests(), [vec![1], vec![60], vec![50, 40], vec![30], vec![200]]);
}

#[tokio::test(start_paused = true)]
async fn there_is_an_end_to_what_is_taken() {
    let batches = batches();
    let answers: Vec<_> = (0..20).map(|_| batches.push(1).expect("room")).collect();
    assert_eq!(batches.push(1).map(drop), Err(Rejected::Full));
    let closing = batches.clone();
    let closed = tokio::spawn(async move { closing.close(Duration::from_secs(60)).await });
    tokio::task::yield_now().await;
    batches.courier().let_go.add_permits(20);
    closed.await.expect("no panic");
    for mut answer in answers {
        assert_eq!(answer.try_recv(), Ok(1));
    }
    assert_eq!(batches.push(1).map(drop), Err(Rejected::Closed));
}
