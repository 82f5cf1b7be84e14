//! Objects and lists that are open, and which of their parts have come.

use crate::fit::Kind;
use crate::nodes::Node;

/// An object or a list that is open.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) node: Option<usize>,
    pub(super) object: bool,
    /// Which part is being looked at.
    pub(super) place: Option<usize>,
    /// Which part is expected next.
    next: usize,
    /// Which fields it has had.
    seen: Seen,
}

impl Frame {
    pub(super) fn new(node: Option<usize>, object: bool) -> Self {
        let place = if object { None } else { Some(0) };
        Self { node, object, place, next: 0, seen: Seen::default() }
    }

    /// Goes to the part of a key. Of two parts of one field the decoder would take the last one only.
    pub(super) fn key(&mut self, key: &str, node: Option<&Node>) -> Result<(), &'static str> {
        self.place = node.and_then(|node| node.place(key, self.next));
        self.next = self.place.map_or(self.next, |place| place + 1);
        let field = self.place.filter(|_| node.is_some_and(|node| node.kind == Kind::Struct));
        match field.is_some_and(|place| self.seen.again(place)) {
            true => Err("an object has a key twice, of which only one value could be read"),
            false => Ok(()),
        }
    }
}

/// A set of places, of which the first 64 take no memory of their own.
#[derive(Debug, Default)]
struct Seen {
    first: u64,
    rest: Vec<u64>,
}

impl Seen {
    /// Adds a place; whether it was there.
    fn again(&mut self, place: usize) -> bool {
        let (word, bit) = (place / 64, 1 << (place % 64));
        if self.rest.len() < word {
            self.rest.resize(word, 0);
        }
        let word = match word.checked_sub(1) {
            None => Some(&mut self.first),
            Some(word) => self.rest.get_mut(word),
        };
        word.is_some_and(|word| {
            let seen = *word & bit != 0;
            *word |= bit;
            seen
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_new_once() {
        let mut seen = Seen::default();
        for place in [3, 0, 63, 64, 200, 127, 128] {
            assert!(!seen.again(place), "{place}");
            assert!(seen.again(place), "{place}");
        }
    }
}
