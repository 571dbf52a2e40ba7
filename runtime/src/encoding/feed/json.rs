use serde_json::{Value, json};

use super::date::Time;
use super::text::named_person;
use super::{Feed, Members, put_date};

/// JSON Feed 1.0 and 1.1.
pub(super) fn feed(text: &str) -> Result<Feed, String> {
    let feed: Value = serde_json::from_str(text).map_err(|error| format!("feed: {error}"))?;
    let items = feed["items"].as_array().map_or(&[][..], Vec::as_slice);
    let first = |name: &str| items.first().map(|item| own(item, name)).unwrap_or_default();
    Ok(Feed {
        kind: "json",
        title: own(&feed, "title"),
        description: own(&feed, "description"),
        language: own(&feed, "language"),
        published: first("date_published"),
        updated: first("date_modified"),
        author: author(&feed),
        image: Some(own(&feed, "icon")).filter(|url| !url.is_empty()),
        items: items.iter().map(item).collect(),
        ..Feed::default()
    })
}

fn item(source: &Value) -> Value {
    let either = |first: &str, second: &str| {
        Some(own(source, first)).filter(|text| !text.is_empty()).unwrap_or(own(source, second))
    };
    let mut item = Members::default();
    item.put("title", own(source, "title"));
    item.put("description", own(source, "summary"));
    item.put("content", either("content_html", "content_text"));
    item.put("link", own(source, "url"));
    let links = [own(source, "url"), own(source, "external_url")];
    item.put("links", links.into_iter().filter(|link| !link.is_empty()).collect::<Value>());
    put_date(&mut item, "updated", &own(source, "date_modified"), Time::as_written);
    put_date(&mut item, "published", &own(source, "date_published"), Time::as_written);
    item.put_some("author", author(source));
    let authors: Value = match source["authors"].as_array() {
        Some(authors) => authors.iter().map(|author| named_person(&own(author, "name"))).collect(),
        None => author(source).into_iter().collect(),
    };
    item.put("authors", authors);
    item.put("guid", own(source, "id"));
    let image = either("image", "banner_image");
    item.put_some("image", Some(image).filter(|url| !url.is_empty()).map(|url| json!({ "url": url })));
    item.put("categories", source["tags"].as_array().cloned().unwrap_or_default());
    let attachments = source["attachments"].as_array().map_or(&[][..], Vec::as_slice);
    item.put("enclosures", attachments.iter().map(enclosure).collect::<Value>());
    item.into_value()
}

fn author(source: &Value) -> Option<Value> {
    source["author"].is_object().then(|| named_person(&own(&source["author"], "name")))
}

fn enclosure(attachment: &Value) -> Value {
    let mut enclosure = Members::default();
    enclosure.put("url", own(attachment, "url"));
    enclosure.put("length", attachment["duration_in_seconds"].as_i64().unwrap_or_default().to_string());
    enclosure.put("type", own(attachment, "mime_type"));
    enclosure.into_value()
}

/// A text, or nothing.
fn own(source: &Value, name: &str) -> String {
    source[name].as_str().unwrap_or_default().to_owned()
}
