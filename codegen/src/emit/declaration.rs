//! What a topic or subscription is declared as.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use sluicegate_drivers::{Argument, Binding, Declaration};

use super::layout::Static;
use super::literal::{float, number};

pub(super) fn item(name: Ident, place: &str, declaration: &Declaration) -> Static {
    let Declaration { kind, durable, auto_delete, arguments, bindings } = declaration;
    let kind = kind.map(|kind| quote! { .kind(#kind) });
    let transient = (!durable).then(|| quote! { .transient() });
    let auto_delete = auto_delete.then(|| quote! { .auto_delete() });
    let arguments = self::arguments(arguments);
    let bindings = (!bindings.is_empty()).then(|| {
        let bindings = bindings.iter().map(binding);
        quote! { .bindings(&[#(#bindings),*]) }
    });
    Static {
        docs: vec![format!("`declare` of the backend, {place}")],
        visibility: "",
        name,
        kind: quote! { Declaration },
        value: quote! { Declaration::new() #kind #transient #auto_delete #arguments #bindings },
    }
}

fn binding(binding: &Binding) -> TokenStream {
    let Binding { exchange, routing_key, arguments } = binding;
    let routing_key = (!routing_key.is_empty()).then(|| quote! { .routing_key(#routing_key) });
    let arguments = self::arguments(arguments);
    quote! { Binding::new(#exchange) #routing_key #arguments }
}

fn arguments(arguments: &[(&str, Argument)]) -> Option<TokenStream> {
    let table = table(arguments);
    (!arguments.is_empty()).then(|| quote! { .arguments(#table) })
}

fn table(members: &[(&str, Argument)]) -> TokenStream {
    let members = members.iter().map(|(name, value)| {
        let value = argument(value);
        quote! { (#name, #value) }
    });
    quote! { &[#(#members),*] }
}

fn argument(value: &Argument) -> TokenStream {
    match value {
        Argument::Null => quote! { Argument::Null },
        Argument::Boolean(value) => quote! { Argument::Boolean(#value) },
        Argument::Integer(value) => {
            let value = signed(*value < 0, number(value.unsigned_abs()));
            quote! { Argument::Integer(#value) }
        }
        Argument::Float(value) => {
            let value = signed(value.is_sign_negative(), float(value.abs()));
            quote! { Argument::Float(#value) }
        }
        Argument::Text(text) => quote! { Argument::Text(#text) },
        Argument::List(items) => {
            let items = items.iter().map(argument);
            quote! { Argument::List(&[#(#items),*]) }
        }
        Argument::Table(members) => {
            let table = table(members);
            quote! { Argument::Table(#table) }
        }
    }
}

fn signed(negative: bool, value: Literal) -> TokenStream {
    if negative {
        quote! { -#value }
    } else {
        quote! { #value }
    }
}

#[cfg(test)]
mod tests {
    use quote::format_ident;

    use super::*;

    #[test]
    fn a_declaration_reads_like_the_config() {
        const BINDINGS: &[Binding] = &[
            Binding::new("orders").routing_key("eu.#"),
            Binding::new("audit").arguments(&[("x-match", Argument::Text("any")), ("vip", Argument::Boolean(true))]),
        ];
        let declaration = Declaration::new()
            .kind("quorum")
            .transient()
            .auto_delete()
            .arguments(&[
                ("x-delivery-limit", Argument::Integer(-1)),
                ("x-max-length", Argument::Integer(100_000)),
                ("ratio", Argument::Float(-0.5)),
                ("plugin", Argument::Table(&[("list", Argument::List(&[Argument::Null, Argument::Text("a")]))])),
            ])
            .bindings(BINDINGS);
        let expected = "\
/// `declare` of the backend, gateway.json:3:5
static ORDERS_DECLARATION: Declaration = Declaration::new()
    .kind(\"quorum\")
    .transient()
    .auto_delete()
    .arguments(&[
        (\"x-delivery-limit\", Argument::Integer(-1)),
        (\"x-max-length\", Argument::Integer(100_000)),
        (\"ratio\", Argument::Float(-0.5)),
        (
            \"plugin\",
            Argument::Table(&[(\"list\", Argument::List(&[Argument::Null, Argument::Text(\"a\")]))]),
        ),
    ])
    .bindings(&[
        Binding::new(\"orders\").routing_key(\"eu.#\"),
        Binding::new(\"audit\").arguments(&[
            (\"x-match\", Argument::Text(\"any\")),
            (\"vip\", Argument::Boolean(true)),
        ]),
    ]);
";
        assert_eq!(item(format_ident!("ORDERS_DECLARATION"), "gateway.json:3:5", &declaration).print(), expected);
        let plain = item(format_ident!("A"), "a:1:1", &Declaration::new()).value.to_string();
        assert_eq!(plain, quote! { Declaration::new() }.to_string());
    }
}
