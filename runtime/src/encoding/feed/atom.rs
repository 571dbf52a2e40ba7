use serde_json::Value;

use super::date::Time;
use super::extensions::{Extensions, Namespaces};
use super::rss::enclosure;
use super::text::{of_markup, text};
use super::{Feed, Members, person, put_date};
use crate::encoding::xml::Element;

/// Atom 0.3 and 1.0.
pub(super) fn feed(root: &Element<'_>) -> Feed {
    let namespaces = Namespaces::of(&[root]);
    let mut feed = Feed { kind: "atom", language: root.attribute("lang").to_owned(), ..Feed::default() };
    for element in root.children.iter().filter(|element| !Namespaces::is_extension(element)) {
        match element.local().to_ascii_lowercase().as_str() {
            "title" => feed.title = content(element),
            "updated" | "modified" => feed.updated = content(element),
            "subtitle" | "tagline" => feed.description = content(element),
            "logo" => feed.image = Some(content(element)).filter(|url| !url.is_empty()),
            "rights" | "copyright" => feed.copyright = content(element),
            "author" if feed.author.is_none() => feed.author = Some(author(element)),
            "category" => feed.categories.push(element.attribute("term").into()),
            "entry" => feed.items.push(entry(element, &namespaces)),
            _ => {}
        }
    }
    feed
}

fn entry(element: &Element<'_>, namespaces: &Namespaces) -> Value {
    let mut extensions = Extensions::default();
    let [mut title, mut summary, mut body, mut updated, mut published, mut id, mut link] = [const { String::new() }; 7];
    let [mut links, mut authors, mut categories, mut enclosures] = [const { Vec::<Value>::new() }; 4];
    for element in &element.children {
        if Namespaces::is_extension(element) {
            extensions.add(element, namespaces);
            continue;
        }
        match element.local().to_ascii_lowercase().as_str() {
            "title" => title = content(element),
            "summary" => summary = content(element),
            "content" => body = content(element),
            "updated" | "modified" => updated = content(element),
            "published" | "issued" => published = content(element),
            "id" => id = content(element),
            "author" => authors.push(author(element)),
            "category" => categories.push(element.attribute("term").into()),
            "link" => match element.attribute("rel") {
                "" | "alternate" => {
                    let href = element.attribute("href");
                    if links.is_empty() || link.is_empty() {
                        href.clone_into(&mut link);
                    }
                    links.push(href.into());
                }
                "self" => links.push(element.attribute("href").into()),
                "enclosure" => enclosures.push(enclosure(element, "href")),
                _ => {}
            },
            _ => {}
        }
    }
    let mut item = Members::default();
    item.put("title", title);
    item.put("description", summary);
    item.put("content", body);
    item.put("link", link);
    item.put("links", links);
    put_date(&mut item, "updated", &updated, Time::in_utc);
    let published = if published.is_empty() { &updated } else { &published };
    put_date(&mut item, "published", published, Time::in_utc);
    item.put_some("author", authors.first().cloned());
    item.put("authors", authors);
    item.put("guid", id);
    item.put("categories", categories);
    item.put("enclosures", enclosures);
    item.put("extensions", extensions.into_value());
    item.into_value()
}

fn author(element: &Element<'_>) -> Value {
    let of = |name: &str| {
        let named = element.children.iter().rfind(|element| element.local().eq_ignore_ascii_case(name));
        named.map(content).unwrap_or_default()
    };
    person(&of("name"), &of("email"))
}

/// The text of a text construct. XHTML stays markup, without the `div` that wraps it.
fn content(element: &Element<'_>) -> String {
    if !element.attribute("type").eq_ignore_ascii_case("xhtml") {
        return text(element);
    }
    match element.children.as_slice() {
        [only] if only.local() == "div" && element.text.trim().is_empty() => only.inner.trim().to_owned(),
        _ if element.inner.contains("<![CDATA[") => of_markup(element.inner.trim()),
        _ => element.inner.trim().to_owned(),
    }
}
