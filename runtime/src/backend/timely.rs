//! A body that ends in time, whether or not anybody reads it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

/// What a body may give before it is watched: a connection polls on until it has more than this to write.
const UNWATCHED_BYTES: usize = 16 << 10;

/// A body that ends with an error when the time is up.
///
/// A connection whose client does not read stops polling the body that it writes, which would then hold the upstream's
/// connection for as long as the client likes. So one that is long is dropped in time by a task of its own.
pub(super) struct Timely<B> {
    body: Option<B>,
    watched: Option<Watched<B>>,
    endpoint: &'static str,
    deadline: Instant,
    /// Made when the body has to be waited for, which a small one has not.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether it has given anything.
    begun: bool,
}

/// A body in two hands: whoever writes it, and the task that drops it in time.
struct Watched<B> {
    body: Arc<Mutex<Option<B>>>,
    task: AbortHandle,
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<B: HttpBody + Send + 'static> Timely<B> {
    pub(super) fn new(body: B, endpoint: &'static str, deadline: Instant) -> Self {
        Self { body: Some(body), watched: None, endpoint, deadline, sleep: None, begun: false }
    }

    /// For HTTP/2, which does not poll a body before the client has room for it.
    pub(super) fn watched(mut self) -> Self {
        self.watch();
        self
    }

    fn watch(&mut self) {
        let Some(body) = self.body.take() else { return };
        let body = Arc::new(Mutex::new(Some(body)));
        let (theirs, deadline) = (Arc::clone(&body), self.deadline);
        let task = tokio::spawn(async move {
            sleep_until(deadline).await;
            drop(theirs.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
        self.watched = Some(Watched { body, task: task.abort_handle() });
    }

    /// `None` once it was dropped.
    fn with<T>(&mut self, look: impl FnOnce(&mut B) -> T) -> Option<T> {
        match (&mut self.body, &self.watched) {
            (Some(body), _) => Some(look(body)),
            (None, Some(watched)) => watched.body.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(look),
            (None, None) => None,
        }
    }
}

impl<B> HttpBody for Timely<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.get_mut();
        let polled = this.with(|body| {
            let frame = Pin::new(&mut *body).poll_frame(cx);
            (frame, body.is_end_stream())
        });
        let error = match polled {
            Some((Poll::Ready(Some(Err(error))), _)) => error.into(),
            Some((Poll::Ready(Some(Ok(frame))), ended)) => {
                // As in KrakenD, trailers are not passed on.
                let Some(data) = frame.data_ref() else { return Poll::Ready(None) };
                if !ended && (this.begun || data.len() > UNWATCHED_BYTES) {
                    this.watch();
                }
                this.begun = true;
                return Poll::Ready(Some(Ok(frame)));
            }
            Some((Poll::Ready(None), _)) => return Poll::Ready(None),
            Some((Poll::Pending, _)) => {
                let deadline = this.deadline;
                let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                ready!(sleep.as_mut().poll(cx));
                "the endpoint's time was up".into()
            }
            None => "the endpoint's time was up".into(),
        };
        tracing::warn!(path = this.endpoint, %error, "answer cut off");
        Poll::Ready(Some(Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        match (&self.body, &self.watched) {
            (Some(body), _) => body.is_end_stream(),
            (None, Some(watched)) => {
                let body = watched.body.lock().unwrap_or_else(PoisonError::into_inner);
                body.as_ref().is_some_and(HttpBody::is_end_stream)
            }
            (None, None) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.body, &self.watched) {
            (Some(body), _) => body.size_hint(),
            (None, Some(watched)) => {
                let body = watched.body.lock().unwrap_or_else(PoisonError::into_inner);
                body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
            }
            (None, None) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use futures_util::{Stream, StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    /// Frames without end; `held` has another owner for as long as they are there.
    fn endless(held: &Arc<()>) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Unpin + use<> {
        let held = Arc::clone(held);
        stream::iter(["a", "b"]).chain(stream::repeat("c")).map(move |text| {
            let _held = &held;
            Ok(Frame::data(Bytes::from_static(text.as_bytes())))
        })
    }

    async fn next<B>(body: &mut Timely<B>) -> Result<Bytes, String>
    where
        B: HttpBody<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
    {
        let frame = body.frame().await.expect("no end").map_err(|error| error.to_string())?;
        Ok(frame.into_data().expect("data"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_cut_off() {
        let deadline = Instant::now() + Duration::from_secs(5);
        let body = StreamBody::new(endless(&Arc::new(())).take(2).chain(stream::pending()));
        let mut timely = Timely::new(body, "/", deadline);
        assert_eq!((next(&mut timely).await.unwrap(), next(&mut timely).await.unwrap()), ("a".into(), "b".into()));
        assert_eq!(next(&mut timely).await.unwrap_err(), "the endpoint's time was up");
        assert_eq!(Instant::now(), deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_reads_is_dropped() {
        for at_once in [false, true] {
            let held = Arc::new(());
            let deadline = Instant::now() + Duration::from_secs(5);
            let mut timely = Timely::new(StreamBody::new(endless(&held)), "/", deadline);
            if at_once {
                timely = timely.watched();
            } else {
                next(&mut timely).await.unwrap();
                assert!(timely.watched.is_none(), "a small one costs no task");
                next(&mut timely).await.unwrap();
            }
            assert_eq!(Arc::strong_count(&held), 2);
            tokio::time::sleep_until(deadline + Duration::from_millis(2)).await;
            assert_eq!(Arc::strong_count(&held), 1);
            assert_eq!(next(&mut timely).await.unwrap_err(), "the endpoint's time was up");
        }
    }

    #[tokio::test]
    async fn the_task_ends_with_the_body() {
        let held = Arc::new(());
        let deadline = Instant::now() + Duration::from_secs(3600);
        drop(Timely::new(StreamBody::new(endless(&held)), "/", deadline).watched());
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
