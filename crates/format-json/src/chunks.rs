//! The bytes of an object as a stream that can be read twice at its beginning.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use stitchwork_core::{Object, Result};
use stitchwork_objects::{Compression, download};

use crate::config::JsonConfig;
use crate::records::Records;

/// The most bytes that are looked at in one go.
const PIECE: usize = 64 << 10;

/// The records of an object, piece by piece.
pub(crate) struct Chunks {
    object: Object,
    stream: BoxStream<'static, Result<Bytes>>,
    rest: Bytes,
    records: Records,
    replay: VecDeque<Bytes>,
    ended: bool,
}

impl Chunks {
    pub(crate) async fn open(object: &Object, config: &JsonConfig) -> Result<Self> {
        let compression = config.compression.unwrap_or_else(|| Compression::of(object));
        Ok(Self {
            object: object.clone(),
            stream: download(object, compression).await?,
            rest: Bytes::new(),
            records: Records::new(config.layout),
            replay: VecDeque::new(),
            ended: false,
        })
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// The next piece; `None` at the end of the object.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        match self.replay.pop_front() {
            Some(piece) => Ok(Some(piece)),
            None => self.fetch().await,
        }
    }

    /// The first bytes, up to about this many, which come again afterwards. Also whether they are all.
    pub(crate) async fn head(&mut self, bytes: usize) -> Result<(Vec<u8>, bool)> {
        let mut head: Vec<u8> = Vec::new();
        let mut seen = VecDeque::new();
        while head.len() < bytes {
            let Some(piece) = self.next().await? else { break };
            head.extend_from_slice(&piece);
            seen.push_back(piece);
        }
        self.replay = seen;
        Ok((head, self.ended))
    }

    async fn fetch(&mut self) -> Result<Option<Bytes>> {
        while self.rest.is_empty() {
            match self.stream.next().await {
                Some(bytes) => self.rest = bytes?,
                None => {
                    if !self.ended {
                        self.ended = true;
                        self.records.finish().map_err(|e| self.located(e))?;
                    }
                    return Ok(None);
                }
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        if self.records.is_plain() {
            return Ok(Some(piece));
        }
        let mut bytes = piece.to_vec();
        self.records.push(&mut bytes).map_err(|e| self.located(e))?;
        Ok(Some(bytes.into()))
    }

    fn located(&self, error: stitchwork_core::Error) -> stitchwork_core::Error {
        error.with_context("location", self.object.location())
    }
}

impl std::fmt::Debug for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunks")
            .field("object", &self.object)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}
