//! Names that are like the one that was written.

use strsim::{damerau_levenshtein, normalized_damerau_levenshtein};

/// Longer names are compared with nothing.
const LONGEST: usize = 64;
/// How much of a name is shown in a message, in characters.
const SHOWN: usize = 60;

/// A name as messages show it: without control characters and cut where it is long.
pub(crate) fn quoted(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// The known name that is most like a name, if one is.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length == 0 || length > LONGEST {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' ', '.'], "_");
    let name = plain(name);
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours);
    let near = known.into_iter().filter_map(|candidate| {
        if synonym == Some(candidate) {
            return Some((true, 1.0, candidate));
        }
        let other = plain(candidate);
        let distance = damerau_levenshtein(&name, &other);
        // One mistake in three characters, or a name of which the other one is a whole word.
        let is_near = distance <= (length.max(other.chars().count()) / 3).max(1) && distance < length;
        let is_part = has_word(&other, &name) || has_word(&name, &other);
        (is_near || is_part).then(|| (is_near, normalized_damerau_levenshtein(&name, &other), candidate))
    });
    let best = near.max_by(|one, two| one.0.cmp(&two.0).then(one.1.total_cmp(&two.1)));
    best.map(|(.., candidate)| candidate)
}

/// What DuckDB and others call an option that has another name here, and that name.
const SYNONYMS: [(&str, &str); 12] = [
    ("sep", "delimiter"),
    ("delim", "delimiter"),
    ("separator", "delimiter"),
    ("null", "null_texts"),
    ("nullstr", "null_texts"),
    ("allow_quoted_nulls", "quoted_nulls"),
    ("skip", "skip_lines"),
    ("new_line", "terminator"),
    ("null_padding", "ragged"),
    ("all_varchar", "infer_types"),
    ("sample_size", "infer_rows"),
    ("max_line_size", "max_record_bytes"),
];

fn has_word(name: &str, word: &str) -> bool {
    word.len() >= 4 && name.split('_').any(|part| part == word)
}

/// What to write instead of a name: the nearest known one, or all of them.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!(", did you mean {}?", quoted(near)),
        None => match list(known) {
            None => String::new(),
            Some(list) => format!("; known are {list}"),
        },
    }
}

/// Names in a row.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const MOST: usize = 30;
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    let more = if names.len() > MOST { ", …" } else { "" };
    names.truncate(MOST);
    (!names.is_empty()).then(|| names.join(", ") + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found_and_others_are_not() {
        let known = ["streams", "source", "destination", "write_disposition", "base_url", "auth"];
        let near = |name| nearest(name, known);
        assert_eq!(near("straems"), Some("streams"));
        assert_eq!(near("stream"), Some("streams"));
        assert_eq!(near("Base-URL"), Some("base_url"));
        assert_eq!(near("disposition"), Some("write_disposition"));
        assert_eq!(near("atuh"), Some("auth"));
        assert_eq!(near("foo"), None);
        assert_eq!(near("delim"), None);
        assert_eq!(nearest("delim", ["delimited", "delimiter", "escape"]), Some("delimiter"));
        assert_eq!(near(""), None);
        assert_eq!(near(&"s".repeat(100_000)), None);
    }

    #[test]
    fn names_in_messages_are_short_and_printable() {
        assert_eq!(quoted("a\u{1b}[31m\"b"), r#""a\u{1b}[31m\"b""#);
        assert_eq!(quoted(&"é".repeat(100)).chars().count(), 63);
    }
}
