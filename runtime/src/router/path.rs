//! Paths as Go's `net/url` and gin read and write them.

use std::borrow::Cow;

/// `path` with every `%XX` decoded, or `None` when a percent sign is not followed by two hexadecimal digits.
/// Borrowed when there is none. Bytes that are not UTF-8 stay as they are.
pub(super) fn decode(path: &str) -> Option<Cow<'_, [u8]>> {
    let bytes = path.as_bytes();
    for at in memchr::memchr_iter(b'%', bytes) {
        if !bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return None;
        }
    }
    Some(percent_encoding::percent_decode(bytes).into())
}

/// Whether [`clean`] could change `path`, which begins with a slash. Says `true` too often (`/.a`), never too rarely.
pub(super) fn may_be_unclean(path: &str) -> bool {
    path.as_bytes().windows(2).any(|pair| pair == b"//" || pair == b"/.")
}

/// `path` without empty segments, `.` and `..`; a slash at the end stays. gin's `cleanPath`.
pub(super) fn clean(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let mut cleaned = String::with_capacity(path.len() + 1);
    for segment in &kept {
        cleaned.push('/');
        cleaned.push_str(segment);
    }
    // gin keeps the slash of a final `.` but not that of a final `..`.
    if cleaned.is_empty() || path.ends_with('/') || path.ends_with("/.") {
        cleaned.push('/');
    }
    cleaned
}

/// The same path with a slash more or less at its end.
pub(super) fn with_other_slash(path: &str) -> String {
    match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter.to_owned(),
        _ => format!("{path}/"),
    }
}

/// What `X-Forwarded-Prefix` may add before a redirect's path: letters, digits, `-` and single slashes.
/// gin's `redirectTrailingSlash`.
pub(super) fn safe_prefix(header: &str) -> String {
    clean(header).chars().filter(|char| char.is_ascii_alphanumeric() || matches!(char, '/' | '-')).collect()
}

/// `path` percent-encoded as Go's `URL.EscapedPath` writes it.
pub(super) fn escape(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~')
        .remove(b'$')
        .remove(b'&')
        .remove(b'+')
        .remove(b',')
        .remove(b'/')
        .remove(b':')
        .remove(b';')
        .remove(b'=')
        .remove(b'@');
    utf8_percent_encode(path, ESCAPED).to_string()
}

/// `text` inside HTML, as Go's `http.Redirect` escapes it.
pub(super) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        for (path, decoded) in [
            ("/a", Some(&b"/a"[..])),
            ("/%78%2Fy", Some(b"/x/y")),
            ("/caf%C3%A9", Some("/café".as_bytes())),
            ("/%ff", Some(b"/\xff")),
            ("/%25zz", Some(b"/%zz")),
            ("/%zz", None),
            ("/%", None),
            ("/%4", None),
        ] {
            assert_eq!(decode(path).as_deref(), decoded, "{path}");
        }
    }

    #[test]
    fn cleans() {
        for (path, cleaned) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("//a///b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a"),
            ("/a/b/../", "/a/"),
            ("/../../a", "/a"),
            ("/..", "/"),
            ("/a/...", "/a/..."),
            ("/.a", "/.a"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
            assert!(cleaned == path || path.is_empty() || may_be_unclean(path), "{path}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(
            escape("/a b/é?#%!*'()$&+,:;=@~-_.[]\\"),
            "/a%20b/%C3%A9%3F%23%25%21%2A%27%28%29$&+,:;=@~-_.%5B%5D%5C"
        );
        assert_eq!(escape_html("<a href='\"'>&"), "&lt;a href=&#39;&#34;&#39;&gt;&amp;");
        assert_eq!(safe_prefix("/gate.way//v-1/<x>/"), "/gateway/v-1/x/");
        for (path, other) in [("/", "//"), ("/a", "/a/"), ("/a/", "/a")] {
            assert_eq!(with_other_slash(path), other);
        }
    }
}
