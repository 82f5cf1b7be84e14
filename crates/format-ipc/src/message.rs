//! The messages of both forms: the
//! [encapsulated message](https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format) and what
//! its metadata may say of its body.

use std::ops::Range;

use arrow_ipc::{Buffer, CompressionType, FieldNode, Message, MetadataVersion, RecordBatch, root_as_message};
use arrow_schema::{DataType, Field, UnionMode};
use stitchwork_core::Result;

use crate::bounds;
use crate::error::broken;

/// What stands before the length of a message since version 0.15 of Arrow.
pub(crate) const CONTINUATION: [u8; 4] = [0xff; 4];

/// The metadata of a message, with its prefix.
pub(crate) fn parse(prefixed: &[u8]) -> Result<Message<'_>> {
    let prefix = if prefixed.starts_with(&CONTINUATION) { 8 } else { 4 };
    let metadata = prefixed.get(prefix..).ok_or_else(|| broken("the metadata of a message is cut off"))?;
    parse_bare(metadata)
}

/// The metadata of a message, without its prefix.
pub(crate) fn parse_bare(metadata: &[u8]) -> Result<Message<'_>> {
    root_as_message(metadata)
        .map_err(|e| broken("the metadata of a message is broken").with_context("reason", e))
}

/// The rows of a batch.
pub(crate) fn rows(batch: &RecordBatch<'_>) -> Result<u64> {
    // Batches of nothing but nulls take no bytes: the length says how many rows will be made.
    i32::try_from(batch.length())
        .ok()
        .and_then(|rows| u64::try_from(rows).ok())
        .ok_or_else(|| broken("a batch has no possible number of rows").with_context("rows", batch.length()))
}

/// Which buffers belong to which of the columns, after a check that metadata and columns fit each other and that
/// every buffer lies in the body.
pub(crate) fn columns<'a>(
    batch: &RecordBatch<'_>,
    fields: impl Iterator<Item = &'a Field>,
    version: MetadataVersion,
    body: u64,
) -> Result<Vec<Range<usize>>> {
    let rows = rows(batch)?;
    let (Some(nodes), Some(buffers)) = (batch.nodes(), batch.buffers()) else {
        return Err(broken("a batch has no list of nodes or buffers"));
    };
    for buffer in buffers {
        bytes_of(buffer, body)?;
    }
    let mut walk = Walk {
        nodes: nodes.iter(),
        variadic: batch.variadicBufferCounts().into_iter().flatten(),
        buffer: 0,
        buffers: buffers.len(),
        union_validity: version < MetadataVersion::V5,
    };
    let mut spans = Vec::new();
    for field in fields {
        let first = walk.buffer;
        let length = walk.field(field.data_type())?;
        if length != rows {
            return Err(broken("a column has not the rows of its batch")
                .with_context("column", field.name())
                .with_context("rows", rows)
                .with_context("column_rows", length));
        }
        spans.push(first..walk.buffer);
    }
    if walk.variadic.next().is_some() || walk.nodes.next().is_some() {
        return Err(broken("a batch has more columns than its schema"));
    }
    Ok(spans)
}

/// Where a buffer lies in the body.
fn bytes_of(buffer: &Buffer, body: u64) -> Result<Range<u64>> {
    let start = u64::try_from(buffer.offset()).ok();
    let end = start.zip(u64::try_from(buffer.length()).ok()).and_then(|(start, len)| start.checked_add(len));
    match (start, end) {
        (Some(start), Some(end)) if end <= body => Ok(start..end),
        _ => Err(broken("a buffer does not lie in the body of its message")
            .with_context("offset", buffer.offset())
            .with_context("length", buffer.length())
            .with_context("body", body)),
    }
}

/// Where some of the buffers lie in the body.
pub(crate) fn places(batch: &RecordBatch<'_>, spans: &[Range<usize>], body: u64) -> Result<Vec<Range<u64>>> {
    let buffers = batch.buffers().into_iter().flat_map(|buffers| buffers.iter()).enumerate();
    let wanted = buffers.filter(|(place, _)| spans.iter().any(|span| span.contains(place)));
    wanted.map(|(_, buffer)| bytes_of(buffer, body)).collect()
}

