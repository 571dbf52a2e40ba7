//! The trie of `target`, `allow`, `deny`, `mapping` and `group`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Field, FieldRule, Fields, Shape};

pub(super) fn value(shape: &Shape) -> TokenStream {
    let base = if shape.is_collection {
        quote! { Shape::COLLECTION }
    } else {
        quote! { Shape::OBJECT }
    };
    let target = (!shape.target.is_empty()).then(|| {
        let path = &shape.target;
        quote! { .target(&[#(#path),*]) }
    });
    let fields = (shape.fields != Fields::All).then(|| {
        let fields = fields(&shape.fields);
        quote! { .fields(#fields) }
    });
    let group = shape.group.as_ref().map(|group| quote! { .group(#group) });
    quote! { #base #target #fields #group }
}

fn fields(fields: &Fields) -> TokenStream {
    match fields {
        Fields::All => quote! { Fields::AllExcept(&[]) },
        Fields::Allow(list) => {
            let list = list.iter().map(field);
            quote! { Fields::Allow(&[#(#list),*]) }
        }
        Fields::Deny(list) => {
            let list = list.iter().map(field);
            quote! { Fields::AllExcept(&[#(#list),*]) }
        }
    }
}

fn field(field: &Field) -> TokenStream {
    let name = &field.name;
    match (&field.rule, &field.rename) {
        (FieldRule::Keep, None) => quote! { Field::keep(#name) },
        (FieldRule::Keep, Some(new)) => quote! { Field::renamed(#name, #new) },
        (FieldRule::Drop, _) => quote! { Field::drop(#name) },
        (FieldRule::Inside(inner), rename) => {
            let inner = fields(inner);
            let rename = rename.as_ref().map(|new| quote! { .rename(#new) });
            quote! { Field::inside(#name, #inner) #rename }
        }
    }
}
