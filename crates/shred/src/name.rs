//! Names of tables and columns from keys.

use std::collections::HashMap;
use std::sync::Arc;

use crate::column::Kind;
use crate::hash::{hash, id_text, part};

/// Names are no longer than this.
const MAX_LENGTH: usize = 255;

/// The name of what has no letter and no digit.
const EMPTY: &str = "_empty";

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
        return EMPTY.to_owned();
    }
    if out.starts_with(|first: char| first.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// The name of a table from any text: normalized, and never with an underscore first. Such names belong to what lies
/// beside tables or in them (`_stitchwork`, `_delta_log`), and readers of folders pass them over.
///
/// What would begin so gets a word before it and a mark behind it, so that it shares its table with nothing that is
/// called like that by itself: `_stitchwork` becomes `table_stitchwork_` and ten digits. Texts of which no letter and no
/// digit is left (`注文`, `顧客`) have a mark of their own each.
#[must_use]
pub fn table_name(text: &str) -> String {
    let name = normalize(text);
    let is_ours = name.starts_with(TABLE) && is_marked(&name);
    if !name.starts_with('_') && !is_ours {
        return name;
    }
    let mut bytes = vec![];
    let identity = if name == EMPTY { text } else { &name };
    part(&mut bytes, b't', identity.as_bytes());
    let word = if is_ours { "" } else { TABLE.trim_end_matches('_') };
    let base = format!("{word}{}", name.trim_end_matches('_'));
    // Names are ASCII, so that any place is a boundary of characters.
    let base = base.get(..MAX_LENGTH - MARK - 1).unwrap_or(&base);
    format!("{base}_{:010x}", hash(&bytes) >> 88)
}

/// What stands before the name of a table that would begin with an underscore.
const TABLE: &str = "table_";

/// How many digits a mark has.
const MARK: usize = 10;

/// The name of a key within its object: its normal name, with a mark where that name does not stand for the key
/// alone. It depends on nothing but the key, so that the key has it in every load.
///
/// Marked are keys that lose characters beyond ASCII, keys without any letter or digit, a key's repetitions, and
/// keys that look like a mark or, below another key, like the end of a variant's name.
pub(crate) fn step_name(key: &str, repetition: Option<u32>, nested: bool) -> String {
    let name = normalize(key);
    let unclear = repetition.is_some()
        || !key.is_ascii()
        || !key.bytes().any(|byte| byte.is_ascii_alphanumeric())
        || is_marked(&name)
        || (nested && name.strip_prefix("v_").is_some_and(|kind| Kind::names().any(|known| known == kind)));
    if !unclear {
        return name;
    }
    let mut bytes = vec![];
    part(&mut bytes, b'k', key.as_bytes());
    if let Some(number) = repetition {
        part(&mut bytes, b'r', &number.to_le_bytes());
    }
    let base = name.trim_end_matches('_');
    format!("{base}_{:010x}", hash(&bytes) >> 88)
}

/// Whether the name ends as those do that have a mark.
fn is_marked(name: &str) -> bool {
    let Some(at) = name.len().checked_sub(MARK) else { return false };
    let Some((base, mark)) = name.split_at_checked(at) else { return false };
    (base.is_empty() || base.ends_with('_'))
        && mark.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
    let base = base.get(..MAX_LENGTH - MARK - 1).unwrap_or(base);
    format!("{base}_{mark:010x}")
}

/// What stood under a name before.
#[derive(Debug)]
struct Waiting {
    what: usize,
    /// The only one who may have it, where that is known.
    owner: Option<Box<str>>,
}

/// The names in use in one place, and those that stand there from before and wait for their owner.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashMap<Arc<str>, Option<Waiting>>,
    /// The names whose owners are known.
    owned: HashMap<Box<str>, Arc<str>>,
}

impl Names {
    /// Takes a name that must not be given away.
    pub(crate) fn reserve(&mut self, name: &str) {
        self.taken.insert(name.into(), None);
    }

    /// Notes a name that was there before, with what it stands for.
    pub(crate) fn remember(&mut self, name: &str, what: usize) {
        self.taken.insert(name.into(), Some(Waiting { what, owner: None }));
    }

    /// Keeps a remembered name for the owner of this id.
    pub(crate) fn keep_for(&mut self, name: &str, owner: &str) {
        if let Some(Some(waiting)) = self.taken.get_mut(name) {
            waiting.owner = Some(owner.into());
            self.owned.insert(owner.into(), name.into());
        }
    }

    /// What was remembered under the name, unless it is somebody else's.
    fn take(&mut self, name: &str, owner: &str) -> Option<usize> {
        let slot = self.taken.get_mut(name)?;
        let may = slot.as_ref().is_some_and(|w| w.owner.as_deref().is_none_or(|known| known == owner));
        if may { slot.take().map(|waiting| waiting.what) } else { None }
    }

