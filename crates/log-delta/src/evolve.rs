//! New metadata for a table: at its creation, and when columns or properties change.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Schema};
use stitchwork_commits::{check_columns, now_ms};
use stitchwork_core::{Changes, CreateArgs, Error, PartitionField, Result, Transform};

use crate::actions::{FileFormat, Metadata, Protocol};
use crate::meta::{MAPPING_MODE, MAX_COLUMN_ID, TableMeta};
use crate::protocol;
use crate::schema::{ColumnIds, arrow_schema, schema_json};
use crate::state::State;

/// Why a column cannot go.
const GONE: &str = "a column of a Delta table cannot be dropped here";

/// The protocol and the metadata of a new table.
pub(crate) fn created(name: Option<&str>, args: &CreateArgs) -> Result<(Protocol, Metadata)> {
    protocol::check_properties(&args.properties)?;
    let mut configuration = args.properties.clone();
    let mut ids = match configuration.get(MAPPING_MODE).map(String::as_str) {
        None | Some("none") => None,
        Some("name" | "id") => Some(ColumnIds { last: 0 }),
        Some(other) => {
            return Err(Error::invalid_config("the mode of column mapping is none, name or id")
                .with_context("property", MAPPING_MODE)
                .with_context("value", other));
        }
    };
    let json_schema = schema_json(args.schema.fields(), None, ids.as_mut())?;
    if let Some(ids) = ids {
        configuration.insert(MAX_COLUMN_ID.to_owned(), ids.last.to_string());
    }
    let partition_columns = partition_columns(&args.partitioning, &arrow_schema(&json_schema)?)?;
    let metadata = Metadata {
        id: uuid::Uuid::new_v4().to_string(),
        name: name.map(str::to_owned),
        description: None,
        format: FileFormat::default(),
        schema_string: json_schema.to_string(),
        partition_columns,
        configuration,
        created_time: Some(now_ms()),
        other: serde_json::Map::new(),
    };
    let protocol = protocol::needed(None, &metadata, &json_schema);
    // What we write must be what we read.
    TableMeta::new(metadata.clone())?;
    Ok((protocol, metadata))
}

fn partition_columns(fields: &[PartitionField], schema: &Schema) -> Result<Vec<String>> {
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        if field.transform != Transform::Identity {
            return Err(Error::unsupported("Delta partitions by the values of columns only")
                .with_context("transform", &field.transform)
                .with_context("column", &field.source));
        }
        let column = field.source.root();
        let known = schema.field_with_name(column).ok().filter(|_| field.source.path.len() == 1);
        let Some(known) = known else {
            return Err(Error::invalid_input("there is no such column at the top to partition by")
                .with_context("column", &field.source));
        };
        if field.name != column {
            return Err(Error::unsupported("Delta's partition values have the name of their column")
                .with_context("column", column)
                .with_context("name", &field.name));
        }
        if known.data_type().is_nested() || *known.data_type() == DataType::Binary {
            return Err(Error::unsupported("a column of this type cannot divide a Delta table")
                .with_context("column", column)
                .with_context("type", known.data_type()));
        }
        columns.push(column.to_owned());
    }
    if !columns.is_empty() && columns.len() >= schema.fields().len() {
        return Err(Error::invalid_input("a Delta table needs a column that it is not partitioned by"));
    }
    Ok(columns)
}

/// The metadata, and the protocol where more is needed, after a commit's changes; `None` where they stay.
pub(crate) fn changed(state: &State, changes: &Changes) -> Result<Option<(Option<Protocol>, Metadata)>> {
    let table = &state.table;
    if let Some(partitioning) = &changes.partitioning
        && table.partitioning.last().is_none_or(|spec| spec.fields != *partitioning)
    {
        return Err(Error::unsupported("the partitioning of a Delta table cannot change; write a new table"));
    }
    let mut metadata = table.metadata.clone();
    let mut json_schema = table.json_schema.clone();
    set_properties(&mut metadata.configuration, &changes.properties)?;
    if let Some(schema) = &changes.schema {
        let mut ids = table.is_mapped().then(|| ColumnIds { last: table.number(MAX_COLUMN_ID).unwrap_or(0) });
        json_schema = schema_json(schema.fields(), Some(&table.json_schema), ids.as_mut())?;
        check_columns(table.schema.fields(), arrow_schema(&json_schema)?.fields(), GONE)?;
        if let Some(ids) = ids {
            metadata.configuration.insert(MAX_COLUMN_ID.to_owned(), ids.last.to_string());
        }
        metadata.schema_string = json_schema.to_string();
    }
    if metadata.configuration == table.metadata.configuration && json_schema == table.json_schema {
        return Ok(None);
    }
    let needed = protocol::needed(Some(&state.protocol), &metadata, &json_schema);
    Ok(Some(((needed != *state.protocol).then_some(needed), metadata)))
}

fn set_properties(
    configuration: &mut BTreeMap<String, String>,
    changes: &BTreeMap<String, Option<String>>,
) -> Result<()> {
    let set: BTreeMap<String, String> =
        changes.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
    protocol::check_properties(&set)?;
    for (key, value) in changes {
        if [MAPPING_MODE, MAX_COLUMN_ID].contains(&key.as_str()) && configuration.get(key) != value.as_ref() {
            return Err(Error::unsupported("column mapping can only be chosen when a table is created")
                .with_context("property", key));
        }
        match value {
            Some(value) => configuration.insert(key.clone(), value.clone()),
            None => configuration.remove(key),
        };
    }
    Ok(())
}

/// Whether files written for one schema fit another: every column is still there in its type.
pub(crate) fn still_fits(old: &Schema, new: &TableMeta, partition_columns: &[String]) -> Result<()> {
    if new.metadata.partition_columns != partition_columns {
        return Err(Error::conflict("another commit changed the partitioning"));
    }
    stitchwork_commits::still_fits(old.fields(), new.schema.fields(), GONE)
}
