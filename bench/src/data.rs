//! The rows of the measurements: the same ones for everybody, in one Parquet file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use stitchwork::core::arrow::array::{
    Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use stitchwork::core::arrow::schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use stitchwork::{Error, Result};

/// The rows of a batch.
const BATCH: usize = 65_536;

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("price", DataType::Float64, true),
        Field::new("city", DataType::Utf8, true),
        Field::new("note", DataType::Utf8, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]))
}

/// `count` rows from `first` on.
pub(crate) fn batch(first: usize, count: usize) -> Result<RecordBatch> {
    let ids = || (first..first + count).map(|id| i64::try_from(id).unwrap_or(i64::MAX));
    // Numbers without a pattern that compresses, from the row's own number (splitmix64).
    let mixed = |id: i64| {
        let mut z = id.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)) & 0xffff_ffff
    };
    let columns: Vec<stitchwork::core::arrow::array::ArrayRef> = vec![
        Arc::new(ids().collect::<Int64Array>()),
        Arc::new(
            ids()
                .map(|id| Some(f64::from(u32::try_from(mixed(id)).unwrap_or(0)) / 100.0))
                .collect::<Float64Array>(),
        ),
        Arc::new(ids().map(|id| Some(format!("city {}", mixed(id) % 500))).collect::<StringArray>()),
        Arc::new(
            ids().map(|id| (id % 5 != 0).then(|| format!("note {:x}", mixed(id)))).collect::<StringArray>(),
        ),
        Arc::new(
            ids()
                .map(|id| Some(1_700_000_000_000_000 + id * 1_000_003))
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

pub(crate) fn failed(
    what: &str,
    path: &Path,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::unexpected(what.to_owned()).with_context("file", path.display()).with_source(error)
}

/// Writes the rows to a file.
pub(crate) fn make(file: &str, rows: usize) -> Result<serde_json::Value> {
    let batches = (0..rows.div_ceil(BATCH)).map(|n| batch(n * BATCH, BATCH.min(rows - n * BATCH)));
    plain(Path::new(file), batches)?;
    Ok(serde_json::json!({ "rows": rows }))
}

/// A Parquet file by the `parquet` crate alone, compressed as our own files are.
pub(crate) fn plain(path: &Path, batches: impl IntoIterator<Item = Result<RecordBatch>>) -> Result<()> {
    let file = File::create(path).map_err(|e| failed("the file cannot be made", path, e))?;
    let level = parquet::basic::ZstdLevel::try_new(3).map_err(|e| failed("no such level", path, e))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let wrong = |e| failed("the file cannot be written", path, e);
    let mut writer = ArrowWriter::try_new(file, schema(), Some(properties)).map_err(wrong)?;
    for batch in batches {
        writer.write(&batch?).map_err(wrong)?;
    }
    writer.close().map_err(wrong)?;
    Ok(())
}

/// All rows of a file.
pub(crate) fn load(file: &str) -> Result<Vec<RecordBatch>> {
    let path = Path::new(file);
    let opened = File::open(path).map_err(|e| failed("the file cannot be read", path, e))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .and_then(|reader| reader.with_batch_size(BATCH).build())
        .map_err(|e| failed("the file cannot be read", path, e))?;
    Ok(reader.collect::<std::result::Result<_, _>>()?)
}

/// The Parquet files of a folder that are no part of a log.
pub(crate) fn parquet_files(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let wrong = |e| failed("the folder cannot be listed", &folder, e);
        for entry in std::fs::read_dir(&folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && !name.starts_with('_') {
                folders.push(path);
            } else if name.ends_with(".parquet") {
                files.push(path.display().to_string());
            }
        }
    }
    files.sort();
    Ok(files)
}
