//! A piece of the records, and how its values are spelled for the decoder.

use std::borrow::Cow;

/// A piece that is being looked at.
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Where the record begins.
    pub(super) record: usize,
    /// Where that begins which is looked at as a whole.
    pub(super) begin: usize,
    pub(super) out: Vec<u8>,
    /// The first byte that is not in `out`.
    pub(super) kept: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, record: 0, begin: 0, out: Vec::new(), kept: 0 }
    }

    pub(super) fn part(&self) -> &[u8] {
        self.bytes.get(self.begin..self.at).unwrap_or_default()
    }

    /// Puts bytes in the place of the part.
    pub(super) fn replace(&mut self, by: &[u8]) {
        self.out.extend_from_slice(self.bytes.get(self.kept..self.begin).unwrap_or_default());
        self.out.extend_from_slice(by);
        self.kept = self.at;
    }
}

/// What becomes of NaN and the infinities as bare words, which JSON has not, but Python and DuckDB write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Words {
    /// They are put into quotes, in which the decoder takes them for numbers, or for texts where the column is one.
    Quoted,
    /// They become a number of the same length, from which a type is inferred.
    Zeroed,
}

impl Words {
    pub(super) fn spell(self, word: &str) -> String {
        match self {
            Self::Quoted => format!("\"{word}\""),
            Self::Zeroed => {
                let sign = if word.starts_with('-') { "-" } else { "" };
                format!("{sign}0.{}", "0".repeat(word.len() - sign.len() - 2))
            }
        }
    }
}

/// What stands in quotes.
pub(super) fn content(quoted: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let broken = "a text is none of JSON's";
    if quoted.contains(&b'\\') {
        return serde_json::from_slice::<String>(quoted).map(Cow::Owned).map_err(|_| broken);
    }
    let inner = quoted.get(1..quoted.len().max(2) - 1).unwrap_or_default();
    std::str::from_utf8(inner).map(Cow::Borrowed).map_err(|_| broken)
}
