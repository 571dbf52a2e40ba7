//! Reading a body whole, of a request or of a backend's response.

use std::fmt;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The most that is allocated because a peer announced it; what really comes can be longer.
const MAX_ANNOUNCED_BYTES: usize = 1 << 20;

/// A body could not be read whole.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than allowed.
    TooLarge {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// The peer went away, or sent something that is no body.
    Read(BoxError),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the body is longer than {limit} bytes"),
            Self::Read(error) => write!(f, "reading the body: {error}"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TooLarge { .. } => None,
            Self::Read(error) => Some(&**error),
        }
    }
}

/// Reads `body` to its end and drops its trailers. `limit` is in bytes; without one, memory is the limit.
///
/// A body that comes in one piece is not copied. Otherwise it is copied into one buffer, which has the right
/// size from the start when the length was announced and is not above 1 MiB.
///
/// # Errors
/// [`BodyError::TooLarge`], before reading when the announced length says so; [`BodyError::Read`].
pub async fn read_body<B>(body: B, limit: Option<usize>) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut length = 0;
    check(announced, limit)?;
    let Some(first) = next(&mut body, &mut length, limit).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() {
        return Ok(first);
    }
    let Some(second) = next(&mut body, &mut length, limit).await? else { return Ok(first) };
    let mut whole = BytesMut::with_capacity(announced.min(MAX_ANNOUNCED_BYTES).max(length));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(data) = next(&mut body, &mut length, limit).await? {
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Reads what is left of a body that nobody needs, so that its connection can be used again; one of more than `limit` bytes
/// is given up, which costs the connection. So does what goes wrong here.
pub(crate) async fn drain<B>(body: B, limit: usize)
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if check(length, Some(limit)).is_ok() {
        length = 0;
        while let Ok(Some(_)) = next(&mut body, &mut length, Some(limit)).await {}
    }
}

/// The next piece that is not empty; `length` counts them all.
async fn next<B>(body: &mut B, length: &mut usize, limit: Option<usize>) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Read(error.into()))?;
        if let Ok(data) = frame.into_data()
            && !data.is_empty()
        {
            *length = length.saturating_add(data.len());
            check(*length, limit)?;
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn check(length: usize, limit: Option<usize>) -> Result<(), BodyError> {
    match limit {
        Some(limit) if length > limit => Err(BodyError::TooLarge { limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures_util::stream;
    use http::HeaderMap;
    use http_body::{Frame, SizeHint};
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn pieces(pieces: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> + use<> {
        let mut frames: Vec<_> =
            pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        frames.push(Ok(Frame::trailers(HeaderMap::new())));
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn bodies() {
        for (given, limit, whole) in [
            (&[][..], None, Some("")),
            (&["", ""], Some(0), Some("")),
            (&["abc"], None, Some("abc")),
            (&["abc"], Some(3), Some("abc")),
            (&["abc"], Some(2), None),
            (&["abc", "", "def", "g"], Some(7), Some("abcdefg")),
            (&["abc", "def", "g"], Some(6), None),
        ] {
            match read_body(pieces(given), limit).await {
                Ok(read) => assert_eq!(Some(&*read), whole.map(str::as_bytes), "{given:?}"),
                Err(BodyError::TooLarge { limit: named }) => assert_eq!((whole, Some(named)), (None, limit)),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        let given = Bytes::from(vec![7; 1000]);
        let read = read_body(Full::new(given.clone()), Some(1000)).await.unwrap();
        assert_eq!(read.as_ptr(), given.as_ptr());
        let trailed = StreamBody::new(stream::iter([
            Ok::<_, Infallible>(Frame::data(given.clone())),
            Ok(Frame::trailers(HeaderMap::new())),
        ]));
        assert_eq!(read_body(trailed, None).await.unwrap().as_ptr(), given.as_ptr());
    }

    struct Unread;

    impl Body for Unread {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            panic!("read")
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(4)
        }
    }

    #[tokio::test]
    async fn an_announced_length_is_refused_unread() {
        let error = read_body(Unread, Some(3)).await.unwrap_err();
        assert_eq!(error.to_string(), "the body is longer than 3 bytes");
    }

    #[tokio::test]
    async fn a_broken_body() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"a"))), Err(std::io::Error::other("gone"))];
        let error = read_body(StreamBody::new(stream::iter(frames)), None).await.unwrap_err();
        assert_eq!(error.to_string(), "reading the body: gone");
    }
}
