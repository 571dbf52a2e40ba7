//! The one door from generated code: `use sluicegate_runtime::generated::*;` and nothing else.

pub use std::time::Duration;

pub use crate::backend::{
    Answer, AnswerPath, AnyBackend, Backend, BodyPiece, Chained, Concurrent, Earlier, Forward, GraphQl, Http, Merge,
    Metadata, OnFailure, Param, Part, PathParam, Piece, Publish, Sequence, Shadow, Shadowed, StatusRule, Subscribe,
    Text, Variable,
};
pub use crate::broker::NamedBroker;
pub use crate::client::{ClientOptions, ClientTls};
pub use crate::description::{Baked, Description, LogLevel, Logging, Server, Tls, TlsVersion, ipv4, ipv6};
pub use crate::encoding::Decode;
pub use crate::endpoint::Method::{Delete, Get, Head, Options, Patch, Post, Put};
pub use crate::endpoint::Names::{All, Only};
pub use crate::endpoint::{Endpoint, Method, Names, Output};
#[cfg(feature = "json-schema")]
pub use crate::middleware::JsonSchema;
pub use crate::middleware::{Flatmap, StaticResponse, StaticStrategy, Step};
#[cfg(feature = "rate-limit")]
pub use crate::middleware::{RateLimit, RateLimitBy};
pub use crate::router::{Proxies, RouterOptions};
pub use crate::serve::AnyEndpoint;
pub use crate::shape::{Field, Fields, FlatmapOp, Shape};
pub use crate::version::generated_for;
pub use sluicegate_drivers::Source::{Env, File, Literal};
#[cfg(feature = "azure_service_bus")]
pub use sluicegate_drivers::azure_service_bus;
#[cfg(feature = "gcp_pubsub")]
pub use sluicegate_drivers::gcp_pubsub;
#[cfg(feature = "jetstream")]
pub use sluicegate_drivers::jetstream;
#[cfg(feature = "kafka")]
pub use sluicegate_drivers::kafka;
#[cfg(feature = "mem")]
pub use sluicegate_drivers::mem;
#[cfg(feature = "nats")]
pub use sluicegate_drivers::nats;
#[cfg(feature = "rabbitmq")]
pub use sluicegate_drivers::rabbitmq;
#[cfg(feature = "sns")]
pub use sluicegate_drivers::sns;
#[cfg(feature = "sqs")]
pub use sluicegate_drivers::sqs;
pub use sluicegate_drivers::{Argument, Binding, Confirm, Declaration};
