//! The second look at a row: its values go straight into the builders.

use jiter::{Jiter, JiterError, Peek};
use stitchwork_core::{Error, Result};

use crate::column::Kind;
use crate::hash::hash;
use crate::number;
use crate::options::ShredOptions;
use crate::shape::ROW;
use crate::store::Store;
use crate::system::RowId;
use crate::time::{parse_date, parse_instant};

/// Builds one row that the scanner has passed.
#[derive(Debug)]
pub(crate) struct Walk<'a, 'j> {
    jiter: Jiter<'j>,
    store: &'a mut Store,
    options: &'a ShredOptions,
}

/// The scanner has accepted what is walked here, so that such an error is a bug.
fn unexpected(error: JiterError) -> Error {
    Error::unexpected("a row that was checked does not parse")
        .with_operation("shred::push")
        .with_source(error)
}

impl<'a, 'j> Walk<'a, 'j> {
    pub(crate) fn new(jiter: Jiter<'j>, store: &'a mut Store, options: &'a ShredOptions) -> Self {
        Self { jiter, store, options }
    }

    pub(crate) fn into_tape(self) -> Vec<u8> {
        self.jiter.into_tape()
    }

    /// Builds the row, and the rows of its lists.
    pub(crate) fn row(&mut self, table: usize, id: u128) -> Result<()> {
        let peek = self.jiter.peek().map_err(unexpected)?;
        let row = RowId { id, root: id, parent: id, index: 0 };
        self.element(table, peek, row, 1)?;
        self.store.end_row(table, row, self.options)
    }

    /// Builds the value of a row. `depth` is how deep the row is nested.
    fn element(&mut self, table: usize, peek: Peek, row: RowId, depth: usize) -> Result<()> {
        if peek == Peek::Object && depth <= self.options.max_depth {
            self.object(table, ROW, row, depth)?;
            return Ok(());
        }
        let field = self.store.tables[table].shape.element();
        self.value(table, field, peek, row, depth)
    }

    /// Builds the values of an object into a node of the table; false when it has none.
    fn object(&mut self, table: usize, node: usize, row: RowId, depth: usize) -> Result<bool> {
        let mut key = self.jiter.known_object().map_err(unexpected)?;
        let any = key.is_some();
        let mut hint = 0;
        while let Some(name) = key {
            let shape = &mut self.store.tables[table].shape;
            let found = match shape.lookup(node, hint, name) {
                None if shape.has_room(self.options.max_columns) => Some(shape.add(node, name)),
                found => found,
            };
            match found {
                Some((field, position)) => {
                    hint = position + 1;
                    let peek = self.jiter.peek().map_err(unexpected)?;
                    self.value(table, field, peek, row, depth + 1)?;
                }
                None => {
                    let pointer = shape.pointer_to_key(node, name);
                    let peek = self.jiter.peek().map_err(unexpected)?;
                    self.overflow(table, &pointer, peek)?;
                }
            }
            key = self.jiter.next_key().map_err(unexpected)?;
        }
        Ok(any)
    }

    /// Builds a value in a place of the table. `depth` is how deep the value is nested.
    fn value(&mut self, table: usize, field: usize, peek: Peek, row: RowId, depth: usize) -> Result<()> {
        let rows = &mut self.store.tables[table];
        if peek == Peek::Null {
            rows.shape.fields[field].blank = true;
            return self.jiter.known_null().map_err(unexpected);
        }
        let field = match rows.shape.occupy(field, rows.row_number(), self.options.max_columns) {
            Ok(field) => field,
            Err(last) => {
                let pointer = rows.shape.pointer(last);
                return self.overflow(table, &pointer, peek);
            }
        };
        match peek {
            Peek::String => {
                let text = self.jiter.known_str().map_err(unexpected)?;
                let options = self.options;
                rows.put_text(field, text, |text| kind_of(text, options));
            }
            Peek::True | Peek::False => {
                let value = self.jiter.known_bool(peek).map_err(unexpected)?;
                rows.put_bool(field, value);
            }
            Peek::Object if depth <= self.options.max_depth => {
                let node = rows.shape.node(field);
                if !self.object(table, node, row, depth)? {
                    self.store.tables[table].shape.fields[field].blank = true;
                }
            }
            Peek::Array if depth <= self.options.max_depth => self.list(table, field, row, depth)?,
            Peek::Object | Peek::Array => {
                let json = self.json(peek)?;
                self.store.tables[table].put_json(field, json);
            }
            _ => {
                let bytes = self.jiter.known_number_bytes(peek).map_err(unexpected)?;
                // Numbers are ASCII.
                let text = str::from_utf8(bytes).unwrap_or_default();
                rows.put_number(field, number::read(text), text);
            }
        }
        Ok(())
    }

    /// Builds the rows of a list in its child table.
    fn list(&mut self, table: usize, field: usize, row: RowId, depth: usize) -> Result<()> {
        let nested = self.options.max_table_nesting.is_none_or(|most| self.store.tables[table].level < most);
        let start = self.jiter.current_index();
        let mut element = self.jiter.clone();
        if element.known_array().map_err(unexpected)?.is_none() {
            self.store.tables[table].shape.fields[field].blank = true;
            return self.jiter.known_skip(Peek::Array).map_err(unexpected);
        }
        let child = if nested { self.store.child(table, field, self.options.max_tables)? } else { None };
        let Some(child) = child else {
            self.jiter.known_skip(Peek::Array).map_err(unexpected)?;
            let json = json_text(self.jiter.slice_to_current(start));
            self.store.tables[table].put_json(field, json);
            return Ok(());
        };
        let mut next = self.jiter.known_array().map_err(unexpected)?;
        let mut index = 0;
        while let Some(peek) = next {
            let id = child_id(row.id, self.store.tables[child].identity, index);
            let element = RowId { id, root: row.root, parent: row.id, index };
            self.element(child, peek, element, depth + 1)?;
            self.store.end_row(child, element, self.options)?;
            index += 1;
            next = self.jiter.array_step().map_err(unexpected)?;
        }
        Ok(())
    }

    /// Keeps a value for which its table has no room.
    fn overflow(&mut self, table: usize, pointer: &str, peek: Peek) -> Result<()> {
        let json = self.json(peek)?;
        self.store.tables[table].put_overflow(pointer, json);
        Ok(())
    }

    /// Passes over a value and gives its text.
    fn json(&mut self, peek: Peek) -> Result<&'j str> {
        let start = self.jiter.current_index();
        self.jiter.known_skip(peek).map_err(unexpected)?;
        Ok(json_text(self.jiter.slice_to_current(start)))
    }
}

/// The scanner gives only UTF-8, and values begin and end at ASCII characters.
fn json_text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// What column a field gets whose first value is this string.
fn kind_of(text: &str, options: &ShredOptions) -> Kind {
    if options.detect_timestamps && parse_instant(text).is_some() {
        Kind::Instant
    } else if options.detect_dates && parse_date(text).is_some() {
        Kind::Date
    } else {
        Kind::Text
    }
}

/// The id of a list's element: from its parent row, its table and its place.
fn child_id(parent: u128, table: u128, index: i64) -> u128 {
    let mut bytes = [b'c'; 41];
    bytes[1..17].copy_from_slice(&parent.to_le_bytes());
    bytes[17..33].copy_from_slice(&table.to_le_bytes());
    bytes[33..].copy_from_slice(&index.to_le_bytes());
    hash(&bytes)
}
