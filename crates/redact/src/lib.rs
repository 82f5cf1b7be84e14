#![doc = include_str!("../README.md")]

mod spelling;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

/// What stands in the place of a secret.
pub const REDACTED: &str = "***";
/// The bytes of the shortest secret that is looked for, and of the shortest beginning of one where a text was cut.
pub const SHORTEST: usize = 4;
/// What stands where a text was cut.
pub const CUT: &str = "…";

/// The secrets that are known.
#[derive(Clone, Default)]
pub struct Secrets {
    /// By their first sign, so that most places of a text are compared with few of them.
    known: BTreeMap<char, BTreeSet<String>>,
}

impl Secrets {
    /// Adds a secret, and each of its lines, since a text may write it line by line, and with one blank for many. Those shorter
    /// than [`SHORTEST`] are not looked for.
    pub fn add(&mut self, secret: &str) {
        secret.lines().chain([secret]).for_each(|part| self.add_part(part));
        for line in secret.lines() {
            self.add_part(&line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }

    fn add_part(&mut self, part: &str) {
        let part = part.trim();
        let Some(first) = part.chars().next().filter(|_| part.len() >= SHORTEST) else { return };
        let of_sign = self.known.entry(first).or_default();
        if !of_sign.contains(part) {
            of_sign.insert(part.to_owned());
        }
    }

    /// The text with [`REDACTED`] for each secret, and for the beginning of one that is followed by [`CUT`].
    pub fn redact(&self, text: &str) -> String {
        without_places(text, self.places(text, false))
    }

    /// Like [`redact`](Self::redact) for a text that may have been cut at its end, where the beginning of a secret counts as one.
    pub fn redact_cut(&self, text: &str) -> String {
        without_places(text, self.places(text, true))
    }

    /// Where secrets stand, in their order, for whoever hides more than them.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        self.places(text, false)
    }

    fn places(&self, text: &str, ends_cut: bool) -> Vec<Range<usize>> {
        let mut found = vec![];
        let mut at = 0;
        while let Some(rest) = text.get(at..)
            && let Some(first) = rest.chars().next()
        {
            let length = self.length(rest, first, ends_cut);
            found.extend(length.map(|length| at..at + length));
            at += length.unwrap_or(first.len_utf8()).max(1);
        }
        found
    }

    /// The bytes of the longest secret that a text begins with, so that none leaves a rest of another.
    fn length(&self, text: &str, first: char, ends_cut: bool) -> Option<usize> {
        let possible = self.possible(text, first);
        possible.filter_map(|secret| spelling::length(text, secret, ends_cut)).max()
    }

    /// The secrets that a text may begin with, as its first sign says.
    fn possible<'a>(&'a self, text: &'a str, first: char) -> impl Iterator<Item = &'a String> {
        // Where this is not the sign itself, any may be written in another way.
        let others = spelling::may_begin(first).then(|| {
            let others = self.known.iter().filter(move |(sign, _)| **sign != first);
            others.filter(|(sign, _)| spelling::is_sign(text, **sign)).map(|(_, secrets)| secrets)
        });
        self.known.get(&first).into_iter().chain(others.into_iter().flatten()).flatten()
    }
}

/// The text with [`REDACTED`] in some places, which may overlap.
pub fn without_places(text: &str, mut places: Vec<Range<usize>>) -> String {
    places.sort_by_key(|place| (place.start, place.end));
    let mut out = String::with_capacity(text.len());
    let mut places = places.into_iter().peekable();
    let mut from = 0;
    while let Some(mut place) = places.next() {
        while let Some(next) = places.next_if(|next| next.start < place.end || next.start == place.start) {
            place.end = place.end.max(next.end);
        }
        out.push_str(text.get(from..place.start).unwrap_or_default());
        out.push_str(REDACTED);
        from = place.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Shows how many secrets there are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.known.values().map(BTreeSet::len).sum::<usize>())
    }
}

#[cfg(test)]
mod tests;
