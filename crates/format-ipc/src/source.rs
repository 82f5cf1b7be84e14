//! The bytes of an object, its end at hand.

use std::ops::Range;

use bytes::Bytes;
use stitchwork_core::{Error, Object, Result};
use stitchwork_objects::{Forward, Missing, Tailed};

use crate::error::broken;

/// The least that is read of an object's end: the trailer of a file.
const LEAST_TAIL: u64 = 16;

/// An object of which something is there.
#[derive(Debug, Clone)]
pub(crate) struct Source(Tailed);

impl Source {
    pub(crate) async fn open(object: &Object, tail_bytes: u64) -> Result<Self> {
        let source = Tailed::open(object, tail_bytes.max(LEAST_TAIL)).await?;
        if source.size() == 0 { Err(broken("the object is empty")) } else { Ok(Self(source)) }
    }

    /// The size of the object.
    pub(crate) fn size(&self) -> u64 {
        self.0.size()
    }

    /// The bytes, if they are in memory.
    pub(crate) fn at_hand(&self, range: &Range<u64>) -> Option<Bytes> {
        self.0.at_hand(range)
    }

    /// The bytes of ranges, in their order, in one request where the store can.
    pub(crate) async fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.fetch(ranges).await.map_err(|missing| match missing {
            Missing::Outside(wrong) => broken("the object refers to bytes that it does not have")
                .with_context("start", wrong.start)
                .with_context("end", wrong.end)
                .with_context("size", self.size()),
            Missing::Short => broken("the store returned fewer bytes than asked for"),
            Missing::Store(error) => error,
        })
    }

    /// The bytes of one range.
    pub(crate) async fn bytes(&self, range: Range<u64>) -> Result<Bytes> {
        Ok(self.fetch(std::slice::from_ref(&range)).await?.pop().unwrap_or_default())
    }

    /// All bytes of the object, from its beginning.
    pub(crate) async fn forward(&self, cut_off: fn(u64) -> Error) -> Result<Forward> {
        self.0.forward(cut_off).await
    }
}
