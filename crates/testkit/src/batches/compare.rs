//! Comparing rows whatever their batches, widths of offsets and encodings are.

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::ArrowError;

/// Each row as a text, in order: its values in arrow's spelling, nulls apart from every text.
///
/// # Errors
/// For a type that arrow cannot spell.
pub fn row_texts(batches: &[RecordBatch]) -> Result<Vec<String>, ArrowError> {
    let options = FormatOptions::new().with_null("∅");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| column.value(row).try_to_string());
            rows.push(values.collect::<Result<Vec<_>, _>>()?.join(" | "));
        }
    }
    Ok(rows)
}

/// Each row as a text, in an order that only depends on the rows.
///
/// # Errors
/// As [`row_texts`].
pub fn sorted_row_texts(batches: &[RecordBatch]) -> Result<Vec<String>, ArrowError> {
    let mut rows = row_texts(batches)?;
    rows.sort();
    Ok(rows)
}

/// Where two lists of rows differ first, in words; `None` where they are equal.
#[must_use]
pub fn difference(got: &[String], want: &[String]) -> Option<String> {
    let place = got.iter().zip(want).position(|(a, b)| a != b);
    match place {
        Some(row) => Some(format!("row {row} is\n  {}\nand not\n  {}", got[row], want[row])),
        None if got.len() != want.len() => {
            let rest = if got.len() > want.len() { &got[want.len()..] } else { &want[got.len()..] };
            let first = rest.first().map_or("", String::as_str);
            Some(format!("{} rows instead of {}; the first of the rest is\n  {first}", got.len(), want.len()))
        }
        None => None,
    }
}

/// Asserts that two lists of batches have the same rows in the same order, and shows where they differ.
#[macro_export]
macro_rules! assert_batches_eq {
    ($got:expr, $want:expr $(,)?) => {
        match ($crate::batches::row_texts(&$got), $crate::batches::row_texts(&$want)) {
            (Ok(got), Ok(want)) => {
                if let Some(difference) = $crate::batches::difference(&got, &want) {
                    ::std::panic!("{difference}");
                }
            }
            (got, want) => ::std::panic!("the rows cannot be shown: {:?} {:?}", got.err(), want.err()),
        }
    };
}

/// Asserts that two lists of batches have the same rows in any order, and shows where they differ.
#[macro_export]
macro_rules! assert_same_rows {
    ($got:expr, $want:expr $(,)?) => {
        match ($crate::batches::sorted_row_texts(&$got), $crate::batches::sorted_row_texts(&$want)) {
            (Ok(got), Ok(want)) => {
                if let Some(difference) = $crate::batches::difference(&got, &want) {
                    ::std::panic!("{difference}");
                }
            }
            (got, want) => ::std::panic!("the rows cannot be shown: {:?} {:?}", got.err(), want.err()),
        }
    };
}
