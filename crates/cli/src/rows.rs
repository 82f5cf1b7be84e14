//! Rows that the program makes itself, so that they go out in every format as others do.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use stitchwork::Result;
use stitchwork::core::{BatchStream, BatchStreamAdapter};

/// Columns under construction, row by row.
#[derive(Debug)]
pub(crate) struct Rows(Vec<(&'static str, Cells)>);

#[derive(Debug)]
enum Cells {
    Text(Vec<Option<String>>),
    Count(Vec<Option<u64>>),
    Number(Vec<Option<i64>>),
    Flag(Vec<Option<bool>>),
}

/// One value.
#[derive(Debug)]
pub(crate) enum Cell {
    Text(Option<String>),
    Count(Option<u64>),
    Number(Option<i64>),
    Flag(Option<bool>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(Some(count))
    }
}

impl Rows {
    /// No row yet; each column with its name and a value that tells its type.
    pub(crate) fn new(columns: &[(&'static str, Cell)]) -> Self {
        let cells = |cell: &Cell| match cell {
            Cell::Text(_) => Cells::Text(vec![]),
            Cell::Count(_) => Cells::Count(vec![]),
            Cell::Number(_) => Cells::Number(vec![]),
            Cell::Flag(_) => Cells::Flag(vec![]),
        };
        Self(columns.iter().map(|(name, cell)| (*name, cells(cell))).collect())
    }

    /// Adds a row; a value of another type than its column's is null.
    pub(crate) fn push<const N: usize>(&mut self, row: [Cell; N]) {
        for ((_, cells), cell) in self.0.iter_mut().zip(row) {
            match (cells, cell) {
                (Cells::Text(cells), Cell::Text(cell)) => cells.push(cell),
                (Cells::Count(cells), Cell::Count(cell)) => cells.push(cell),
                (Cells::Number(cells), Cell::Number(cell)) => cells.push(cell),
                (Cells::Flag(cells), Cell::Flag(cell)) => cells.push(cell),
                (Cells::Text(cells), _) => cells.push(None),
                (Cells::Count(cells), _) => cells.push(None),
                (Cells::Number(cells), _) => cells.push(None),
                (Cells::Flag(cells), _) => cells.push(None),
            }
        }
    }

    /// Whether there is no row yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.first().is_none_or(|(_, cells)| match cells {
            Cells::Text(cells) => cells.is_empty(),
            Cells::Count(cells) => cells.is_empty(),
            Cells::Number(cells) => cells.is_empty(),
            Cells::Flag(cells) => cells.is_empty(),
        })
    }

    /// The rows as the result of a query.
    pub(crate) fn into_stream(self) -> Result<BatchStream> {
        let columns = self.0.into_iter().map(|(name, cells)| {
            let array: ArrayRef = match cells {
                Cells::Text(cells) => Arc::new(StringArray::from(cells)),
                Cells::Count(cells) => Arc::new(UInt64Array::from(cells)),
                Cells::Number(cells) => Arc::new(Int64Array::from(cells)),
                Cells::Flag(cells) => Arc::new(BooleanArray::from(cells)),
            };
            (name, array, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
        Ok(BatchStreamAdapter::from_batches(batch.schema(), vec![batch]))
    }
}
