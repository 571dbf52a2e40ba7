//! Values as they are written in generated code.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::model::{Method, Names};

/// A whole number without a type's name behind it.
pub(super) fn number(value: impl TryInto<u64>) -> Literal {
    Literal::u64_unsuffixed(value.try_into().unwrap_or(u64::MAX))
}

/// In the largest unit that is exact.
pub(super) fn duration(value: Duration) -> TokenStream {
    let nanos = value.as_nanos();
    if nanos.is_multiple_of(1_000_000_000) {
        let seconds = number(value.as_secs());
        quote! { Duration::from_secs(#seconds) }
    } else if nanos.is_multiple_of(1_000_000) {
        let millis = number(value.as_millis());
        quote! { Duration::from_millis(#millis) }
    } else if nanos.is_multiple_of(1_000) {
        let micros = number(value.as_micros());
        quote! { Duration::from_micros(#micros) }
    } else {
        let nanos = number(nanos);
        quote! { Duration::from_nanos(#nanos) }
    }
}

/// JSON in a raw string, so that a person can read it.
pub(super) fn json(text: &str) -> Literal {
    let mut hashes = String::new();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    // A carriage return cannot stand in a raw string; JSON text has none outside of white space.
    format!("r{hashes}\"{text}\"{hashes}").parse().unwrap_or_else(|_| Literal::string(text))
}

pub(super) fn method(method: Method) -> TokenStream {
    match method {
        Method::Get => quote! { Get },
        Method::Post => quote! { Post },
        Method::Put => quote! { Put },
        Method::Patch => quote! { Patch },
        Method::Delete => quote! { Delete },
        Method::Head => quote! { Head },
        Method::Options => quote! { Options },
    }
}

pub(super) fn names(names: &Names) -> TokenStream {
    match names {
        Names::All => quote! { All },
        Names::List(list) => quote! { Only(&[#(#list),*]) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_their_unit() {
        for (value, expected) in [
            (Duration::from_secs(3), "Duration :: from_secs (3)"),
            (Duration::from_millis(2_500), "Duration :: from_millis (2500)"),
            (Duration::from_micros(1), "Duration :: from_micros (1)"),
            (Duration::from_nanos(1_001), "Duration :: from_nanos (1001)"),
        ] {
            assert_eq!(duration(value).to_string(), expected);
        }
    }

    #[test]
    fn json_is_raw() {
        assert_eq!(json(r#"{"a":1}"#).to_string(), r##"r#"{"a":1}"#"##);
        assert_eq!(json(r##"{"a":"#"}"##).to_string(), r###"r##"{"a":"#"}"##"###);
    }
}
