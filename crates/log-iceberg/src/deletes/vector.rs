//! Deletion vectors (Puffin spec, "deletion-vector-v1 blob type").

use roaring::RoaringTreemap;
use stitchwork_core::{Error, Result};

use super::DeleteEntry;
use crate::state::Shared;

const MAGIC: [u8; 4] = [0xD1, 0xD3, 0x39, 0x64];

/// The deleted positions of a deletion vector.
pub(super) async fn read(shared: &Shared, delete: &DeleteEntry) -> Result<RoaringTreemap> {
    let fail = |e: Error| e.with_context("delete_file", &delete.path);
    let Some((offset, length)) = delete.vector else {
        return Err(fail(Error::invalid_data("a deletion vector has no place in its file")));
    };
    let end = offset.checked_add(length).filter(|end| *end <= delete.size || delete.size == 0);
    let end = end.ok_or_else(|| fail(Error::invalid_data("a deletion vector lies outside of its file")))?;
    let bytes = shared.files.read_range(&delete.path, offset..end).await.map_err(fail)?;
    let positions = decode(&bytes).map_err(fail)?;
    if positions.len() != delete.rows {
        return Err(fail(
            Error::invalid_data("a deletion vector has another number of positions than its entry says")
                .with_context("entry", delete.rows)
                .with_context("vector", positions.len()),
        ));
    }
    Ok(positions)
}

/// Length, magic number, bitmap and checksum.
pub(super) fn decode(bytes: &[u8]) -> Result<RoaringTreemap> {
    let broken = |why: &str| Error::invalid_data(format!("a deletion vector is broken: {why}"));
    let short = || broken("it is too short");
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let (checked, checksum) = rest.split_last_chunk::<4>().ok_or_else(short)?;
    if u32::from_be_bytes(*length) as usize != checked.len() {
        return Err(broken("its length is wrong"));
    }
    let bitmap = checked.strip_prefix(&MAGIC).ok_or_else(|| broken("its magic number is wrong"))?;
    if crc32fast::hash(checked) != u32::from_be_bytes(*checksum) {
        return Err(broken("its checksum is wrong"));
    }
    RoaringTreemap::deserialize_from(bitmap).map_err(|e| broken("its bitmap cannot be read").with_source(e))
}

/// The bytes of a deletion vector.
pub(super) fn encode(positions: &RoaringTreemap) -> Result<Vec<u8>> {
    let mut checked = MAGIC.to_vec();
    positions
        .serialize_into(&mut checked)
        .map_err(|e| Error::unexpected("a deletion vector was not encoded").with_source(e))?;
    let length = u32::try_from(checked.len())
        .map_err(|_| Error::unsupported("a deletion vector is longer than its format allows"))?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(&checked);
    bytes.extend_from_slice(&crc32fast::hash(&checked).to_be_bytes());
    Ok(bytes)
}
