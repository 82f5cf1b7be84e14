//! Names of columns that differ: a result may have one name several times (`select a.id, b.id …`), files may not.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Schema, SchemaRef};
use stitchwork::Result;

/// The schema with each name once: a repeated one becomes `id_1`, as DuckDB names it in files.
pub(super) fn apart(schema: &SchemaRef) -> SchemaRef {
    let given: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if given.len() == schema.fields().len() {
        return schema.clone();
    }
    let mut taken = HashSet::new();
    let fields = schema.fields().iter().map(|field| {
        let mut name = field.name().clone();
        let mut number = 1_u64;
        // A name that another column was given is not taken from it.
        while taken.contains(&name) || (number > 1 && given.contains(name.as_str())) {
            name = format!("{}_{number}", field.name());
            number += 1;
        }
        taken.insert(name.clone());
        field.as_ref().clone().with_name(name)
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// The schema with texts in the place of intervals, which CSV and JSON have no values for.
pub(super) fn spelled(schema: &SchemaRef) -> SchemaRef {
    let is_interval = |data_type: &DataType| matches!(data_type, DataType::Interval(_));
    if !schema.fields().iter().any(|field| is_interval(field.data_type())) {
        return schema.clone();
    }
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        interval if is_interval(interval) => field.as_ref().clone().with_data_type(DataType::Utf8),
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// The rows under other names of their columns, and as texts where the schema has such.
pub(super) fn renamed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| arrow_cast::cast(column, field.data_type()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)?)
}
