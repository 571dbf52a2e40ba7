use http::uri::PathAndQuery;

/// The values of an endpoint's path parameters, decoded, by position in the endpoint's path.
///
/// `/users/{id}/files/*` has two: the value of `{id}`, and what follows `/files/`. Holds a reference to the
/// request's target, so nothing is copied unless something in the path was percent-encoded. Up to four
/// parameters do not allocate.
#[derive(Debug, Clone, Default)]
pub struct Params {
    text: Text,
    ranges: Ranges,
}

#[derive(Debug, Clone, Default)]
enum Text {
    #[default]
    None,
    Target(PathAndQuery),
    Decoded(String),
}

impl Params {
    /// Parameters from their values: for tests of what takes them.
    pub fn from_values<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut text, mut ranges) = (String::new(), Ranges::default());
        for value in values {
            let start = text.len();
            text.push_str(value);
            ranges.push(start, text.len());
        }
        Self { text: Text::Decoded(text), ranges }
    }

    /// `target`'s path has nothing percent-encoded in it.
    pub(super) fn of_target(target: &PathAndQuery, ranges: Ranges) -> Self {
        if ranges.is_empty() {
            return Self::default();
        }
        Self { text: Text::Target(target.clone()), ranges }
    }

    pub(super) fn of_decoded(path: String, ranges: Ranges) -> Self {
        Self { text: Text::Decoded(path), ranges }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ranges.len
    }

    /// Whether the endpoint has none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The value of the parameter at `position`, counted from 0. Empty when there is no such parameter.
    pub fn get(&self, position: usize) -> &str {
        self.ranges.get(position).and_then(|(start, end)| self.text().get(start..end)).unwrap_or_default()
    }

    /// The values in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.ranges.iter().map(|(start, end)| self.text().get(start..end).unwrap_or_default())
    }

    fn text(&self) -> &str {
        match &self.text {
            Text::None => "",
            Text::Target(target) => target.path(),
            Text::Decoded(text) => text,
        }
    }
}

const INLINE: usize = 4;

/// Parts of one string, kept inline while they are few.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges {
    len: usize,
    // `http::Uri` is never longer than a u16 counts.
    inline: [(u16, u16); INLINE],
    more: Vec<(u16, u16)>,
}

impl Ranges {
    pub(super) fn push(&mut self, start: usize, end: usize) {
        let short = |offset| u16::try_from(offset).unwrap_or(u16::MAX);
        let range = (short(start), short(end));
        match self.inline.get_mut(self.len) {
            Some(place) => *place = range,
            None => self.more.push(range),
        }
        self.len += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.inline.iter().take(self.len).chain(&self.more).map(|&(start, end)| (start.into(), end.into()))
    }

    fn get(&self, position: usize) -> Option<(usize, usize)> {
        let range = self.inline[..self.len.min(INLINE)].get(position);
        let range = range.or_else(|| self.more.get(position.checked_sub(INLINE)?));
        range.map(|&(start, end)| (start.into(), end.into()))
    }
}

/// Why a path with these parameters is answered with 400 unless `disable_path_decoding` is set: after
/// decoding, a value has a `?`, a `#` or a percent sign left (KrakenD trap 17, lura's `paramChecker`).
pub(super) fn refusal(params: &Params) -> Option<String> {
    params.iter().find_map(|value| match invalid_escape(value) {
        Some(escape) => Some(format!("error: invalid URL escape {}", quote(escape))),
        None if value.contains(['%', '?', '#']) => Some("error: encoded url params".to_owned()),
        None => None,
    })
}

/// The first percent sign that two hexadecimal digits do not follow, with at most two bytes after it.
fn invalid_escape(value: &str) -> Option<&[u8]> {
    let bytes = value.as_bytes();
    memchr::memchr_iter(b'%', bytes).find_map(|at| {
        let rest = &bytes[at..];
        let valid = rest.len() >= 3 && rest[1].is_ascii_hexdigit() && rest[2].is_ascii_hexdigit();
        (!valid).then(|| &rest[..rest.len().min(3)])
    })
}

/// As Go's `strconv.Quote` for what three bytes can hold.
fn quote(bytes: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\\' => quoted.extend(['\\', char]),
                '\n' | '\r' | '\t' => quoted.extend(char.escape_default()),
                char if char.is_control() && char.is_ascii() => quoted.push_str(&format!("\\x{:02x}", u32::from(char))),
                char => quoted.push(char),
            }
        }
        for byte in chunk.invalid() {
            quoted.push_str(&format!("\\x{byte:02x}"));
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_fit_inline() {
        let values = ["a", "", "ccc", "d", "e", "ff"];
        let params = Params::from_values(values);
        assert_eq!(params.len(), 6);
        assert_eq!(params.iter().collect::<Vec<_>>(), values);
        for (position, value) in values.iter().enumerate() {
            assert_eq!(params.get(position), *value);
        }
        assert_eq!(params.get(6), "");
        assert_eq!(Params::default().get(0), "");
    }

    #[test]
    fn refusals() {
        for (value, text) in [
            ("plain", None),
            ("a/b", None),
            ("a?b", Some("error: encoded url params")),
            ("#", Some("error: encoded url params")),
            ("a%2fb", Some("error: encoded url params")),
            ("50%", Some("error: invalid URL escape \"%\"")),
            ("%2", Some("error: invalid URL escape \"%2\"")),
            ("%zzz", Some("error: invalid URL escape \"%zz\"")),
            ("%\"\\", Some("error: invalid URL escape \"%\\\"\\\\\"")),
            ("%é", Some("error: invalid URL escape \"%é\"")),
            ("%aé", Some("error: invalid URL escape \"%a\\xc3\"")),
            ("%\n\u{1}", Some("error: invalid URL escape \"%\\n\\x01\"")),
        ] {
            assert_eq!(refusal(&Params::from_values(["ok", value])).as_deref(), text, "{value}");
        }
    }
}
