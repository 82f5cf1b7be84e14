//! The columns that every table has beside its data.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Int64Array, StringArray};
use arrow_schema::DataType;

use crate::hash::{ID_LENGTH, id_text};

/// The column of a row's id.
pub const ROW_ID: &str = "_row_id";
/// The column of the id of the row that a child row's list stands in.
pub const PARENT_ID: &str = "_parent_id";
/// The column of the id of the outermost row around a child row.
pub const ROOT_ID: &str = "_root_id";
/// The column of a child row's place in its list, from 0.
pub const LIST_INDEX: &str = "_list_index";
/// The column of the load that brought a row.
pub const LOAD_ID: &str = "_load_id";
/// The column of what is beyond the greatest number of columns: a JSON object from JSON pointers to values.
pub const OVERFLOW: &str = "_overflow";

/// The system columns, in the order in which they lead a table.
pub(crate) const SYSTEM: [&str; 5] = [ROW_ID, PARENT_ID, ROOT_ID, LIST_INDEX, LOAD_ID];

/// Where a row stands: its own id and those of the rows around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowId {
    pub(crate) id: u128,
    pub(crate) root: u128,
    pub(crate) parent: u128,
    pub(crate) index: i64,
}

/// The type of a system column.
pub(crate) fn data_type(name: &str) -> DataType {
    match name {
        LIST_INDEX | LOAD_ID => DataType::Int64,
        _ => DataType::Utf8,
    }
}

/// The values of a system column.
pub(crate) fn array(name: &str, rows: &[RowId], load_id: i64) -> ArrayRef {
    match name {
        ROW_ID => Arc::new(ids(rows, |row| row.id)),
        PARENT_ID => Arc::new(ids(rows, |row| row.parent)),
        ROOT_ID => Arc::new(ids(rows, |row| row.root)),
        LIST_INDEX => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.index))),
        _ => Arc::new(Int64Array::from_value(load_id, rows.len())),
    }
}

fn ids(rows: &[RowId], id: impl Fn(&RowId) -> u128) -> StringArray {
    let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * ID_LENGTH);
    for row in rows {
        let text = id_text(id(row));
        // The digits are ASCII.
        builder.append_value(str::from_utf8(&text).unwrap_or_default());
    }
    builder.finish()
}
