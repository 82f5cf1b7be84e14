//! The bytes of an object as they come.

use bytes::Bytes;
use stitchwork_core::{Error, Object, Result};
use stitchwork_objects::Forward;

use crate::codec::too_large;
use crate::cursor::Number;
use crate::error::broken;

/// The bytes of an object from some place to its end.
#[derive(Debug)]
pub(crate) struct Input(Forward);

impl Input {
    /// The bytes from `start`.
    pub(crate) async fn open(object: &Object, start: u64) -> Result<Self> {
        Ok(Self(Forward::open(object, start, cut_off).await?))
    }

    /// The place of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.0.position()
    }

    /// The size of the object.
    pub(crate) fn size(&self) -> u64 {
        self.0.size()
    }

    /// Whether there is no more byte.
    pub(crate) fn at_end(&self) -> bool {
        self.0.left() == 0
    }

    /// The next number.
    pub(crate) async fn long(&mut self) -> Result<i64> {
        let mut number = Number::default();
        loop {
            let byte = self.0.take(1).await?;
            if let Some(value) = number.push(byte.first().copied().unwrap_or_default())? {
                return Ok(value);
            }
        }
    }

    /// The next length.
    pub(crate) async fn length(&mut self) -> Result<u64> {
        let length = self.long().await?;
        u64::try_from(length).map_err(|_| {
            broken("a length is negative").with_context("length", length).with_context("at", self.position())
        })
    }

    /// The next bytes, up to a limit.
    pub(crate) async fn take(&mut self, bytes: u64, limit: u64) -> Result<Bytes> {
        self.0.check(bytes)?;
        let wanted = usize::try_from(bytes).ok().filter(|_| bytes <= limit);
        self.0.take(wanted.ok_or_else(|| too_large(limit))?).await
    }

    /// Passes over the next bytes.
    pub(crate) async fn skip(&mut self, bytes: u64) -> Result<()> {
        self.0.skip(bytes).await
    }

    /// Passes over everything up to the end of the next `marker`; whether there is one.
    pub(crate) async fn seek(&mut self, marker: &[u8; 16]) -> Result<bool> {
        self.0.seek(marker).await
    }
}

fn cut_off(at: u64) -> Error {
    broken("the object is cut off").with_context("at", at)
}
