//! The bytes of an object, its end at hand.

use std::ops::Range;

use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use stitchwork_core::{Error, Object, Result};

use crate::Forward;

/// An object whose size is known and whose last bytes are in memory: footers, and small objects as a whole, take
/// no further request.
#[derive(Debug, Clone)]
pub struct Tailed {
    object: Object,
    size: u64,
    tail_start: u64,
    tail: Bytes,
}

/// Why bytes of an object cannot be had.
#[derive(Debug)]
pub enum Missing {
    /// The object does not have these bytes.
    Outside(Range<u64>),
    /// The store has sent fewer bytes than were asked for.
    Short,
    /// What the store says, with the location of the object.
    Store(Error),
}

impl Tailed {
    /// The object with its last `tail_bytes` bytes, which takes one request where the store answers one for the end of
    /// an object. An object of no bytes is opened too.
    ///
    /// # Errors
    /// What the store says, and `InvalidData` when the caller's size is not that of the object; each with the location
    /// of the object.
    pub async fn open(object: &Object, tail_bytes: u64) -> Result<Self> {
        let (size, tail) = match object.size {
            Some(size) => (size, None),
            None => match suffix(object, tail_bytes).await {
                Ok((size, tail)) => (size, Some(tail)),
                Err(e @ object_store::Error::NotFound { .. }) => return Err(object.error(e)),
                // Not every store answers a request for the end of an object, and none for that of an empty one.
                Err(_) => (object.fetch_size().await?, None),
            },
        };
        let tail_start = size.saturating_sub(tail_bytes);
        let tail = match tail {
            Some(tail) => tail,
            None if size == 0 => {
                // A caller's size may belong to an object that is not there.
                object.store.head(&object.path).await.map_err(|e| object.error(e))?;
                Bytes::new()
            }
            None => {
                object.store.get_range(&object.path, tail_start..size).await.map_err(|e| object.error(e))?
            }
        };
        if tail.len() as u64 != size - tail_start {
            return Err(Error::invalid_data("the object has not the size that it should have")
                .with_context("location", object.location())
                .with_context("size", size));
        }
        Ok(Self { object: object.clone(), size, tail_start, tail })
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its last bytes.
    #[must_use]
    pub fn tail(&self) -> &Bytes {
        &self.tail
    }

    /// The bytes, if they are in memory.
    #[must_use]
    pub fn at_hand(&self, range: &Range<u64>) -> Option<Bytes> {
        if range.is_empty() {
            return Some(Bytes::new());
        }
        let start = usize::try_from(range.start.checked_sub(self.tail_start)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.tail_start)?).ok()?;
        (end <= self.tail.len()).then(|| self.tail.slice(start..end))
    }

    /// The bytes of ranges, in their order, in one request where the store can.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Missing> {
        if let Some(wrong) = ranges.iter().find(|range| range.start > range.end || range.end > self.size) {
            return Err(Missing::Outside(wrong.clone()));
        }
        let missing: Vec<_> = ranges.iter().filter(|range| self.at_hand(range).is_none()).cloned().collect();
        let mut fetched = match missing.is_empty() {
            true => vec![],
            false => {
                let found = self.object.store.get_ranges(&self.object.path, &missing).await;
                found.map_err(|e| Missing::Store(self.object.error(e)))?
            }
        }
        .into_iter();
        let one = |range: &Range<u64>| {
            let bytes = self.at_hand(range).or_else(|| fetched.next()).unwrap_or_default();
            let whole = bytes.len() as u64 == range.end - range.start;
            whole.then_some(bytes).ok_or(Missing::Short)
        };
        ranges.iter().map(one).collect()
    }

    /// All bytes in their order; see [`Forward::open`].
    ///
    /// # Errors
    /// What the store says, with the location of the object.
    pub async fn forward(&self, cut_off: fn(u64) -> Error) -> Result<Forward> {
        if self.tail_start == 0 {
            return Ok(Forward::of(self.tail.clone(), cut_off));
        }
        Ok(Forward::open(&self.object, 0, cut_off).await?.with_size(self.size))
    }
}

/// The size of an object and its last bytes, in one request.
async fn suffix(object: &Object, bytes: u64) -> object_store::Result<(u64, Bytes)> {
    let options = GetOptions { range: Some(GetRange::Suffix(bytes)), ..GetOptions::default() };
    let result = object.store.get_opts(&object.path, options).await?;
    let size = result.meta.size;
    Ok((size, result.bytes().await?))
}

#[cfg(test)]
mod tests {
    use stitchwork_core::ErrorKind;
    use stitchwork_testkit::{FaultStore, Operation, files};

    use super::*;

    fn short(_: u64) -> Error {
        Error::invalid_data("too short")
    }

    #[tokio::test]
    async fn what_is_in_the_tail_takes_no_request() {
        let object = files::put("tail.bin", "0123456789").await;
        let store = FaultStore::new(object.store.clone());
        let object = Object { store: std::sync::Arc::new(store.clone()), ..object };
        for (object, tail) in
            [(object.clone(), 4), (object.clone().with_size(10), 4), (object.clone(), 10), (object, 99)]
        {
            store.forget();
            let found = Tailed::open(&object, tail).await.unwrap();
            assert_eq!((found.size(), found.tail().len() as u64), (10, tail.min(10)));
            assert_eq!(found.fetch(&[7..9, 6..6, 6..10]).await.unwrap(), ["78", "", "6789"]);
            assert_eq!(found.fetch(&[]).await.unwrap(), Vec::<Bytes>::new());
            assert_eq!(store.count(Operation::Get), 1);
            assert_eq!(found.fetch(&[8..9, 0..2, 5..7]).await.unwrap(), ["8", "01", "56"]);
            let mut all = found.forward(short).await.unwrap();
            assert_eq!(all.take(10).await.unwrap(), "0123456789");
            assert_eq!(store.count(Operation::Get), if tail < 10 { 3 } else { 1 });
            assert_eq!(store.count(Operation::Head), 0);
            let outside = found.fetch(&[8..9, 9..11]).await;
            assert!(matches!(outside, Err(Missing::Outside(range)) if range == (9..11)));
        }
    }

    #[tokio::test]
    async fn sizes_that_are_wrong_and_objects_that_are_not_there_are_errors() {
        let object = files::put("tail.bin", "0123456789").await;
        let error = Tailed::open(&object.clone().with_size(12), 4).await.unwrap_err();
        assert_eq!(error.context("location"), Some("memory:///tail.bin"));
        let empty = files::put("none.bin", "").await;
        assert_eq!(Tailed::open(&empty, 4).await.unwrap().size(), 0);
        let absent = files::object("absent.bin");
        for absent in [absent.clone(), absent.clone().with_size(0), absent.with_size(7)] {
            let error = Tailed::open(&absent, 4).await.unwrap_err();
            assert_eq!(
                (error.kind(), error.context("location")),
                (ErrorKind::NotFound, Some("memory:///absent.bin"))
            );
        }
    }
}