    /// As [`Names::claim`], for a name that others are made of: who has only those finds them again as well.
    pub(crate) fn claim_base(&mut self, base: &str, identity: u128) -> (Arc<str>, Option<usize>) {
        let own = suffixed(base, identity, 0);
        let has_variant = || Kind::names().any(|kind| self.taken.contains_key(&*variant_name(&own, kind)));
        if !self.taken.contains_key(own.as_str()) && has_variant() {
            let owner = id_text(identity);
            // What is known to be its own comes first.
            if !self.owned.contains_key(text(&owner)) {
                let own: Arc<str> = own.into();
                self.taken.insert(Arc::clone(&own), None);
                return (own, None);
            }
        }
        self.claim(base, identity)
    }

    /// Finds the name of the thing with this identity: `base`, or with a suffix where `base` is somebody else's.
    /// The second part is what was remembered under the name.
    ///
    /// The suffix depends on the identity alone. So a thing that has got one is found again by it the next time,
    /// whichever of the two comes first then.
    pub(crate) fn claim(&mut self, base: &str, identity: u128) -> (Arc<str>, Option<usize>) {
        let owner = id_text(identity);
        let owner = text(&owner);
        if let Some(name) = self.owned.get(owner).cloned()
            && let Some(what) = self.take(&name, owner)
        {
            return (name, Some(what));
        }
        let own = suffixed(base, identity, 0);
        if let Some(what) = self.take(&own, owner) {
            return (own.into(), Some(what));
        }
        let mut name = if base.len() > MAX_LENGTH { own } else { base.to_owned() };
        let mut attempt = 0;
        loop {
            if let Some(what) = self.take(&name, owner) {
                return (name.into(), Some(what));
            }
            if !self.taken.contains_key(name.as_str()) {
                let name: Arc<str> = name.into();
                self.taken.insert(Arc::clone(&name), None);
                return (name, None);
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

/// The name of the column for values of another type.
pub(crate) fn variant_name(name: &str, kind: &str) -> String {
    format!("{name}__v_{kind}")
}

/// The id as text; its digits are ASCII.
fn text(id: &[u8]) -> &str {
    str::from_utf8(id).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_never_begin_with_an_underscore_and_share_no_name() {
        for (text, expected) in
            [("PushEvent", "push_event"), ("a_", "a_"), ("metadata", "metadata"), ("table_2", "table_2")]
        {
            assert_eq!(table_name(text), expected, "{text:?}");
        }
        let marked = table_name("_stitchwork");
        assert!(marked.starts_with("table_stitchwork_") && is_marked(&marked), "{marked}");
        let long = format!("_{}", "x".repeat(400));
        let texts = ["_stitchwork", "_delta_log", "_", "2fa", "_row_id", "注文", "顧客", &long, &marked];
        let names: std::collections::BTreeSet<_> = texts.map(table_name).into_iter().collect();
        assert_eq!(names.len(), texts.len(), "{names:?}");
        for name in names {
            assert!(!name.starts_with('_') && name.len() <= MAX_LENGTH, "{name}");
            assert_eq!(normalize(&name), name);
        }
        // The same in every version, so that a table is found again.
        assert_eq!(marked, "table_stitchwork_9ef8b19b65");
    }

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
    fn who_is_known_to_have_a_name_keeps_it() {
        let owner = |identity| String::from_utf8(id_text(identity).to_vec()).unwrap();
        let mut names = Names::default();
        names.remember("name", 7);
        names.keep_for("name", &owner(1));
        names.keep_for("other", &owner(3));
        let (second, none) = names.claim("name", 2);
        assert!(second.starts_with("name_") && none.is_none());
        assert_eq!(names.claim("name", 1), ("name".into(), Some(7)));
        assert_eq!(names.claim("other", 3), ("other".into(), None));
    }

    #[test]
    fn keys_that_lose_something_are_marked() {
        for key in ["name", "PushEvent", "some-key", "2fa", "+1", "_links", "v_text"] {
            assert_eq!(step_name(key, None, false), normalize(key));
        }
        let marked =
            ["", " ", "名", "価", "größe", "gröfe", "x_0123456789", "abcdef0123", "_empty_d786509fb8"]
                .map(|key| step_name(key, None, false))
                .into_iter()
                .chain([
                    step_name("v_text", None, true),
                    step_name("a", Some(2), false),
                    step_name("a", Some(3), false),
                ])
                .inspect(|name| assert!(is_marked(name), "{name}"));
        assert_eq!(marked.collect::<std::collections::HashSet<_>>().len(), 12);
        assert!(step_name("größe", None, false).starts_with("gr_e_"));
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
