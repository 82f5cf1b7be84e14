//! What a table is: its columns, its partitioning and its properties.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_schema::{DataType, Fields, Schema, SchemaRef};
use stitchwork_core::{Column, Error, PartitionField, PartitionSpec, Result};

use crate::lines::TableLine;
use crate::types::{fields_from_json, fields_to_json};

/// How many versions lie between two checkpoints where the table does not say.
const CHECKPOINT_INTERVAL: i64 = 50;

/// How many commits there may be between checkpoints.
pub(crate) const INTERVAL: &str = "files.checkpoint_interval";
/// The one format that files of the table may have.
pub(crate) const FORMAT: &str = "files.format";

/// A table line, understood.
#[derive(Debug)]
pub(crate) struct TableMeta {
    pub(crate) line: TableLine,
    pub(crate) schema: SchemaRef,
    /// The columns of files: without those that the folders say.
    pub(crate) file_schema: SchemaRef,
    pub(crate) partitioning: Vec<PartitionSpec>,
    pub(crate) partition_types: Vec<DataType>,
    /// The columns that can have statistics.
    pub(crate) leaves: HashMap<Column, DataType>,
}

impl TableMeta {
    pub(crate) fn new(line: TableLine) -> Result<Self> {
        let schema = Arc::new(Schema::new(fields_from_json(&line.schema)?));
        let mut partition_types = Vec::with_capacity(line.partitioning.len());
        for (place, name) in line.partitioning.iter().enumerate() {
            let twice = line.partitioning.iter().take(place).any(|other| other == name);
            let field = schema.field_with_name(name).ok().filter(|_| !twice).ok_or_else(|| {
                Error::invalid_data("the table is partitioned by a column that is not there, or twice")
                    .with_context("column", name)
            })?;
            partition_types.push(field.data_type().clone());
        }
        let fields: Fields =
            schema.fields().iter().filter(|f| !line.partitioning.contains(f.name())).cloned().collect();
        let spec = PartitionSpec {
            id: 0,
            fields: line.partitioning.iter().map(|name| PartitionField::identity(name.as_str())).collect(),
        };
        let mut leaves = HashMap::new();
        collect_leaves(&fields, &[], &mut leaves);
        let file_schema = Arc::new(Schema::new(fields));
        Ok(Self { line, schema, file_schema, partitioning: vec![spec], partition_types, leaves })
    }

    /// The line of a table with these columns.
    pub(crate) fn line(
        schema: &Schema,
        partitioning: Vec<String>,
        properties: BTreeMap<String, String>,
    ) -> Result<TableLine> {
        Ok(TableLine { schema: fields_to_json(schema.fields())?, partitioning, properties })
    }

    pub(crate) fn properties(&self) -> &BTreeMap<String, String> {
        &self.line.properties
    }

    pub(crate) fn checkpoint_interval(&self) -> i64 {
        let set = self.properties().get(INTERVAL).and_then(|text| text.parse().ok());
        set.filter(|interval| *interval > 0).unwrap_or(CHECKPOINT_INTERVAL)
    }
}

fn collect_leaves(fields: &Fields, path: &[String], leaves: &mut HashMap<Column, DataType>) {
    for field in fields {
        let path: Vec<String> = path.iter().chain([field.name()]).cloned().collect();
        match field.data_type() {
            DataType::Struct(inner) => collect_leaves(inner, &path, leaves),
            data_type if data_type.is_nested() => {}
            data_type => {
                leaves.insert(Column { path }, data_type.clone());
            }
        }
    }
}
