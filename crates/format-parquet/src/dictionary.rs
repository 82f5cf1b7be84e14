//! Which columns a dictionary would not make smaller.

use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

/// How many values are looked at. Fewer say nothing, and cost little either way.
const SAMPLE: usize = 8192;
/// How many of a hundred may be there already. A column whose values repeat more often than that fits into a dictionary page,
/// which takes some 100,000 numbers; in any other the dictionary fills up, after each of its values was looked for in vain.
const REPEATED: usize = 3;

/// The columns of the first level of which nearly every value is new, by name. Those below lists and structs are not looked at,
/// nor are those of a batch that is too small to tell.
pub(crate) fn without(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    columns.filter(|(_, array)| is_unique(array)).map(|(field, _)| field.name().clone()).collect()
}

fn is_unique(array: &ArrayRef) -> bool {
    if array.len() - array.null_count() < SAMPLE / 2 {
        return false;
    }
    let array = array.slice(0, array.len().min(SAMPLE));
    let valid = |row: &usize| array.is_valid(*row);
    let rows = (0..array.len()).filter(valid);
    match array.data_type() {
        DataType::Utf8 => few_repeat(array.as_string::<i32>().iter().flatten().map(str::as_bytes)),
        DataType::LargeUtf8 => few_repeat(array.as_string::<i64>().iter().flatten().map(str::as_bytes)),
        DataType::Utf8View => few_repeat(array.as_string_view().iter().flatten().map(str::as_bytes)),
        DataType::Binary => few_repeat(array.as_binary::<i32>().iter().flatten()),
        DataType::LargeBinary => few_repeat(array.as_binary::<i64>().iter().flatten()),
        DataType::BinaryView => few_repeat(array.as_binary_view().iter().flatten()),
        DataType::FixedSizeBinary(_) => few_repeat(array.as_fixed_size_binary().iter().flatten()),
        other => match other.primitive_width() {
            // Numbers are told apart by their bytes, which is what a dictionary does as well.
            Some(width) => {
                let data = array.to_data();
                let bytes = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
                let at = |row: usize| bytes.get((data.offset() + row) * width..)?.get(..width);
                few_repeat(rows.filter_map(at))
            }
            None => false,
        },
    }
}

fn few_repeat<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut seen = HashSet::with_capacity(SAMPLE);
    let mut count = 0;
    for value in values {
        count += 1;
        seen.insert(value);
    }
    count > 0 && (count - seen.len()) * 100 <= count * REPEATED
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BooleanArray, Int64Array, StringArray, StringViewArray};

    use super::*;

    fn of(columns: Vec<(&str, ArrayRef)>) -> Vec<String> {
        without(
            &RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
                .unwrap(),
        )
    }

    #[test]
    fn only_columns_whose_values_are_nearly_all_new_go_without() {
        let rows = 10_000_i64;
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new((0..rows).collect::<Int64Array>())),
            (
                "city",
                Arc::new((0..rows).map(|row| Some(format!("city {}", row % 500))).collect::<StringArray>()),
            ),
            (
                "note",
                Arc::new(
                    (0..rows)
                        .map(|row| (row % 3 != 0).then(|| format!("note {row}")))
                        .collect::<StringViewArray>(),
                ),
            ),
            // Every twentieth value is one that was there.
            (
                "often",
                Arc::new((0..rows).map(|row| if row % 20 == 0 { 7 } else { row }).collect::<Int64Array>()),
            ),
            ("none", Arc::new((0..rows).map(|_| None::<i64>).collect::<Int64Array>())),
            ("flag", Arc::new((0..rows).map(|row| Some(row % 2 == 0)).collect::<BooleanArray>())),
        ];
        assert_eq!(of(columns), ["id", "note"]);
    }

    #[test]
    fn slices_are_looked_at_where_they_begin() {
        let twice = (0..20_000_i64).map(|row| if row < 10_000 { 1 } else { row }).collect::<Int64Array>();
        assert_eq!(of(vec![("id", Arc::new(twice.slice(10_000, 10_000)))]), ["id"]);
        assert!(of(vec![("id", Arc::new(twice.slice(5_000, 10_000)))]).is_empty());
    }

    #[test]
    fn few_rows_say_nothing() {
        assert!(of(vec![("id", Arc::new((0..100).collect::<Int64Array>()))]).is_empty());
    }
}
