//! Names of tables and columns from keys.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hash::{hash, part};

/// Names are no longer than this.
const MAX_LENGTH: usize = 255;

/// Turns any text into a name: lower snake case of `[a-z0-9_]`, no digit first, never empty.
///
/// Words of camel case are parted (`PushEvent`, `HTMLUrl` become `push_event`, `html_url`), every other character
/// is an underscore, and underscores that follow one another are one. A sign before a leading digit is spelled
/// out (`+1` becomes `plus_1`). What has no letter and no digit is `_empty`.
#[must_use]
pub fn normalize(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut characters = name.chars().peekable();
    if let Some(sign @ ('+' | '-')) = characters.peek().copied()
        && name.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
    {
        out.push_str(if sign == '+' { "plus" } else { "minus" });
    }
    let mut previous = '_';
    while let Some(character) = characters.next() {
        if character.is_ascii_uppercase() {
            let word_ends = previous.is_ascii_lowercase() || previous.is_ascii_digit();
            let next_is_lower = characters.peek().is_some_and(char::is_ascii_lowercase);
            if word_ends || (previous.is_ascii_uppercase() && next_is_lower) {
                out.push('_');
            }
            out.push(character.to_ascii_lowercase());
        } else if character.is_ascii_alphanumeric() {
            out.push(character);
        } else if !out.ends_with('_') {
            out.push('_');
        }
        previous = character;
    }
    if out.bytes().all(|byte| byte == b'_') {
        return "_empty".to_owned();
    }
    if out.starts_with(|first: char| first.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// The name with a mark of whose it is, within the greatest length.
fn suffixed(base: &str, identity: u128, attempt: u64) -> String {
    let mut bytes = vec![];
    part(&mut bytes, b'n', &identity.to_le_bytes());
    if attempt > 0 {
        part(&mut bytes, b'a', &attempt.to_le_bytes());
    }
    let mark = hash(&bytes) >> 88;
    // Names are ASCII, so that any place is a boundary of characters.
    let base = base.get(..MAX_LENGTH - 11).unwrap_or(base);
    format!("{base}_{mark:010x}")
}

/// The names in use in one place, and those that stand there from before and wait for their owner.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashMap<Arc<str>, Option<usize>>,
}

impl Names {
    /// Takes a name that must not be given away.
    pub(crate) fn reserve(&mut self, name: &str) {
        self.taken.insert(name.into(), None);
    }

    /// Notes a name that was there before, with what it stands for.
    pub(crate) fn remember(&mut self, name: &str, what: usize) {
        self.taken.insert(name.into(), Some(what));
    }

    /// Finds the name of the thing with this identity: `base`, or with a suffix where `base` is somebody else's.
    /// The second part is what was remembered under the name.
    ///
    /// The suffix depends on the identity alone. So a thing that has got one is found again by it the next time,
    /// whichever of the two comes first then.
    pub(crate) fn claim(&mut self, base: &str, identity: u128) -> (Arc<str>, Option<usize>) {
        let own = suffixed(base, identity, 0);
        if let Some(what) = self.taken.get_mut(own.as_str()).and_then(Option::take) {
            return (own.into(), Some(what));
        }
        let mut name = if base.len() > MAX_LENGTH { own } else { base.to_owned() };
        let mut attempt = 0;
        loop {
            match self.taken.get_mut(name.as_str()) {
                None => {
                    let name: Arc<str> = name.into();
                    self.taken.insert(Arc::clone(&name), None);
                    return (name, None);
                }
                Some(waiting) => {
                    if let Some(what) = waiting.take() {
                        return (name.into(), Some(what));
                    }
                }
            }
            name = suffixed(base, identity, attempt);
            attempt += 1;
        }
    }

    /// Whether any name begins so.
    pub(crate) fn any_begins_with(&self, prefix: &str) -> bool {
        self.taken.keys().any(|name| name.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_names() {
        for (name, expected) in [
            ("PushEvent", "push_event"),
            ("HTMLUrl", "html_url"),
            ("htmlURL", "html_url"),
            ("id", "id"),
            ("user2Name", "user2_name"),
            ("_links", "_links"),
            ("a__b", "a_b"),
            ("a.b-c d", "a_b_c_d"),
            ("2fa", "_2fa"),
            ("+1", "plus_1"),
            ("-1", "minus_1"),
            ("größe", "gr_e"),
            ("名前", "_empty"),
            ("", "_empty"),
            (" ", "_empty"),
        ] {
            assert_eq!(normalize(name), expected, "{name:?}");
        }
    }

    #[test]
    fn the_later_one_gets_a_suffix_that_stays() {
        let mut names = Names::default();
        assert_eq!(&*names.claim("name", 1).0, "name");
        let second = names.claim("name", 2).0;
        assert!(second.starts_with("name_") && second.len() == 15, "{second}");
        // The next time the second one comes first, and finds what it had.
        let mut again = Names::default();
        again.remember("name", 0);
        again.remember(&second, 1);
        assert_eq!(again.claim("name", 2), (second, Some(1)));
        assert_eq!(again.claim("name", 1), ("name".into(), Some(0)));
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let mut names = Names::default();
        let base = "a".repeat(300);
        let (first, second) = (names.claim(&base, 1).0, names.claim(&base, 2).0);
        assert_eq!((first.len(), second.len()), (MAX_LENGTH, MAX_LENGTH));
        assert_ne!(first, second);
    }
}