/// Checks that no compressed buffer claims to be larger than it can be, and all together not larger than `limit`.
pub(crate) fn check_lengths(
    batch: &RecordBatch<'_>,
    places: &[Range<u64>],
    body: &[u8],
    limit: u64,
) -> Result<()> {
    let Some(compression) = batch.compression() else { return Ok(()) };
    let mut all = 0_u64;
    for place in places.iter().filter(|place| !place.is_empty()) {
        let whole = usize::try_from(place.start).ok().zip(usize::try_from(place.end).ok());
        let bytes = whole.and_then(|(start, end)| body.get(start..end)).unwrap_or_default();
        let Some((prefix, frames)) = bytes.split_first_chunk::<8>() else {
            return Err(broken("a compressed buffer is shorter than its length"));
        };
        let claimed = i64::from_le_bytes(*prefix);
        if claimed == 0 || claimed == -1 {
            continue;
        }
        let most = match compression.codec() {
            CompressionType::LZ4_FRAME => bounds::lz4(frames),
            CompressionType::ZSTD => bounds::zstd(frames),
            _ => None,
        };
        let possible = u64::try_from(claimed).ok().zip(most).filter(|(claimed, most)| claimed <= most);
        let Some((claimed, _)) = possible else {
            return Err(broken("a compressed buffer cannot have the length that it claims")
                .with_context("claimed", claimed)
                .with_context("compressed", frames.len()));
        };
        all = all.saturating_add(claimed);
    }
    if all > limit {
        return Err(too_large(all, limit));
    }
    Ok(())
}

/// The error for a message that would take too much memory.
pub(crate) fn too_large(bytes: u64, limit: u64) -> stitchwork_core::Error {
    broken("a message is larger than `max_message_bytes` allows")
        .with_context("bytes", bytes)
        .with_context("max_message_bytes", limit)
}

/// A walk over nodes and buffers in the order in which columns have them.
struct Walk<N, V> {
    nodes: N,
    variadic: V,
    buffer: usize,
    buffers: usize,
    union_validity: bool,
}

impl<'a, N: Iterator<Item = &'a FieldNode>, V: Iterator<Item = i64>> Walk<N, V> {
    fn take(&mut self, buffers: usize) -> Result<()> {
        self.buffer = self.buffer.saturating_add(buffers);
        match self.buffer <= self.buffers {
            true => Ok(()),
            false => Err(broken("a batch has fewer buffers than its columns need")),
        }
    }

    /// Passes one field and gives its length.
    fn field(&mut self, data_type: &DataType) -> Result<u64> {
        let node = self.nodes.next().ok_or_else(|| broken("a batch has fewer columns than its schema"))?;
        let length = u64::try_from(node.length()).ok();
        let nulls = u64::try_from(node.null_count()).ok();
        let Some(length) = length.filter(|length| nulls.is_some_and(|nulls| nulls <= *length)) else {
            return Err(broken("a column has no possible length or number of nulls")
                .with_context("length", node.length())
                .with_context("nulls", node.null_count()));
        };
        match data_type {
            DataType::Null => {}
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => {
                self.take(3)?;
            }
            DataType::Utf8View | DataType::BinaryView => {
                let more = self.variadic.next().and_then(|count| usize::try_from(count).ok());
                let more = more.ok_or_else(|| broken("a column of views has no number of buffers"))?;
                self.take(more.saturating_add(2))?;
            }
            DataType::List(item) | DataType::LargeList(item) | DataType::Map(item, _) => {
                self.take(2)?;
                self.field(item.data_type())?;
            }
            DataType::ListView(item) | DataType::LargeListView(item) => {
                self.take(3)?;
                self.field(item.data_type())?;
            }
            DataType::FixedSizeList(item, _) => {
                self.take(1)?;
                self.field(item.data_type())?;
            }
            DataType::Struct(fields) => {
                self.take(1)?;
                for field in fields {
                    self.field(field.data_type())?;
                }
            }
            DataType::RunEndEncoded(ends, values) => {
                self.field(ends.data_type())?;
                self.field(values.data_type())?;
            }
            DataType::Union(fields, mode) => {
                self.take(usize::from(self.union_validity))?;
                self.take(if *mode == UnionMode::Dense { 2 } else { 1 })?;
                for (_, field) in fields.iter() {
                    self.field(field.data_type())?;
                }
            }
            _ => self.take(2)?,
        }
        Ok(length)
    }
}
