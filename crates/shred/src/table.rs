//! A table under construction.

mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field as ArrowField, FieldRef, Schema, SchemaRef};
use stitchwork_core::{Error, Result};

use crate::column::{Column, Kind};
use crate::hash::{ID_LENGTH, hash, id_string, part};
use crate::name::Names;
use crate::shape::{Shape, Step};
use crate::system::{self, LOAD_ID, OVERFLOW, ROW_ID, RowId, SYSTEM};
use values::variant_identity;

/// A place in the batches of a table.
#[derive(Debug, Clone, Copy)]
enum Slot {
    /// One of [`SYSTEM`].
    System(usize),
    Column(usize),
}

/// A column of a table, and where in the JSON its values come from.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnInfo {
    /// The column.
    pub field: FieldRef,
    /// The steps from the row to the value; `None` for system columns, and for columns that the table had before
    /// and no row has used.
    pub path: Option<Vec<Step>>,
    /// The text is the JSON of the value, not a string value.
    pub json: bool,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: Arc<str>,
    pub(crate) parent: Option<usize>,
    /// The steps from the parent's row to the list.
    pub(crate) path: Vec<Step>,
    /// How many tables are above it.
    pub(crate) level: usize,
    /// The hash of its name, for the ids of its rows.
    pub(crate) identity: u128,
    pub(crate) shape: Shape,
    /// The changes of its schema up to here have been reported.
    pub(crate) reported: Option<usize>,
    columns: Vec<Column>,
    /// The field of each column and whether it holds JSON.
    owners: Vec<Option<(usize, bool)>>,
    names: Names,
    layout: Vec<(Slot, FieldRef)>,
    rows: Vec<RowId>,
    /// Rows that left in batches.
    past: u64,
    text_bytes: usize,
    width: usize,
    overflow: Option<usize>,
    overflow_row: String,
    schema: SchemaRef,
}

impl Table {
    pub(crate) fn new(name: Arc<str>, parent: Option<(usize, Vec<Step>, usize)>) -> Self {
        let mut bytes = vec![];
        part(&mut bytes, b't', name.as_bytes());
        let mut names = Names::default();
        SYSTEM.into_iter().chain([OVERFLOW]).for_each(|name| names.reserve(name));
        let (parent, path, level) = match parent {
            Some((parent, path, level)) => (Some(parent), path, level),
            None => (None, vec![], 0),
        };
        let mut table = Self {
            name,
            parent,
            path,
            level,
            identity: hash(&bytes),
            shape: Shape::new(),
            reported: None,
            columns: vec![],
            owners: vec![],
            names,
            layout: vec![],
            rows: vec![],
            past: 0,
            text_bytes: 0,
            width: 0,
            overflow: None,
            overflow_row: String::new(),
            schema: Arc::new(Schema::empty()),
        };
        table.add_system();
        table
    }

    /// Starts from the columns that the table has already.
    pub(crate) fn adopt(&mut self, schema: &SchemaRef) -> Result<()> {
        self.layout.clear();
        for field in schema.fields() {
            let name = field.name().as_str();
            if let Some(system) = SYSTEM.iter().position(|system| *system == name)
                && self.has_system(name)
            {
                if field.data_type() != &system::data_type(name) {
                    return Err(Error::invalid_input("a system column of the table has another type")
                        .with_operation("shred::add_schema")
                        .with_context("table", &self.name)
                        .with_context("column", name)
                        .with_context("type", field.data_type())
                        .with_context("expected", system::data_type(name)));
                }
                self.layout.push((Slot::System(system), Arc::clone(field)));
                continue;
            }
            let column = Column::existing(Arc::clone(field));
            if name == OVERFLOW && column.holds(Kind::Json) {
                self.overflow = Some(self.columns.len());
            } else {
                self.names.remember(name, self.columns.len());
            }
            self.add_column(column, None);
        }
        self.reported = Some(self.layout.len());
        self.schema = Arc::clone(schema);
        self.add_system();
        Ok(())
    }

    /// Adds the system columns that are not there yet.
    fn add_system(&mut self) {
        for (system, name) in SYSTEM.into_iter().enumerate() {
            if self.has_system(name) && !self.layout.iter().any(|(_, field)| field.name() == name) {
                let field = ArrowField::new(name, system::data_type(name), true);
                self.layout.push((Slot::System(system), Arc::new(field)));
                self.width += if system::data_type(name) == DataType::Int64 { 9 } else { ID_LENGTH + 5 };
            }
        }
    }

    /// Whether the table has this one of the system columns.
    fn has_system(&self, name: &str) -> bool {
        self.parent.is_some() || matches!(name, ROW_ID | LOAD_ID)
    }

