//! JSON, Base64 and checksums; paths.

use data_encoding::{BASE32, BASE64};
use sha2::{Digest, Sha256};

use super::super::to_json::{COMPACT, PRETTY, RAW, Style, to_json};
use super::super::value::Value;
use super::Type::{Any, Text};
use super::{Function, Outcome, plain, text};
use crate::diagnostic::Sink;
use crate::json;

pub(super) const FUNCTIONS: &[Function] = &[
    plain("marshal", &[Any], |given| json_of(given, COMPACT)),
    plain("toJson", &[Any], |given| json_of(given, COMPACT)),
    plain("mustToJson", &[Any], |given| json_of(given, COMPACT)),
    plain("toPrettyJson", &[Any], |given| json_of(given, PRETTY)),
    plain("mustToPrettyJson", &[Any], |given| json_of(given, PRETTY)),
    plain("toRawJson", &[Any], |given| json_of(given, RAW)),
    plain("mustToRawJson", &[Any], |given| json_of(given, RAW)),
    plain("fromJson", &[Text], from_json),
    plain("mustFromJson", &[Text], from_json),
    plain("b64enc", &[Text], |given| Ok(Value::text(BASE64.encode(text(given, 0).as_bytes())))),
    plain("b64dec", &[Text], |given| {
        decoded(BASE64.decode(text(given, 0).as_bytes()).map_err(|error| error.to_string()))
    }),
    plain("b32enc", &[Text], |given| Ok(Value::text(BASE32.encode(text(given, 0).as_bytes())))),
    plain("b32dec", &[Text], |given| {
        decoded(BASE32.decode(text(given, 0).as_bytes()).map_err(|error| error.to_string()))
    }),
    plain("sha256sum", &[Text], |given| Ok(Value::text(hex(&Sha256::digest(text(given, 0).as_bytes()))))),
    plain("adler32sum", &[Text], |given| {
        let (one, two) = text(given, 0).bytes().fold((1_u32, 0_u32), |(one, two), byte| {
            let one = (one + u32::from(byte)) % 65521;
            (one, (two + one) % 65521)
        });
        Ok(Value::text(((two << 16) | one).to_string()))
    }),
    plain("base", &[Text], |given| Ok(Value::text(base(&text(given, 0))))),
    plain("osBase", &[Text], |given| Ok(Value::text(base(&text(given, 0))))),
    plain("dir", &[Text], |given| Ok(Value::text(dir(&text(given, 0))))),
    plain("osDir", &[Text], |given| Ok(Value::text(dir(&text(given, 0))))),
    plain("clean", &[Text], |given| Ok(Value::text(clean(&text(given, 0))))),
    plain("osClean", &[Text], |given| Ok(Value::text(clean(&text(given, 0))))),
    plain("ext", &[Text], |given| Ok(Value::text(extension(&text(given, 0))))),
    plain("osExt", &[Text], |given| Ok(Value::text(extension(&text(given, 0))))),
    plain("isAbs", &[Text], |given| Ok(Value::Bool(text(given, 0).starts_with('/')))),
    plain("osIsAbs", &[Text], |given| Ok(Value::Bool(text(given, 0).starts_with('/')))),
];

fn json_of(given: &[Value], style: Style) -> Outcome {
    to_json(&given[0], style).map(Value::text)
}

/// sprig's `fromJson` gives nothing for what is no JSON, and hides the mistake.
fn from_json(given: &[Value]) -> Outcome {
    let sink = Sink::default();
    let read = json::read(&text(given, 0), 0, &sink);
    let first = sink.finish(None).into_iter().next().map(|diagnostic| diagnostic.message);
    match (first, read.root) {
        (None, Some(root)) => Ok(Value::from_tree(&root, &mut |_, _| {})),
        (Some(message), _) => Err(format!("the text is not JSON: {message}")),
        (None, None) => Err("the text is empty, and not JSON".into()),
    }
}

/// sprig puts the error into the place of the value.
fn decoded(bytes: Result<Vec<u8>, String>) -> Outcome {
    let bytes = bytes.map_err(|error| format!("the text cannot be decoded: {error}"))?;
    String::from_utf8(bytes).map(Value::text).map_err(|_| "what was decoded is not UTF-8".into())
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rfind('/') {
        _ if trimmed.is_empty() => "/",
        Some(slash) => &trimmed[slash + 1..],
        None => trimmed,
    }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |slash| &path[..=slash]))
}

/// Go's `path.Clean`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, joined) => format!("/{joined}"),
        (false, joined) if joined.is_empty() => ".".into(),
        (false, joined) => joined,
    }
}

fn extension(path: &str) -> &str {
    let name = path.rfind('/').map_or(path, |slash| &path[slash + 1..]);
    name.rfind('.').map_or("", |dot| &name[dot..])
}
