//! An object that comes into being piece by piece, and is not there before it is whole.

use std::fmt;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use stitchwork_core::{Object, Result};

/// The size of each part but the last: some stores want them equal, and all want at least 5 MiB.
const PART: usize = 8 << 20;
/// How many parts of bytes that are in memory anyway go up at once.
const AT_ONCE: usize = 4;

/// Bytes on their way to an object: at most one part is held back. Whatever fits into one part is a single
/// put.
pub(crate) struct Upload {
    object: Object,
    pieces: Vec<Bytes>,
    held: usize,
    multipart: Option<Box<dyn MultipartUpload>>,
    bytes: u64,
}

impl Upload {
    pub(crate) fn new(object: Object) -> Self {
        Self { object, pieces: vec![], held: 0, multipart: None, bytes: 0 }
    }

    /// The bytes taken so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes bytes, and sends every part that is full. After an error nothing is left of the object.
    pub(crate) async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.bytes += bytes.len() as u64;
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            // A part goes only when there is more to come: the last one makes a small object a single put.
            if self.held == PART {
                parts.push(self.take());
            }
            let piece = bytes.split_to(bytes.len().min(PART - self.held));
            self.held += piece.len();
            self.pieces.push(piece);
        }
        if parts.is_empty() { Ok(()) } else { self.send(parts).await }
    }

    /// Makes the object visible.
    pub(crate) async fn finish(mut self) -> Result<u64> {
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
    pub(crate) async fn abort(&mut self) -> Result<()> {
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
        for (name, sizes) in
            [("small", vec![3_usize, 5]), ("exact", vec![PART]), ("large", vec![PART - 1, 2 * PART, 7])]
        {
            let object = stores.resolve(&format!("memory:{name}")).unwrap();
            let mut upload = Upload::new(object.clone());
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
        let mut upload = Upload::new(object.clone());
        upload.write(vec![1; 2 * PART + 1].into()).await.unwrap();
        upload.abort().await.unwrap();
        assert!(object.fetch_size().await.is_err());
    }
}
