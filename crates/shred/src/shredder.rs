//! The shredder: JSON in, batches of tables out.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use arrow_schema::SchemaRef;
use jiter::Jiter;
use stitchwork_core::{Error, Result};

use crate::hash::{hash, part};
use crate::namer::split_path;
use crate::options::{MAX_ROW_BYTES, ShredOptions};
use crate::scan::{Found, Scanner, Wanted};
use crate::store::{SchemaChange, Store, TableBatch, TableInfo};
use crate::walk::Walk;

/// All tables' sizes are added up after this many bytes of JSON.
const CHECK_EVERY: usize = 256 << 10;

/// The rows of a JSON text, for [`Shredder::push_some`].
#[derive(Debug)]
pub struct JsonRows<'j> {
    scanner: Scanner<'j>,
}

impl<'j> JsonRows<'j> {
    /// The rows of whole JSON values, as [`Shredder::push`] takes them.
    #[must_use]
    pub fn new(json: &'j [u8]) -> Self {
        Self { scanner: Scanner::new(json) }
    }
}

/// Turns the JSON rows of one stream into batches of relational tables.
///
/// Rows are built straight into columns. A table's rows become a batch when there are enough of them, which
/// depends on the rows alone and not on how they were cut into calls of [`Shredder::push`]: the same rows under the
/// same options give the same batches, byte for byte.
pub struct Shredder {
    options: ShredOptions,
    store: Store,
    wanted: Wanted,
    /// Where in [`Found`] the fields of the table's name and those of the key are.
    name_fields: Vec<usize>,
    key_fields: Vec<usize>,
    /// The tables by the JSON text of the fields that name them.
    named: HashMap<Vec<u8>, usize>,
    found: Found,
    scratch: Vec<u8>,
    tape: Vec<u8>,
    rows: u64,
    /// The position within the load of the next row.
    position: u64,
    unchecked: usize,
    poisoned: bool,
}

impl Shredder {
    /// A shredder without tables.
    ///
    /// # Errors
    /// `InvalidConfig` when an option is out of its range.
    pub fn new(options: ShredOptions) -> Result<Self> {
        options.check()?;
        let mut wanted = Wanted::default();
        let name_fields = options.table.paths().map(|path| wanted.add(path.clone())).collect();
        let key_fields = options.primary_key.iter().map(|path| wanted.add(split_path(path))).collect();
        Ok(Self {
            position: options.first_row,
            options,
            store: Store::default(),
            wanted,
            name_fields,
            key_fields,
            named: HashMap::new(),
            found: vec![],
            scratch: vec![],
            tape: vec![],
            rows: 0,
            unchecked: 0,
            poisoned: false,
        })
    }

    /// Tells of a table that exists already, as [`Shredder::add_schema`] does.
    ///
    /// # Errors
    /// As [`Shredder::add_schema`].
    pub fn with_schema(mut self, table: &str, schema: SchemaRef) -> Result<Self> {
        self.add_schema(table, schema)?;
        Ok(self)
    }

    /// Tells of a table that exists already, before the first row. Its columns keep their names, types and places
    /// in all batches, and new ones come after them.
    ///
    /// # Errors
    /// `InvalidInput` when the table is known already, or a system column has another type than it has here.
    pub fn add_schema(&mut self, table: &str, schema: SchemaRef) -> Result<()> {
        self.store.know(table, schema)
    }

    /// Tells who has the values of an existing table and its columns, as [`Shredder::owners`] told it earlier: after
    /// [`Shredder::add_schema`] and before the first row. No key gets the column of another one then. A column that
    /// is not in `owners` goes to the first key of its name.
    pub fn add_owners(&mut self, table: &str, owners: BTreeMap<String, String>) {
        self.store.keep_for(table, owners);
    }

    /// Takes rows: whole JSON values in UTF-8, as an array of rows, as lines, or one after the other. A row that is
    /// not an object becomes one with the field `value`. Gives the number of rows.
    ///
    /// # Errors
    /// `InvalidData` when the JSON is broken, with the place and no content; `InvalidInput` when there would be too
    /// many tables. The rows before the broken one are in, that one and those after it are not, and the shredder
    /// can go on. `InvalidInput` also when an existing table has a column that forbids nulls and a row has none for
    /// it: then the shredder is of no more use.
    pub fn push(&mut self, json: &[u8]) -> Result<u64> {
        let before = self.rows;
        let mut rows = JsonRows::new(json);
        while self.step(&mut rows)? {}
        Ok(self.rows - before)
    }

