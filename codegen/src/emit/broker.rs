//! The `static` of a named broker.

use proc_macro2::TokenStream;
use quote::quote;

use super::layout::Static;
use super::literal::number;
use crate::model::{NamedBroker, Secret, Source};
use crate::names;

pub(super) fn item(broker: &NamedBroker) -> Static {
    let NamedBroker { place, name, driver, required, max_in_flight, settings } = broker;
    let required = required.then(|| quote! { .required() });
    let max_in_flight = max_in_flight.map(number).map(|count| quote! { .max_in_flight(#count) });
    let settings = (!settings.is_empty()).then(|| {
        let settings = settings.iter().map(|setting| {
            let (name, values) = (setting.name, setting.values.iter().map(source));
            quote! { (#name, &[#(#values),*]) }
        });
        quote! { .settings(&[#(#settings),*]) }
    });
    Static {
        docs: vec![format!("The broker `{name}` of the driver `{driver}`, {}", place.0)],
        visibility: "",
        name: names::broker(name),
        kind: quote! { NamedBroker },
        value: quote! { NamedBroker::new(#name) #required #max_in_flight #settings },
    }
}

/// `.broker(&BROKER_BILLING)`.
pub(super) fn choice(broker: Option<&str>) -> Option<TokenStream> {
    broker.map(names::broker).map(|name| quote! { .broker(&#name) })
}

fn source(source: &Source) -> TokenStream {
    match source {
        Source::Literal(text) | Source::Secret(Secret(text)) => quote! { Literal(#text) },
        Source::Env(name) => quote! { Env(#name) },
        Source::File(path) => quote! { File(#path) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BrokerSetting, Place};

    #[test]
    fn a_broker_reads_like_the_config() {
        let setting = |name, values: &[Source]| BrokerSetting { name, values: values.to_vec() };
        let broker = NamedBroker {
            place: Place("gateway.json:3:5".to_owned()),
            name: "eu-billing".to_owned(),
            driver: "nats",
            required: true,
            max_in_flight: Some(1000),
            settings: vec![
                setting("servers", &[Source::Literal("nats://a".to_owned()), Source::Env("B".to_owned())]),
                setting("token", &[Source::Secret(Secret("t0ken".to_owned()))]),
                setting("tls.ca_certs", &[Source::File("ca.pem".to_owned())]),
            ],
        };
        let expected = "\
/// The broker `eu-billing` of the driver `nats`, gateway.json:3:5
static BROKER_EU_BILLING: NamedBroker = NamedBroker::new(\"eu-billing\")
    .required()
    .max_in_flight(1_000)
    .settings(&[
        (\"servers\", &[Literal(\"nats://a\"), Env(\"B\")]),
        (\"token\", &[Literal(\"t0ken\")]),
        (\"tls.ca_certs\", &[File(\"ca.pem\")]),
    ]);
";
        assert_eq!(item(&broker).print(), expected);
        assert!(!format!("{broker:?}").contains("t0ken"));
    }
}
