//! A backend: its type, its value, and what it does in words.

use super::code::{Code, Static};
use super::literal::{duration, method, number, text};
use super::shape;
use crate::model::{Backend, BackendKind, Decode, HttpBackend, OnFailure, Piece, Shape, StatusRule, Subscribe};
use crate::names::Names;

/// A backend's value, and the items that it refers to, which are named after `owner`.
pub(super) struct Parts {
    pub(super) value: Code,
    pub(super) items: Vec<Static>,
}

/// A backend of a merge, and what it refers to. `whose` says which one it is.
pub(super) fn items(name: &str, whose: &str, backend: &Backend, names: &mut Names) -> Vec<Static> {
    let Parts { value, items } = parts(name, backend, names);
    let docs = vec![format!("{whose}, {}", backend.place.0), String::new(), sentence(backend)];
    let item = Static { docs, visibility: "", name: name.to_owned(), kind: kind(backend), value };
    [item].into_iter().chain(items).collect()
}

/// What it does, in the config's own words.
pub(super) fn sentence(backend: &Backend) -> String {
    match &backend.kind {
        BackendKind::Http(http) => {
            let (method, url) = (http.method.as_str(), url(&http.url.pieces));
            match http.hosts.as_slice() {
                [host] => format!("Calls `{method} {host}{url}`."),
                hosts => format!("Calls `{method} {url}` at one of `{}`, in turn.", hosts.join("`, `")),
            }
        }
        BackendKind::Publish(publish) => format!("Publishes the request's body to `{}`.", publish.url),
        BackendKind::Subscribe(subscribe) => format!("Receives one message from `{}`.", subscribe.url),
    }
}

/// As it is sent, a base path of the host included.
fn url(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |url, piece| match piece {
        Piece::Text(text) => url + text,
        Piece::Param { name, .. } => format!("{url}{{{name}}}"),
    })
}

pub(super) fn kind(backend: &Backend) -> String {
    match &backend.kind {
        BackendKind::Http(_) => "Http".to_owned(),
        BackendKind::Publish(publish) => format!("Publish<{}::Broker>", module(publish.driver)),
        BackendKind::Subscribe(subscribe) => format!("Subscribe<{}::Broker>", module(subscribe.driver)),
    }
}

pub(super) fn parts(owner: &str, backend: &Backend, names: &mut Names) -> Parts {
    let mut items = Vec::new();
    let mut shaped = |shape: &Shape| {
        (*shape != Shape::default()).then(|| {
            let name = names.part(owner, "SHAPE");
            let call = Code::call("shape", [Code::word(format!("&{name}"))]);
            items.push(shape::item(name, &backend.place.0, shape));
            call
        })
    };
    let forward = forward(backend);
    let value = match &backend.kind {
        BackendKind::Http(http) => {
            let options = [forward, decode(http.decode), shaped(&http.shape), status(&http.status)];
            http_value(http).with(options.into_iter().flatten())
        }
        BackendKind::Publish(publish) => Code::call("Publish::new", [text(&publish.url)]).with(forward),
        BackendKind::Subscribe(subscribe) => {
            let options = [decode(subscribe.decode), shaped(&subscribe.shape)].into_iter().flatten();
            let options = options.chain(subscribe_options(subscribe));
            Code::call("Subscribe::new", [text(&subscribe.url)]).with(options)
        }
    };
    Parts { value, items }
}

/// A driver's module: features have dashes where modules have underscores.
fn module(driver: &str) -> String {
    driver.replace('-', "_")
}

/// The backend's own allow-lists, where it has any.
fn forward(backend: &Backend) -> Option<Code> {
    let list = |name: &str, list: &Option<Vec<String>>| {
        list.as_ref().map(|list| Code::call(name, [Code::texts(list)])).into_iter()
    };
    let lists: Vec<_> =
        list("headers", &backend.input_headers).chain(list("query", &backend.input_query_strings)).collect();
    (!lists.is_empty()).then(|| Code::call("forward", [Code::word("Forward::DEFAULT").with(lists)]))
}

fn http_value(http: &HttpBackend) -> Code {
    let pieces = http.url.pieces.iter().map(|piece| match piece {
        Piece::Text(literal) => Code::call("Text", [text(literal)]),
        Piece::Param { index, .. } => Code::call("Param", [number(*index as u64)]),
    });
    Code::call("Http::new", [method(http.method), Code::texts(&http.hosts), Code::List(pieces.collect())])
}

fn status(rule: &StatusRule) -> Option<Code> {
    let rule = match rule {
        StatusRule::Default => return None,
        StatusRule::ReturnCode => Code::word("StatusRule::ReturnCode"),
        StatusRule::ReturnDetails(alias) => Code::call("StatusRule::ReturnDetails", [text(format!("error_{alias}"))]),
    };
    Some(Code::call("status", [rule]))
}

fn subscribe_options(subscribe: &Subscribe) -> impl Iterator<Item = Code> {
    let wait = subscribe.wait.map(|wait| Code::call("wait", [duration(wait)]));
    let on_failure = match subscribe.on_failure {
        OnFailure::Nack => None,
        OnFailure::Drop => Some("OnFailure::Drop"),
        OnFailure::DeadLetter => Some("OnFailure::DeadLetter"),
    };
    let on_failure = on_failure.map(|what| Code::call("on_failure", [Code::word(what)]));
    let max_deliveries = subscribe.max_deliveries.map(|count| Code::call("max_deliveries", [number(count)]));
    [wait, on_failure, max_deliveries].into_iter().flatten()
}

fn decode(decode: Decode) -> Option<Code> {
    match decode {
        Decode::Json => None,
        Decode::NoOp => Some(Code::call("no_op", [])),
    }
}
