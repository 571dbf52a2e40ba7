//! The tree, held against the tables before, to the model: everything that needs more than a type.
//!
//! Every function reports to the sink and goes on. What it returns after a report is never emitted:
//! one error withholds the whole model.

mod agents;
mod at_start;
mod backend;
mod brokers;
mod calls;
mod client;
mod consumed;
mod declare;
mod discovery;
mod encoding;
mod endpoint;
mod filters;
mod flatmap;
mod graphql;
mod host;
mod names;
mod options;
mod overwritten;
mod path;
mod proxies;
mod publish;
mod pubsub;
mod router;
mod routes;
mod sequence;
mod service;
mod set_in_call;
mod shadow;
mod shape;
mod subscriber;
mod tls;
mod url_template;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::{Diagnostic, NOT_YET, Sink};
use crate::model::Place;
use crate::source::SourceFile;
use crate::sources;
use crate::syntax::kind::At;
use crate::tree::{Node, Span};

pub(crate) use brokers::{COMMON as BROKER_KEYS, can_be_named};
pub(crate) use endpoint::Owner;
pub(crate) use flatmap::ops as flatmap_ops;
pub(crate) use names::header;
pub(crate) use sequence::{earlier, is_response};
pub(crate) use service::gateway;
pub(crate) use tls::reason;
pub(crate) use url_template::unknown_parameter;

/// What every check can ask.
pub(crate) struct Context<'a> {
    files: &'a [SourceFile],
    sink: &'a Sink,
    defaults: Defaults,
    brokers: brokers::Brokers,
    /// Every file that the config names, found or not.
    named: RefCell<Vec<PathBuf>>,
    /// What publishers and subscribers have declared so far.
    declared: RefCell<declare::Declared>,
    /// The bytes of the config that nobody may see.
    secrets: RefCell<Vec<Span>>,
}

/// The service's values, which endpoints and backends inherit.
#[derive(Default)]
struct Defaults {
    timeout: Duration,
    cache_ttl: Option<Duration>,
    output: Option<String>,
    /// Sanitised. `None` when the key is there and wrong, and was reported.
    hosts: Option<Vec<String>>,
    max_payload: Option<usize>,
    /// Whether a client can say itself which address it has.
    trusts_everybody: bool,
    /// Whether a parameter may follow a prefix in its segment.
    disable_rest: bool,
}

impl<'a> Context<'a> {
    fn new(files: &'a [SourceFile], sink: &'a Sink, defaults: Defaults) -> Self {
        Self {
            files,
            sink,
            defaults,
            brokers: brokers::Brokers::default(),
            named: RefCell::default(),
            declared: RefCell::default(),
            secrets: RefCell::default(),
        }
    }
}

impl Context<'_> {
    fn place(&self, span: Span) -> Place {
        Place(sources::place(self.files, span))
    }

    /// Where a file is that the config names, which is noted: a build depends on it.
    fn named_file(&self, path: &str) -> PathBuf {
        let base = self.files.first().map_or(Path::new(""), SourceFile::base);
        let full = base.join(path);
        self.named.borrow_mut().push(full.clone());
        full
    }

    /// Whether a client can say itself which address it has (`router.trusted_proxies`).
    pub(crate) fn trusts_everybody(&self) -> bool {
        self.defaults.trusts_everybody
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        self.sink.push(diagnostic);
    }

    /// Keeps bytes of the config out of what is drawn.
    fn hide(&self, bytes: Span) {
        self.secrets.borrow_mut().push(bytes);
    }

    /// A number that cannot be negative.
    pub(crate) fn size(&self, value: Option<At<i64>>, name: &str) -> Option<usize> {
        let value = value?;
        let size = usize::try_from(value.value).ok();
        if size.is_none() {
            let error = Diagnostic::error("out-of-range", value.span, format!("`{name}` is negative"));
            self.push(error.label("expected 0 or more"));
        }
        size
    }

    pub(crate) fn not_yet(&self, span: Span, what: &str) {
        let error = Diagnostic::error(NOT_YET, span, format!("{what} is not supported yet"));
        self.push(error.label("this version of Sluicegate cannot do it"));
    }
}

/// Whether `name`, the end of `node`'s text behind `env:`, can be an environment variable's. Reports it where not.
fn variable_name(context: &Context<'_>, node: &Node, name: &str) -> bool {
    let valid =
        |(index, byte): (usize, u8)| byte == b'_' || byte.is_ascii_alphabetic() || index > 0 && byte.is_ascii_digit();
    if !name.is_empty() && name.bytes().enumerate().all(valid) {
        return true;
    }
    let message = match name {
        "" => "`env:` names no environment variable".to_owned(),
        name => format!("`{name}` is not the name of an environment variable"),
    };
    let error = Diagnostic::error("bad-variable", node.part(4..4 + name.len()), message);
    context.push(error.label("expected letters, digits and `_`, and no digit first"));
    false
}
