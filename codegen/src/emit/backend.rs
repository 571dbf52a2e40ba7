//! A backend: its type, its value, and what it does in words.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use sluicegate_drivers::Declaration;

use super::layout::Static;
use super::literal::{duration, json, method, number, texts};
use super::shape;
use super::{broker, declaration};
use crate::model::{
    Backend, BackendKind, Confirm, Decode, Earlier, GraphQl, HttpBackend, Metadata, OnFailure, Piece, Publish, Respond,
    Shape, StatusRule, Subscribe, Template, Variable,
};
use crate::names::Names;

/// A backend's value, and the items that it refers to, which are named after `owner`.
pub(super) struct Parts {
    pub(super) value: TokenStream,
    pub(super) items: Vec<Static>,
}

/// A backend of a merge, and what it refers to. `whose` says which one it is.
pub(super) fn items(name: &Ident, whose: &str, backend: &Backend, names: &mut Names) -> Vec<Static> {
    let Parts { value, items } = parts(name, backend, names);
    let docs = vec![format!("{whose}, {}", backend.place.0), String::new(), sentence(backend)];
    let item = Static { docs, visibility: "", name: name.clone(), kind: kind(backend), value };
    [item].into_iter().chain(items).collect()
}

/// What it does, in the config's own words.
pub(super) fn sentence(backend: &Backend) -> String {
    match &backend.kind {
        BackendKind::Http(http) => {
            let (method, url) = (http.method.as_str(), url(&http.url.pieces));
            match http.hosts.as_slice() {
                [name] if http.sd_dns.is_some() => {
                    format!("Calls `{method} {url}` at the hosts that the SRV records of `{name}` name.")
                }
                [host] => format!("Calls `{method} {host}{url}`."),
                hosts => format!("Calls `{method} {url}` at one of `{}`, in turn.", hosts.join("`, `")),
            }
        }
        BackendKind::Publish(publish) => publish_sentence(publish, !backend.set.body.is_empty()),
        BackendKind::Subscribe(subscribe) => {
            format!("Receives one message from `{}`{}.", subscribe.url, at(subscribe.broker.as_deref()))
        }
    }
}

fn at(broker: Option<&str>) -> String {
    broker.map(|broker| format!(" of the broker `{broker}`")).unwrap_or_default()
}

/// As it is sent, a base path of the host included.
fn url(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |url, piece| match piece {
        Piece::Text(text) => url + text,
        Piece::Param { name, .. } | Piece::Earlier(Earlier { name, .. }) => format!("{url}{{{name}}}"),
        Piece::PathParam { name, .. } | Piece::EarlierPath(Earlier { name, .. }) => format!("{url}{{+{name}}}"),
    })
}

