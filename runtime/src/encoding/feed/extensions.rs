//! Elements of other namespaces: all of them as they are, Dublin Core and iTunes once more as lists of their own.

use serde_json::{Map, Value, json};

use super::Members;
use crate::encoding::xml::Element;

/// The usual prefixes of namespaces, whatever a feed calls them.
const PREFIXES: [(&str, &str); 21] = [
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://purl.org/dc/terms/", "dcterms"),
    ("http://www.itunes.com/DTDs/PodCast-1.0.dtd", "itunes"),
    ("http://search.yahoo.com/mrss", "media"),
    ("http://search.yahoo.com/mrss/", "media"),
    ("http://purl.org/rss/1.0/modules/content/", "content"),
    ("http://purl.org/rss/1.0/modules/syndication/", "sy"),
    ("http://purl.org/rss/1.0/modules/slash/", "slash"),
    ("http://purl.org/rss/1.0/modules/threading/", "thr"),
    ("http://wellformedweb.org/commentAPI/", "wfw"),
    ("http://www.georss.org/georss", "georss"),
    ("http://www.opengis.net/gml", "gml"),
    ("http://www.w3.org/2003/01/geo/wgs84_pos#", "geo"),
    ("http://web.resource.org/cc/", "cc"),
    ("http://backend.userland.com/creativeCommonsRssModule", "creativeCommons"),
    ("http://rssnamespace.org/feedburner/ext/1.0", "feedburner"),
    ("http://webns.net/mvcb/", "admin"),
    ("http://madskills.com/public/xml/rss/module/trackback/", "trackback"),
    ("http://podlove.org/simple-chapters", "psc"),
    ("http://www.w3.org/1999/xlink", "xlink"),
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"),
];

const DUBLIN_CORE: [&str; 16] = [
    "title",
    "creator",
    "author",
    "subject",
    "description",
    "publisher",
    "contributor",
    "date",
    "type",
    "format",
    "identifier",
    "source",
    "language",
    "relation",
    "coverage",
    "rights",
];

/// Prefix, name, elements.
#[derive(Default)]
pub(super) struct Extensions(Map<String, Value>);

/// Namespaces by the prefixes that a feed gives them.
pub(super) struct Namespaces(Vec<(String, String)>);

impl Namespaces {
    /// Those that the elements around the items declare.
    pub(super) fn of(elements: &[&Element<'_>]) -> Self {
        let attributes = elements.iter().flat_map(|element| &element.attributes);
        let declared =
            attributes.filter_map(|(name, url)| Some((name.strip_prefix("xmlns:")?.to_owned(), url.clone())));
        Self(declared.collect())
    }

    /// Whether the element belongs to none of the namespaces of feeds themselves.
    pub(super) fn is_extension(element: &Element<'_>) -> bool {
        !matches!(element.prefix(), "" | "rss" | "rdf" | "content")
    }

    fn prefix<'a>(&'a self, element: &'a Element<'_>) -> &'a str {
        let prefix = element.prefix();
        let declared = element.attributes.iter().find(|(name, _)| name.strip_prefix("xmlns:") == Some(prefix));
        let url = declared.or_else(|| self.0.iter().find(|(known, _)| known == prefix)).map(|(_, url)| url);
        PREFIXES.iter().find(|(known, _)| Some(*known) == url.map(String::as_str)).map_or(prefix, |(_, usual)| usual)
    }
}

impl Extensions {
    pub(super) fn add(&mut self, element: &Element<'_>, namespaces: &Namespaces) {
        let names = self.0.entry(namespaces.prefix(element)).or_insert_with(|| json!({}));
        if let Value::Object(names) = names {
            push(names, element);
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// The texts of all elements of a name.
    pub(super) fn all(&self, prefix: &str, name: &str) -> Vec<Value> {
        self.of(prefix, name).iter().map(|element| element["value"].clone()).collect()
    }

    /// The text of the first element of a name, if there is one.
    pub(super) fn first(&self, prefix: &str, name: &str) -> Option<&str> {
        self.of(prefix, name).first().and_then(|element| element["value"].as_str())
    }

    /// The same, or nothing.
    fn text(&self, prefix: &str, name: &str) -> &str {
        self.first(prefix, name).unwrap_or_default()
    }

    pub(super) fn of(&self, prefix: &str, name: &str) -> &[Value] {
        self.0.get(prefix).and_then(|names| names.get(name)).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// `itunes:image` names its address in an attribute.
    pub(super) fn itunes_image(&self) -> &str {
        self.of("itunes", "image").first().and_then(|image| image["attrs"]["href"].as_str()).unwrap_or_default()
    }

    /// The words of `itunes:keywords`.
    pub(super) fn itunes_keywords(&self) -> impl Iterator<Item = Value> {
        let keywords = self.first("itunes", "keywords").filter(|keywords| !keywords.is_empty());
        keywords.into_iter().flat_map(|keywords| keywords.split(',')).map(Value::from)
    }

    /// `dcExt` of an item, if it has any of it.
    pub(super) fn dublin_core(&self) -> Option<Value> {
        self.0.get("dc")?;
        let mut lists = Members::default();
        for name in DUBLIN_CORE {
            lists.put(name, self.all("dc", name));
        }
        Some(lists.into_value())
    }

    /// `itunesExt` of an item, if it has any of it.
    pub(super) fn itunes(&self) -> Option<Value> {
        self.0.get("itunes")?;
        let mut texts = Members::default();
        for name in ["author", "block", "duration", "explicit", "keywords", "subtitle", "summary"] {
            texts.put(name, self.text("itunes", name));
        }
        texts.put("image", self.itunes_image());
        for name in ["isClosedCaptioned", "episode", "season", "order", "episodeType"] {
            texts.put(name, self.text("itunes", name));
        }
        Some(texts.into_value())
    }
}

fn push(names: &mut Map<String, Value>, element: &Element<'_>) {
    let list = names.entry(element.local()).or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.push(value(element));
    }
}

fn value(element: &Element<'_>) -> Value {
    let mut children = Map::new();
    element.children.iter().for_each(|child| push(&mut children, child));
    let attributes = element
        .attributes
        .iter()
        .map(|(name, value)| (name.strip_prefix("xmlns:").unwrap_or(name).to_owned(), Value::from(value.as_str())));
    json!({
        "name": element.local(),
        "value": element.text.trim(),
        "attrs": attributes.collect::<Map<_, _>>(),
        "children": children,
    })
}
