//! Names of columns that differ: a result may have one name several times (`select a.id, b.id …`), files may not.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
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

/// The rows under other names of their columns.
pub(super) fn renamed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)?)
}
