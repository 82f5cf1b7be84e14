//! Deleted rows as temporary tables.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt;
use stitchwork_core::{BatchStreamAdapter, EqualityDeletes, Result, ScanArgs};

use super::files::Ready;
use crate::dialect::{quote, text};
use crate::literal::sql_type;
use crate::session::Session;
use crate::storable;

/// Positions per batch.
const BATCH: usize = 8192;

/// Whether two files are touched by the same sets.
pub(crate) fn same(a: &[Arc<EqualityDeletes>], b: &[Arc<EqualityDeletes>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// A table of the positions that are deleted, by file; `None` where there are none.
pub(crate) async fn positions(session: &mut Session, files: &[Ready]) -> Result<Option<String>> {
    let deleted: Vec<_> =
        files.iter().filter_map(|file| Some((file.path.clone(), file.positions.clone()?))).collect();
    if deleted.is_empty() {
        return Ok(None);
    }
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("file", DataType::Utf8, true),
        Field::new("position", DataType::Int64, true),
    ]));
    let batches = {
        let schema = schema.clone();
        // Bitmaps are small; their positions as numbers come batch by batch.
        futures::stream::iter(deleted).flat_map(move |(path, positions)| {
            let schema = schema.clone();
            let mut next = 0;
            futures::stream::iter(std::iter::from_fn(move || {
                let mut rest = positions.iter();
                rest.advance_to(next);
                let batch: Vec<u64> = rest.take(BATCH).collect();
                next = batch.last()?.checked_add(1)?;
                let numbers = batch.iter().map(|position| i64::try_from(*position).ok());
                let columns: [ArrayRef; 2] = [
                    Arc::new(StringArray::from_iter_values(batch.iter().map(|_| path.as_str()))),
                    Arc::new(numbers.collect::<Int64Array>()),
                ];
                Some(RecordBatch::try_new(schema.clone(), columns.to_vec()).map_err(Into::into))
            }))
        })
    };
    let table = session.fresh();
    session.ingest(&table, true, BatchStreamAdapter::new(schema, batches)).await?;
    Ok(Some(session.temporary(&table)))
}

/// The tables of keys, each set once.
#[derive(Default)]
pub(crate) struct Keys {
    tables: Vec<(Arc<EqualityDeletes>, String)>,
}

impl Keys {
    /// A query that has a row where the row `r` is deleted by the set; `None` where a column of the set is none
    /// of the table's.
    pub(crate) async fn condition(
        &mut self,
        session: &mut Session,
        set: &Arc<EqualityDeletes>,
        schema: &SchemaRef,
    ) -> Result<Option<String>> {
        let mut parts = Vec::with_capacity(set.columns.len());
        for (place, column) in set.columns.iter().enumerate() {
            let Ok(field) = schema.field_with_name(column.root()) else { return Ok(None) };
            let mut source = format!("r.{}", quote(field.name()));
            let mut found = field;
            for name in column.path.iter().skip(1) {
                let DataType::Struct(fields) = found.data_type() else { return Ok(None) };
                let Some((_, inner)) = fields.find(name) else { return Ok(None) };
                source = format!("struct_extract({source}, {})", text(name)?);
                found = inner;
            }
            let Some(name) = sql_type(found.data_type()) else { return Ok(None) };
            // Null equals null in deletes.
            parts.push(format!("CAST(k.k{place} AS {name}) IS NOT DISTINCT FROM {source}"));
        }
        let known = self.tables.iter().find(|(known, _)| Arc::ptr_eq(known, set));
        let table = match known {
            Some((_, table)) => table.clone(),
            None => {
                let table = load(session, set).await?;
                self.tables.push((set.clone(), table.clone()));
                table
            }
        };
        Ok(Some(format!("SELECT 1 FROM {table} AS k WHERE {}", parts.join(" AND "))))
    }
}

async fn load(session: &mut Session, set: &EqualityDeletes) -> Result<String> {
    let target = storable::schema(session.dialect(), &set.keys.schema())?;
    let fields = target.fields().iter().enumerate();
    let fields: Vec<Field> = fields
        .map(|(place, field)| Field::new(format!("k{place}"), field.data_type().clone(), true))
        .collect();
    let rows = set.keys.scan(ScanArgs::default()).await?;
    let table = session.fresh();
    let keys = storable::stream(session.dialect(), rows, Arc::new(Schema::new(fields)));
    session.ingest(&table, true, keys).await?;
    Ok(session.temporary(&table))
}
