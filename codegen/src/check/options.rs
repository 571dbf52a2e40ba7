//! Namespaces that the runtime does not have yet: what is wrong with their options, beyond a type.
//!
//! The tables of `syntax` say what every value must be. Here is what one value asks of another, of a file or of the
//! endpoint, and what is written in a language of its own: CEL and Lua.

mod auth;
mod backends;
#[cfg(feature = "scripts")]
mod cel;
mod lua;
mod security;
mod telemetry;

use super::endpoint::Owner;
use super::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::model::Names;
use crate::secrets::KEYS;
use crate::syntax::Object;
use crate::syntax::kind::{Record, Scope};
use crate::syntax::namespaces::{canonical, scopes_of};
use crate::tree::Node;

/// Where an `extra_config` stands.
pub(super) struct Site<'a> {
    pub(super) scope: Scope,
    /// The parameters of the endpoint's path. `None` outside of endpoints, and when the path is wrong.
    pub(super) params: Option<&'a [String]>,
    /// Whether the endpoint reads the client's token.
    #[cfg_attr(not(feature = "scripts"), allow(dead_code, reason = "for expressions"))]
    pub(super) claims: bool,
    /// What the endpoint lets in; `None` outside of endpoints.
    pub(super) listed: Option<Listed<'a>>,
}

/// Headers and parameters of the query that an endpoint lets in.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) headers: &'a Names,
    #[cfg_attr(not(feature = "scripts"), allow(dead_code, reason = "for expressions"))]
    pub(super) queries: &'a Names,
    /// Headers that steps add, in lower case; `None` where a script may add any.
    #[cfg_attr(not(feature = "scripts"), allow(dead_code, reason = "for expressions"))]
    pub(super) added: Option<&'a [String]>,
}

impl Listed<'_> {
    /// Whether a request can have the header.
    #[cfg_attr(not(feature = "scripts"), allow(dead_code, reason = "for expressions"))]
    pub(super) fn lets_in_header(self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let (Names::List(listed), Some(added)) = (self.headers, self.added) else { return true };
        names::UNASKED.contains(&name.as_str()) || listed.contains(&name) || added.contains(&name)
    }
}

impl<'a> Site<'a> {
    /// An endpoint or a backend of it.
    pub(super) fn of(scope: Scope, owner: &Owner<'a>) -> Self {
        let listed =
            Listed { headers: owner.input_headers, queries: owner.input_query_strings, added: owner.added_headers };
        Self { scope, params: owner.params, claims: owner.claims, listed: Some(listed) }
    }

    /// Something that no endpoint owns.
    pub(super) fn outside(scope: Scope) -> Self {
        Self { scope, params: None, claims: false, listed: None }
    }
}

/// Checks the namespaces in the `extra_config` of `owner`.
pub(super) fn check(context: &Context<'_>, owner: Object<'_>, site: &Site<'_>) {
    for member in owner.get("extra_config").map_or(&[][..], Node::members) {
        let name = canonical(&member.key);
        // In another place it is reported as misplaced.
        if !scopes_of(name).contains(&site.scope) {
            continue;
        }
        // A broker's settings are told apart by its driver.
        if name != "pubsub/brokers" {
            hide(context, &member.value);
        }
        #[cfg(feature = "scripts")]
        if name == "validation/cel" {
            cel::checks(context, &member.value, site);
            continue;
        }
        let Some(options) = Object::of(&member.value) else { continue };
        match (name, site.scope) {
            ("auth/validator", Scope::Endpoint) => auth::validator(context, options, site, owner),
            ("auth/signer", _) => auth::signer(context, options),
            ("modifier/lua-endpoint" | "modifier/lua-proxy" | "modifier/lua-backend", _) => {
                lua::modifier(context, options, name);
            }
            ("security/cors", _) => security::cors(context, options),
            ("security/http", _) => security::http(context, options),
            ("qos/http-cache", _) => backends::http_cache(context, options, member.key_span, owner),
            ("qos/ratelimit/proxy", _) => backends::rate_limit(context, options),
            ("telemetry/gelf" | "telemetry/logstash", _) => {
                telemetry::logs(context, owner, &member.key, member.key_span)
            }
            ("telemetry/opentelemetry", _) => telemetry::exporters(context, options),
            ("backend/lambda", _) => backends::lambda(context, options, site),
            ("backend/amqp/producer", _) => backends::amqp_producer(context, options, site),
            ("modifier/martian", _) => backends::martian(context, &member.value),
            _ => {}
        }
    }
}

/// Keeps secrets out of what is drawn: texts of keys that hold some, and URLs with a login.
fn hide(context: &Context<'_>, node: &Node) {
    for member in node.members() {
        if let Some(text) = member.value.text() {
            let login = text.value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
            if login || KEYS.contains(&member.key.as_str()) {
                let span = member.value.span;
                context.hide(span.at(text.start, span.end.saturating_sub(1).max(text.start)));
            }
        }
        hide(context, &member.value);
    }
    node.items().iter().for_each(|item| hide(context, item));
}

/// Reports that `options` needs a key which is not there, unless one that is there was meant to be it.
fn needed(
    context: &Context<'_>,
    options: Object<'_>,
    record: &Record,
    keys: &[&str],
    error: impl FnOnce() -> Diagnostic,
) {
    if !keys.iter().any(|key| options.has_or_means(record, key)) {
        context.push(error());
    }
}

/// A path parameter as KrakenD's middleware calls it: its first letter in upper case.
fn titled(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Headers that steps of `endpoint` add to the request, in lower case. `None` where a script may add any.
pub(super) fn added_headers(endpoint: Object<'_>) -> Option<Vec<String>> {
    if ["modifier/lua-endpoint", "modifier/lua-proxy"].iter().any(|name| endpoint.namespace(name).is_some()) {
        return None;
    }
    let Some(claims) = endpoint.extra("auth/validator").and_then(|options| options.get("propagate_claims")) else {
        return Some(Vec::new());
    };
    let header = |pair: &Node| Some(pair.items().get(1)?.text()?.value.to_ascii_lowercase());
    Some(claims.items().iter().filter_map(header).collect())
}

/// Whether `{JWT.claim}` can be filled in below `endpoint`.
pub(super) fn reads_tokens(endpoint: Object<'_>) -> bool {
    endpoint.namespace("auth/validator").is_some() || endpoint.means_namespace("auth/validator")
}
