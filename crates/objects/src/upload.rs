//! An object that comes into being piece by piece, and is not there before it is whole.

use std::fmt;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use stitchwork_core::{Budget, Object, Reservation, Result};

/// The bytes of each part but the last: some stores want them equal, and all want at least 5 MiB.
pub const PART_BYTES: usize = 8 << 20;
/// How many parts of bytes that are in memory anyway go up at once.
const AT_ONCE: usize = 4;

/// Bytes on their way to an object, which is there once it is finished and not before.
///
/// At most one part is held back. Whatever fits into one part is a single put; what is larger goes up in parts. When
/// an `Upload` is dropped, parts that were sent stay behind, invisible, until the store clears them away: call
/// [`Upload::abort`].
pub struct Upload {
    object: Object,
    pieces: Vec<Bytes>,
    held: usize,
    multipart: Option<Box<dyn MultipartUpload>>,
    bytes: u64,
    _reserved: Option<Reservation>,
}

impl Upload {
    /// Nothing yet of `object`, which is replaced if it is there.
    #[must_use]
    pub fn new(object: &Object) -> Self {
        Self { object: object.clone(), pieces: vec![], held: 0, multipart: None, bytes: 0, _reserved: None }
    }

    /// Takes the memory of one part that is filled and one that goes up from a budget, as far as there is enough. Never
    /// waits: the caller may have other objects open that hold the rest of the budget until this one has its rows.
    #[must_use]
    pub fn within(self, budget: Option<&Budget>) -> Self {
        let reserved = budget.and_then(|budget| budget.try_reserve(2 * PART_BYTES as u64));
        Self { _reserved: reserved, ..self }
    }

    /// The object that comes into being.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The bytes taken so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes that are held back in memory.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held as u64
    }

    /// Takes bytes, and sends every part that is full. After an error nothing is left of the object.
    ///
    /// # Errors
    /// What the store says, with the location of the object.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.write_all([bytes]).await
    }

    /// Takes bytes in pieces, as [`Upload::write`] does; parts that are full go up together.
    ///
    /// # Errors
    /// As [`Upload::write`].
    pub async fn write_all(&mut self, pieces: impl IntoIterator<Item = Bytes>) -> Result<()> {
        let mut parts = Vec::new();
        for mut bytes in pieces {
            self.bytes += bytes.len() as u64;
            while !bytes.is_empty() {
                // A part goes only when there is more to come: the last one makes a small object a single put.
                if self.held == PART_BYTES {
                    parts.push(self.take());
                }
                let piece = bytes.split_to(bytes.len().min(PART_BYTES - self.held));
                self.held += piece.len();
                self.pieces.push(piece);
            }
        }
        if parts.is_empty() { Ok(()) } else { self.send(parts).await }
    }

    /// Makes the object visible, and gives its size.
    ///
    /// # Errors
    /// What the store says, with the location of the object.
    pub async fn finish(mut self) -> Result<u64> {
        let last = self.take();
        if self.multipart.is_none() {
            self.object.store.put(&self.object.path, last).await.map_err(|e| self.object.error(e))?;
            return Ok(self.bytes);
        }
        if last.content_length() > 0 {
            self.send(vec![last]).await?;
        }
        if let Some(mut multipart) = self.multipart.take()
            && let Err(e) = multipart.complete().await
        {
            return Err(self.object.error(e));
        }
        Ok(self.bytes)
    }

    /// Removes what was sent.
    ///
    /// # Errors
    /// What the store says, with the location of the object; what could not be removed is invisible.
    pub async fn abort(&mut self) -> Result<()> {
        match self.multipart.take() {
            Some(mut multipart) => multipart.abort().await.map_err(|e| self.object.error(e)),
            None => Ok(()),
        }
    }

    fn take(&mut self) -> PutPayload {
        self.held = 0;
        std::mem::take(&mut self.pieces).into_iter().collect()
    }

    async fn send(&mut self, parts: Vec<PutPayload>) -> Result<()> {
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => {
                let store = &self.object.store;
                let started = store.put_multipart(&self.object.path).await;
                none.insert(started.map_err(|e| self.object.error(e))?)
            }
        };
        let uploads: Vec<_> = parts.into_iter().map(|part| multipart.put_part(part)).collect();
        let sent = stream::iter(uploads).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await;
        if let Err(e) = sent {
            let error = self.object.error(e);
            // The parts are invisible whether or not this works, and the first error is the one to tell.
            let _ = self.abort().await;
            return Err(error);
        }
        Ok(())
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("object", &self.object)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use stitchwork_core::Stores;

    use super::*;

    #[tokio::test]
    async fn small_objects_are_one_put_and_large_ones_come_whole_only_at_the_end() {
        let stores = Stores::new();
        for (name, sizes) in [
            ("small", vec![3_usize, 5]),
            ("exact", vec![PART_BYTES]),
            ("large", vec![PART_BYTES - 1, 2 * PART_BYTES, 7]),
        ] {
            let object = stores.resolve(&format!("memory:{name}")).unwrap();
            let mut upload = Upload::new(&object);
            let mut expected = Vec::new();
            for (i, size) in sizes.into_iter().enumerate() {
                let bytes = vec![u8::try_from(i).unwrap() + 1; size];
                expected.extend_from_slice(&bytes);
                upload.write(bytes.into()).await.unwrap();
                assert!(object.fetch_size().await.is_err(), "{name} is not there before the end");
            }
            assert_eq!(upload.multipart.is_some(), name == "large");
            assert_eq!(upload.finish().await.unwrap(), expected.len() as u64);
            let found = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
            assert!(found == expected, "{name}");
        }
    }

    #[tokio::test]
    async fn nothing_is_left_after_an_abort() {
        let object = Stores::new().resolve("memory:gone").unwrap();
        let mut upload = Upload::new(&object);
        upload.write(vec![1; 2 * PART_BYTES + 1].into()).await.unwrap();
        upload.abort().await.unwrap();
        assert!(object.fetch_size().await.is_err());
    }
}
