//! The walk over values, which believes no number before it is known to be right.

use stitchwork_core::{Error, Result};

use super::Shape;
use crate::cursor::Cursor;
use crate::error::broken;

/// How many items without any byte a block may have.
const MOST_EMPTY: u64 = 1 << 20;

/// Walks over the values of a block.
pub(super) struct Walk<'a> {
    pub(super) cursor: Cursor<'a>,
    /// The items without any byte so far.
    pub(super) empty: u64,
}

/// Why bytes are no values, and the way to the value.
pub(super) struct Wrong {
    pub(super) why: Error,
    pub(super) path: Vec<String>,
}

impl From<Error> for Wrong {
    fn from(why: Error) -> Self {
        Self { why, path: vec![] }
    }
}

impl Wrong {
    fn below(mut self, name: &str) -> Self {
        self.path.insert(0, name.to_owned());
        self
    }
}

/// The decoder makes no nulls of fields and items that may be nothing else.
fn nulls() -> Error {
    Error::unsupported(
        "a type of nothing but nulls is only read as a column of its own: leave the column out",
    )
}

impl Walk<'_> {
    /// The values of a row, whose columns may be nothing but nulls.
    pub(super) fn row(&mut self, shape: &Shape) -> Result<(), Wrong> {
        let Shape::Record(fields) = shape else { return self.value(shape) };
        fields.iter().try_for_each(|(name, field)| self.value(field).map_err(|wrong| wrong.below(name)))
    }

    fn value(&mut self, shape: &Shape) -> Result<(), Wrong> {
        match shape {
            Shape::Int => {
                let value = self.cursor.long()?;
                match i32::try_from(value) {
                    Ok(_) => Ok(()),
                    Err(_) => {
                        Err(broken("an int is larger than an int can be").with_context("value", value).into())
                    }
                }
            }
            Shape::Null => Ok(()),
            Shape::Long => Ok(self.cursor.long().map(drop)?),
            Shape::Fixed(size) => Ok(self.cursor.skip(*size)?),
            Shape::Duration => self.duration(),
            Shape::Wide(bytes) => self.value(bytes),
            Shape::Bytes => {
                let length = self.cursor.length()?;
                Ok(self.cursor.skip(length)?)
            }
            Shape::Enum(symbols) => Ok(self.choice(*symbols).map(drop)?),
            Shape::Union(branches) => {
                let branch = self.choice(branches.len())?;
                branches.get(branch).map_or(Ok(()), |branch| self.value(branch))
            }
            Shape::Record(fields) => match fields.iter().find(|(_, field)| **field == Shape::Null) {
                Some((name, _)) => Err(Wrong::from(nulls()).below(name)),
                None => self.row(shape),
            },
            Shape::Array(item) => self.items(item, false),
            Shape::Map(value) => self.items(value, true),
        }
    }

    /// Arrow's months and days have a sign, and so half of the range.
    fn duration(&mut self) -> Result<(), Wrong> {
        let bytes = self.cursor.0;
        self.cursor.skip(12)?;
        for (part, at) in [("months", 0), ("days", 4)] {
            let number = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(u32::from_le_bytes);
            if let Some(number) = number.filter(|number| i32::try_from(*number).is_err()) {
                return Err(Error::unsupported(
                    "a duration has more months or days than Arrow's intervals, 2147483647: leave the column out",
                )
                .with_context("part", part)
                .with_context("value", number)
                .into());
            }
        }
        Ok(())
    }

    fn choice(&mut self, of: usize) -> Result<usize> {
        let place = self.cursor.long()?;
        usize::try_from(place).ok().filter(|place| *place < of).ok_or_else(|| {
            broken("a value chooses a branch or symbol that the schema does not have")
                .with_context("place", place)
                .with_context("of", of)
        })
    }

    fn items(&mut self, item: &Shape, keys: bool) -> Result<(), Wrong> {
        loop {
            let count = self.cursor.long()?;
            if count == 0 {
                return Ok(());
            }
            // A negative number is followed by the bytes of the items, which are walked over all the same.
            let size = match count < 0 {
                true => Some(self.cursor.length()?),
                false => None,
            };
            let name = if keys { "value" } else { "element" };
            let before = self.cursor.0.len();
            if !keys && item.is_empty() {
                self.empty = self.empty.saturating_add(count.unsigned_abs());
                if self.empty > MOST_EMPTY {
                    return Err(broken("a block has too many items without any byte").into());
                }
            } else {
                for _ in 0..count.unsigned_abs() {
                    if keys {
                        self.value(&Shape::Bytes)?;
                    }
                    self.value(item).map_err(|wrong| wrong.below(name))?;
                }
            }
            if *item == Shape::Null {
                return Err(Wrong::from(nulls()).below(name));
            }
            if size.is_some_and(|size| size != before - self.cursor.0.len()) {
                return Err(broken("the items of a list or map do not have the bytes that they claim").into());
            }
        }
    }
}
