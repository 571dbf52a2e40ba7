//! Identifiers for generated code: named by what they are, unique, never a keyword.

use std::collections::HashSet;
use std::fmt::Write as _;

use proc_macro2::{Ident, Span};

use crate::model::{Endpoint, Method};

/// The identifiers given so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// `GET /users/{id}` is `GET_USERS_ID`.
    pub(crate) fn endpoint(&mut self, endpoint: &Endpoint) -> Ident {
        self.given(identifier(endpoint.method, &endpoint.path.text))
    }

    /// What belongs to an endpoint or a backend: `GET_USERS_ID_SHAPE`.
    pub(crate) fn part(&mut self, owner: &Ident, part: &str) -> Ident {
        self.given(format!("{owner}_{part}"))
    }

    fn given(&mut self, name: String) -> Ident {
        Ident::new(&self.unique(name), Span::call_site())
    }

    fn unique(&mut self, name: String) -> String {
        let mut unique = name.clone();
        let mut number = 2_u64;
        while !self.taken.insert(unique.clone()) {
            // `A_2` may be the name of an endpoint of its own, hence the second underscore.
            unique = format!("{name}__{number}");
            number += 1;
        }
        unique
    }
}

/// The static of a named broker: `BROKER_EU_BILLING`. Two names that would be one are refused before.
///
/// No endpoint's name begins so, as those begin with a method.
pub(crate) fn broker(name: &str) -> Ident {
    let words = name.chars().map(|letter| if letter == '-' { '_' } else { letter.to_ascii_uppercase() });
    Ident::new(&format!("BROKER_{}", words.collect::<String>()), Span::call_site())
}

/// Begins with the method, so it can be neither a keyword nor begin with a digit.
///
/// A letter that is not ASCII is written by its number: `CAF_U00E9`. rustc warns of many as identifiers.
fn identifier(method: Method, path: &str) -> String {
    let mut words = String::new();
    let path = path.strip_suffix("/*").map_or_else(|| path.to_owned(), |path| format!("{path}/rest"));
    for letter in path.chars() {
        if letter.is_ascii_alphanumeric() {
            words.push(letter.to_ascii_uppercase());
        } else if letter.is_ascii() {
            words.push('_');
        } else {
            // Writing to a string cannot fail.
            let _ = write!(words, "_U{:04X}_", u32::from(letter));
        }
    }
    let mut words: Vec<_> = words.split('_').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        words.push("ROOT");
    }
    format!("{}_{}", method.as_str(), words.join("_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_named_by_method_and_path() {
        for (method, path, expected) in [
            (Method::Get, "/", "GET_ROOT"),
            (Method::Get, "//-/", "GET_ROOT"),
            (Method::Post, "/orders", "POST_ORDERS"),
            (Method::Get, "/users/{id}/orders/{order-id}", "GET_USERS_ID_ORDERS_ORDER_ID"),
            (Method::Get, "/*", "GET_REST"),
            (Method::Get, "/files/*", "GET_FILES_REST"),
            (Method::Get, "/a*", "GET_A"),
            (Method::Delete, "/2024/07.json", "DELETE_2024_07_JSON"),
            (Method::Get, "/type/fn", "GET_TYPE_FN"),
            (Method::Get, "/camelCase/snake_case", "GET_CAMELCASE_SNAKE_CASE"),
            (Method::Get, "/café/menu", "GET_CAF_U00E9_MENU"),
            (Method::Get, "/日本", "GET_U65E5_U672C"),
            (Method::Get, "/🦀", "GET_U1F980"),
        ] {
            assert_eq!(identifier(method, path), expected, "{path}");
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        let given = ["GET_A", "GET_A", "GET_A__2", "GET_A", "GET_A_SHAPE"].map(|name| names.unique(name.to_owned()));
        assert_eq!(given, ["GET_A", "GET_A__2", "GET_A__2__2", "GET_A__3", "GET_A_SHAPE"]);
        let owner = |name| Ident::new(name, Span::call_site());
        assert_eq!(names.part(&owner("GET_A"), "SHAPE"), "GET_A_SHAPE__2");
        assert_eq!(names.part(&owner("GET_A__2"), "SHAPE"), "GET_A__2_SHAPE");
    }
}
