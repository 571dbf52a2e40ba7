//! A backend: its type, its value, and what it does in words.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::literal::{duration, method, number};
use super::shape;
use crate::model::{
    Backend, BackendKind, Decode, HttpBackend, OnFailure, Piece, Publish, Shape, StatusRule, Subscribe,
};

/// A backend of a merge.
pub(super) fn item(name: &Ident, backend: &Backend) -> TokenStream {
    let doc = format!(" {}", backend.place.0);
    let what = format!(" {}", sentence(backend));
    let (kind, value) = (kind(backend), value(backend));
    quote! {
        #[doc = #doc]
        #[doc = ""]
        #[doc = #what]
        static #name: #kind = #value;
    }
}

/// What it does, in the config's own words.
pub(super) fn sentence(backend: &Backend) -> String {
    match &backend.kind {
        BackendKind::Http(http) => {
            let (method, url) = (http.method.as_str(), &http.url.text);
            match http.hosts.as_slice() {
                [host] => format!("Calls `{method} {host}{url}`."),
                hosts => format!("Calls `{method} {url}` at one of `{}`, in turn.", hosts.join("`, `")),
            }
        }
        BackendKind::Publish(publish) => format!("Publishes the request's body to `{}`.", publish.url),
        BackendKind::Subscribe(subscribe) => format!("Receives one message from `{}`.", subscribe.url),
    }
}

pub(super) fn kind(backend: &Backend) -> TokenStream {
    match &backend.kind {
        BackendKind::Http(_) => quote! { Http },
        BackendKind::Publish(publish) => {
            let driver = driver(publish.driver);
            quote! { Publish<#driver::Broker> }
        }
        BackendKind::Subscribe(subscribe) => {
            let driver = driver(subscribe.driver);
            quote! { Subscribe<#driver::Broker> }
        }
    }
}

pub(super) fn value(backend: &Backend) -> TokenStream {
    let forward = forward(backend);
    match &backend.kind {
        BackendKind::Http(http) => http_value(http, forward),
        BackendKind::Publish(Publish { url, .. }) => quote! { Publish::new(#url) #forward },
        BackendKind::Subscribe(subscribe) => subscribe_value(subscribe),
    }
}

fn driver(name: &str) -> Ident {
    format_ident!("{}", name.replace('-', "_"))
}

/// The backend's own allow-lists, where it has any.
fn forward(backend: &Backend) -> Option<TokenStream> {
    let headers = backend.input_headers.as_ref().map(|names| quote! { .headers(&[#(#names),*]) });
    let query = backend.input_query_strings.as_ref().map(|names| quote! { .query(&[#(#names),*]) });
    (headers.is_some() || query.is_some()).then(|| quote! { .forward(Forward::DEFAULT #headers #query) })
}

fn http_value(http: &HttpBackend, forward: Option<TokenStream>) -> TokenStream {
    let (verb, hosts) = (method(http.method), &http.hosts);
    let url = http.url.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => quote! { Text(#text) },
        Piece::Param { index, .. } => {
            let index = number(*index as u64);
            quote! { Param(#index) }
        }
    });
    let decode = decode(http.decode);
    let shape = shape_call(&http.shape);
    let status = match &http.status {
        StatusRule::Default => None,
        StatusRule::ReturnCode => Some(quote! { .status(StatusRule::ReturnCode) }),
        StatusRule::ReturnDetails(alias) => {
            let key = format!("error_{alias}");
            Some(quote! { .status(StatusRule::ReturnDetails(#key)) })
        }
    };
    quote! { Http::new(#verb, &[#(#hosts),*], &[#(#url),*]) #forward #decode #shape #status }
}

fn subscribe_value(subscribe: &Subscribe) -> TokenStream {
    let url = &subscribe.url;
    let decode = decode(subscribe.decode);
    let shape = shape_call(&subscribe.shape);
    let wait = subscribe.wait.map(|wait| {
        let wait = duration(wait);
        quote! { .wait(#wait) }
    });
    let on_failure = match subscribe.on_failure {
        OnFailure::Nack => None,
        OnFailure::Drop => Some(quote! { .on_failure(OnFailure::Drop) }),
        OnFailure::DeadLetter => Some(quote! { .on_failure(OnFailure::DeadLetter) }),
    };
    let max_deliveries = subscribe.max_deliveries.map(|count| {
        let count = number(count);
        quote! { .max_deliveries(#count) }
    });
    quote! { Subscribe::new(#url) #decode #shape #wait #on_failure #max_deliveries }
}

fn decode(decode: Decode) -> Option<TokenStream> {
    match decode {
        Decode::Json => None,
        Decode::NoOp => Some(quote! { .no_op() }),
    }
}

fn shape_call(shape: &Shape) -> Option<TokenStream> {
    (*shape != Shape::default()).then(|| {
        let shape = shape::value(shape);
        quote! { .shape(&#shape) }
    })
}
