//! The frame of an Avro file (Avro spec, "Object Container Files").

use std::ops::Range;

use serde_json::Value;
use stitchwork_core::{Error, Result};

/// The fields of an entry that are read.
const ENTRY: [&str; 5] = ["status", "snapshot_id", "sequence_number", "file_sequence_number", "data_file"];
/// The fields of a file that are always read.
const FILE: [&str; 12] = [
    "content",
    "file_path",
    "file_format",
    "partition",
    "record_count",
    "file_size_in_bytes",
    "split_offsets",
    "equality_ids",
    "referenced_data_file",
    "content_offset",
    "content_size_in_bytes",
    "sort_order_id",
];
/// The fields of a file that are read for statistics.
const STATS: [&str; 6] =
    ["column_sizes", "value_counts", "null_value_counts", "nan_value_counts", "lower_bounds", "upper_bounds"];

/// An Avro file in its parts, as ranges of its bytes.
#[derive(Debug)]
pub(super) struct Container<'a> {
    /// The header with its marker of synchronisation.
    pub(super) header: Range<usize>,
    pub(super) blocks: Vec<Block>,
    schema: &'a [u8],
}

/// A block of entries.
#[derive(Debug)]
pub(super) struct Block {
    /// How many entries it claims to have.
    pub(super) entries: usize,
    /// All but this number: the length, the entries and the marker.
    pub(super) rest: Range<usize>,
}

/// The schema of a manifest, cut down to what is wanted.
pub(super) fn projected_schema(container: &Container<'_>, stats: bool) -> Result<String> {
    let mut schema: Value = serde_json::from_slice(container.schema)
        .map_err(|e| broken("its schema is no JSON").with_source(e))?;
    retain(&mut schema, |name, _| ENTRY.contains(&name))?;
    let file = schema
        .get_mut("fields")
        .and_then(Value::as_array_mut)
        .and_then(|fields| fields.iter_mut().find(|f| f.get("name").is_some_and(|n| n == "data_file")))
        .and_then(|field| field.get_mut("type"))
        .ok_or_else(|| Error::invalid_data("the schema of the manifest has no data file"))?;
    retain(file, |name, field| match name {
        // The reader fails on a record without fields, which unpartitioned tables have.
        "partition" => field.pointer("/type/fields").and_then(Value::as_array).is_some_and(|f| !f.is_empty()),
        _ => FILE.contains(&name) || (stats && STATS.contains(&name)),
    })?;
    Ok(schema.to_string())
}

fn retain(record: &mut Value, keep: impl Fn(&str, &Value) -> bool) -> Result<()> {
    let fields = record
        .get_mut("fields")
        .and_then(Value::as_array_mut)
        .ok_or_else(|| Error::invalid_data("the schema of the manifest is no record"))?;
    fields.retain(|field| field.get("name").and_then(Value::as_str).is_some_and(|name| keep(name, field)));
    Ok(())
}

/// Takes a file apart.
pub(super) fn container(bytes: &[u8]) -> Result<Container<'_>> {
    let mut rest = bytes.strip_prefix(b"Obj\x01").ok_or_else(|| broken("it is no Avro file"))?;
    let mut schema = None;
    loop {
        let mut count = long(&mut rest)?;
        if count == 0 {
            break;
        }
        if count < 0 {
            count = count.checked_neg().ok_or_else(|| broken("its header has a wrong count"))?;
            long(&mut rest)?;
        }
        for _ in 0..count {
            let key = block(&mut rest)?;
            let value = block(&mut rest)?;
            if key == b"avro.schema" {
                schema = Some(value);
            }
        }
    }
    let (sync, after) = rest.split_first_chunk::<16>().ok_or_else(|| broken("its header ends early"))?;
    rest = after;
    let header = 0..bytes.len() - rest.len();
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let entries = long(&mut rest)?;
        let start = bytes.len() - rest.len();
        let content = block(&mut rest)?;
        rest = rest.strip_prefix(sync).ok_or_else(|| broken("a block does not end where it should"))?;
        // Not even the best codec packs an entry with its path into less than a thousandth of a byte.
        let entries = usize::try_from(entries).ok().filter(|n| *n <= content.len().saturating_mul(1024));
        let entries = entries.ok_or_else(|| broken("a block has a wrong number of entries"))?;
        blocks.push(Block { entries, rest: start..bytes.len() - rest.len() });
    }
    Ok(Container { header, blocks, schema: schema.ok_or_else(|| broken("it has no schema"))? })
}

pub(super) fn broken(why: &str) -> Error {
    Error::invalid_data(format!("the manifest is broken: {why}"))
}

/// A zigzag number of variable length.
fn long(rest: &mut &[u8]) -> Result<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or_else(|| broken("its header ends early"))?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    Err(broken("its header has a number that is too long"))
}

fn block<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = usize::try_from(long(rest)?).map_err(|_| broken("its header has a negative length"))?;
    let (block, after) = rest.split_at_checked(length).ok_or_else(|| broken("its header ends early"))?;
    *rest = after;
    Ok(block)
}
