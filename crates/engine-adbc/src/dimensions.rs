//! Results that the driver gives in another shape than the database has them: PostgreSQL's type of an array says nothing of
//! its dimensions, and its driver makes one list of all elements. Numbers of objects are negative from the middle on.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_schema::{DataType, Field, FieldRef, Schema};
use futures::StreamExt;
use stitchwork_core::{BatchStream, BatchStreamAdapter, Error, Result};

use crate::dialect::quote;
use crate::trust::is_oid;

/// A query that also asks for the dimensions of its arrays, and for numbers of objects as numbers that hold them.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The query, with a column more for each array.
    pub(crate) sql: String,
    fields: Vec<FieldRef>,
    /// The places of the arrays, in the order of the added columns.
    arrays: Vec<usize>,
}

impl Watched {
    /// The query to run instead of one that has these columns; `None` where that is right as it is. `sql` ends with
    /// its line, without a semicolon.
    pub(crate) fn new(sql: &str, schema: &Schema) -> Option<Self> {
        let fields = schema.fields();
        let is_array = |field: &Field| matches!(field.data_type(), DataType::List(_));
        let arrays: Vec<usize> =
            fields.iter().enumerate().filter(|(_, field)| is_array(field)).map(|(place, _)| place).collect();
        if arrays.is_empty() && !fields.iter().any(|field| is_oid(field)) {
            return None;
        }
        // Names of our own, since a query may give one name to several columns.
        let name = |place: usize| quote(&format!("c{place}"));
        let names: Vec<String> = (0..fields.len()).map(name).collect();
        let selected =
            fields.iter().zip(&names).map(|(field, name)| match (is_oid(field), is_array(field)) {
                (false, _) => name.clone(),
                (true, false) => format!("{name}::int8"),
                (true, true) => format!("{name}::int8[]"),
            });
        let dimensions = arrays.iter().map(|place| format!("array_ndims({})", name(*place)));
        let selected: Vec<String> = selected.chain(dimensions).collect();
        let sql = format!("SELECT {} FROM ({sql}) AS q ({})", selected.join(", "), names.join(", "));
        Some(Self { sql, fields: fields.to_vec(), arrays })
    }

    /// The rows under the names of the query, which end with an error at the first array of several dimensions.
    pub(crate) fn rows(self, rows: BatchStream) -> BatchStream {
        let own = rows.schema();
        let renamed = self
            .fields
            .iter()
            .zip(own.fields())
            .map(|(field, own)| own.as_ref().clone().with_name(field.name()));
        let schema = Arc::new(Schema::new(renamed.collect::<Vec<Field>>()));
        let (target, mut seen) = (schema.clone(), 0_u64);
        let rows = rows.map(move |batch| {
            let batch = batch?;
            self.check(&batch, seen)?;
            seen += batch.num_rows() as u64;
            let columns = batch.columns().iter().take(self.fields.len()).cloned().collect();
            Ok(RecordBatch::try_new(target.clone(), columns)?)
        });
        BatchStreamAdapter::new(schema, rows)
    }

    fn check(&self, batch: &RecordBatch, before: u64) -> Result<()> {
        for (place, dimensions) in self.arrays.iter().zip(batch.columns().iter().skip(self.fields.len())) {
            let Some(dimensions) = dimensions.as_primitive_opt::<Int32Type>() else { continue };
            let Some(row) = dimensions.iter().position(|count| count.is_some_and(|count| count > 1)) else {
                continue;
            };
            let column = self.fields.get(*place).map_or("", |field| field.name());
            return Err(Error::unsupported(
                "an array of several dimensions would become a flat list; unnest it, or cast it to text",
            )
            .with_operation("engine::query")
            .with_context("column", column)
            .with_context("row", before + row as u64)
            .with_context("dimensions", dimensions.value(row)));
        }
        Ok(())
    }
}
