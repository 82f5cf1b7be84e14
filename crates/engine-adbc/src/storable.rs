//! Rows in the types that a driver takes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use futures::StreamExt;
use stitchwork_core::{BatchStream, BatchStreamAdapter, Error, Result};

use crate::config::Profile;
use crate::dialect::Dialect;

/// The column of a table whose rows only count.
const ROWS: &str = "rows";

/// The schema in which the driver takes rows of `schema`; a column that only counts rows where there is none.
///
/// # Errors
/// `Unsupported` for a type that the database does not have, with the column.
pub(crate) fn schema(dialect: &dyn Dialect, schema: &Schema) -> Result<SchemaRef> {
    let fields = schema.fields().iter().map(|field| {
        let data_type = stored(dialect, field.data_type()).ok_or_else(|| {
            Error::unsupported(
                "the database has no type for a column that the query names, and takes no cast of it either, since it \
                 gets the column as a whole; name only other columns, or ask another engine",
            )
                .with_operation("engine::query")
                .with_context("engine", dialect.profile())
                .with_context("column", field.name())
                .with_context("type", field.data_type())
        })?;
        // Databases enforce what they are told about nulls, which the relation has done already.
        Ok(Arc::new(Field::new(field.name(), data_type, true)))
    });
    let mut fields = fields.collect::<Result<Vec<FieldRef>>>()?;
    if fields.is_empty() {
        fields.push(Arc::new(Field::new(ROWS, DataType::Boolean, true)));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// Refuses columns, and fields of structs, that the database takes for one, since their names differ in nothing but
/// their case.
///
/// # Errors
/// `Unsupported`, with the paths of both.
pub(crate) fn check_names(dialect: &dyn Dialect, schema: &Schema) -> Result<()> {
    if dialect.pushes().any_case { distinct(dialect, schema.fields(), "") } else { Ok(()) }
}

fn distinct(dialect: &dyn Dialect, fields: &Fields, parent: &str) -> Result<()> {
    let mut known: HashMap<String, &str> = HashMap::with_capacity(fields.len());
    for field in fields {
        let path = format!("{parent}{}", field.name());
        // Only these letters: databases that do not regard case do not know that of others.
        if let Some(other) = known.insert(field.name().to_ascii_lowercase(), field.name()) {
            return Err(Error::unsupported(
                "the database takes names that differ only in case for one; rename one of the columns, leave them \
                 out, or ask another engine",
            )
            .with_operation("engine::query")
            .with_context("engine", dialect.profile())
            .with_context("column", path)
            .with_context("other_column", format!("{parent}{other}")));
        }
        below(dialect, field.data_type(), &path)?;
    }
    Ok(())
}

fn below(dialect: &dyn Dialect, data_type: &DataType, path: &str) -> Result<()> {
    match data_type {
        DataType::Struct(fields) => distinct(dialect, fields, &format!("{path}.")),
        DataType::Map(entries, _) => below(dialect, entries.data_type(), path),
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            below(dialect, element.data_type(), &format!("{path}.element"))
        }
        _ => Ok(()),
    }
}

fn stored(dialect: &dyn Dialect, data_type: &DataType) -> Option<DataType> {
    let inner = |field: &FieldRef| -> Option<FieldRef> {
        let data_type = stored(dialect, field.data_type())?;
        Some(Arc::new(Field::new(field.name(), data_type, field.is_nullable())))
    };
    Some(match dialect.stored(data_type)? {
        DataType::List(field) | DataType::ListView(field) => DataType::List(inner(&field)?),
        DataType::LargeList(field) | DataType::LargeListView(field) => DataType::LargeList(inner(&field)?),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(inner(&field)?, size),
        DataType::Map(field, sorted) => DataType::Map(inner(&field)?, sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect::<Option<Fields>>()?),
        plain if plain == *data_type => plain,
        // Another type may be one that is stored as a third.
        other => stored(dialect, &other)?,
    })
}

/// The stream in the schema that [`schema`] gives for it.
pub(crate) fn stream(dialect: &dyn Dialect, rows: BatchStream, target: SchemaRef) -> BatchStream {
    let (schema, profile) = (target.clone(), dialect.profile());
    let lacks_nan = (!dialect.holds_nan()).then_some(profile);
    BatchStreamAdapter::new(schema, rows.map(move |batch| store(&batch?, &target, lacks_nan)))
}

/// The rows in the target's types; `lacks_nan` is the database if it has no NaN.
fn store(batch: &RecordBatch, target: &SchemaRef, lacks_nan: Option<Profile>) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let columns = if batch.num_columns() == 0 {
        vec![new_null_array(&DataType::Boolean, rows)]
    } else {
        let columns = batch.columns().iter().zip(target.fields());
        let columns = columns.map(|(column, field)| {
            let stored = store_column(column, field)?;
            match lacks_nan {
                Some(profile) if has_nan(&stored) => Err(no_nan(profile, field)),
                _ => Ok(stored),
            }
        });
        columns.collect::<Result<Vec<_>>>()?
    };
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(target.clone(), columns, &options)?)
}

