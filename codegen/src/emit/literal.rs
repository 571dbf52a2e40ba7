//! Values as they are written in generated code.

use std::net::IpAddr;
use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};

use crate::model::{Method, Names};

/// A whole number in groups of three digits.
pub(crate) fn number(value: impl TryInto<u64>) -> Literal {
    let value = value.try_into().unwrap_or(u64::MAX);
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped.parse().unwrap_or_else(|_| Literal::u64_unsuffixed(value))
}

/// A number that is a float: `5.0` where `{}` would write `5`, and without the digits of `1e16`.
pub(crate) fn float(value: f64) -> Literal {
    format!("{value:?}").parse().unwrap_or_else(|_| Literal::f64_unsuffixed(value))
}

/// `&["a", "b"]`.
pub(super) fn texts<T: ToTokens>(list: &[T]) -> TokenStream {
    quote! { &[#(#list),*] }
}

/// `&[4865, 4866]`: numbers that are names.
pub(super) fn codes(list: &[u16]) -> TokenStream {
    let list = list.iter().copied().map(Literal::u16_unsuffixed);
    quote! { &[#(#list),*] }
}

/// Text for a comment. A new line would end it, and rustc refuses characters that change the direction of writing.
pub(super) fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut plain, letter| {
        if is_plain(letter) {
            plain.push(letter);
        } else {
            plain.extend(letter.escape_debug());
        }
        plain
    })
}

fn is_plain(letter: char) -> bool {
    matches!(letter, '"' | '\'' | '\\') || letter.escape_debug().len() == 1
}

/// In the largest unit that is exact.
pub(crate) fn duration(value: Duration) -> TokenStream {
    let nanos = value.as_nanos();
    let (unit, count) = if nanos.is_multiple_of(1_000_000_000) {
        ("secs", nanos / 1_000_000_000)
    } else if nanos.is_multiple_of(1_000_000) {
        ("millis", nanos / 1_000_000)
    } else if nanos.is_multiple_of(1_000) {
        ("micros", nanos / 1_000)
    } else {
        ("nanos", nanos)
    };
    let (from, count) = (format_ident!("from_{unit}"), number(count));
    quote! { Duration::#from(#count) }
}

/// JSON in a raw string, so that a person can read it. What could not be seen is escaped as JSON escapes it.
pub(crate) fn json(json: &str) -> Literal {
    let mut visible = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_plain(letter) {
            visible.push(letter);
        } else {
            let units =
                letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            visible.push_str(&units);
        }
    }
    let mut hashes = String::new();
    while visible.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    // Rust counts no more than 255 of them.
    format!("r{hashes}\"{visible}\"{hashes}").parse().unwrap_or_else(|_| Literal::string(&visible))
}

pub(super) fn address(ip: IpAddr) -> TokenStream {
    match ip {
        IpAddr::V4(ip) => {
            let octets = ip.octets().map(Literal::u8_unsuffixed);
            quote! { ipv4(#(#octets),*) }
        }
        IpAddr::V6(ip) => {
            let segment =
                |segment: u16| format!("{segment:#x}").parse().unwrap_or_else(|_| Literal::u16_unsuffixed(segment));
            let segments = ip.segments().map(segment);
            quote! { ipv6([#(#segments),*]) }
        }
    }
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
        Names::List(list) => {
            let list = texts(list);
            quote! { Only(#list) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, expected) in
            [(0, "0"), (999, "999"), (1_000, "1_000"), (65_536, "65_536"), (1_048_576, "1_048_576")]
        {
            assert_eq!(number(value).to_string(), expected);
        }
    }

    #[test]
    fn durations_keep_their_unit() {
        for (value, expected) in [
            (Duration::ZERO, "Duration :: from_secs (0)"),
            (Duration::from_secs(3), "Duration :: from_secs (3)"),
            (Duration::from_millis(2_500), "Duration :: from_millis (2_500)"),
            (Duration::from_micros(1), "Duration :: from_micros (1)"),
            (Duration::from_nanos(1_001), "Duration :: from_nanos (1_001)"),
        ] {
            assert_eq!(duration(value).to_string(), expected);
        }
    }

    #[test]
    fn json_is_raw() {
        for (value, expected) in [
            (r#"{"a":1}"#, r##"r#"{"a":1}"#"##),
            (r##"{"a":"#"}"##, r###"r##"{"a":"#"}"##"###),
            ("1", "r\"1\""),
            (r#"{"é":"\n"}"#, r##"r#"{"é":"\n"}"#"##),
            ("\"\u{202e}\u{e0001}\"", r##"r#""\u202e\udb40\udc01""#"##),
        ] {
            assert_eq!(json(value).to_string(), expected);
        }
    }

    #[test]
    fn what_could_not_be_seen_in_a_text_is_escaped() {
        for (value, expected) in
            [("it's", "\"it's\""), ("a\"b\\", r#""a\"b\\""#), ("é", "\"é\""), ("\n\u{200b}", r#""\n\u{200b}""#)]
        {
            assert_eq!(quote! { #value }.to_string(), expected);
        }
    }

    #[test]
    fn what_could_not_be_seen_in_a_comment_is_escaped() {
        assert_eq!(plain("it's \"é\" \\\t\u{2066}"), "it's \"é\" \\\\t\\u{2066}");
    }

    #[test]
    fn more_hashes_than_rust_counts() {
        let text = format!("\"{}", "#".repeat(300));
        assert_eq!(json(&text).to_string(), Literal::string(&text).to_string());
    }

    #[test]
    fn addresses_are_calls() {
        for (ip, expected) in [
            ("10.0.0.1", "ipv4 (10 , 0 , 0 , 1)"),
            ("fd00::1", "ipv6 ([0xfd00 , 0x0 , 0x0 , 0x0 , 0x0 , 0x0 , 0x0 , 0x1])"),
        ] {
            assert_eq!(address(ip.parse().expect("an address")).to_string(), expected);
        }
    }
}
