//! Objects and files of a format in them, for the tests of one format.

use std::path::Path as FilePath;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use stitchwork_core::{
    Budget, ErrorKind, FileSummary, Format, Object, Options, ReadArgs, Result, Stores, WriteArgs, collect,
};

/// A place in a memory of its own.
#[must_use]
pub fn object(name: &str) -> Object {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    Object { root: "memory://".to_owned(), store, path: Path::from(name), size: None }
}

/// An object of these bytes in a memory of its own.
///
/// # Panics
/// When memory refuses them.
pub async fn put(name: &str, bytes: impl Into<Bytes>) -> Object {
    let object = object(name);
    let put = object.store.put(&object.path, bytes.into().into()).await;
    assert!(put.is_ok(), "{name}: {put:?}");
    object
}

/// A file of this machine.
///
/// # Errors
/// For a path that is not whole.
pub fn local(path: &FilePath) -> Result<Object> {
    Stores::new().resolve(&format!("file://{}", path.display()))
}

/// The bytes of an object.
///
/// # Errors
/// What the store says.
pub async fn bytes(object: &Object) -> Result<Vec<u8>> {
    let found = object.store.get(&object.path).await.map_err(|e| object.error(e))?;
    Ok(found.bytes().await.map_err(|e| object.error(e))?.to_vec())
}

/// The schema of these fields.
#[must_use]
pub fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

/// Options by name.
#[must_use]
pub fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Writes batches, of which there is at least one, to an object.
///
/// # Errors
/// What the format says.
pub async fn write(
    format: &dyn Format,
    object: &Object,
    batches: &[RecordBatch],
    options: Options,
) -> Result<FileSummary> {
    let schema = batches.first().map_or_else(|| schema(vec![]), RecordBatch::schema);
    let mut writer = format.write(object, WriteArgs { options, ..WriteArgs::new(schema) }).await?;
    for batch in batches {
        writer.write(batch).await?;
    }
    writer.finish().await
}

/// All rows of an object as one batch.
///
/// # Errors
/// What the format says.
///
/// # Panics
/// When a batch has another schema than its stream, or more rows than were asked for.
pub async fn read(format: &dyn Format, object: &Object, args: ReadArgs) -> Result<RecordBatch> {
    let batch_rows = args.batch_rows();
    let stream = format.read(object, args).await?;
    let schema = stream.schema();
    let batches = collect(stream).await?;
    assert!(batches.iter().all(|batch| batch.num_rows() <= batch_rows && batch.schema() == schema));
    Ok(arrow_select::concat::concat_batches(&schema, &batches)?)
}

/// The rows of an object by byte ranges: as many as there are parts, of equal size, one after the other.
///
/// # Errors
/// What the format says.
///
/// # Panics
/// As [`read`].
pub async fn read_parts(
    format: &dyn Format,
    object: &Object,
    parts: u64,
    args: &ReadArgs,
) -> Result<Vec<RecordBatch>> {
    let bytes = object.fetch_size().await?;
    let mut found = Vec::new();
    for part in 0..parts {
        let range = Some(bytes * part / parts..bytes * (part + 1) / parts);
        found.push(read(format, object, ReadArgs { range, ..args.clone() }).await?);
    }
    Ok(found)
}

/// Tries what a format without ranges must do with rows: `object` has a thousand, with their positions in the first
/// column and texts `t` in the second.
///
/// # Errors
/// What the format says of a read that it must do.
///
/// # Panics
/// When rows are not selected, numbered, cut and projected as they were asked for, or a wrong wish is not refused.
pub async fn try_positions(format: &dyn Format, object: &Object) -> Result<()> {
    for rows in [vec![], vec![0, 499, 500, 999, 2000], (100..300).collect()] {
        let args = ReadArgs {
            rows: Some(Arc::new(rows.iter().copied().collect())),
            row_number: Some("at".to_owned()),
            batch_rows: Some(64),
            projection: Some(vec![1, 0]),
            budget: Some(Budget::new(1 << 20)),
            ..ReadArgs::default()
        };
        let found = read(format, object, args).await?;
        let expected: Vec<_> = rows.into_iter().filter(|row| *row < 1000).map(|row| row as i64).collect();
        for place in [1, 2] {
            let column = found.column(place).as_primitive::<Int64Type>();
            assert_eq!((column.values().as_ref(), column.null_count()), (expected.as_slice(), 0));
        }
        assert_eq!(found.schema().field(0).name(), "t");
    }
    let found = read(format, object, ReadArgs { projection: Some(vec![]), ..ReadArgs::default() }).await?;
    assert_eq!((found.num_rows(), found.num_columns()), (1000, 0));
    for (args, kind) in [
        (ReadArgs { range: Some(0..10), ..ReadArgs::default() }, ErrorKind::Unsupported),
        (ReadArgs { projection: Some(vec![7]), ..ReadArgs::default() }, ErrorKind::InvalidInput),
    ] {
        assert_eq!(read(format, object, args).await.map_err(|e| e.kind()).err(), Some(kind));
    }
    Ok(())
}
