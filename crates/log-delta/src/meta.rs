//! A table's metadata, parsed once.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use serde_json::Value;
use stitchwork_core::{
    Column, Error, FieldMapping, MapBy, PHYSICAL_NAME, PartitionField, PartitionSpec, Result, field_id,
};

use crate::actions::Metadata;
use crate::schema;

/// The property that says how columns are found in files.
pub(crate) const MAPPING_MODE: &str = "delta.columnMapping.mode";
/// The property that holds the highest column id.
pub(crate) const MAX_COLUMN_ID: &str = "delta.columnMapping.maxColumnId";
/// The property that allows deletion vectors.
pub(crate) const ENABLE_VECTORS: &str = "delta.enableDeletionVectors";
/// The property that forbids removals.
pub(crate) const APPEND_ONLY: &str = "delta.appendOnly";

/// A column by which the table is partitioned.
#[derive(Debug)]
pub(crate) struct PartitionColumn {
    pub(crate) name: String,
    /// Its key in the partition values of files.
    pub(crate) key: String,
    pub(crate) data_type: DataType,
}

/// A column that can have statistics.
#[derive(Debug)]
pub(crate) struct StatsColumn {
    pub(crate) column: Column,
    /// The keys on the way down in the JSON of statistics.
    pub(crate) keys: Vec<String>,
    pub(crate) data_type: DataType,
}

/// The metadata action and what follows from it.
#[derive(Debug)]
pub(crate) struct TableMeta {
    pub(crate) metadata: Metadata,
    pub(crate) json_schema: Value,
    pub(crate) schema: SchemaRef,
    pub(crate) file_schema: SchemaRef,
    pub(crate) mapping: Arc<FieldMapping>,
    pub(crate) partitioning: Vec<PartitionSpec>,
    pub(crate) partition_columns: Vec<PartitionColumn>,
    /// The leaves of all columns in files, in the order of the schema.
    pub(crate) stats_columns: Vec<StatsColumn>,
}

impl TableMeta {
    pub(crate) fn new(metadata: Metadata) -> Result<Self> {
        let json_schema: Value = serde_json::from_str(&metadata.schema_string)
            .map_err(|e| Error::invalid_data("the schema of the table is no JSON").with_source(e))?;
        let schema = Arc::new(schema::arrow_schema(&json_schema)?);
        let by = match metadata.configuration.get(MAPPING_MODE).map(String::as_str) {
            None | Some("none") => MapBy::Name,
            Some("name") => MapBy::PhysicalName,
            Some("id") => MapBy::FieldId,
            Some(other) => {
                return Err(Error::unsupported("the table maps columns in a way that we do not know")
                    .with_context("property", MAPPING_MODE)
                    .with_context("value", other));
            }
        };
        let mapped = by != MapBy::Name;
        let mut mapping = FieldMapping::new(by);
        if by == MapBy::FieldId {
            collect_names(schema.fields(), &mut mapping);
        }
        let mut partition_columns = Vec::with_capacity(metadata.partition_columns.len());
        for name in &metadata.partition_columns {
            let field = schema.field_with_name(name).map_err(|_| {
                Error::invalid_data("the table is partitioned by a column that it has not")
                    .with_context("column", name)
            })?;
            partition_columns.push(PartitionColumn {
                name: name.clone(),
                key: physical(field, mapped).to_owned(),
                data_type: field.data_type().clone(),
            });
        }
        let in_files = || schema.fields().iter().filter(|f| !metadata.partition_columns.contains(f.name()));
        let file_schema = Schema::new(in_files().map(|f| file_field(f, mapped)).collect::<Fields>());
        let mut stats_columns = Vec::new();
        for field in in_files() {
            collect_leaves(field, mapped, None, &mut stats_columns);
        }
        let fields = metadata.partition_columns.iter().map(PartitionField::identity).collect();
        Ok(Self {
            json_schema,
            file_schema: Arc::new(file_schema),
            mapping: Arc::new(mapping),
            partitioning: vec![PartitionSpec { id: 0, fields }],
            partition_columns,
            stats_columns,
            schema,
            metadata,
        })
    }

    /// A property that is `true` or `false`.
    pub(crate) fn flag(&self, property: &str) -> bool {
        self.metadata.configuration.get(property).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A property that is a number.
    pub(crate) fn number(&self, property: &str) -> Option<i64> {
        self.metadata.configuration.get(property)?.trim().parse().ok()
    }

    /// Whether columns have names of their own in files.
    pub(crate) fn is_mapped(&self) -> bool {
        self.mapping.by != MapBy::Name
    }
}

/// The name of a field in files.
fn physical(field: &Field, mapped: bool) -> &str {
    if mapped {
        field.metadata().get(PHYSICAL_NAME).map_or(field.name(), String::as_str)
    } else {
        field.name()
    }
}

/// In files that carry no ids, columns stand under their physical names.
fn collect_names(fields: &Fields, mapping: &mut FieldMapping) {
    for field in fields {
        if let Some(id) = field_id(field) {
            mapping.names.insert(id, vec![physical(field, true).to_owned()]);
        }
        match field.data_type() {
            DataType::Struct(inner) => collect_names(inner, mapping),
            DataType::List(inner) | DataType::Map(inner, _) => {
                collect_names(&Fields::from(vec![inner.clone()]), mapping);
            }
            _ => {}
        }
    }
}

fn file_field(field: &FieldRef, mapped: bool) -> FieldRef {
    if !mapped {
        return field.clone();
    }
    let data_type = file_type(field.data_type());
    Arc::new(field.as_ref().clone().with_name(physical(field, true)).with_data_type(data_type))
}

fn file_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|f| file_field(f, true)).collect()),
        // The names inside of lists and maps are Parquet's, not the table's.
        DataType::List(inner) => DataType::List(retyped(inner)),
        DataType::Map(inner, sorted) => DataType::Map(map_entries(inner), *sorted),
        other => other.clone(),
    }
}

fn retyped(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(file_type(field.data_type())))
}

fn map_entries(entries: &FieldRef) -> FieldRef {
    match entries.data_type() {
        DataType::Struct(pair) => {
            let pair = pair.iter().map(retyped).collect();
            Arc::new(entries.as_ref().clone().with_data_type(DataType::Struct(pair)))
        }
        _ => entries.clone(),
    }
}

fn collect_leaves(field: &Field, mapped: bool, parent: Option<&StatsColumn>, out: &mut Vec<StatsColumn>) {
    let (column, mut keys) = match parent {
        Some(parent) => (parent.column.clone().field(field.name()), parent.keys.clone()),
        None => (Column::new(field.name()), vec![]),
    };
    keys.push(physical(field, mapped).to_owned());
    let this = StatsColumn { column, keys, data_type: field.data_type().clone() };
    match field.data_type() {
        DataType::Struct(fields) => {
            fields.iter().for_each(|inner| collect_leaves(inner, mapped, Some(&this), out));
        }
        _ => out.push(this),
    }
}
