//! An endpoint's answer in its `output_encoding` (traps 50 to 56).

mod negotiate;
mod xml;
mod yaml;

use std::borrow::Cow;

pub(crate) use self::negotiate::negotiated;
use crate::endpoint::Output;
use crate::shape::{Field, Fields, Shape, Tree};
use bytes::Bytes;
use http::HeaderValue;

static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static XML: HeaderValue = HeaderValue::from_static("application/xml");
static YAML: HeaderValue = HeaderValue::from_static("application/yaml; charset=utf-8");

static CONTENT: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::keep("content")]));
static COLLECTION: Shape = Shape::OBJECT.fields(Fields::Allow(&[Field::keep("collection")]));

/// Writes `json`, the text of an object or `null`, and says its type. The error is one line.
pub(crate) fn write(output: Output, json: &Bytes) -> Result<(Bytes, HeaderValue), String> {
    Ok(match output {
        Output::Collection => (member(&COLLECTION, json)?.unwrap_or(Bytes::from_static(b"[]")), JSON.clone()),
        Output::Text => {
            let content = member(&CONTENT, json)?.unwrap_or_default();
            // Only a string is text; anything else is left out, as in KrakenD.
            (serde_json::from_slice::<String>(&content).unwrap_or_default().into(), TEXT.clone())
        }
        Output::Xml => (xml::write(&tree(json)?).into(), XML.clone()),
        Output::Yaml => (yaml::write(&tree(json)?).into(), YAML.clone()),
        // What is left has been chosen from by now, or is not written from data.
        Output::Json | Output::Negotiate | Output::NoOp => (json.clone(), JSON.clone()),
    })
}

/// What `json` would have to have to be more than nothing in this encoding, where it has not.
pub(crate) fn missing(output: Output, json: &Bytes) -> Option<&'static str> {
    let found = |shape| member(shape, json).ok().flatten();
    match output {
        Output::Collection => found(&COLLECTION).is_none().then_some("`collection`"),
        Output::Text => {
            let text = found(&CONTENT).is_some_and(|content| serde_json::from_slice::<String>(&content).is_ok());
            (!text).then_some("text under `content`")
        }
        Output::Json | Output::Xml | Output::Yaml | Output::Negotiate | Output::NoOp => None,
    }
}

/// The one root member that `shape` keeps.
fn member(shape: &Shape, json: &[u8]) -> Result<Option<Bytes>, String> {
    let (mut text, mut roots) = (Vec::new(), Vec::new());
    shape.apply_fields(json, &mut text, &mut roots).map_err(|error| error.to_string())?;
    Ok(roots.first().map(|root| Bytes::from(text).slice(root.value.clone())))
}

fn tree(json: &[u8]) -> Result<Tree<'_>, String> {
    Tree::parse(json).map_err(|error| error.to_string())
}

/// The members of an object in the order of their names, which is KrakenD's.
fn sorted<'a>(members: &'a [(Cow<'_, str>, Tree<'_>)]) -> Vec<(&'a str, &'a Tree<'a>)> {
    let mut sorted: Vec<_> = members.iter().map(|(name, value)| (&**name, value)).collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    sorted
}

#[cfg(test)]
mod tests;
