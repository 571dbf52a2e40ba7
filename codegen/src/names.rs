//! Identifiers for generated code: named by what they are, unique, never a keyword.

use std::collections::HashSet;

use proc_macro2::Ident;
use quote::format_ident;

use crate::model::Endpoint;

/// The identifiers given so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// `GET /users/{id}` is `GET_USERS_ID`. Begins with the method, so it can be neither a keyword nor a digit.
    pub(crate) fn endpoint(&mut self, endpoint: &Endpoint) -> Ident {
        let mut name = endpoint.method.as_str().to_owned();
        let path = endpoint.path.text.strip_suffix("/*").map(|path| format!("{path}/rest"));
        let words = path.as_deref().unwrap_or(&endpoint.path.text);
        let words: Vec<_> = words.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        for word in if words.is_empty() { &["root"] } else { words.as_slice() } {
            name.push('_');
            name.push_str(&word.to_ascii_uppercase());
        }
        let unique = self.unique(name);
        format_ident!("{unique}")
    }

    fn unique(&mut self, name: String) -> String {
        if self.taken.insert(name.clone()) {
            return name;
        }
        let mut number = 2_u64;
        loop {
            // `A_2` may be the name of an endpoint of its own, hence the second underscore.
            let numbered = format!("{name}__{number}");
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
            number += 1;
        }
    }
}
