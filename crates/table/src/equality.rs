//! Rows that equality deletes remove.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::compute::filter_record_batch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::DataType;
use futures::TryStreamExt;
use stitchwork_core::{Column, EqualityDeletes, Error, FieldMapping, Result, ScanArgs, as_keys};

/// The keys of the equality deletes of one file, as sets. Null equals null, which the row format gives; zeros and NaNs are
/// one each, as in the joins of engines.
#[derive(Debug)]
pub(crate) struct EqualityFilter {
    sets: Vec<KeySet>,
}

#[derive(Debug)]
struct KeySet {
    columns: Vec<Column>,
    types: Vec<DataType>,
    keys: HashSet<OwnedRow>,
    converter: RowConverter,
}

impl EqualityFilter {
    /// Reads the keys. Memory follows the deletes, not the table.
    pub(crate) async fn load(deletes: &[Arc<EqualityDeletes>]) -> Result<Self> {
        let mut sets = Vec::with_capacity(deletes.len());
        for set in deletes {
            let types: Vec<DataType> =
                set.keys.schema().fields().iter().map(|f| f.data_type().clone()).collect();
            let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
            let mut keys = HashSet::new();
            let mut batches = set.keys.scan(ScanArgs::default()).await?;
            while let Some(batch) = batches.try_next().await? {
                let columns: Vec<ArrayRef> = batch.columns().iter().map(as_keys).collect();
                keys.extend(converter.convert_columns(&columns)?.iter().map(|row| row.owned()));
            }
            sets.push(KeySet { columns: set.columns.clone(), types, keys, converter });
        }
        Ok(Self { sets })
    }

    /// The rows that no set names.
    pub(crate) fn apply(&self, mut batch: RecordBatch) -> Result<RecordBatch> {
        for set in &self.sets {
            let columns = set
                .columns
                .iter()
                .zip(&set.types)
                .map(|(column, data_type)| {
                    let field = Arc::new(arrow_schema::Field::new("key", data_type.clone(), true));
                    let column = FieldMapping::by_name().adapt_array(&resolve(&batch, column)?, &field)?;
                    Ok(as_keys(&column))
                })
                .collect::<Result<Vec<_>>>()?;
            let rows = set.converter.convert_columns(&columns)?;
            let keep: BooleanArray = rows.iter().map(|row| Some(!set.keys.contains(&row.owned()))).collect();
            batch = filter_record_batch(&batch, &keep)?;
        }
        Ok(batch)
    }
}

fn resolve(batch: &RecordBatch, column: &Column) -> Result<ArrayRef> {
    column.find(batch)?.ok_or_else(|| {
        Error::invalid_data("an equality delete names a column that is not there")
            .with_context("column", column)
    })
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float32Array, Float64Array, Int32Array};
    use arrow_schema::SchemaRef;
    use async_trait::async_trait;
    use stitchwork_core::{BatchStream, BatchStreamAdapter, Editor, Relation, ScanPlan};

    use super::*;

    /// The rows of a delete file.
    #[derive(Debug)]
    struct Rows(RecordBatch);

    #[async_trait]
    impl Relation for Rows {
        fn schema(&self) -> SchemaRef {
            self.0.schema()
        }

        async fn plan(&self, _: ScanArgs) -> Result<Option<ScanPlan>> {
            Ok(None)
        }

        async fn scan(&self, _: ScanArgs) -> Result<BatchStream> {
            let rows = futures::stream::iter([Ok(self.0.clone())]);
            Ok(BatchStreamAdapter::new(self.0.schema(), rows))
        }

        fn editor(&self) -> Option<Arc<dyn Editor>> {
            None
        }
    }

    /// How many of the rows with these values are left after deletes by these keys.
    async fn left(keys: ArrayRef, values: ArrayRef) -> usize {
        let keys = RecordBatch::try_from_iter_with_nullable([("k", keys, true)]).unwrap();
        let deletes = EqualityDeletes { columns: vec![Column::from("k")], keys: Arc::new(Rows(keys)) };
        let filter = EqualityFilter::load(&[Arc::new(deletes)]).await.unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable([("k", values, true)]).unwrap();
        filter.apply(batch).unwrap().num_rows()
    }

    #[tokio::test]
    async fn there_is_one_zero_and_one_nan() {
        let quiet = |bits: u64| f64::from_bits(0x7ff8_0000_0000_0000 | bits);
        for (key, gone) in [(0.0, -0.0), (-0.0, 0.0), (f64::NAN, -f64::NAN), (quiet(1), quiet(1 << 63 | 2))] {
            let values = Float64Array::from(vec![Some(gone), Some(1.5), None]);
            let keys = Arc::new(Float64Array::from(vec![key]));
            assert_eq!(left(keys, Arc::new(values)).await, 2, "{key} {gone}");
            // The column has become wider since the file was written.
            let values = Float32Array::from(vec![Some(gone as f32), Some(1.5), None]);
            let keys = Arc::new(Float64Array::from(vec![key]));
            assert_eq!(left(keys, Arc::new(values)).await, 2, "{key} {gone}");
        }
        let keys = Arc::new(Float32Array::from(vec![Some(-0.0), None]));
        assert_eq!(left(keys, Arc::new(Float32Array::from(vec![Some(0.0), None]))).await, 0);
        let keys = Arc::new(Int32Array::from(vec![0]));
        assert_eq!(left(keys, Arc::new(Int32Array::from(vec![0, 1]))).await, 1);
    }
}
