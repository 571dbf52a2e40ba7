use super::*;
use crate::model::BackendKind;
use crate::{SourceFile, check, tree};

/// The template, or the bytes that are underlined, as the attribute of a message.
fn read(text: &str) -> Result<Template, String> {
    let config = format!(
        r#"{{"version": 3, "endpoints": [{{"endpoint": "/{{id}}/{{customer-id}}", "method": "POST",
            "input_headers": ["X-Id"], "input_query_strings": ["q"], "backend": [{{"host": ["mem://"], "extra_config":
            {{"backend/pubsub/publisher": {{"topic_url": "orders", "attributes": {{"A": {}}}}}}}}}]}}]}}"#,
        tree::quote(text)
    );
    let checked = check(&SourceFile::new("a.json", "", config.as_str()));
    let Some(gateway) = checked.gateway else {
        let [found] = checked.diagnostics.as_slice() else { panic!("{text}: {:?}", checked.diagnostics) };
        return Err(config[found.span.start..found.span.end].to_owned());
    };
    match &gateway.endpoints[0].backends[0].kind {
        BackendKind::Publish(publish) => Ok(publish.options.attributes[0].1.clone()),
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn param(index: usize, name: &str) -> Part {
    Part::Param { index, name: name.to_owned() }
}

fn body(path: &[&str]) -> Part {
    Part::Body(path.iter().map(|name| (*name).to_owned()).collect())
}

/// The endpoint is `/{id}/{customer-id}`, and lets in the header `X-Id` and the query parameter `q`.
#[test]
fn templates_and_what_they_become() {
    for (written, expected) in [
        ("", vec![]),
        ("fixed", vec![text("fixed")]),
        ("{id}", vec![param(0, "id")]),
        ("order-{customer-id}/{id}", vec![text("order-"), param(1, "customer-id"), text("/"), param(0, "id")]),
        ("{header.X-Id}", vec![Part::Header("X-Id".to_owned())]),
        ("{header.x-ID}", vec![Part::Header("x-ID".to_owned())]),
        ("{query.q}", vec![Part::Query("q".to_owned())]),
        ("{body.id}", vec![body(&["id"])]),
        ("{body.lines.0.sku}", vec![body(&["lines", "0", "sku"])]),
        ("{body.a b.é}", vec![body(&["a b", "é"])]),
        ("{{id}}", vec![text("{id}")]),
        ("{{{id}}}", vec![text("{"), param(0, "id"), text("}")]),
        ("a}}b{{", vec![text("a}b{")]),
    ] {
        let template = read(written).expect(written);
        assert_eq!(template.parts, expected, "{written}");
        assert_eq!(template.to_string(), written, "printed as it was written");
    }
}

#[test]
fn what_is_underlined() {
    for (written, underlined) in [
        ("a{id", "{id"),
        ("a{id-{customer-id}", "{id-"),
        ("{", "{"),
        ("a}b", "}"),
        ("{id}}", "}"),
        ("a{}b", "{}"),
        ("{ }", "{ }"),
        ("{idd}", "{idd}"),
        ("{header}", "{header}"),
        ("{header.}", "{header.}"),
        ("{header.X Id}", "X Id"),
        ("{header.X-Idd}", "X-Idd"),
        ("{query.}", "{query.}"),
        ("{query.Q}", "Q"),
        ("{body.}", "{body.}"),
        ("{body.a..b}", "{body.a..b}"),
        ("é{headers.X-Id}", "headers"),
        ("\"\\{headers.X-Id}", "headers"),
        ("{JWT.sub}", "{JWT.sub}"),
        ("{resp0_id}", "{resp0_id}"),
        ("a\nb", "\\n"),
        (&format!("{{body.{}}}", ["a"; 33].join(".")), &format!("{{body.{}}}", ["a"; 33].join("."))),
    ] {
        assert_eq!(read(written), Err(underlined.to_owned()), "{written}");
    }
}

#[test]
fn tokens_are_a_list() {
    let template = read("order-{id}{header.X-Id}{query.q}{body.a.b}").expect("a template");
    let expected = quote! {
        &[Part::Text("order-"), Part::Param(0), Part::Header("X-Id"), Part::Query("q"), Part::Body(&["a", "b"])]
    };
    assert_eq!(template.tokens().to_string(), expected.to_string());
}
