use crate::backend::{Data, Failure, Reply, shape_json};
use crate::middleware::{Middleware, Options};
use crate::opener::OpenFailure;
use crate::shape::{FlatmapOp, Shape};

/// `proxy.flatmap_filter` of an endpoint: moves, deletes and appends in the merged answer.
///
/// Also in an incomplete one, which KrakenD leaves as it is: what is deleted must not come back because a backend
/// failed.
#[derive(Clone, Copy, Debug)]
pub struct Flatmap {
    shape: Shape,
}

impl Flatmap {
    /// The operations in the order they are carried out.
    #[must_use]
    pub const fn new(ops: &'static [FlatmapOp]) -> Self {
        Self { shape: Shape::OBJECT.flatmap(ops) }
    }
}

impl Options for Flatmap {
    type State = &'static Shape;

    fn open(&'static self) -> Result<&'static Shape, OpenFailure> {
        Ok(&self.shape)
    }
}

impl Middleware for &'static Shape {
    fn on_result(&self, result: &mut Result<Reply, Failure>) {
        let Ok(Reply { data: data @ Data::Object(_), published, .. }) = result else { return };
        let Data::Object(object) = &*data else { return };
        // Whatever comes after may want to know where the root members are.
        match shape_json(self, &object.text, true) {
            Ok(shaped) => *data = shaped,
            Err(reason) => *result = Reply::without_data(*published, Failure::internal(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;
    use crate::backend::PublishOutcome;

    static ENDPOINT: Flatmap =
        Flatmap::new(&[FlatmapOp::Move(&["x", "y"], &["z"]), FlatmapOp::Delete(&["l", "*", "q"])]);

    fn filtered(body: &'static str, complete: bool) -> Result<(Data, bool), Failure> {
        let data = shape_json(&Shape::OBJECT, &Bytes::from_static(body.as_bytes()), false).unwrap();
        let mut result = Ok(Reply { errored: !complete, ..Reply::new(data, complete) });
        ENDPOINT.open().unwrap().on_result(&mut result);
        result.map(|reply| (reply.data, reply.complete))
    }

    #[test]
    fn complete_or_not() {
        for complete in [true, false] {
            let (data, still) = filtered(r#"{"a":1,"x":{"y":1},"l":[{"p":1,"q":2}]}"#, complete).unwrap();
            let object = data.as_object().unwrap();
            assert_eq!(object.text, r#"{"a":1,"x":null,"l":[{"p":1}],"z":1}"#);
            assert_eq!((object.roots.len(), still), (4, complete));
        }
    }

    #[test]
    fn what_cannot_be_a_tree_is_an_error() {
        let deep: &'static str = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200)).leak();
        assert_eq!(filtered(deep, true).unwrap_err().status, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_message_that_was_published_stays_a_success() {
        let deep: &'static str = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200)).leak();
        let data = shape_json(&Shape::OBJECT, &Bytes::from_static(deep.as_bytes()), false).unwrap();
        let published = Some(("mem://a", PublishOutcome::Confirmed));
        let mut result = Ok(Reply { published, ..Reply::new(data, true) });
        ENDPOINT.open().unwrap().on_result(&mut result);
        let reply = result.unwrap();
        assert_eq!((reply.published, reply.complete, reply.errored), (published, false, true));
        assert_eq!(reply.data.as_object().unwrap().text, "{}", "what was to be deleted is not in it");
    }
}