    /// Takes rows until a batch is complete or there are no more; false at the end. So no more waits in memory than
    /// the limits of the batches say, however large the text is and however many rows its lists make.
    ///
    /// # Errors
    /// As [`Shredder::push`].
    pub fn push_some(&mut self, rows: &mut JsonRows<'_>) -> Result<bool> {
        while self.step(rows)? {
            if self.store.has_ready() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes one row; false at the end.
    fn step(&mut self, rows: &mut JsonRows<'_>) -> Result<bool> {
        self.check_usable()?;
        let taken = match rows.scanner.next(&self.wanted, &mut self.found) {
            Ok(Some((start, row))) => {
                self.row(row).map(|()| true).map_err(|e| e.with_context("offset", start))
            }
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        taken.map_err(|error| {
            error.with_context("stream", &self.options.stream).with_context("row", self.position)
        })
    }

    /// Builds one row that the scanner has passed.
    fn row(&mut self, row: &str) -> Result<()> {
        if row.len() > MAX_ROW_BYTES {
            return Err(Error::invalid_data("a row is larger than 512 MiB").with_operation("shred::push"));
        }
        let table = self.table_of(row)?;
        let id = self.row_id(row);
        let jiter = Jiter::with_tape(row.as_bytes(), std::mem::take(&mut self.tape));
        let mut walk = Walk::new(jiter, &mut self.store, &self.options);
        let built = walk.row(table, id);
        self.tape = walk.into_tape();
        self.settle(built)?;
        self.rows += 1;
        self.position += 1;
        self.unchecked += row.len();
        if self.unchecked >= CHECK_EVERY {
            self.unchecked = 0;
            let shrunk = self.store.shrink_to(self.options.buffer_bytes, self.options.load_id);
            self.settle(shrunk)?;
        }
        Ok(())
    }

    fn table_of(&mut self, row: &str) -> Result<usize> {
        self.scratch.clear();
        for field in &self.name_fields {
            match text(row, &self.found, *field) {
                Some(json) => part(&mut self.scratch, b'v', json.as_bytes()),
                None => self.scratch.push(b'm'),
            }
        }
        if let Some(table) = self.named.get(&self.scratch) {
            return Ok(*table);
        }
        let name =
            self.options.table.name(self.name_fields.iter().map(|field| text(row, &self.found, *field)));
        let Some(table) = self.store.root(&name, self.options.max_tables)? else {
            return Err(Error::invalid_input(
                "the rows would make too many tables; mend the table name template, or raise `max_tables` of the stream",
            )
            .with_operation("shred::push")
            .with_context("max_tables", self.options.max_tables));
        };
        if self.named.len() < self.options.max_tables.saturating_mul(4) {
            self.named.insert(self.scratch.clone(), table);
        }
        Ok(table)
    }

    /// The id of a row: from its key where it has one, else from its place in the load.
    fn row_id(&mut self, row: &str) -> u128 {
        let bytes = &mut self.scratch;
        bytes.clear();
        part(bytes, b's', self.options.stream.as_bytes());
        let keyed = !self.key_fields.is_empty()
            && self.key_fields.iter().all(|field| match text(row, &self.found, *field) {
                Some(json) if json != "null" => {
                    key_part(bytes, json);
                    true
                }
                _ => false,
            });
        if !keyed {
            bytes.clear();
            part(bytes, b's', self.options.stream.as_bytes());
            part(bytes, b'l', &self.options.load_id.to_le_bytes());
            part(bytes, b'p', &self.position.to_le_bytes());
        }
        hash(bytes)
    }

    /// Ends the use of the shredder on an error: a row that stopped half-way would shift the columns of its tables
    /// against one another, and rows that became no batch are gone.
    fn settle(&mut self, result: Result<()>) -> Result<()> {
        self.poisoned |= result.is_err();
        result
    }

    fn cut_all(&mut self) -> Result<()> {
        self.check_usable()?;
        let cut = self.store.cut_all(self.options.load_id);
        self.settle(cut)
    }

    fn check_usable(&self) -> Result<()> {
        if self.poisoned {
            return Err(Error::unexpected(
                "the shredder has stopped at an earlier error; start the load again",
            )
            .with_operation("shred::push")
            .with_context("stream", &self.options.stream));
        }
        Ok(())
    }

    /// The batches that are complete.
    pub fn take_full(&mut self) -> Vec<TableBatch> {
        self.store.take_ready()
    }

    /// All rows that have not been taken, for a checkpoint; the tables go on.
    ///
    /// # Errors
    /// `InvalidInput` when the rows do not fit an existing table.
    pub fn flush(&mut self) -> Result<Vec<TableBatch>> {
        self.cut_all()?;
        Ok(self.store.take_ready())
    }

    /// The batches that are complete, and the rows of the table that has most of those that are not; none where there are no rows.
    /// So a caller who holds too much need not make batches of all tables at once.
    ///
    /// # Errors
    /// `InvalidInput` when the rows do not fit an existing table.
    pub fn flush_largest(&mut self) -> Result<Vec<TableBatch>> {
        self.check_usable()?;
        let cut = self.store.cut_largest(self.options.load_id).map(drop);
        self.settle(cut)?;
        Ok(self.store.take_ready())
    }

    /// All rows that have not been taken, and the changes. Fields that were always null, or always an empty list or
    /// object, become columns of text; where a table has no rows left, a batch without rows brings them.
    ///
    /// # Errors
    /// `InvalidInput` when the rows do not fit an existing table.
    pub fn finish(mut self) -> Result<(Vec<TableBatch>, Vec<SchemaChange>)> {
        self.check_usable()?;
        self.store.finish(self.options.load_id)?;
        Ok((self.store.take_ready(), self.store.take_changes()))
    }

    /// Begins another load: what was pushed before keeps its load's id, and positions start at 0.
    ///
    /// # Errors
    /// `InvalidInput` when the rows do not fit an existing table.
    pub fn begin_load(&mut self, load_id: i64) -> Result<()> {
        self.cut_all()?;
        self.options.load_id = load_id;
        self.position = 0;
        Ok(())
    }

    /// What became different in the tables since the last call. A change is here as soon as the batch that has it.
    pub fn take_changes(&mut self) -> Vec<SchemaChange> {
        self.store.take_changes()
    }

    /// The bytes of the rows and batches that have not been taken.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.store.bytes()
    }

    /// How many rows have been pushed; those of child tables do not count.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The tables as they are now, parents before their children.
    #[must_use]
    pub fn tables(&self) -> Vec<TableInfo> {
        self.store.infos()
    }

    /// Whose values the columns of each table have: an id of the source key under the name of the column, and an id of
    /// the table's own origin under the empty name. Meant to be kept, and given to [`Shredder::add_owners`] in the
    /// next load. It says nothing of columns that hold only nulls.
    #[must_use]
    pub fn owners(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.store.owners()
    }

    /// The columns of a table's last batch, or those it had before; `None` for a table without either.
    #[must_use]
    pub fn schema(&self, table: &str) -> Option<SchemaRef> {
        self.store.schema(table)
    }
}

impl fmt::Debug for Shredder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shredder")
            .field("stream", &self.options.stream)
            .field("rows", &self.rows)
            .field("tables", &self.store.tables.len())
            .field("buffered_bytes", &self.buffered_bytes())
            .finish_non_exhaustive()
    }
}

/// The JSON text of a wanted value.
fn text<'r>(row: &'r str, found: &Found, field: usize) -> Option<&'r str> {
    row.get(found.get(field)?.clone()?)
}

/// Appends a key's value: strings by their characters, however they are escaped, other values as written.
fn key_part(bytes: &mut Vec<u8>, json: &str) {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => part(bytes, b't', plain.as_bytes()),
        Some(_) => {
            let mut jiter = Jiter::new(json.as_bytes());
            part(bytes, b't', jiter.next_str().unwrap_or(json).as_bytes());
        }
        None => part(bytes, b'j', json.as_bytes()),
    }
}
