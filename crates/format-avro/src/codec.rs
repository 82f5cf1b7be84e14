//! The compression of blocks.

use std::io::Read;

use arrow_avro::compression::CompressionCodec;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Result};

use crate::error::broken;

/// What the decoder of xz may take; the files of `xz -9` need 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// How the blocks of a file are compressed
/// ([specification](https://avro.apache.org/docs/1.12.0/specification/#required-codecs)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all (`null`).
    #[serde(alias = "none", alias = "null")]
    Uncompressed,
    /// Deflate, which every reader must know.
    #[default]
    Deflate,
    /// Snappy, with a checksum.
    Snappy,
    /// Zstandard.
    #[serde(alias = "zstandard")]
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
}

impl Compression {
    /// The codec with this name in a header.
    pub(crate) fn of(name: &[u8]) -> Result<Self> {
        Ok(match name {
            b"null" => Self::Uncompressed,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstd,
            b"bzip2" => Self::Bzip2,
            b"xz" => Self::Xz,
            other => {
                return Err(broken("the blocks are compressed in a way that is not known")
                    .with_context("codec", String::from_utf8_lossy(other))
                    .with_context("known", "null,deflate,snappy,zstandard,bzip2,xz"));
            }
        })
    }

    pub(crate) fn arrow(self) -> Option<CompressionCodec> {
        match self {
            Self::Uncompressed => None,
            Self::Deflate => Some(CompressionCodec::Deflate),
            Self::Snappy => Some(CompressionCodec::Snappy),
            Self::Zstd => Some(CompressionCodec::ZStandard),
            Self::Bzip2 => Some(CompressionCodec::Bzip2),
            Self::Xz => Some(CompressionCodec::Xz),
        }
    }

    /// The bytes of a block. Never more than `limit` are taken into memory.
    pub(crate) fn decompress(self, block: Bytes, limit: u64) -> Result<Bytes> {
        let damaged = |e: std::io::Error| broken("a block cannot be decompressed").with_source(e);
        let bytes = match self {
            Self::Uncompressed => block,
            Self::Deflate => take(flate2::read::DeflateDecoder::new(&block[..]), limit)?,
            Self::Zstd => take(zstd::Decoder::new(&block[..]).map_err(damaged)?, limit)?,
            Self::Bzip2 => take(bzip2::read::MultiBzDecoder::new(&block[..]), limit)?,
            Self::Xz => {
                use liblzma::stream::{CONCATENATED, Stream};
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED);
                let stream = stream.map_err(|e| damaged(e.into()))?;
                take(liblzma::read::XzDecoder::new_stream(&block[..], stream), limit)?
            }
            Self::Snappy => snappy(&block, limit)?,
        };
        match bytes.len() as u64 <= limit {
            true => Ok(bytes),
            false => Err(too_large(limit)),
        }
    }
}

fn take(decoder: impl Read, limit: u64) -> Result<Bytes> {
    let mut bytes = Vec::new();
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| broken("a block cannot be decompressed").with_source(e))?;
    Ok(bytes.into())
}

/// A block of Snappy, followed by the checksum of what it becomes.
fn snappy(block: &[u8], limit: u64) -> Result<Bytes> {
    let Some((block, checksum)) = block.split_last_chunk::<4>() else {
        return Err(broken("a block is shorter than its checksum"));
    };
    let damaged = |e: snap::Error| broken("a block cannot be decompressed").with_source(e);
    let length = snap::raw::decompress_len(block).map_err(damaged)? as u64;
    // Three bytes of Snappy stand for 64 at most, so that a longer claim is broken. The decoder takes the claim.
    if length > (block.len() as u64).saturating_mul(22) {
        return Err(broken("a block cannot have the length that it claims").with_context("claimed", length));
    }
    if length > limit {
        return Err(too_large(limit));
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(block).map_err(damaged)?;
    match crc32fast::hash(&bytes) == u32::from_be_bytes(*checksum) {
        true => Ok(bytes.into()),
        false => Err(broken("the checksum of a block is wrong")),
    }
}

/// The error for a block that would take too much memory.
pub(crate) fn too_large(limit: u64) -> Error {
    broken("a block is larger than `max_block_bytes` allows").with_context("max_block_bytes", limit)
}
