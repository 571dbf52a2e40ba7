use super::RouteError;
use super::params::Ranges;

/// One segment of an endpoint's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(&'static str),
    /// Its value is all of the segment.
    Parameter,
    /// Its value follows this (`disable_rest`).
    Prefixed(&'static str),
    Wildcard,
}

/// An endpoint's path, with its parameters known by position only.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) segments: Vec<Segment>,
    /// The segments that are parameters; the wildcard last.
    parameters: Vec<usize>,
    pub(super) wildcard: bool,
}

impl Pattern {
    pub(super) fn parse(path: &'static str) -> Result<Self, RouteError> {
        let invalid = |why| RouteError::Path { path, why };
        let rest = path.strip_prefix('/').ok_or(invalid("it does not begin with `/`"))?;
        let mut segments = Vec::new();
        let mut parameters = Vec::new();
        let mut wildcard = false;
        for segment in rest.split('/') {
            if wildcard {
                return Err(invalid("something follows the wildcard"));
            }
            let parsed = match segment {
                "*" => Segment::Wildcard,
                name if name.len() > 2 && name.starts_with('{') && name.ends_with('}') => Segment::Parameter,
                literal if !literal.contains(['{', '}']) => Segment::Literal(literal),
                mixed => match mixed.split_once('{') {
                    Some((prefix, name))
                        if name.len() > 1 && name.find(['{', '}']) == Some(name.len() - 1) && name.ends_with('}') =>
                    {
                        Segment::Prefixed(prefix)
                    }
                    _ => return Err(invalid("a parameter must be the end of a segment")),
                },
            };
            if !matches!(parsed, Segment::Literal(_)) {
                parameters.push(segments.len());
            }
            wildcard = parsed == Segment::Wildcard;
            segments.push(parsed);
        }
        Ok(Self { segments, parameters, wildcard })
    }

    /// The pattern as axum writes it, with parameters named by position: `/a/{p1}/{*p2}`.
    pub(super) fn axum(&self) -> String {
        let mut text = String::new();
        for (position, segment) in self.segments.iter().enumerate() {
            text.push('/');
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Parameter => text.push_str(&format!("{{p{position}}}")),
                Segment::Prefixed(prefix) => text.push_str(&format!("{prefix}{{p{position}}}")),
                Segment::Wildcard => text.push_str(&format!("{{*p{position}}}")),
            }
        }
        text
    }

    /// Where the parameters are in `path`, which this pattern matches.
    pub(super) fn locate(&self, path: &str) -> Ranges {
        let mut ranges = Ranges::default();
        let (mut start, mut position) = (1, 0);
        for &wanted in &self.parameters {
            while position < wanted {
                start = end_of_segment(path, start) + 1;
                position += 1;
            }
            let last = self.wildcard && wanted + 1 == self.segments.len();
            let prefix = match self.segments[wanted] {
                Segment::Prefixed(prefix) => prefix.len(),
                _ => 0,
            };
            ranges.push(start + prefix, if last { path.len() } else { end_of_segment(path, start) });
        }
        ranges
    }

    /// `path` with the literals of this pattern, which matches it but for the case.
    pub(super) fn correct(&self, path: &str) -> String {
        let mut corrected = String::with_capacity(path.len());
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        for segment in &self.segments {
            corrected.push('/');
            let (given, tail) = rest.split_once('/').unwrap_or((rest, ""));
            match segment {
                Segment::Literal(literal) => corrected.push_str(literal),
                Segment::Parameter => corrected.push_str(given),
                Segment::Prefixed(prefix) => {
                    corrected.push_str(prefix);
                    corrected.push_str(given.get(prefix.len()..).unwrap_or_default());
                }
                Segment::Wildcard => corrected.push_str(rest),
            }
            rest = tail;
        }
        corrected
    }
}

fn end_of_segment(path: &str, start: usize) -> usize {
    let rest = path.as_bytes().get(start..).unwrap_or_default();
    memchr::memchr(b'/', rest).map_or(path.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (path, axum, example, values) in [
            ("/", "/", "/", vec![]),
            ("/a/{id}", "/a/{p1}", "/a/7", vec!["7"]),
            ("/{x}/b/{y}/", "/{p0}/b/{p2}/", "//b/2/", vec!["", "2"]),
            ("/f/{a}/*", "/f/{p1}/{*p2}", "/f/1/2//3", vec!["1", "2//3"]),
            ("/f/*", "/f/{*p1}", "/f/", vec![""]),
            ("/a/v{x}/{y}", "/a/v{p1}/{p2}", "/a/v12/3", vec!["12", "3"]),
        ] {
            let pattern = Pattern::parse(path).unwrap();
            assert_eq!(pattern.axum(), axum);
            let ranges = pattern.locate(example);
            let found: Vec<_> = ranges.iter().map(|(start, end)| &example[start..end]).collect();
            assert_eq!(found, values, "{path}");
        }
    }

    #[test]
    fn refused_patterns() {
        for path in ["", "a", "/*/a", "/a/{x}.json", "/a/{}", "/a/x{}", "/a{x}{y}", "/a{x}b", "/a}{x"] {
            assert!(Pattern::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn corrects_the_case() {
        for (pattern, path, corrected) in [
            ("/Shop/{id}/Cart", "/sHOP/aB/cart", "/Shop/aB/Cart"),
            ("/V{x}/b", "/vA/B", "/VA/b"),
            ("/F/*", "/f/A/b", "/F/A/b"),
            ("/a/", "/A/", "/a/"),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().correct(path), corrected);
        }
    }
}
