//! Writing, and what is known of what was written.

use std::cmp::Ordering;

use arrow::ipc::writer::StreamWriter;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use object_store::ObjectStoreExt;
use stitchwork_core::{
    Column, ColumnStats, Error, FileStats, FileSummary, FileWriter, Object, Result, Scalar,
};

use super::seal;

/// Keeps the batches until the end.
#[derive(Debug)]
pub(super) struct IpcWriter {
    object: Object,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl IpcWriter {
    pub(super) fn new(object: Object, schema: SchemaRef) -> Self {
        Self { object, schema, batches: vec![] }
    }
}

#[async_trait]
impl FileWriter for IpcWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let shape = |s: &SchemaRef| {
            s.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>()
        };
        if shape(&batch.schema()) != shape(&self.schema) {
            return Err(Error::invalid_input("the batch has another schema than its file")
                .with_operation("format::write")
                .with_context("location", self.object.location()));
        }
        let batch = RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec())?;
        self.batches.push(batch);
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.batches.iter().map(|batch| batch.get_array_memory_size() as u64).sum()
    }

    async fn finish(self: Box<Self>) -> Result<FileSummary> {
        let mut body = Vec::new();
        let mut writer = StreamWriter::try_new(&mut body, &self.schema)?;
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        drop(writer);
        let bytes = seal(&body);
        let size = bytes.len() as u64;
        self.object.store.put(&self.object.path, bytes.into()).await.map_err(|e| self.object.error(e))?;
        let stats = statistics(&self.batches)?;
        Ok(FileSummary { rows: stats.rows.unwrap_or_default(), bytes: size, stats, split_offsets: vec![] })
    }
}

/// Bounds and null counts of the plain columns, found value by value.
pub(super) fn statistics(batches: &[RecordBatch]) -> Result<FileStats> {
    let mut stats = FileStats {
        rows: Some(batches.iter().map(|batch| batch.num_rows() as u64).sum()),
        ..FileStats::default()
    };
    for batch in batches {
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            if field.data_type().is_nested() {
                continue;
            }
            let fresh =
                || ColumnStats { nulls: Some(0), nans: Some(0), exact: true, ..ColumnStats::default() };
            let known = stats.columns.entry(Column::new(field.name().clone())).or_insert_with(fresh);
            for row in 0..array.len() {
                if array.is_null(row) {
                    known.nulls = known.nulls.map(|nulls| nulls + 1);
                    continue;
                }
                let value = Scalar::from_array(array, row)?;
                if field.data_type().is_floating() && value.to_string() == "NaN" {
                    known.nans = known.nans.map(|nans| nans + 1);
                    continue;
                }
                widen(&mut known.min, &value, Ordering::Less);
                widen(&mut known.max, &value, Ordering::Greater);
            }
        }
    }
    Ok(stats)
}

fn widen(bound: &mut Option<Scalar>, value: &Scalar, beyond: Ordering) {
    if bound.as_ref().is_none_or(|bound| value.compare(bound) == Some(beyond)) {
        *bound = Some(value.clone());
    }
}
