//! Texts of a driver. Arrow takes them for UTF-8 without a look, and Rust's texts rely on it.

use arrow_array::cast::AsArray;
use arrow_array::{Array, GenericStringArray, OffsetSizeTrait, RecordBatch, make_array};
use arrow_schema::DataType;
use stitchwork_core::{Error, Result};

/// Refuses rows with a text that is no UTF-8; `before` are the rows that came before these.
///
/// # Errors
/// `InvalidData`, with the column and the row.
pub(crate) fn check(batch: &RecordBatch, before: u64) -> Result<()> {
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if is_sound(column.as_ref()) {
            continue;
        }
        let row = (0..column.len()).find(|row| !is_sound(column.slice(*row, 1).as_ref()));
        return Err(Error::invalid_data(
            "a text of the database is no UTF-8; leave it out, or cast it to bytes in the query",
        )
        .with_operation("adbc::rows")
        .with_context("column", field.name())
        .with_context("row", before + row.unwrap_or(0) as u64));
    }
    Ok(())
}

fn is_sound(array: &dyn Array) -> bool {
    match array.data_type() {
        DataType::Utf8 => texts(array.as_string::<i32>()),
        DataType::LargeUtf8 => texts(array.as_string::<i64>()),
        DataType::Utf8View => {
            let views = array.as_string_view().clone().to_binary_view();
            views.iter().flatten().all(|bytes| std::str::from_utf8(bytes).is_ok())
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            part(list.values().as_ref(), list.value_offsets())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            part(list.values().as_ref(), list.value_offsets())
        }
        DataType::Map(..) => {
            let map = array.as_map();
            part(map.entries(), map.value_offsets())
        }
        DataType::FixedSizeList(..) => is_sound(array.as_fixed_size_list().values().as_ref()),
        DataType::Struct(_) => array.as_struct().columns().iter().all(|column| is_sound(column.as_ref())),
        DataType::Dictionary(..) => is_sound(array.as_any_dictionary().values().as_ref()),
        other if other.is_nested() => {
            array.to_data().child_data().iter().all(|child| is_sound(make_array(child.clone()).as_ref()))
        }
        _ => true,
    }
}

/// Whether the elements of these lists are sound; a slice shares its elements with what it was cut from.
fn part<O: OffsetSizeTrait>(elements: &dyn Array, offsets: &[O]) -> bool {
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return true };
    is_sound(elements.slice(first.as_usize(), last.as_usize() - first.as_usize()).as_ref())
}

fn texts<O: OffsetSizeTrait>(array: &GenericStringArray<O>) -> bool {
    let (offsets, bytes) = (array.value_offsets(), array.value_data());
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return true };
    let all = bytes.get(first.as_usize()..last.as_usize()).unwrap_or_default();
    if all.is_ascii() {
        return true;
    }
    // All at once is fast. Places of nulls may hold anything, so that one by one has the last word.
    let begins = |offset: &O| bytes.get(offset.as_usize()).is_none_or(|byte| byte & 0xC0 != 0x80);
    if std::str::from_utf8(all).is_ok() && offsets.iter().all(begins) {
        return true;
    }
    let values = offsets.iter().zip(offsets.iter().skip(1)).enumerate();
    values.filter(|(row, _)| array.is_valid(*row)).all(|(_, (from, to))| {
        bytes.get(from.as_usize()..to.as_usize()).is_some_and(|text| std::str::from_utf8(text).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BinaryArray, StringArray};
    use arrow_data::ArrayData;
    use arrow_schema::Field;
    use stitchwork_core::ErrorKind;

    use super::*;

    /// Texts as a driver might give them.
    fn given(values: Vec<Option<&[u8]>>) -> ArrayRef {
        let data = BinaryArray::from(values).into_data();
        let builder = ArrayData::builder(DataType::Utf8).len(data.len()).nulls(data.nulls().cloned());
        let builder = builder.buffers(data.buffers().to_vec());
        // SAFETY: the offsets are those of bytes; that these are no UTF-8 is what is tested.
        make_array(unsafe { builder.build_unchecked() })
    }

    fn row_of(array: ArrayRef) -> Option<String> {
        let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
        let error = check(&batch, 10).err()?;
        assert_eq!((error.kind(), error.context("column")), (ErrorKind::InvalidData, Some("a")));
        error.context("row").map(str::to_owned)
    }

    #[test]
    fn what_is_no_utf8_is_found_with_its_row() {
        let sound = StringArray::from(vec![Some("a"), None, Some("ü東")]);
        assert_eq!(row_of(Arc::new(sound)), None);
        let broken = given(vec![Some(b"a"), None, Some(b"\xfc"), Some("ü".as_bytes())]);
        assert_eq!(row_of(broken.clone()).as_deref(), Some("12"));
        assert_eq!(row_of(broken.slice(0, 2)), None);
        assert_eq!(row_of(broken.slice(3, 1)), None);
        // Two halves are no letter, though they are one together.
        let (first, second) = "ü".as_bytes().split_at(1);
        assert_eq!(row_of(given(vec![Some(first), Some(second)])).as_deref(), Some("10"));

        let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
        let lists = ArrayData::builder(DataType::List(item)).len(2).add_buffer(vec![0_i32, 2, 4].into());
        let lists = make_array(lists.add_child_data(broken.to_data()).build().unwrap());
        assert_eq!(row_of(lists.clone()).as_deref(), Some("11"));
        assert_eq!(row_of(lists.slice(0, 1)), None);
    }
}
