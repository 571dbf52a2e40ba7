//! `did you mean`.

/// So many letters of a name are enough to know it by, where no other begins so.
const PART: usize = 5;

/// The candidate that `word` most likely was meant to be.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut longer = Vec::new();
    let plain = fold(word);
    // Of two that are equally far, the one that begins alike.
    let begins = |folded: &str| folded.chars().zip(plain.chars()).take_while(|(one, other)| one == other).count();
    let mut best: Option<((usize, usize), &'a str)> = None;
    for candidate in candidates {
        let folded = fold(candidate);
        if plain.len() >= PART && folded.starts_with(&plain) || folded.len() >= PART && plain.starts_with(&folded) {
            longer.push(candidate);
        }
        let (length, other) = (plain.chars().count(), folded.chars().count());
        // One slip in three letters, at least one, but never a whole word.
        let allowed = (length.max(other) / 3).max(1);
        let shared = other.min(length);
        // Each letter that one has more is a slip: of thousands of candidates most are not worth more than that.
        if length.abs_diff(other) > allowed {
            continue;
        }
        let distance = if folded == plain { 0 } else { strsim::damerau_levenshtein(&plain, &folded) };
        let rank = (distance, usize::MAX - begins(&folded));
        if distance <= allowed && distance < shared && best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, candidate));
        }
    }
    match (best, longer.as_slice()) {
        (Some((_, candidate)), _) => Some(candidate),
        // Its beginning, or more than it, where that is not the beginning of several.
        (None, [candidate]) => Some(candidate),
        _ => None,
    }
}

/// What stays of a name when case and separators are taken away.
fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.' | '/')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let keys = [
            "timeout",
            "input_headers",
            "output_encoding",
            "deny",
            "allow",
            "host",
            "is_collection",
            "nats",
            "kafka",
            "xml",
            "yaml",
        ];
        for (word, expected) in [
            ("time_out", Some("timeout")),
            ("timout", Some("timeout")),
            ("inputHeaders", Some("input_headers")),
            ("outputencoding", Some("output_encoding")),
            ("denny", Some("deny")),
            ("iscollection", Some("is_collection")),
            ("hosts", Some("host")),
            ("natz", Some("nats")),
            ("yml", Some("yaml")),
            ("output", Some("output_encoding")),
            ("timeout_ms", Some("timeout")),
            ("input", Some("input_headers")),
            ("is_coll", Some("is_collection")),
            ("is", None),
            ("kafak", Some("kafka")),
            ("banana", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(word, keys), expected, "{word}");
        }
    }
}
