//! All tables of a shredder, and what has left them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, SchemaRef};
use stitchwork_core::{Error, Result};

use crate::hash::{hash, id_string, part};
use crate::name::Names;
use crate::options::ShredOptions;
use crate::shape::Step;
use crate::system::RowId;
use crate::table::{ColumnInfo, Table};

/// Rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableBatch {
    /// The table.
    pub table: Arc<str>,
    /// The table that it is a child of.
    pub parent: Option<Arc<str>>,
    /// The rows. None when the batch only brings columns.
    pub batch: RecordBatch,
}

/// What became different in the tables, in the order in which it happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SchemaChange {
    /// There is a new table.
    NewTable {
        /// The table.
        table: Arc<str>,
        /// The table that it is a child of.
        parent: Option<Arc<str>>,
        /// The columns of its first batch.
        schema: SchemaRef,
    },
    /// A table has a new column, after its others.
    NewColumn {
        /// The table.
        table: Arc<str>,
        /// The column.
        field: FieldRef,
    },
}

/// A table as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// The table.
    pub name: Arc<str>,
    /// The table that it is a child of.
    pub parent: Option<Arc<str>>,
    /// The steps from the parent's row to the list whose elements are here; empty without a parent.
    pub path: Vec<Step>,
    /// The columns with their origins, including those that are in no batch yet.
    pub columns: Vec<ColumnInfo>,
}

impl TableInfo {
    /// The column that bears the name of a field, given as a path with dots.
    #[must_use]
    pub fn column(&self, path: &str) -> Option<&ColumnInfo> {
        let is_it = |steps: &Vec<Step>| {
            let keys = steps.iter().map(|step| match step {
                Step::Key(key) => Some(&**key),
                Step::Repeat(..) | Step::Element => None,
            });
            keys.eq(path.split('.').map(Some))
        };
        // Variants come after the column that bears the name.
        self.columns.iter().find(|column| !column.json && column.path.as_ref().is_some_and(is_it))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) tables: Vec<Table>,
    names: Names,
    /// The schemas that tables had before, at the places that `names` remembers.
    known: Vec<(Arc<str>, SchemaRef)>,
    /// Whose the tables and columns are that were there before.
    known_owners: BTreeMap<String, BTreeMap<String, String>>,
    /// Whose the tables of this shredder are.
    identities: Vec<u128>,
    /// Root tables by normalized name.
    roots: HashMap<String, usize>,
    ready: Vec<TableBatch>,
    ready_bytes: usize,
    changes: Vec<SchemaChange>,
}

impl Store {
    /// Notes the columns that a table has already.
    pub(crate) fn know(&mut self, name: &str, schema: SchemaRef) -> Result<()> {
        let taken =
            self.known.iter().map(|(name, _)| name).chain(self.tables.iter().map(|table| &table.name));
        if taken.into_iter().any(|taken| &**taken == name) {
            return Err(Error::invalid_input("the table's columns are known already")
                .with_operation("shred::add_schema")
                .with_context("table", name));
        }
        // The table may turn out to be a child or a root: both must be able to take the schema.
        Table::new(name.into(), Some((0, vec![], 1))).adopt(&schema)?;
        self.names.remember(name, self.known.len());
        self.known.push((name.into(), schema));
        Ok(())
    }

    /// Keeps a known table and its columns for those who have their values.
    pub(crate) fn keep_for(&mut self, table: &str, owners: BTreeMap<String, String>) {
        if let Some(owner) = owners.get("") {
            self.names.keep_for(table, owner);
        }
        self.known_owners.insert(table.to_owned(), owners);
    }

    /// Who has values in which table and column; a table's own owner stands under the empty name.
    pub(crate) fn owners(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let tables = self.tables.iter().zip(&self.identities).map(|(table, identity)| {
            let own = [(String::new(), id_string(*identity))];
            (table.name.to_string(), table.column_owners().chain(own).collect())
        });
        tables.collect()
    }

    /// The root table of this normalized name; `None` when there is no room for a new one.
    pub(crate) fn root(&mut self, name: &str, max_tables: usize) -> Result<Option<usize>> {
        if let Some(table) = self.roots.get(name) {
            return Ok(Some(*table));
        }
        if self.tables.len() >= max_tables {
            return Ok(None);
        }
        let mut identity = vec![];
        part(&mut identity, b'r', name.as_bytes());
        let table = self.add(name, hash(&identity), None)?;
        self.roots.insert(name.to_owned(), table);
        Ok(Some(table))
    }

    /// The table of a field's lists; `None` when there is no room for a new one.
    pub(crate) fn child(&mut self, parent: usize, field: usize, max_tables: usize) -> Result<Option<usize>> {
        let table = &self.tables[parent];
        let place = &table.shape.fields[field];
        if let Some(child) = place.list {
            return Ok(Some(child));
        }
        if self.tables.len() >= max_tables {
            return Ok(None);
        }
        let mut identity = place.identity.to_le_bytes().to_vec();
        part(&mut identity, b'c', table.name.as_bytes());
        let base = format!("{}__{}", table.name, place.table_name);
        let place = (parent, table.shape.path(field), table.level + 1);
        let child = self.add(&base, hash(&identity), Some(place))?;
        self.tables[parent].shape.fields[field].list = Some(child);
        Ok(Some(child))
    }

