//! The bytes of an object, decompressed as they come.

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use stitchwork_core::{Error, Object, Result};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::Compression;

/// The most bytes that are decompressed in one go: few compressed bytes may become any number of others.
const PIECE_BYTES: usize = 64 << 10;
/// What the decoder of xz may take; the files of `xz -9` need 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// The bytes of an object in pieces, decompressed. Members, frames and streams that follow each other are one text.
///
/// Nothing is collected: whoever takes the pieces decides how much is held.
///
/// # Errors
/// What the store says. A piece is `InvalidData` where the object is damaged, or ends before its compression does.
/// Each error has the location of the object.
pub async fn download(
    object: &Object,
    compression: Compression,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let found = object.store.get(&object.path).await.map_err(|e| object.error(e))?;
    let place = object.clone();
    let pieces = found.into_stream().map_err(move |e| place.error(e));
    if compression == Compression::None {
        return Ok(pieces.boxed());
    }
    let bytes = StreamReader::new(pieces.map_err(std::io::Error::other).boxed());
    macro_rules! decoder {
        ($decoder:expr) => {{
            let mut decoder = $decoder;
            decoder.multiple_members(true);
            Box::pin(decoder) as std::pin::Pin<Box<dyn AsyncRead + Send>>
        }};
    }
    let text = match compression {
        Compression::Gzip => decoder!(GzipDecoder::new(bytes)),
        Compression::Zstd => decoder!(ZstdDecoder::new(bytes)),
        Compression::Bzip2 => decoder!(BzDecoder::new(bytes)),
        Compression::Xz => decoder!(XzDecoder::with_mem_limit(bytes, XZ_MEMORY)),
        Compression::None => Box::pin(bytes),
    };
    let location = object.location();
    let text = ReaderStream::with_capacity(text, PIECE_BYTES).map_err(move |e| {
        // An error of the store has come through the decoder as it was.
        e.downcast::<Error>().unwrap_or_else(|e| {
            let why = match e.kind() {
                std::io::ErrorKind::UnexpectedEof => "the object ends before its compressed data does",
                _ => {
                    "the object is not compressed as its name or the option `compression` says, or is damaged"
                }
            };
            Error::invalid_data(why)
                .with_context("location", &location)
                .with_context("compression", compression)
                .with_source(e)
        })
    });
    Ok(text.boxed())
}