    fn add_column(&mut self, column: Column, owner: Option<(usize, bool)>) -> usize {
        let index = self.columns.len();
        self.width += column.width();
        self.layout.push((Slot::Column(index), Arc::clone(column.field())));
        self.columns.push(column);
        self.owners.push(owner);
        index
    }

    /// The number of the row under construction, from 1.
    #[inline]
    pub(crate) fn row_number(&self) -> u64 {
        self.past + self.rows.len() as u64 + 1
    }

    /// Ends the row under construction.
    pub(crate) fn end_row(&mut self, row: RowId) {
        if !self.overflow_row.is_empty() {
            self.overflow_row.push('}');
            let column = match self.overflow {
                Some(column) => column,
                None => self.add_column(Column::new(OVERFLOW, Kind::Json), None),
            };
            self.overflow = Some(column);
            self.text_bytes += self.overflow_row.len();
            self.columns[column].text(self.rows.len(), &self.overflow_row);
            self.overflow_row.clear();
        }
        self.rows.push(row);
    }

    /// Gives the fields that held nothing but nulls a column of text. A field that the table knows as an object has
    /// columns below its name, and needs none.
    pub(crate) fn settle_blank(&mut self, has_child: impl Fn(&str) -> bool) {
        for index in 0..self.shape.fields.len() {
            let field = &self.shape.fields[index];
            let below = format!("{}__", field.name);
            let lost = field.blank
                && field.main.is_none()
                && field.variants.iter().all(Option::is_none)
                && field.list.is_none()
                && !self.names.any_begins_with(&below)
                && !has_child(&field.table_name);
            // An object whose keys are blank too is represented by their columns.
            let object = field.node.is_some_and(|node| self.shape.has_keys(node));
            if lost && !object {
                self.main(index, Kind::Text);
            }
        }
    }

    /// How many rows are under construction.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The bytes that the rows under construction take.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.text_bytes + self.rows.len() * self.width
    }

    /// How many columns batches have from now on.
    pub(crate) fn width_in_columns(&self) -> usize {
        self.layout.len()
    }

    /// The rows as a batch; the table is empty then.
    pub(crate) fn cut(&mut self, load_id: i64) -> Result<RecordBatch> {
        let count = self.rows.len();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.layout.len());
        for (slot, field) in &mut self.layout {
            arrays.push(match slot {
                Slot::System(system) => system::array(SYSTEM[*system], &self.rows, load_id),
                Slot::Column(column) => {
                    let column = &mut self.columns[*column];
                    *field = Arc::clone(column.field());
                    column.finish(count)
                }
            });
        }
        if self.schema.fields().len() != self.layout.len() {
            let fields: Vec<FieldRef> = self.layout.iter().map(|(_, field)| Arc::clone(field)).collect();
            let metadata = self.schema.metadata().clone();
            self.schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        }
        self.past += count as u64;
        // Most tables have far fewer rows than the one that had most of them: no room is kept.
        self.rows = Vec::new();
        self.text_bytes = 0;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(self.schema(), arrays, &options).map_err(|error| {
            Error::invalid_input("the rows do not fit the table that exists")
                .with_operation("shred::cut")
                .with_context("table", &self.name)
                .with_source(error)
        })
    }

    /// The columns of the last batch, or those that the table had before.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Keeps columns that the table had before for those who have their values.
    pub(crate) fn keep_for(&mut self, owners: &BTreeMap<String, String>) {
        for (column, owner) in owners {
            self.names.keep_for(column, owner);
        }
    }

    /// Who has values in which column.
    pub(crate) fn column_owners(&self) -> impl Iterator<Item = (String, String)> {
        let names = |(at, owner): (usize, &Option<(usize, bool)>)| {
            let (field, _) = (*owner)?;
            let place = &self.shape.fields[field];
            let identity = if place.main == Some(at) {
                place.identity
            } else {
                let kind = place.variants.iter().position(|variant| *variant == Some(at))?;
                variant_identity(place.identity, Kind::names().nth(kind)?)
            };
            Some((self.columns.get(at)?.field().name().clone(), id_string(identity)))
        };
        self.owners.iter().enumerate().filter_map(names)
    }

    /// The columns with their origins.
    pub(crate) fn columns(&self) -> Vec<ColumnInfo> {
        let mut infos = Vec::with_capacity(self.layout.len());
        for (slot, field) in &self.layout {
            infos.push(match slot {
                Slot::System(_) => ColumnInfo { field: Arc::clone(field), path: None, json: false },
                Slot::Column(column) => ColumnInfo {
                    field: Arc::clone(self.columns[*column].field()),
                    path: self.owners[*column].map(|(field, _)| self.shape.path(field)),
                    json: self.owners[*column].is_some_and(|(_, json)| json),
                },
            });
        }
        infos
    }
}
