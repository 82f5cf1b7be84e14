//! Rows as a table for people.
//!
//! The widths of the columns are those of the first rows. Later rows are written as they come, so that memory does not
//! grow with the result; a longer value among them moves its line.

use std::fmt::Write as _;
use std::io::Write;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, SchemaRef};
use stitchwork::Result;
use unicode_width::UnicodeWidthStr;

use super::pipe::Pipe;

/// How many rows the widths are taken from.
const SAMPLE_ROWS: usize = 1000;
/// How many bytes of texts are held until then.
const SAMPLE_BYTES: usize = 4 << 20;
/// How a null is written.
const NULL: &str = "NULL";

pub(super) struct TableWriter {
    pipe: Pipe,
    schema: SchemaRef,
    /// The rows from which widths are taken, and the bytes of their texts.
    sample: Vec<Vec<String>>,
    sample_bytes: usize,
    widths: Option<Vec<usize>>,
}

impl TableWriter {
    pub(super) fn new(pipe: Pipe, schema: SchemaRef) -> Self {
        Self { pipe, schema, sample: vec![], sample_bytes: 0, widths: None }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = FormatOptions::default().with_null(NULL);
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                cells.push(match column.value(row).try_to_string() {
                    Ok(text) => on_one_line(&text),
                    // A day or time may be outside of the years: the other values are worth seeing.
                    Err(reason) => on_one_line(&format!("<no text: {reason}>")),
                });
            }
            match &self.widths {
                Some(widths) => {
                    let line = self.line(&cells, widths);
                    self.pipe.write_all(line.as_bytes())?;
                }
                None => {
                    self.sample_bytes += cells.iter().map(String::len).sum::<usize>();
                    self.sample.push(cells);
                    if self.sample.len() >= SAMPLE_ROWS || self.sample_bytes >= SAMPLE_BYTES {
                        self.begin()?;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if self.widths.is_none() {
            self.begin()?;
        }
        let widths = self.widths.take().unwrap_or_default();
        Ok(self.pipe.write_all(rule(&widths).as_bytes())?)
    }

    /// Writes the head of the table and the rows that were held.
    fn begin(&mut self) -> Result<()> {
        let names: Vec<String> = self.schema.fields().iter().map(|field| on_one_line(field.name())).collect();
        let width = |place: usize| {
            let cells = self.sample.iter().filter_map(|row| row.get(place));
            cells.chain(names.get(place)).map(|cell| cell.width()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..names.len()).map(width).collect();
        let mut text = rule(&widths);
        text.push_str(&self.line(&names, &widths));
        text.push_str(&rule(&widths));
        for row in std::mem::take(&mut self.sample) {
            text.push_str(&self.line(&row, &widths));
        }
        self.widths = Some(widths);
        Ok(self.pipe.write_all(text.as_bytes())?)
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width), field) in cells.iter().zip(widths).zip(self.schema.fields()) {
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            let right = is_number(field.data_type());
            let (before, after) = if right { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            // Writing into a text cannot fail.
            let _ = write!(line, "| {before}{cell}{after} ");
        }
        line.push_str("|\n");
        line
    }
}

fn rule(widths: &[usize]) -> String {
    let mut line: String = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect();
    line.push_str("+\n");
    line
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() && !matches!(data_type, DataType::Dictionary(..))
}

/// A text without what would break the table or command the terminal.
fn on_one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}
