//! Pages that come again. An API that does not know the parameter of the page gives the same one for ever, though it may have a
//! new link or cursor each time, and rows that change while they are read.

use stitchwork_core::{Error, Result};

use super::MOST_EMPTY;
use crate::hash::Hasher;
use crate::json::row_spans;
use crate::path::JsonPath;

/// What is known of the page before.
#[derive(Debug)]
pub(super) struct Repeats {
    /// Its rows, as a hash.
    last_rows: Option<u128>,
    /// How many pages had the same ones as the page before them, one after the other.
    equal: u32,
    /// Their primary keys, as a hash, where the settings say which they are.
    last_keys: Option<u128>,
    primary_key: Vec<JsonPath>,
}

impl Repeats {
    pub(super) fn new(primary_key: &[String]) -> Result<Self> {
        let primary_key = primary_key.iter().map(|path| JsonPath::parse(path)).collect::<Result<_>>()?;
        Ok(Self { last_rows: None, equal: 0, last_keys: None, primary_key })
    }

    /// What is wrong with a page that has the rows of the one before. `text` is that of the list, or of the object that is the
    /// only row; none where there are no rows. `counts` says that pages are asked for by a number.
    pub(super) fn check(&mut self, text: Option<&[u8]>, is_list: bool, counts: bool) -> Option<Error> {
        let text = text?;
        let mut hasher = Hasher::new();
        hasher.add(text);
        let now = hasher.finish();
        let keys = if counts && is_list { self.keys_of(text) } else { None };
        let is_same = self.last_rows.replace(now) == Some(now);
        self.equal = if is_same { self.equal + 1 } else { 0 };
        // A few small objects may well be equal, where another link leads to each.
        let is_few = !is_list && !counts && self.equal <= MOST_EMPTY;
        let before = std::mem::replace(&mut self.last_keys, keys);
        let has_same_keys = keys.is_some() && keys == before;
        (is_same && !is_few).then(again).or_else(|| has_same_keys.then(same_keys))
    }

    /// The primary keys of rows, as a hash; none where a row has nothing of its key.
    fn keys_of(&self, array: &[u8]) -> Option<u128> {
        if self.primary_key.is_empty() {
            return None;
        }
        let mut hasher = Hasher::new();
        for row in row_spans(array, &self.primary_key).ok()? {
            let value = |range: Option<_>| array.get(range?).filter(|value| *value != b"null");
            let values: Vec<_> = row.values.into_iter().map(value).collect();
            values.iter().any(Option::is_some).then_some(())?;
            values.iter().for_each(|value| hasher.add(value.unwrap_or_default()));
        }
        Some(hasher.finish())
    }
}

fn again() -> Error {
    Error::invalid_data(
        "the API gives the same page again: it does not know the parameter of the page, or does not heed the link that it gave; \
         set `paginator` (`single` to take one page only), or let the API give a field that tells rows apart, such as their id",
    )
}

fn same_keys() -> Error {
    Error::invalid_data(
        "the rows of the page have the primary keys of those before: the API does not know the parameter of the page, or \
         `primary_key` does not tell rows apart; set `paginator` (`single` to take one page only), or correct `primary_key`",
    )
}
