//! What a table becomes: at its creation, and when columns or properties change.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Schema};
use stitchwork_commits::check_columns;
use stitchwork_core::{Changes, CreateArgs, Error, PartitionField, Result, Transform};

use crate::lines::TableLine;
use crate::table::{FORMAT, INTERVAL, TableMeta};

/// Why a column cannot go.
const GONE: &str = "columns are found by name, so that none can be dropped or renamed here";

/// A new table.
pub(crate) fn created(args: &CreateArgs) -> Result<TableLine> {
    check_properties(&args.properties)?;
    let partitioning = partition_columns(&args.partitioning, &args.schema)?;
    TableMeta::line(&args.schema, partitioning, args.properties.clone())
}

fn partition_columns(fields: &[PartitionField], schema: &Schema) -> Result<Vec<String>> {
    let mut columns: Vec<String> = Vec::with_capacity(fields.len());
    for field in fields {
        let column = field.source.root();
        if field.transform != Transform::Identity || field.name != column {
            return Err(Error::unsupported(
                "folders are named by the values of columns, under the columns' names",
            )
            .with_context("transform", &field.transform)
            .with_context("column", &field.source)
            .with_context("name", &field.name));
        }
        let known = schema.field_with_name(column).ok().filter(|_| field.source.path.len() == 1);
        let Some(known) = known else {
            return Err(Error::invalid_input("there is no such column at the top to partition by")
                .with_context("column", &field.source));
        };
        if columns.iter().any(|other| other == column) {
            return Err(Error::invalid_input("a table is partitioned by a column once")
                .with_context("column", column));
        }
        check_partition_type(column, known.data_type())?;
        columns.push(column.to_owned());
    }
    if !columns.is_empty() && columns.len() >= schema.fields().len() {
        return Err(Error::invalid_input("a table needs a column that it is not partitioned by"));
    }
    Ok(columns)
}

/// Refuses types whose values make no names of folders.
pub(crate) fn check_partition_type(column: &str, data_type: &DataType) -> Result<()> {
    use DataType as T;
    let named = !data_type.is_nested()
        && !matches!(data_type, T::Null | T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_))
        && !matches!(data_type, T::Duration(_) | T::Float16 | T::Dictionary(..));
    if named {
        return Ok(());
    }
    Err(Error::unsupported("values of this type make no names of folders")
        .with_context("column", column)
        .with_context("type", data_type))
}

/// Properties under `files.` are ours; one that nobody would heed is refused.
fn check_properties(properties: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in properties.iter().filter(|(key, _)| key.starts_with("files.")) {
        let fine = match key.as_str() {
            INTERVAL => value.parse::<i64>().is_ok_and(|interval| interval > 0),
            FORMAT => !value.is_empty(),
            _ => {
                return Err(Error::invalid_config("unknown property")
                    .with_context("property", key)
                    .with_context("known", format!("{FORMAT},{INTERVAL}")));
            }
        };
        if !fine {
            return Err(Error::invalid_config("the property has no such value")
                .with_context("property", key)
                .with_context("value", value));
        }
    }
    Ok(())
}

/// The table after a commit's changes; `None` where it stays.
pub(crate) fn changed(table: &TableMeta, changes: &Changes) -> Result<Option<TableLine>> {
    if let Some(partitioning) = &changes.partitioning
        && table.partitioning.last().is_none_or(|spec| spec.fields != *partitioning)
    {
        return Err(Error::unsupported("the partitioning of a folder cannot change; write a new table"));
    }
    let mut line = table.line.clone();
    for (key, value) in &changes.properties {
        match value {
            Some(value) => line.properties.insert(key.clone(), value.clone()),
            None => line.properties.remove(key),
        };
    }
    check_properties(&line.properties)?;
    if let Some(schema) = &changes.schema {
        check_columns(table.schema.fields(), schema.fields(), GONE)?;
        line = TableMeta::line(schema, line.partitioning, line.properties)?;
    }
    Ok((line != table.line).then_some(line))
}

/// Whether files written for one schema fit a table: every column is still there in its type.
pub(crate) fn still_fits(old: &Schema, partitioning: &[String], table: &TableMeta) -> Result<()> {
    if table.line.partitioning != partitioning {
        return Err(Error::conflict("another commit made the table with another partitioning"));
    }
    stitchwork_commits::still_fits(old.fields(), table.schema.fields(), GONE)
}
