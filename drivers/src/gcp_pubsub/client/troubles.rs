//! What it means for deliveries that a call has failed.

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Bytes;
use tonic::Code;

use super::live::Failure;

/// What became of an acknowledgement that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may be taken when it is told again.
    Passing,
    /// The delivery is not ours any more.
    Lasting,
}

/// Whether the service has decided, and will not decide otherwise until somebody changes something there.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    use Code::{FailedPrecondition, InvalidArgument, NotFound, OutOfRange, PermissionDenied, Unimplemented};
    match failure {
        Failure::NotSent(_) | Failure::Unanswered(_) => false,
        Failure::Status(status) => matches!(
            status.code(),
            FailedPrecondition | InvalidArgument | NotFound | OutOfRange | PermissionDenied | Unimplemented
        ),
    }
}

pub(super) fn reason(failure: &Failure) -> String {
    match failure {
        Failure::NotSent(reason) | Failure::Unanswered(reason) => reason.clone(),
        Failure::Status(status) if status.message().is_empty() => status.code().description().to_owned(),
        Failure::Status(status) => status.message().to_owned(),
    }
}

/// The ack ids that were not taken, where the service says that: it does on subscriptions with exactly-once delivery, and the
/// others were then taken.
pub(super) fn troubles(failure: &Failure) -> BTreeMap<String, Trouble> {
    match failure {
        Failure::Status(status) => of_details(status.details()),
        Failure::NotSent(_) | Failure::Unanswered(_) => BTreeMap::new(),
    }
}

/// Of `google/rpc/status.proto`, without what is known already.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

fn of_details(details: &[u8]) -> BTreeMap<String, Trouble> {
    let Ok(details) = Details::decode(details) else { return BTreeMap::new() };
    let infos = details.details.into_iter().filter(|it| it.type_url.ends_with("/google.rpc.ErrorInfo"));
    let infos = infos.filter_map(|it| ErrorInfo::decode(it.value).ok());
    infos.flat_map(|info| info.metadata).filter_map(|(id, said)| Some((id, trouble(&said)?))).collect()
}

fn trouble(said: &str) -> Option<Trouble> {
    match said {
        _ if said.starts_with("TRANSIENT_FAILURE_") => Some(Trouble::Passing),
        _ if said.starts_with("PERMANENT_FAILURE_") => Some(Trouble::Lasting),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_told_by_id() {
        let metadata = [
            ("a", "PERMANENT_FAILURE_INVALID_ACK_ID"),
            ("b", "TRANSIENT_FAILURE_SERVICE_UNAVAILABLE"),
            ("service", "pubsub.googleapis.com"),
        ];
        let metadata = metadata.map(|(id, said)| (id.to_owned(), said.to_owned())).into_iter().collect();
        let info = Any {
            type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
            value: ErrorInfo { metadata }.encode_to_vec().into(),
        };
        let other = Any { type_url: "type.googleapis.com/google.rpc.Help".to_owned(), value: Bytes::from_static(b"?") };
        let details = Details { details: vec![other, info] }.encode_to_vec();
        let expected = [("a".to_owned(), Trouble::Lasting), ("b".to_owned(), Trouble::Passing)];
        assert_eq!(of_details(&details), expected.into_iter().collect());
        assert_eq!(of_details(b"\xff\xff"), BTreeMap::new());
        assert_eq!(of_details(b""), BTreeMap::new());
    }

    proptest::proptest! {
        #[test]
        fn details_may_be_anything(bytes: Vec<u8>) {
            of_details(&bytes);
        }
    }

    #[test]
    fn only_the_service_refuses() {
        let status = |code| Failure::Status(tonic::Status::new(code, ""));
        assert!(is_refusal(&status(Code::NotFound)));
        assert!(!is_refusal(&status(Code::Unavailable)));
        assert!(!is_refusal(&status(Code::Unauthenticated)));
        assert!(!is_refusal(&Failure::NotSent("gone".to_owned())));
        assert_eq!(reason(&status(Code::NotFound)), "Some requested entity was not found");
    }
}
