//! Objects that the format under test has written.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use object_store::ObjectStoreExt;
use stitchwork_core::{ErrorKind, FileSummary, Object, Options, ReadArgs, Stores, WriteArgs, collect};

use super::Subject;
use crate::batches::{all_types, difference, row_texts};
use crate::failure::ensure;
use crate::{Failure, Outcome, unique};

/// A place for one object in memory.
pub(super) fn place(format: &Subject) -> Result<Object, Failure> {
    let ending = format.file_extension(&Options::new())?;
    Ok(Stores::new().resolve(&format!("memory:///{}/object.{ending}", unique("format")))?)
}

pub(super) async fn exists(object: &Object) -> bool {
    object.store.head(&object.path).await.is_ok()
}

/// Skips the trials of formats that only read, which have nothing to read.
pub(super) fn needs_write(format: &Subject) -> Outcome {
    if format.capabilities().write {
        return Ok(());
    }
    Err(Failure::skipped("the format does not write, so that there is nothing to read"))
}

/// Writes batches to a fresh place.
pub(super) async fn write(
    format: &Subject,
    batches: &[RecordBatch],
    schema: SchemaRef,
) -> Result<(Object, FileSummary), Failure> {
    let object = place(format)?;
    let mut writer = format.write(&object, WriteArgs::new(schema)).await?;
    for batch in batches {
        writer.write(batch).await?;
    }
    let summary = writer.finish().await?;
    Ok((object, summary))
}

/// Reads an object and compares its rows with `want`, in order.
pub(super) async fn expect_rows(
    what: &str,
    format: &Subject,
    object: &Object,
    args: ReadArgs,
    want: &[RecordBatch],
) -> Outcome {
    let stream = format.read(object, args).await?;
    let schema = stream.schema();
    let got = collect(stream).await?;
    for batch in &got {
        ensure!(batch.schema() == schema, "{what}: a batch has another schema than its stream");
    }
    match difference(&row_texts(&got)?, &row_texts(want)?) {
        None => Ok(()),
        Some(difference) => Err(Failure::new(format!("{what}: {difference}"))),
    }
}

/// Three batches with every type that the format takes; those it refuses as `Unsupported` must be named.
pub(super) async fn rich_batches(format: &Subject) -> Result<Vec<RecordBatch>, Failure> {
    let sample = all_types(1, 0, 1)?;
    let mut held = Vec::new();
    for (place_in_schema, field) in sample.schema().fields().iter().enumerate() {
        let object = place(format)?;
        let one = std::sync::Arc::new(sample.schema().project(&[place_in_schema])?);
        match format.write(&object, WriteArgs::new(one)).await {
            Ok(writer) => {
                writer.abort().await?;
                held.push(place_in_schema);
            }
            Err(e) if e.kind() == ErrorKind::Unsupported => {
                ensure!(
                    format!("{e:?}").contains(field.name().as_str()),
                    "a refused type does not name its column: {e}"
                );
            }
            Err(e) => return Err(e.into()),
        }
    }
    for needed in 0..4 {
        ensure!(held.contains(&needed), "the format refuses the column {}", sample.schema().field(needed));
    }
    let batches = [(2, 0, 700), (3, 700, 1), (4, 701, 299)].map(|(seed, first, rows)| {
        let batch = all_types(seed, first, rows)?;
        batch.project(&held)
    });
    Ok(batches.into_iter().collect::<Result<Vec<_>, _>>()?)
}

/// How rows are asked for so that they come in the types they were written in.
pub(super) fn typed(format: &Subject, schema: &SchemaRef) -> ReadArgs {
    let exact = format.capabilities().exact_schema;
    ReadArgs { schema: (!exact).then(|| schema.clone()), ..ReadArgs::default() }
}