fn store_column(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let (from, to) = (column.data_type(), field.data_type());
    if from == to {
        return Ok(column.clone());
    }
    let refuse = |e: Option<arrow_schema::ArrowError>| {
        let error = Error::unsupported("the database cannot hold a value of the column")
            .with_context("column", field.name())
            .with_context("from", from)
            .with_context("to", to);
        match e {
            Some(e) => error.with_source(e),
            None => error,
        }
    };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let stored = cast_with_options(column, to, &options).map_err(|e| refuse(Some(e)))?;
    // Casts to a coarser unit round without a word.
    if has_nanoseconds(from) && !has_nanoseconds(to) && !matches!(to, DataType::Utf8) {
        let back = cast_with_options(&stored, from, &options).map_err(|e| refuse(Some(e)))?;
        if back.as_ref() != column.as_ref() {
            return Err(refuse(None));
        }
    }
    Ok(stored)
}

/// Whether one of the floats is a NaN. A database without one has no column of other types with floats in them.
fn has_nan(column: &ArrayRef) -> bool {
    column.as_primitive_opt::<Float64Type>().is_some_and(|floats| floats.iter().flatten().any(f64::is_nan))
}

fn no_nan(profile: Profile, field: &Field) -> Error {
    Error::unsupported(
        "the column has a NaN, of which the database would make a null; leave the column out, put a null in the place \
         of the NaN, or ask another engine",
    )
    .with_operation("engine::query")
    .with_context("engine", profile)
    .with_context("column", field.name())
}

fn has_nanoseconds(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Time64(unit) | DataType::Duration(unit) => {
            *unit == TimeUnit::Nanosecond
        }
        DataType::Struct(fields) => fields.iter().any(|field| has_nanoseconds(field.data_type())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_nanoseconds(field.data_type()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, TimestampNanosecondArray};
    use stitchwork_core::ErrorKind;

    use super::*;
    use crate::config::Profile;
    use crate::dialect;

    #[test]
    fn types_are_mapped_at_every_depth_and_nothing_is_rounded() {
        let duckdb = dialect::of(Profile::DuckDb);
        let inner = Fields::from(vec![Field::new("x", DataType::Utf8View, true)]);
        let nested = DataType::List(Arc::new(Field::new("item", DataType::Struct(inner), true)));
        let found = stored(duckdb.as_ref(), &nested).unwrap();
        assert!(format!("{found}").contains("Utf8") && !format!("{found}").contains("View"), "{found}");

        let sqlite = dialect::of(Profile::Sqlite);
        let schema_of = |data_type| Schema::new(vec![Field::new("c", data_type, true)]);
        let refused = schema(sqlite.as_ref(), &schema_of(nested)).unwrap_err();
        assert_eq!((refused.kind(), refused.context("column")), (ErrorKind::Unsupported, Some("c")));
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8View));
        assert_eq!(
            schema(sqlite.as_ref(), &schema_of(dictionary)).unwrap().field(0).data_type(),
            &DataType::Utf8
        );

        let target = Field::new("c", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true);
        let times =
            |ns: i64| Arc::new(TimestampNanosecondArray::from(vec![ns]).with_timezone("UTC")) as ArrayRef;
        assert_eq!(store_column(&times(5000), &target).unwrap().len(), 1);
        assert_eq!(store_column(&times(5001), &target).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
