//! The bytes of an object in their order.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, GetRange, ObjectStore};
use stitchwork_core::{Error, Object, Result};

/// The bytes of an object from some place to its end, taken or passed over one after the other.
///
/// Only what the store has sent and nobody has taken is held, so that a length that a broken object claims takes no
/// memory.
pub struct Forward {
    chunks: BoxStream<'static, Result<Bytes>>,
    held: VecDeque<Bytes>,
    /// The bytes that are in `held`.
    ready: usize,
    position: u64,
    size: u64,
    cut_off: fn(u64) -> Error,
}

impl Forward {
    /// The bytes from `start` on. `cut_off` makes the error for bytes that are taken beyond the end, from the place of
    /// the first of them.
    ///
    /// # Errors
    /// What the store says, with the location of the object.
    pub async fn open(object: &Object, start: u64, cut_off: fn(u64) -> Error) -> Result<Self> {
        let range = (start > 0).then_some(GetRange::Offset(start));
        let options = GetOptions { range, ..GetOptions::default() };
        let found = object.store.get_opts(&object.path, options).await.map_err(|e| object.error(e))?;
        let size = found.meta.size;
        let place = object.clone();
        let chunks = found.into_stream().map_err(move |e| place.error(e)).boxed();
        Ok(Self { chunks, held: VecDeque::new(), ready: 0, position: start, size, cut_off })
    }

    /// The bytes of an object that is in memory.
    #[must_use]
    pub fn of(whole: Bytes, cut_off: fn(u64) -> Error) -> Self {
        let size = whole.len() as u64;
        let chunks = stream::once(async { Ok(whole) }).boxed();
        Self { chunks, held: VecDeque::new(), ready: 0, position: 0, size, cut_off }
    }

    /// The same, where the size of the object is known already.
    pub(crate) fn with_size(self, size: u64) -> Self {
        Self { size, ..self }
    }

    /// The place of the next byte in the object.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The size of the object.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes there are still.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.size.saturating_sub(self.position)
    }

    /// Refuses bytes that the object does not have.
    ///
    /// # Errors
    /// That the object is cut off.
    pub fn check(&self, bytes: u64) -> Result<()> {
        if bytes > self.left() { Err(self.cut_off()) } else { Ok(()) }
    }

    /// The next bytes. Memory is taken for those that have come only: the caller has a limit for them.
    ///
    /// # Errors
    /// That the object is cut off, or what the store says.
    pub async fn take(&mut self, bytes: usize) -> Result<Bytes> {
        self.check(bytes as u64)?;
        while self.ready < bytes {
            self.fill().await?;
        }
        while self.held.front().is_some_and(Bytes::is_empty) {
            self.held.pop_front();
        }
        self.position += bytes as u64;
        self.ready -= bytes;
        if let Some(first) = self.held.front_mut()
            && first.len() >= bytes
        {
            return Ok(first.split_to(bytes));
        }
        let mut whole = Vec::with_capacity(bytes);
        while whole.len() < bytes
            && let Some(mut chunk) = self.held.pop_front()
        {
            let part = chunk.split_to(chunk.len().min(bytes - whole.len()));
            whole.extend_from_slice(&part);
            if !chunk.is_empty() {
                self.held.push_front(chunk);
            }
        }
        Ok(whole.into())
    }

    /// Passes over the next bytes.
    ///
    /// # Errors
    /// As [`Forward::take`].
    pub async fn skip(&mut self, mut bytes: u64) -> Result<()> {
        self.check(bytes)?;
        while bytes > 0 {
            let Some(mut chunk) = self.held.pop_front() else {
                self.fill().await?;
                continue;
            };
            let passed = chunk.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.ready -= passed;
            self.position += passed as u64;
            bytes -= passed as u64;
            drop(chunk.split_to(passed));
            if !chunk.is_empty() {
                self.held.push_front(chunk);
            }
        }
        Ok(())
    }

    /// Passes over everything up to the end of the next `marker`; whether there is one.
    ///
    /// # Errors
    /// As [`Forward::take`].
    pub async fn seek(&mut self, marker: &[u8]) -> Result<bool> {
        let mut window: Vec<u8> = Vec::new();
        while self.left() > 0 {
            let Some(chunk) = self.held.pop_front() else {
                self.fill().await?;
                continue;
            };
            let before = window.len();
            window.extend_from_slice(&chunk);
            if let Some(found) = window.windows(marker.len().max(1)).position(|bytes| bytes == marker) {
                // The bytes before this chunk are passed already.
                let passed = (found + marker.len()).saturating_sub(before).min(chunk.len());
                self.position += passed as u64;
                self.ready -= passed;
                let rest = chunk.slice(passed..);
                if !rest.is_empty() {
                    self.held.push_front(rest);
                }
                return Ok(true);
            }
            self.position += chunk.len() as u64;
            self.ready -= chunk.len();
            // A marker may lie across two chunks.
            drop(window.drain(..window.len().saturating_sub(marker.len().saturating_sub(1))));
        }
        Ok(false)
    }

    async fn fill(&mut self) -> Result<()> {
        let chunk = self.chunks.try_next().await?.ok_or_else(|| self.cut_off())?;
        self.ready += chunk.len();
        if !chunk.is_empty() {
            self.held.push_back(chunk);
        }
        Ok(())
    }

    fn cut_off(&self) -> Error {
        (self.cut_off)(self.position)
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward")
            .field("position", &self.position)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(at: u64) -> Error {
        Error::invalid_data("too short").with_context("at", at)
    }

    /// Bytes that come in chunks of these sizes.
    fn chunks(bytes: &'static [u8], sizes: &[usize]) -> Forward {
        let mut rest = Bytes::from_static(bytes);
        let chunks: Vec<_> = sizes.iter().map(|size| Ok(rest.split_to(*size))).collect();
        Forward { chunks: stream::iter(chunks).boxed(), ..Forward::of(Bytes::from_static(bytes), short) }
    }

    #[tokio::test]
    async fn bytes_come_in_order_whatever_the_chunks_are() {
        for sizes in [&[10][..], &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1], &[3, 0, 4, 3], &[0, 9, 1]] {
            let mut bytes = chunks(b"0123456789", sizes);
            assert_eq!(bytes.take(2).await.unwrap(), "01");
            assert_eq!(bytes.take(0).await.unwrap(), "");
            bytes.skip(3).await.unwrap();
            assert_eq!((bytes.position(), bytes.left()), (5, 5));
            assert_eq!(bytes.take(5).await.unwrap(), "56789");
            let error = bytes.take(1).await.unwrap_err();
            assert_eq!(error.context("at"), Some("10"));
            assert!(bytes.skip(1).await.is_err());
        }
        // Fewer bytes than the store has said.
        assert!(chunks(b"0123456789", &[4]).take(5).await.is_err());
        assert!(chunks(b"0123456789", &[4]).skip(5).await.is_err());
        assert!(chunks(b"0123456789", &[4]).seek(b"89").await.is_err());
    }

    #[tokio::test]
    async fn markers_are_found_across_chunks() {
        for sizes in [&[10][..], &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1], &[4, 1, 5], &[5, 5]] {
            let mut bytes = chunks(b"0120345345", sizes);
            assert!(bytes.seek(b"345").await.unwrap());
            assert_eq!((bytes.position(), bytes.take(1).await.unwrap()), (7, Bytes::from_static(b"3")));
            assert!(!bytes.seek(b"345").await.unwrap());
            assert_eq!(bytes.left(), 0);
        }
    }
}
