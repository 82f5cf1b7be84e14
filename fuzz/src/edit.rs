//! Edits of a seed.

use bolero::TypeGenerator;

/// One change of some bytes. Places are counted in 65536ths of the length, so that they mean something in every seed.
#[derive(Debug, Clone, Copy, TypeGenerator)]
pub enum Edit {
    /// Another byte.
    Set {
        /// Where.
        at: u16,
        /// Which.
        to: u8,
    },
    /// One bit turned over.
    Flip {
        /// Where.
        at: u16,
        /// Which.
        bit: u8,
    },
    /// A part is left out.
    Cut {
        /// Where it begins.
        at: u16,
        /// How long it is.
        length: u8,
    },
    /// A part comes again.
    Copy {
        /// Where it is.
        from: u16,
        /// Where it comes to be.
        to: u16,
        /// How long it is.
        length: u8,
    },
    /// A text that means something to readers is put in.
    Word {
        /// Where.
        at: u16,
        /// Which one.
        which: u8,
    },
    /// The rest is left out.
    Truncate {
        /// Where the rest begins.
        at: u16,
    },
}

/// Texts that readers treat in a way of their own.
const WORDS: [&str; 20] = [
    "null",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e999",
    "NaN",
    "\"\"",
    "[]",
    "{}",
    "true",
    "\u{0}",
    "\u{feff}",
    "../",
    "%2e%2e/",
    "\\u0000",
    "\n",
    "[[[[[[[[",
    "${env:HOME}",
];

/// The seed after the edits.
#[must_use]
pub fn edited(seed: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for edit in edits {
        let place = |at: u16, length: usize| usize::from(at) * length / 65_536;
        let length = bytes.len();
        match *edit {
            Edit::Set { at, to } => {
                if let Some(byte) = bytes.get_mut(place(at, length)) {
                    *byte = to;
                }
            }
            Edit::Flip { at, bit } => {
                if let Some(byte) = bytes.get_mut(place(at, length)) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Edit::Cut { at, length: part } => {
                let start = place(at, length);
                bytes.drain(start..(start + usize::from(part)).min(length));
            }
            Edit::Copy { from, to, length: part } => {
                let start = place(from, length);
                let part =
                    bytes.get(start..(start + usize::from(part)).min(length)).unwrap_or_default().to_vec();
                let to = place(to, length);
                bytes.splice(to..to, part);
            }
            Edit::Word { at, which } => {
                let at = place(at, length);
                let word = WORDS.get(usize::from(which) % WORDS.len()).copied().unwrap_or_default();
                bytes.splice(at..at, word.bytes());
            }
            Edit::Truncate { at } => bytes.truncate(place(at, length)),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_do_what_they_say() {
        let half = 1 << 15;
        for (edit, expected) in [
            (Edit::Set { at: half, to: b'x' }, "abxd"),
            (Edit::Flip { at: 0, bit: 5 }, "Abcd"),
            (Edit::Cut { at: half, length: 1 }, "abd"),
            (Edit::Copy { from: 0, to: half, length: 2 }, "ababcd"),
            (Edit::Word { at: 0, which: 1 }, "-1abcd"),
            (Edit::Truncate { at: half }, "ab"),
        ] {
            assert_eq!(edited(b"abcd", &[edit]), expected.as_bytes(), "{edit:?}");
            assert!(edited(b"", &[edit]).len() < 10, "{edit:?} of nothing");
        }
    }
}
