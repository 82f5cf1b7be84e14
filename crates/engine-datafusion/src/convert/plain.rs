//! Views as plain texts and bytes.
//!
//! Every text of a result comes through here, where Arrow's cast appends value by value; most texts are short, and a copy of
//! a fixed size costs less than one of each text's own.

use std::sync::Arc;

use arrow::array::ByteView;
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow_array::types::ByteViewType;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, GenericByteViewArray, StringArray, StringViewArray,
};
use stitchwork_core::{Error, Result};

/// So many bytes are copied at once of a value that is longer than what a view holds itself.
const CHUNK: usize = 32;

/// The same texts.
///
/// # Errors
/// `InvalidInput` for more bytes than a plain array reaches, `InvalidData` when the array is broken.
pub(super) fn texts(array: &StringViewArray) -> Result<ArrayRef> {
    let (offsets, values) = gather(array)?;
    Ok(Arc::new(StringArray::try_new(offsets, values, array.nulls().cloned())?))
}

/// The same bytes.
///
/// # Errors
/// As of [`texts`].
pub(super) fn bytes(array: &BinaryViewArray) -> Result<ArrayRef> {
    let (offsets, values) = gather(array)?;
    Ok(Arc::new(BinaryArray::try_new(offsets, values, array.nulls().cloned())?))
}

fn gather<T: ByteViewType>(array: &GenericByteViewArray<T>) -> Result<(OffsetBuffer<i32>, Buffer)> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(row));
    // The view of a null may be anything.
    let lengths =
        array.views().iter().enumerate().map(|(row, view)| if is_null(row) { 0 } else { length(*view) });
    let total: usize = lengths.sum();
    if i32::try_from(total).is_err() {
        return Err(Error::invalid_input(
            "a column of a result has too many bytes for one batch; ask for smaller batches",
        )
        .with_context("bytes", total));
    }
    let mut values: Vec<u8> = Vec::with_capacity(total + CHUNK);
    let mut offsets: Vec<i32> = Vec::with_capacity(array.len() + 1);
    offsets.push(0);
    for (row, view) in array.views().iter().enumerate() {
        if !is_null(row) {
            append(&mut values, *view, array.data_buffers())?;
        }
        offsets.push(i32::try_from(values.len()).unwrap_or(i32::MAX));
    }
    Ok((OffsetBuffer::new(offsets.into()), values.into()))
}

/// How long a value is; its view begins with that.
pub(super) const fn length(view: u128) -> usize {
    view as u32 as usize
}

/// Appends a value: more than it has, and then only what it has is kept.
#[inline]
fn append(values: &mut Vec<u8>, view: u128, buffers: &[Buffer]) -> Result<()> {
    let (length, [_, _, _, _, inline @ ..]) = (length(view), view.to_le_bytes());
    let end = values.len() + length;
    if length <= inline.len() {
        values.extend_from_slice(&inline);
    } else {
        let view = ByteView::from(view);
        let buffer =
            buffers.get(view.buffer_index as usize).and_then(|buffer| buffer.get(view.offset as usize..));
        let Some(rest) = buffer.filter(|rest| rest.len() >= length) else {
            return Err(Error::invalid_data("a view shows bytes that its array does not have"));
        };
        match rest.first_chunk::<CHUNK>() {
            Some(chunk) if length <= CHUNK => values.extend_from_slice(chunk),
            _ => values.extend_from_slice(rest.get(..length).unwrap_or_default()),
        }
    }
    values.truncate(end);
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::compute::cast;
    use arrow_schema::DataType;

    use super::*;

    #[test]
    fn texts_and_bytes_are_those_of_arrows_cast() {
        let long = |n: usize| "äb".repeat(n);
        let values: Vec<Option<String>> = (0..64)
            .flat_map(|n| [Some(long(n)), None, Some("x".repeat(n)), Some(String::new())])
            .chain([Some("y".repeat(1000))])
            .collect();
        let array = StringViewArray::from_iter(values.iter().map(Option::as_deref));
        for part in [array.clone(), array.slice(3, 200), array.slice(250, 7), array.slice(9, 0), array.gc()] {
            let expected = cast(&part, &DataType::Utf8).unwrap();
            assert_eq!(&texts(&part).unwrap(), &expected);
            let part = part.to_binary_view();
            assert_eq!(&bytes(&part).unwrap(), &cast(&part, &DataType::Binary).unwrap());
        }
        // A null above a view that shows something.
        let all = StringViewArray::from(vec!["a", "some longer text than a view holds"]);
        let hidden = StringViewArray::try_new(
            all.views().clone(),
            all.data_buffers().to_vec(),
            Some(vec![false, true].into()),
        );
        let plain = texts(&hidden.unwrap()).unwrap();
        assert_eq!(
            plain.as_any().downcast_ref::<StringArray>().unwrap().value_data(),
            b"some longer text than a view holds"
        );
    }
}
