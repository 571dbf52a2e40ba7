//! Protocol Buffers over gRPC. A request is shared, so that it can be sent again without a copy.

use std::marker::PhantomData;
use std::sync::Arc;

use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

pub(super) struct Protobuf<Q, A>(PhantomData<fn(Q) -> A>);

pub(super) struct Writer<Q>(PhantomData<fn(Q)>);

pub(super) struct Reader<A>(PhantomData<fn() -> A>);

impl<Q, A> Protobuf<Q, A> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Q: Message + 'static, A: Message + Default + 'static> Codec for Protobuf<Q, A> {
    type Encode = Arc<Q>;
    type Decode = A;
    type Encoder = Writer<Q>;
    type Decoder = Reader<A>;

    fn encoder(&mut self) -> Writer<Q> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Reader<A> {
        Reader(PhantomData)
    }
}

impl<Q: Message> Encoder for Writer<Q> {
    type Item = Arc<Q>;
    type Error = Status;

    fn encode(&mut self, request: Arc<Q>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        request.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<A: Message + Default> Decoder for Reader<A> {
    type Item = A;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        let answer = A::decode(buffer).map_err(|error| Status::internal(format!("an answer that is none: {error}")))?;
        Ok(Some(answer))
    }
}
