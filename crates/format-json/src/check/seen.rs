//! Which fields of an object have come.

/// A set of places, of which the first 64 take no memory of their own.
#[derive(Debug, Default)]
pub(super) struct Seen {
    first: u64,
    rest: Vec<u64>,
}

impl Seen {
    /// Adds a place; whether it was there.
    pub(super) fn again(&mut self, place: usize) -> bool {
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
