//! The trie of `target`, `allow`, `deny`, `mapping` and `group`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::layout::Static;
use super::literal::texts;
use crate::model::{Field, FieldRule, Fields, FlatmapOp, Shape};

pub(super) fn item(name: Ident, place: &str, shape: &Shape) -> Static {
    let docs = vec![format!("{} of the backend, {place}", keys(shape))];
    Static { docs, visibility: "", name, kind: quote! { Shape }, value: value(shape) }
}

/// The config's keys that make the shape: `` `allow` and `group` ``.
fn keys(shape: &Shape) -> String {
    let list = match &shape.fields {
        Fields::All => &[],
        Fields::Allow(list) | Fields::Deny(list) => list.as_slice(),
    };
    let denies = |field: &Field| field.rule != FieldRule::Keep;
    let keys = [
        ("is_collection", shape.is_collection),
        ("target", !shape.target.is_empty()),
        ("allow", matches!(shape.fields, Fields::Allow(_))),
        ("deny", matches!(shape.fields, Fields::Deny(_)) && list.iter().any(denies)),
        ("mapping", list.iter().any(|field| field.rename.is_some())),
        ("flatmap_filter", !shape.flatmap.is_empty()),
        ("group", shape.group.is_some()),
    ];
    let keys: Vec<_> = keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| format!("`{key}`")).collect();
    match keys.as_slice() {
        [several @ .., last] if !several.is_empty() => format!("{} and {last}", several.join(", ")),
        keys => keys.concat(),
    }
}

fn value(shape: &Shape) -> TokenStream {
    let base = if shape.is_collection {
        quote! { Shape::COLLECTION }
    } else {
        quote! { Shape::OBJECT }
    };
    let target = (!shape.target.is_empty()).then(|| {
        let path = texts(&shape.target);
        quote! { .target(#path) }
    });
    let fields = (shape.fields != Fields::All).then(|| {
        let fields = fields(&shape.fields);
        quote! { .fields(#fields) }
    });
    let flatmap = (!shape.flatmap.is_empty()).then(|| {
        let ops = flatmap(&shape.flatmap);
        quote! { .flatmap(#ops) }
    });
    let group = shape.group.as_ref().map(|group| quote! { .group(#group) });
    quote! { #base #target #fields #flatmap #group }
}

/// The operations of `flatmap_filter`, as a slice.
pub(crate) fn flatmap(ops: &[FlatmapOp]) -> TokenStream {
    let ops = ops.iter().map(|op| match op {
        FlatmapOp::Move(source, target) => {
            let (source, target) = (texts(source), texts(target));
            quote! { FlatmapOp::Move(#source, #target) }
        }
        FlatmapOp::Delete(path) => {
            let path = texts(path);
            quote! { FlatmapOp::Delete(#path) }
        }
        FlatmapOp::Append(source, target) => {
            let (source, target) = (texts(source), texts(target));
            quote! { FlatmapOp::Append(#source, #target) }
        }
    });
    quote! { &[#(#ops),*] }
}

fn fields(fields: &Fields) -> TokenStream {
    let list = |list: &[Field]| {
        let list = list.iter().map(field);
        quote! { &[#(#list),*] }
    };
    match fields {
        Fields::All => quote! { Fields::AllExcept(&[]) },
        Fields::Allow(kept) => {
            let kept = list(kept);
            quote! { Fields::Allow(#kept) }
        }
        Fields::Deny(treated) => {
            let treated = list(treated);
            quote! { Fields::AllExcept(#treated) }
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
            let (inner, rename) = (fields(inner), rename.as_ref().map(|new| quote! { .rename(#new) }));
            quote! { Field::inside(#name, #inner) #rename }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_configs() {
        let field = |rename: Option<&str>, rule| Field { name: "a".into(), rename: rename.map(Into::into), rule };
        let shape = |fields| Shape { fields, ..Shape::default() };
        for (shape, expected) in [
            (Shape { is_collection: true, ..Shape::default() }, "`is_collection`"),
            (shape(Fields::Allow(vec![field(None, FieldRule::Keep)])), "`allow`"),
            (shape(Fields::Allow(vec![field(Some("b"), FieldRule::Keep)])), "`allow` and `mapping`"),
            (shape(Fields::Deny(vec![field(None, FieldRule::Drop)])), "`deny`"),
            (shape(Fields::Deny(vec![field(Some("b"), FieldRule::Keep)])), "`mapping`"),
            (
                Shape { target: vec!["x".into()], group: Some("y".into()), ..shape(Fields::Allow(Vec::new())) },
                "`target`, `allow` and `group`",
            ),
        ] {
            assert_eq!(keys(&shape), expected);
        }
    }
}
