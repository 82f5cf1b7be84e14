//! An object whose bytes are compressed on their way up.

use std::fmt;

use async_compression::Level;
use async_compression::tokio::write::{BzEncoder, GzipEncoder, XzEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use bytes::Bytes;
use stitchwork_core::{Budget, Error, Object, Result};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::{Compression, Upload};

/// An [`Upload`] that compresses what it takes.
pub struct CompressedUpload {
    upload: Upload,
    encoder: Option<Box<dyn Encoder>>,
}

impl CompressedUpload {
    /// Nothing yet of `object`, which is replaced if it is there.
    #[must_use]
    pub fn new(object: &Object, compression: Compression) -> Self {
        let encoder: Option<Box<dyn Encoder>> = match compression {
            Compression::None => None,
            Compression::Gzip => Some(Box::new(GzipEncoder::new(Vec::new()))),
            Compression::Zstd => {
                // Without a checksum, which the format leaves open, damage might go unnoticed.
                let checksum = [CParameter::checksum_flag(true)];
                Some(Box::new(ZstdEncoder::with_quality_and_params(Vec::new(), Level::Default, &checksum)))
            }
            Compression::Bzip2 => Some(Box::new(BzEncoder::new(Vec::new()))),
            Compression::Xz => Some(Box::new(XzEncoder::new(Vec::new()))),
        };
        Self { upload: Upload::new(object), encoder }
    }

    /// Takes memory from a budget; see [`Upload::within`].
    #[must_use]
    pub fn within(self, budget: Option<&Budget>) -> Self {
        Self { upload: self.upload.within(budget), ..self }
    }

    /// The object that comes into being.
    #[must_use]
    pub fn object(&self) -> &Object {
        self.upload.object()
    }

    /// The compressed bytes so far; an encoder may hold back more.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.upload.bytes()
    }

    /// The compressed bytes that are held back in memory.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.upload.held()
    }

    /// Takes bytes that are not compressed yet. After an error nothing is left of the object.
    ///
    /// # Errors
    /// What the store says, with the location of the object.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let Some(encoder) = &mut self.encoder else { return self.upload.write(bytes).await };
        if let Err(e) = encoder.write_all(&bytes).await {
            return Err(self.refused(e).await);
        }
        let ready = std::mem::take(encoder.ready());
        self.upload.write(ready.into()).await
    }

    /// Makes the object visible, and gives its size.
    ///
    /// # Errors
    /// What the store says, with the location of the object.
    pub async fn finish(mut self) -> Result<u64> {
        if let Some(encoder) = &mut self.encoder {
            if let Err(e) = encoder.shutdown().await {
                return Err(self.refused(e).await);
            }
            let rest = std::mem::take(encoder.ready());
            self.upload.write(rest.into()).await?;
        }
        self.upload.finish().await
    }

    /// Removes what was sent.
    ///
    /// # Errors
    /// What the store says, with the location of the object; what could not be removed is invisible.
    pub async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }

    async fn refused(&mut self, error: std::io::Error) -> Error {
        // The parts are invisible whether or not this works, and the first error is the one to tell.
        let _ = self.upload.abort().await;
        Error::unexpected("the text cannot be compressed")
            .with_context("location", self.object().location())
            .with_source(error)
    }
}

impl fmt::Debug for CompressedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressedUpload")
            .field("upload", &self.upload)
            .field("compressed", &self.encoder.is_some())
            .finish()
    }
}

/// Something that compresses into memory.
trait Encoder: AsyncWrite + Unpin + Send {
    /// What is compressed already.
    fn ready(&mut self) -> &mut Vec<u8>;
}

macro_rules! encoder {
    ($($encoder:ident),*) => {$(
        impl Encoder for $encoder<Vec<u8>> {
            fn ready(&mut self) -> &mut Vec<u8> {
                self.get_mut()
            }
        }
    )*};
}
encoder!(GzipEncoder, ZstdEncoder, BzEncoder, XzEncoder);
