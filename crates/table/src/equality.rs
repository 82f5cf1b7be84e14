//! Rows that equality deletes remove.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::compute::filter_record_batch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::DataType;
use futures::TryStreamExt;
use stitchwork_core::{Column, EqualityDeletes, Error, FieldMapping, Result, ScanArgs};

/// The keys of the equality deletes of one file, as sets. Null equals null, which the row format gives.
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
                keys.extend(converter.convert_columns(batch.columns())?.iter().map(|row| row.owned()));
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
                    FieldMapping::by_name().adapt_array(&resolve(&batch, column)?, &field)
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
