use serde_json::{Map, Value, json};

use super::date::Time;
use super::extensions::{Extensions, Namespaces};
use super::text::{named_person, text};
use super::{Feed, Members, put_date};
use crate::encoding::xml::Element;

/// RSS 0.9 to 2.0. In RDF the items stand beside the channel.
pub(super) fn feed(root: &Element<'_>) -> Feed {
    let is = |element: &&Element<'_>, name: &str| {
        !Namespaces::is_extension(element) && element.local().eq_ignore_ascii_case(name)
    };
    let channel = root.children.iter().rfind(|element| is(element, "channel"));
    let namespaces = Namespaces::of(&[Some(root), channel].into_iter().flatten().collect::<Vec<_>>());
    let mut feed = channel.map(|channel| of_channel(channel, &namespaces)).unwrap_or_default();
    feed.kind = "rss";
    let items = root.children.iter().filter(|element| is(element, "item"));
    feed.items.extend(items.map(|element| item(element, &namespaces)));
    if let Some(image) = root.children.iter().rfind(|element| is(element, "image")) {
        feed.image = Some(image_url(image));
    }
    feed
}

fn of_channel(channel: &Element<'_>, namespaces: &Namespaces) -> Feed {
    let mut feed = Feed::default();
    let mut extensions = Extensions::default();
    let (mut editor, mut master) = (String::new(), String::new());
    for element in &channel.children {
        if Namespaces::is_extension(element) {
            extensions.add(element, namespaces);
            continue;
        }
        match element.local().to_ascii_lowercase().as_str() {
            "title" => feed.title = text(element),
            "description" => feed.description = text(element),
            "language" => feed.language = text(element),
            "copyright" => feed.copyright = text(element),
            "managingeditor" => editor = text(element),
            "webmaster" => master = text(element),
            "pubdate" => feed.published = text(element),
            "lastbuilddate" => feed.updated = text(element),
            "category" => feed.categories.push(text(element).into()),
            "image" => feed.image = Some(image_url(element)),
            "item" => feed.items.push(item(element, namespaces)),
            _ => {}
        }
    }
    let first = |name| extensions.first("dc", name).unwrap_or_default();
    for (own, name) in [
        (&mut feed.title, "title"),
        (&mut feed.updated, "date"),
        (&mut feed.language, "language"),
        (&mut feed.copyright, "rights"),
    ] {
        if own.is_empty() {
            first(name).clone_into(own);
        }
    }
    let own = [editor, master].into_iter().find(|person| !person.is_empty());
    feed.author = own.map(|person| named_person(&person)).or_else(|| extended_author(&extensions));
    feed.categories.extend(extensions.itunes_keywords());
    for category in extensions.of("itunes", "category") {
        feed.categories.push(category["attrs"]["text"].as_str().unwrap_or_default().into());
        let below = category["children"]["category"].get(0);
        feed.categories.extend(below.map(|below| below["attrs"]["text"].as_str().unwrap_or_default().into()));
    }
    feed.categories.extend(extensions.all("dc", "subject"));
    if feed.image.is_none() {
        feed.image = Some(extensions.itunes_image()).filter(|url| !url.is_empty()).map(str::to_owned);
    }
    feed
}

fn extended_author(extensions: &Extensions) -> Option<Value> {
    let itunes = || extensions.first("itunes", "author").filter(|author| !author.is_empty());
    let author = extensions.first("dc", "author").or_else(|| extensions.first("dc", "creator")).or_else(itunes);
    author.map(named_person)
}

fn image_url(image: &Element<'_>) -> String {
    let url = image.children.iter().rfind(|element| element.local().eq_ignore_ascii_case("url"));
    url.map(text).unwrap_or_default()
}

fn item(element: &Element<'_>, namespaces: &Namespaces) -> Value {
    let mut extensions = Extensions::default();
    let mut texts: Map<String, Value> = Map::new();
    let mut custom = Members::default();
    let (mut categories, mut enclosures) = (Vec::new(), Vec::new());
    for element in &element.children {
        if Namespaces::is_extension(element) {
            extensions.add(element, namespaces);
            continue;
        }
        let name = element.local().to_ascii_lowercase();
        match name.as_str() {
            "encoded" if element.prefix() != "content" => {}
            "title" | "description" | "encoded" | "link" | "author" | "pubdate" | "guid" => {
                texts.insert(name, text(element).into());
            }
            "category" => categories.push(Value::from(text(element))),
            "enclosure" => enclosures = vec![enclosure(element, "url")],
            "comments" | "source" => {}
            _ => custom.put_some(&name, Some(text(element).into())),
        }
    }
    let own = |name: &str| texts.get(name).and_then(Value::as_str).unwrap_or_default();
    let or_core = |name: &str, core: &str| match own(name) {
        "" => extensions.first("dc", core).unwrap_or_default().to_owned(),
        own => own.to_owned(),
    };
    let mut item = Members::default();
    item.put("title", or_core("title", "title"));
    item.put("description", or_core("description", "description"));
    item.put("content", own("encoded"));
    item.put("link", own("link"));
    item.put(
        "links",
        Some(own("link")).filter(|link| !link.is_empty()).into_iter().map(Value::from).collect::<Value>(),
    );
    match own("pubdate") {
        "" => {
            let date = extensions.first("dc", "date").unwrap_or_default();
            put_date(&mut item, "published", date, Time::as_written);
        }
        date => put_date(&mut item, "published", date, Time::in_utc),
    }
    let author = Some(own("author")).filter(|author| !author.is_empty()).map(named_person);
    let author = author.or_else(|| extended_author(&extensions));
    item.put_some("author", author.clone());
    item.put("authors", author.into_iter().collect::<Value>());
    item.put("guid", own("guid"));
    item.put_some(
        "image",
        Some(extensions.itunes_image()).filter(|url| !url.is_empty()).map(|url| json!({ "url": url })),
    );
    categories.extend(extensions.itunes_keywords());
    categories.extend(extensions.all("dc", "subject"));
    item.put("categories", categories);
    item.put("enclosures", enclosures);
    item.put_some("dcExt", extensions.dublin_core());
    item.put_some("itunesExt", extensions.itunes());
    item.put("extensions", extensions.into_value());
    item.put("custom", custom.into_value());
    item.into_value()
}

/// What an item comes with; `url` is the attribute that names it.
pub(super) fn enclosure(element: &Element<'_>, url: &str) -> Value {
    let mut enclosure = Members::default();
    enclosure.put("url", element.attribute(url));
    enclosure.put("length", element.attribute("length"));
    enclosure.put("type", element.attribute("type"));
    enclosure.into_value()
}
