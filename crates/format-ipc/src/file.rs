//! The [file form](https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format): a footer says where the
//! batches lie.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::root_as_footer;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use stitchwork_core::Result;

use crate::decoder::{Decoder, schema};
use crate::error::broken;
use crate::message::{parse, rows, too_large};
use crate::source::Source;

/// What a file begins and ends with.
pub(crate) const MAGIC: &[u8; 6] = b"ARROW1";
/// The length of the footer and the magic.
pub(crate) const TRAILER: u64 = 10;
/// Bodies up to this size are fetched whole, whatever is needed of them: one request instead of two.
const WHOLE_BODY: u64 = 256 << 10;
/// How many headers are fetched in one go: what lies between them may be fetched along.
const HEADERS_AT_ONCE: usize = 16;

/// Where a message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) offset: u64,
    metadata: u64,
    body: u64,
}

impl Block {
    fn new(block: &arrow_ipc::Block, end: u64) -> Result<Self> {
        let offset = u64::try_from(block.offset()).ok();
        let metadata = u64::try_from(block.metaDataLength()).ok();
        let body = u64::try_from(block.bodyLength()).ok();
        let parts = offset.zip(metadata).zip(body);
        let found = parts.map(|((offset, metadata), body)| Self { offset, metadata, body });
        let fits = |block: &Self| {
            let whole = block.offset.checked_add(block.metadata).and_then(|at| at.checked_add(block.body));
            whole.is_some_and(|whole| whole <= end)
        };
        found.filter(fits).ok_or_else(|| {
            broken("the footer has a block that does not lie in the object")
                .with_context("offset", block.offset())
                .with_context("metadata", block.metaDataLength())
                .with_context("body", block.bodyLength())
        })
    }

    fn header(&self) -> Range<u64> {
        self.offset..self.offset + self.metadata
    }

    fn whole(&self) -> Range<u64> {
        self.offset..self.offset + self.metadata + self.body
    }

    /// The bytes of the body.
    pub(crate) fn body(&self) -> u64 {
        self.body
    }
}

/// A file whose footer is read.
#[derive(Debug)]
pub(crate) struct IpcFile {
    pub(crate) source: Source,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<Block>,
    dictionaries: Vec<Block>,
    /// The key-value pairs of the footer.
    pub(crate) metadata: BTreeMap<String, String>,
}

impl IpcFile {
    /// The file, or `None` where the object does not end as one.
    pub(crate) async fn open(source: &Source) -> Result<Option<Self>> {
        let Some(start) = source.size().checked_sub(TRAILER) else { return Ok(None) };
        let trailer = source.at_hand(&(start..source.size())).unwrap_or_default();
        let Some((length, magic)) = trailer.split_first_chunk::<4>() else { return Ok(None) };
        if magic != MAGIC {
            return Ok(None);
        }
        let length = i32::from_le_bytes(*length);
        let footer = u64::try_from(length).ok().and_then(|length| start.checked_sub(length));
        let Some(footer) = footer else {
            return Err(broken("the footer cannot have the length that it claims")
                .with_context("claimed", length)
                .with_context("size", source.size()));
        };
        let bytes = source.bytes(footer..start).await?;
        Self::parse(source, &bytes, footer).map(Some)
    }

    fn parse(source: &Source, bytes: &Bytes, end: u64) -> Result<Self> {
        let footer =
            root_as_footer(bytes).map_err(|e| broken("the footer is broken").with_context("reason", e))?;
        let schema = schema(footer.schema())?;
        let batches = footer.recordBatches();
        let batches = batches.iter().flatten().map(|block| Block::new(block, end)).collect::<Result<_>>()?;
        let dictionaries = footer.dictionaries();
        let dictionaries = dictionaries.iter().flatten().map(|block| Block::new(block, end));
        let dictionaries = dictionaries.collect::<Result<_>>()?;
        let pairs = footer.custom_metadata().into_iter().flat_map(|pairs| pairs.iter());
        let metadata = pairs.filter_map(|pair| Some((pair.key()?.to_owned(), pair.value()?.to_owned())));
        Ok(Self { source: source.clone(), schema, batches, dictionaries, metadata: metadata.collect() })
    }

    /// How many rows each batch has, by its header.
    pub(crate) async fn rows(&self) -> Result<Vec<u64>> {
        let mut counts = Vec::new();
        for blocks in self.batches.chunks(HEADERS_AT_ONCE) {
            let headers: Vec<_> = blocks.iter().map(Block::header).collect();
            for header in self.source.fetch(&headers).await? {
                let message = parse(&header)?;
                let batch = message.header_as_record_batch();
                let batch = batch.ok_or_else(|| broken("a message that should be a batch is none"))?;
                counts.push(rows(&batch)?);
            }
        }
        Ok(counts)
    }

    /// Gives the decoder the dictionaries that it needs.
    pub(crate) async fn load_dictionaries(&self, decoder: &mut Decoder, limit: u64) -> Result<()> {
        for block in &self.dictionaries {
            let header = self.source.bytes(block.header()).await?;
            let needed = {
                let message = parse(&header)?;
                let dictionary = message.header_as_dictionary_batch();
                decoder.needs(
                    &dictionary.ok_or_else(|| broken("a message that should be a dictionary is none"))?,
                )
            };
            if needed {
                if block.body > limit {
                    return Err(too_large(block.body, limit));
                }
                let place = block.header().end..block.whole().end;
                let body = self.source.bytes(place).await?;
                decoder.dictionary(&parse(&header)?, &Buffer::from(body))?;
            }
        }
        Ok(())
    }

    /// The rows of a batch.
    pub(crate) async fn batch(&self, block: &Block, decoder: &Decoder, limit: u64) -> Result<RecordBatch> {
        if decoder.leaves_out() && block.body > WHOLE_BODY {
            let header = self.source.bytes(block.header()).await?;
            let needed = decoder.needed(&parse(&header)?, block.body)?;
            let body = self.parts(block, &needed).await?;
            return decoder.batch(&parse(&header)?, &body, block.body);
        }
        if block.body > limit {
            return Err(too_large(block.body, limit));
        }
        let mut header = self.source.bytes(block.whole()).await?;
        let body = header.split_off(usize::try_from(block.metadata).unwrap_or(usize::MAX).min(header.len()));
        decoder.batch(&parse(&header)?, &Buffer::from(body), block.body)
    }

    /// A body of which only some parts are fetched. The rest are zeros, pages that the system only makes when
    /// somebody looks at them.
    async fn parts(&self, block: &Block, needed: &[Range<u64>]) -> Result<Buffer> {
        let start = block.header().end;
        let places: Vec<_> = needed.iter().map(|part| start + part.start..start + part.end).collect();
        let length = usize::try_from(block.body).map_err(|_| too_large(block.body, usize::MAX as u64))?;
        let fetched = self.source.fetch(&places).await?;
        let mut body = vec![0; if needed.is_empty() { 0 } else { length }];
        for (part, bytes) in needed.iter().zip(fetched) {
            let place = usize::try_from(part.start).ok().zip(usize::try_from(part.end).ok());
            if let Some(place) = place.and_then(|(start, end)| body.get_mut(start..end)) {
                place.copy_from_slice(&bytes);
            }
        }
        Ok(Buffer::from_vec(body))
    }
}
