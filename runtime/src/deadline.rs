//! Work that ends at a point in time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::time::{Instant, sleep_until};

/// Waits for `future`, or `None` once it is `deadline`.
///
/// Unlike tokio's `timeout_at` it makes no timer for what is ready at once, which is most of what memory answers.
pub(crate) async fn before<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(None);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        if timer.is_none() {
            timer.set(Some(sleep_until(deadline)));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(context).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_wins_and_what_is_not_ends() {
        let deadline = Instant::now() + Duration::from_secs(5);
        assert_eq!(before(deadline, ready(7)).await, Some(7));
        assert_eq!(before(deadline - Duration::from_secs(6), ready(7)).await, Some(7));
        let later = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            8
        };
        assert_eq!(before(deadline, later).await, Some(8));
        assert_eq!(before(deadline, pending::<()>()).await, None);
        assert_eq!(Instant::now(), deadline);
    }
}