    fn add(
        &mut self,
        base: &str,
        identity: u128,
        parent: Option<(usize, Vec<Step>, usize)>,
    ) -> Result<usize> {
        let (name, known) = self.names.claim(base, identity);
        let mut table = Table::new(name, parent);
        if let Some((_, schema)) = known.and_then(|known| self.known.get(known)) {
            table.adopt(schema)?;
            if let Some(owners) = self.known_owners.get(&*table.name) {
                table.keep_for(owners);
            }
        }
        self.tables.push(table);
        self.identities.push(identity);
        Ok(self.tables.len() - 1)
    }

    /// Ends a row, and cuts the table's rows where they are enough for a batch.
    #[inline]
    pub(crate) fn end_row(&mut self, table: usize, row: RowId, options: &ShredOptions) -> Result<()> {
        let rows = &mut self.tables[table];
        rows.end_row(row);
        if rows.len() >= options.batch_rows || rows.bytes() >= options.batch_bytes {
            self.cut(table, options.load_id)?;
        }
        Ok(())
    }

    /// Cuts the largest tables' rows until all together are within `limit`.
    pub(crate) fn shrink_to(&mut self, limit: usize, load_id: i64) -> Result<()> {
        while self.building_bytes() > limit && self.cut_largest(load_id)? {}
        Ok(())
    }

    /// Cuts the rows of the table that has most; false where no table has any.
    pub(crate) fn cut_largest(&mut self, load_id: i64) -> Result<bool> {
        let largest = (0..self.tables.len()).max_by_key(|table| self.tables[*table].bytes());
        let Some(largest) = largest.filter(|table| self.tables[*table].len() > 0) else { return Ok(false) };
        self.cut(largest, load_id).map(|()| true)
    }

    /// Cuts all rows there are.
    pub(crate) fn cut_all(&mut self, load_id: i64) -> Result<()> {
        (0..self.tables.len())
            .filter(|table| self.tables[*table].len() > 0)
            .collect::<Vec<_>>()
            .into_iter()
            .try_for_each(|table| self.cut(table, load_id))
    }

    /// Cuts all rows there are, and makes columns of the fields that were always null.
    pub(crate) fn finish(&mut self, load_id: i64) -> Result<()> {
        for table in 0..self.tables.len() {
            let name = Arc::clone(&self.tables[table].name);
            let Self { tables, names, .. } = self;
            tables[table].settle_blank(|child| names.any_begins_with(&format!("{name}__{child}")));
            let table_now = &self.tables[table];
            let news = table_now.reported.is_none_or(|reported| reported < table_now.width_in_columns());
            if table_now.len() > 0 || (news && table_now.row_number() > 1) {
                self.cut(table, load_id)?;
            }
        }
        Ok(())
    }

    fn cut(&mut self, table: usize, load_id: i64) -> Result<()> {
        let parent = self.tables[table].parent.map(|parent| Arc::clone(&self.tables[parent].name));
        let rows = &mut self.tables[table];
        let batch = rows.cut(load_id)?;
        let name = Arc::clone(&rows.name);
        match rows.reported {
            None => self.changes.push(SchemaChange::NewTable {
                table: Arc::clone(&name),
                parent: parent.clone(),
                schema: batch.schema(),
            }),
            Some(reported) => {
                self.changes.extend(batch.schema().fields().iter().skip(reported).map(|field| {
                    SchemaChange::NewColumn { table: Arc::clone(&name), field: Arc::clone(field) }
                }));
            }
        }
        rows.reported = Some(batch.num_columns());
        self.ready_bytes += batch.get_array_memory_size();
        self.ready.push(TableBatch { table: name, parent, batch });
        Ok(())
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(crate) fn take_ready(&mut self) -> Vec<TableBatch> {
        self.ready_bytes = 0;
        std::mem::take(&mut self.ready)
    }

    pub(crate) fn take_changes(&mut self) -> Vec<SchemaChange> {
        std::mem::take(&mut self.changes)
    }

    /// The bytes that the rows under construction take in memory: columns grow by doubling, so that about a third of them is
    /// room for more.
    pub(crate) fn building_bytes(&self) -> usize {
        self.tables.iter().map(Table::bytes).sum::<usize>() / 2 * 3
    }

    /// The bytes of everything that has not been taken.
    pub(crate) fn bytes(&self) -> usize {
        self.building_bytes() + self.ready_bytes
    }

    pub(crate) fn infos(&self) -> Vec<TableInfo> {
        self.tables
            .iter()
            .map(|table| TableInfo {
                name: Arc::clone(&table.name),
                parent: table.parent.map(|parent| Arc::clone(&self.tables[parent].name)),
                path: table.path.clone(),
                columns: table.columns(),
            })
            .collect()
    }

    pub(crate) fn schema(&self, name: &str) -> Option<SchemaRef> {
        match self.tables.iter().find(|table| &*table.name == name) {
            Some(table) => table.reported.map(|_| table.schema()),
            None => {
                self.known.iter().find(|(known, _)| &**known == name).map(|(_, schema)| Arc::clone(schema))
            }
        }
    }
}