pub(super) fn kind(backend: &Backend) -> TokenStream {
    match &backend.kind {
        BackendKind::Http(_) => quote! { Http },
        BackendKind::Publish(publish) => {
            let module = module(publish.driver);
            quote! { Publish<#module::Broker> }
        }
        BackendKind::Subscribe(subscribe) => {
            let module = module(subscribe.driver);
            quote! { Subscribe<#module::Broker> }
        }
    }
}

pub(super) fn parts(owner: &Ident, backend: &Backend, names: &mut Names) -> Parts {
    let mut items = Vec::new();
    let shaped = |shape: &Shape, names: &mut Names, items: &mut Vec<Static>| {
        (*shape != Shape::default()).then(|| {
            let name = names.part(owner, "SHAPE");
            let call = quote! { .shape(&#name) };
            items.push(shape::item(name, &backend.place.0, shape));
            call
        })
    };
    let declared = |declare: Option<&Declaration>, names: &mut Names, items: &mut Vec<Static>| {
        declare.map(|declaration| {
            let name = names.part(owner, "DECLARATION");
            let call = quote! { .declare(&#name) };
            items.push(declaration::item(name, &backend.place.0, declaration));
            call
        })
    };
    let forward = forward(backend);
    let value = match &backend.kind {
        BackendKind::Http(http) => {
            let (value, decode, shape, status) =
                (http_value(http), decode(http.decode), shaped(&http.shape, names, &mut items), status(&http.status));
            let client = client(http);
            let graphql = http.graphql.as_ref().map(|graphql| {
                let name = names.part(owner, "GRAPHQL");
                let call = quote! { .graphql(&#name) };
                items.push(graphql_item(name, &backend.place.0, graphql));
                call
            });
            quote! { #value #forward #client #graphql #decode #shape #status }
        }
        BackendKind::Publish(publish) => {
            let (url, broker) = (&publish.url, broker::choice(publish.broker.as_deref()));
            let options = publish_options(publish);
            let declare = declared(publish.options.declare, names, &mut items);
            quote! { Publish::new(#url) #broker #forward #options #declare }
        }
        BackendKind::Subscribe(subscribe) => {
            let (url, decode) = (&subscribe.url, decode(subscribe.decode));
            let shape = shaped(&subscribe.shape, names, &mut items);
            let (broker, options) = (broker::choice(subscribe.broker.as_deref()), subscribe_options(subscribe));
            let declare = declared(subscribe.declare, names, &mut items);
            quote! { Subscribe::new(#url) #broker #decode #shape #options #declare }
        }
    };
    Parts { value, items }
}

/// A driver's module: features have dashes where modules have underscores.
fn module(driver: &str) -> Ident {
    format_ident!("{}", driver.replace('-', "_"))
}

/// The backend's own allow-lists, where it has any.
fn forward(backend: &Backend) -> Option<TokenStream> {
    let headers = backend.input_headers.as_deref().map(texts).map(|list| quote! { .headers(#list) });
    let query = backend.input_query_strings.as_deref().map(texts).map(|list| quote! { .query(#list) });
    (headers.is_some() || query.is_some()).then(|| quote! { .forward(Forward::DEFAULT #headers #query) })
}

fn http_value(http: &HttpBackend) -> TokenStream {
    let (verb, hosts) = (method(http.method), texts(&http.hosts));
    let pieces = pieces(&http.url.pieces);
    quote! { Http::new(#verb, #hosts, #pieces) }
}

fn pieces(pieces: &[Piece]) -> TokenStream {
    let pieces = pieces.iter().map(|piece| match piece {
        Piece::Text(literal) => quote! { Text(#literal) },
        Piece::Param { index, .. } => {
            let index = number(*index as u64);
            quote! { Param(#index) }
        }
        Piece::Earlier(Earlier { name, .. }) => quote! { Answer(#name) },
        Piece::EarlierPath(Earlier { name, .. }) => quote! { AnswerPath(#name) },
        Piece::PathParam { index, .. } => {
            let index = number(*index as u64);
            quote! { PathParam(#index) }
        }
    });
    quote! { &[#(#pieces),*] }
}

/// How it is called, where that is not the default.
fn client(http: &HttpBackend) -> TokenStream {
    let sd_dns = http.sd_dns.map(|scheme| quote! { .sd_dns(#scheme) });
    let h2c = http.use_h2c.then(|| quote! { .h2c() });
    let redirect = http.send_body_on_redirect.then(|| quote! { .send_body_on_redirect() });
    let most = http.max_response_bytes.map(|bytes| {
        let bytes = number(u64::from(bytes));
        quote! { .max_response_bytes(#bytes) }
    });
    quote! { #sd_dns #h2c #redirect #most }
}

fn graphql_item(name: Ident, place: &str, graphql: &GraphQl) -> Static {
    let (query, make) = (&graphql.query, format_ident!("{}", if graphql.mutation { "mutation" } else { "query" }));
    let operation = graphql.operation_name.as_ref().map(|name| quote! { .operation_name(#name) });
    let variables = graphql.variables.iter().map(|(name, value)| match value {
        Variable::Json(text) => {
            let text = json(text);
            quote! { (#name, Variable::Json(#text)) }
        }
        Variable::PathParam(index) => {
            let index = number(*index as u64);
            quote! { (#name, Variable::PathParam(#index)) }
        }
    });
    let variables = (!graphql.variables.is_empty()).then(|| quote! { .variables(&[#(#variables),*]) });
    let get = graphql.get.then(|| quote! { .get() });
    Static {
        docs: vec![format!("The GraphQL operation of {place}")],
        visibility: "",
        name,
        kind: quote! { GraphQl },
        value: quote! { GraphQl::#make(#query) #operation #variables #get },
    }
}

fn status(rule: &StatusRule) -> Option<TokenStream> {
    match rule {
        StatusRule::Default => None,
        StatusRule::ReturnCode => Some(quote! { .status(StatusRule::ReturnCode) }),
        StatusRule::ReturnDetails(alias) => {
            let key = format!("error_{alias}");
            Some(quote! { .status(StatusRule::ReturnDetails(#key)) })
        }
    }
}

fn publish_sentence(publish: &Publish, own_body: bool) -> String {
    let with =
        |what: &str, value: &Option<_>| value.as_ref().map_or(String::new(), |value| format!(", {what} `{value}`"));
    let options = &publish.options;
    let (key, id) = (with("with the key", &options.key), with("deduplicated by", &options.dedup_id));
    let at = at(publish.broker.as_deref());
    let body = if own_body { "a body of its own" } else { "the request's body" };
    format!("Publishes {body} to `{}`{at}{key}{id}.", publish.url)
}

/// Only what differs from the defaults.
fn publish_options(publish: &Publish) -> TokenStream {
    let options = &publish.options;
    let key = options.key.as_ref().map(Template::tokens).map(|parts| quote! { .key(#parts) });
    let dedup_id = options.dedup_id.as_ref().map(Template::tokens).map(|parts| quote! { .dedup_id(#parts) });
    let attributes = options.attributes.iter().map(|(name, template)| {
        let parts = template.tokens();
        quote! { (#name, #parts) }
    });
    let attributes = (!options.attributes.is_empty()).then(|| quote! { .attributes(&[#(#attributes),*]) });
    let confirm = match options.confirm {
        Confirm::All => None,
        Confirm::Leader => Some(quote! { .confirm(Confirm::Leader) }),
        Confirm::None => Some(quote! { .confirm(Confirm::None) }),
    };
    let respond = match &options.respond {
        Respond::Empty => None,
        Respond::Receipt { group: None } => Some(quote! { .receipt() }),
        Respond::Receipt { group: Some(group) } => Some(quote! { .receipt_in(#group) }),
    };
    quote! { #key #dedup_id #attributes #confirm #respond }
}

fn subscribe_options(subscribe: &Subscribe) -> TokenStream {
    let wait = subscribe.wait.map(duration).map(|wait| quote! { .wait(#wait) });
    let on_failure = match subscribe.on_failure {
        OnFailure::Nack => None,
        OnFailure::Drop => Some(quote! { .on_failure(OnFailure::Drop) }),
        OnFailure::DeadLetter => Some(quote! { .on_failure(OnFailure::DeadLetter) }),
    };
    let max_deliveries = subscribe.max_deliveries.map(number).map(|count| quote! { .max_deliveries(#count) });
    let dead_letter = subscribe.dead_letter.as_ref().map(|url| quote! { .dead_letter(#url) });
    let metadata = (!subscribe.metadata.is_empty()).then(|| {
        let headers = subscribe.metadata.iter().map(|(header, source)| {
            let source = metadata(source);
            quote! { (#header, Metadata::#source) }
        });
        quote! { .metadata(&[#(#headers),*]) }
    });
    quote! { #wait #on_failure #max_deliveries #dead_letter #metadata }
}

fn metadata(source: &Metadata) -> TokenStream {
    match source {
        Metadata::Attribute(name) => quote! { Attribute(#name) },
        Metadata::Id => quote! { Id },
        Metadata::Key => quote! { Key },
        Metadata::DeliveryCount => quote! { DeliveryCount },
        Metadata::Topic => quote! { Topic },
        Metadata::Partition => quote! { Partition },
        Metadata::Offset => quote! { Offset },
        Metadata::Timestamp => quote! { Timestamp },
    }
}

fn decode(decode: Decode) -> Option<TokenStream> {
    let decode = match decode {
        Decode::Json => return None,
        Decode::NoOp => return Some(quote! { .no_op() }),
        Decode::SafeJson => quote! { Decode::SafeJson },
        Decode::Text => quote! { Decode::Text },
        Decode::Xml => quote! { Decode::Xml },
        Decode::Rss => quote! { Decode::Rss },
        Decode::Yaml => quote! { Decode::Yaml },
    };
    Some(quote! { .decode(#decode) })
}
