//! The blocks of a file, in order.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use stitchwork_core::{Object, Result};

use crate::error::broken;
use crate::header::Header;
use crate::input::Input;

/// What stands before the rows of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where it begins.
    pub(crate) offset: u64,
    pub(crate) rows: u64,
    /// The compressed bytes of the rows.
    pub(crate) bytes: u64,
}

/// The blocks from some place on.
#[derive(Debug)]
pub(crate) struct Blocks {
    input: Input,
    header: Arc<Header>,
    /// No block that begins here or later is given.
    end: u64,
}

impl Blocks {
    /// The blocks of an object whose header is taken.
    pub(crate) fn after(header: Arc<Header>, input: Input) -> Self {
        Self { input, header, end: u64::MAX }
    }

    /// The blocks that begin in a range: each follows a marker, which is looked for.
    pub(crate) async fn within(self, object: &Object, range: Range<u64>) -> Result<Self> {
        let mut found = self;
        found.end = range.end;
        if range.start > found.header.length {
            // The marker before a block at the very start of the range lies before the range.
            found.input = Input::open(object, range.start.min(found.input.size()).saturating_sub(16)).await?;
            found.input.seek(&found.header.sync).await?;
        }
        Ok(found)
    }

    /// Stops before the blocks that begin here or later.
    pub(crate) fn until(mut self, end: u64) -> Self {
        self.end = end;
        self
    }

    /// The size of the object.
    pub(crate) fn size(&self) -> u64 {
        self.input.size()
    }

    /// The next block, whose rows must be taken or passed over next. `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Block>> {
        if self.input.at_end() || self.input.position() >= self.end {
            return Ok(None);
        }
        let offset = self.input.position();
        let rows = self.input.length().await?;
        let bytes = self.input.length().await?;
        Ok(Some(Block { offset, rows, bytes }))
    }

    /// The bytes of the rows, as they are.
    pub(crate) async fn data(&mut self, block: &Block, limit: u64) -> Result<Bytes> {
        let data = self.input.take(block.bytes, limit).await?;
        self.marker(block).await?;
        Ok(data)
    }

    /// Passes over the rows.
    pub(crate) async fn skip(&mut self, block: &Block) -> Result<()> {
        self.input.skip(block.bytes).await?;
        self.marker(block).await
    }

    async fn marker(&mut self, block: &Block) -> Result<()> {
        let marker = self.input.take(16, 16).await?;
        match marker[..] == self.header.sync[..] {
            true => Ok(()),
            false => Err(broken("a block is not followed by the marker of the file")
                .with_context("block", block.offset)),
        }
    }
}
