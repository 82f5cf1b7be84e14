//! The header of a file
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#object-container-files)).

use std::collections::BTreeMap;

use stitchwork_core::Result;

use crate::codec::Compression;
use crate::cursor::{Cursor, put_bytes, put_long};
use crate::error::broken;
use crate::input::Input;
use crate::names;

/// What a file begins with.
const MAGIC: &[u8; 4] = b"Obj\x01";
/// The key of the schema.
const SCHEMA: &str = "avro.schema";
/// The key of the codec.
const CODEC: &str = "avro.codec";
/// The most bytes of a key or value.
const LONGEST: u64 = 64 << 20;

/// What a file says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// The schema that the rows were written with, as JSON.
    pub(crate) schema: String,
    pub(crate) codec: Compression,
    /// What follows each block.
    pub(crate) sync: [u8; 16],
    /// Where the first block begins.
    pub(crate) length: u64,
}

impl Header {
    /// Takes the header off the beginning of an object.
    pub(crate) async fn read(input: &mut Input) -> Result<Self> {
        if input.size() < MAGIC.len() as u64 || input.take(4, LONGEST).await?[..] != MAGIC[..] {
            return Err(broken("the object is no Avro object container: it does not begin as one"));
        }
        let mut pairs = BTreeMap::new();
        loop {
            let mut count = input.long().await?;
            if count == 0 {
                break;
            }
            if count < 0 {
                input.length().await?;
                count = count.checked_neg().unwrap_or(i64::MAX);
            }
            for _ in 0..count {
                let length = input.length().await?;
                let key = input.take(length, LONGEST).await?;
                let length = input.length().await?;
                let value = input.take(length, LONGEST).await?;
                pairs.insert(key, value);
            }
        }
        let sync = input.take(16, LONGEST).await?;
        let sync = sync.first_chunk().copied().unwrap_or_default();
        let schema = pairs.get(SCHEMA.as_bytes()).ok_or_else(|| broken("the header has no schema"))?;
        let schema = std::str::from_utf8(schema)
            .map_err(|e| broken("the schema in the header is no text").with_source(e))?
            .to_owned();
        let codec =
            pairs.get(CODEC.as_bytes()).map_or(Ok(Compression::Uncompressed), |name| Compression::of(name));
        Ok(Self { schema, codec: codec?, sync, length: input.position() })
    }

    /// The bytes of a header for the same rows, as arrow-avro reads them: without compression, with a marker of zeros, and
    /// with the names of types as it finds them.
    pub(crate) fn plain(&self) -> Result<Vec<u8>> {
        let schema = names::spelled(&self.schema)?;
        let pairs = [(SCHEMA, schema.as_bytes()), (CODEC, b"null".as_slice())];
        Ok(encode(pairs.into_iter(), &[0; 16]))
    }
}

fn encode<'a>(pairs: impl ExactSizeIterator<Item = (&'a str, &'a [u8])>, sync: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    put_long(&mut bytes, pairs.len() as i64);
    for (key, value) in pairs {
        put_bytes(&mut bytes, key.as_bytes());
        put_bytes(&mut bytes, value);
    }
    put_long(&mut bytes, 0);
    bytes.extend_from_slice(sync);
    bytes
}

/// A header that was written, with more key-value pairs.
pub(crate) fn extend(header: &[u8], more: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let unexpected = || stitchwork_core::Error::unexpected("the header that was written is broken");
    let mut cursor = Cursor(header.get(MAGIC.len()..).ok_or_else(unexpected)?);
    let mut pairs: Vec<(&str, &[u8])> = Vec::new();
    loop {
        let count = cursor.length()?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            let key = piece(&mut cursor)?;
            let value = piece(&mut cursor)?;
            pairs.push((std::str::from_utf8(key).map_err(|_| unexpected())?, value));
        }
    }
    let sync = cursor.0;
    pairs.extend(more.iter().map(|(key, value)| (key.as_str(), value.as_bytes())));
    Ok(encode(pairs.into_iter(), sync))
}

fn piece<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
    let length = cursor.length()?;
    let piece = cursor.0.get(..length).ok_or_else(|| broken("a value is cut off"))?;
    cursor.skip(length)?;
    Ok(piece)
}
