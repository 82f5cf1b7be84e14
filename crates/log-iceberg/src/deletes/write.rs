//! Writing deletes: a position delete file in format version 2, a deletion vector in version 3.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use stitchwork_core::{DeleteFile, Error, Result, WriteArgs, WriteDeletesArgs, join};
use stitchwork_iceberg_meta::{DvBlob, FileContent, IceDataFile, IceValue, puffin_with_dvs};

use super::{FILE_PATH_ID, POSITION_ID, positions, vector};
use crate::log::data_folder;
use crate::partitions;
use crate::state::Shared;

/// The rows of a batch of a position delete file.
const BATCH: usize = 8192;

/// A delete file as it will stand in a manifest, carried along in [`DeleteFile::native`].
#[derive(Debug, Clone)]
pub(crate) struct Written(pub(crate) IceDataFile);

/// Writes the deletes of one data file.
pub(crate) async fn write_deletes(shared: &Shared, args: WriteDeletesArgs) -> Result<DeleteFile> {
    let WriteDeletesArgs { file, positions } = args;
    let (Some(first), Some(last)) = (positions.min(), positions.max()) else {
        return Err(
            Error::invalid_input("there are no positions to delete").with_context("file", file.location)
        );
    };
    if file.rows.is_some_and(|rows| last >= rows) {
        return Err(Error::invalid_input("a position to delete is behind the end of the file")
            .with_context("file", &file.location)
            .with_context("position", last));
    }
    let state = shared.last();
    let meta = &state.meta;
    let columns = crate::types::columns_by_id(meta.current_schema());
    let spec =
        partitions::specs(meta, &columns).into_iter().find(|spec| spec.id == file.spec).ok_or_else(|| {
            Error::invalid_input("the table has no such partitioning").with_context("spec", file.spec)
        })?;
    let ice_spec =
        meta.spec(file.spec).cloned().unwrap_or_else(stitchwork_iceberg_meta::IceSpec::unpartitioned);
    // The folder is for people only; a partition whose column was dropped has none.
    let folder = spec.folder(&ice_spec, meta, &file.partition).unwrap_or_default();
    let folder = join(&data_folder(meta), &folder);
    let mut entry = IceDataFile {
        content: FileContent::PositionDeletes,
        partition: spec.values(&file.partition)?,
        record_count: positions.len(),
        referenced_data_file: Some(file.location.clone()),
        ..IceDataFile::default()
    };
    let name = uuid::Uuid::new_v4();
    if meta.format_version() >= 3 {
        let blob = DvBlob {
            referenced_data_file: file.location.clone(),
            cardinality: positions.len(),
            data: vector::encode(&positions)?,
        };
        let puffin = puffin_with_dvs(&[blob]).map_err(crate::error::meta)?;
        let place = puffin.blobs.first().ok_or_else(|| Error::unexpected("a Puffin file has no blob"))?;
        entry.content_offset = Some(place.offset);
        entry.content_size_in_bytes = Some(place.length);
        entry.format = "PUFFIN".to_owned();
        entry.file_size = puffin.bytes.len() as u64;
        entry.path = join(&folder, &format!("{name}-deletes.puffin"));
        shared.files.put_unique(&entry.path, Bytes::from(puffin.bytes)).await?;
    } else {
        let long = |position: u64| IceValue::Long(i64::try_from(position).unwrap_or(i64::MAX)).to_bytes();
        entry.format = "PARQUET".to_owned();
        entry.path = join(&folder, &format!("{name}-deletes.parquet"));
        entry.lower_bounds.insert(FILE_PATH_ID, file.location.clone().into_bytes());
        entry.upper_bounds.insert(FILE_PATH_ID, file.location.clone().into_bytes());
        entry.lower_bounds.insert(POSITION_ID, long(first));
        entry.upper_bounds.insert(POSITION_ID, long(last));
        entry.file_size = write_file(shared, &entry.path, &file.location, &positions).await?;
    }
    Ok(DeleteFile {
        location: entry.path.clone(),
        size: entry.file_size,
        rows: entry.record_count,
        native: Some(Arc::new(Written(entry))),
    })
}

/// Writes a position delete file for one data file; gives its size.
async fn write_file(
    shared: &Shared,
    location: &str,
    data_file: &str,
    positions: &roaring::RoaringTreemap,
) -> Result<u64> {
    let schema = positions::schema();
    let object = shared.files.object(location)?;
    let mut writer = shared.formats.get("parquet")?.write(&object, WriteArgs::new(schema.clone())).await?;
    let mut iter = positions.iter();
    loop {
        let chunk = iter.by_ref().take(BATCH).map(i64::try_from).collect::<Result<Vec<i64>, _>>();
        let chunk = chunk.map_err(|_| Error::invalid_input("a position is too large for Iceberg"))?;
        if chunk.is_empty() {
            break;
        }
        let paths: ArrayRef = Arc::new(StringArray::from_iter_values(chunk.iter().map(|_| data_file)));
        let chunk: ArrayRef = Arc::new(Int64Array::from(chunk));
        writer.write(&RecordBatch::try_new(schema.clone(), vec![paths, chunk])?).await?;
    }
    Ok(writer.finish().await?.bytes)
}
