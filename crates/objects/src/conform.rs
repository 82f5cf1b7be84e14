//! The check that a batch belongs into a file.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, Field, Fields, SchemaRef};
use stitchwork_core::{Error, FieldMapping, Result};

/// The batch with exactly the writer's schema; only metadata may differ.
///
/// # Errors
/// `InvalidInput` for a batch with other names, types or nullability, which tells both schemas; and for a decimal with more
/// digits than its type has: arrow lets it be, while other readers of the file would see another number or none.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        digits(column, field.name(), None)?;
    }
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch.clone());
    }
    if same_fields(batch.schema_ref().fields(), schema.fields()) {
        return FieldMapping::by_name().adapt(batch, schema);
    }
    Err(Error::invalid_input("the batch has another schema than the file")
        .with_context("file", fields_in_words(schema.fields()))
        .with_context("batch", fields_in_words(batch.schema_ref().fields())))
}

/// Checks the decimals of a column, at every depth, but where `outer` says that there is nothing.
fn digits(array: &ArrayRef, path: &str, outer: Option<&NullBuffer>) -> Result<()> {
    match array.data_type() {
        DataType::Decimal32(precision, _) => decimals::<Decimal32Type>(array, *precision, path, outer),
        DataType::Decimal64(precision, _) => decimals::<Decimal64Type>(array, *precision, path, outer),
        DataType::Decimal128(precision, _) => decimals::<Decimal128Type>(array, *precision, path, outer),
        DataType::Decimal256(precision, _) => decimals::<Decimal256Type>(array, *precision, path, outer),
        DataType::Struct(fields) => {
            let nulls = NullBuffer::union(array.nulls(), outer);
            let mut columns = array.as_struct().columns().iter().zip(fields);
            columns.try_for_each(|(column, field)| {
                digits(column, &format!("{path}.{}", field.name()), nulls.as_ref())
            })
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (start, end) = ends(list.value_offsets());
            elements(list.values(), &format!("{path}.element"), start.as_usize(), end.as_usize())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (start, end) = ends(list.value_offsets());
            elements(list.values(), &format!("{path}.element"), start.as_usize(), end.as_usize())
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let (start, end) = ends(map.value_offsets());
            let mut columns = map.entries().columns().iter().zip(["key", "value"]);
            columns.try_for_each(|(column, name)| {
                elements(column, &format!("{path}.{name}"), start.as_usize(), end.as_usize())
            })
        }
        _ => Ok(()),
    }
}

fn ends<O: Copy + Default>(offsets: &[O]) -> (O, O) {
    (offsets.first().copied().unwrap_or_default(), offsets.last().copied().unwrap_or_default())
}

fn elements(values: &ArrayRef, path: &str, start: usize, end: usize) -> Result<()> {
    digits(&values.slice(start, end.saturating_sub(start)), path, None)
}

fn decimals<T: DecimalType>(
    array: &ArrayRef,
    precision: u8,
    path: &str,
    outer: Option<&NullBuffer>,
) -> Result<()> {
    let array = array.as_primitive::<T>();
    let nulls = NullBuffer::union(array.nulls(), outer);
    let there = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let too_long = array
        .values()
        .iter()
        .enumerate()
        .find(|(row, value)| !T::is_valid_decimal_precision(**value, precision) && there(*row));
    let Some((row, value)) = too_long else { return Ok(()) };
    Err(Error::invalid_input("a decimal has more digits than its type; cast the column to one that holds it")
        .with_context("column", path)
        .with_context("type", array.data_type())
        .with_context("row_of_batch", row)
        .with_context("digits", format!("{value:?}")))
}

fn same_fields(a: &Fields, b: &Fields) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_field(a, b))
}

fn same_field(a: &Field, b: &Field) -> bool {
    let types = match (a.data_type(), b.data_type()) {
        (DataType::Struct(a), DataType::Struct(b)) => same_fields(a, b),
        (DataType::List(a), DataType::List(b)) | (DataType::LargeList(a), DataType::LargeList(b)) => {
            same_field(a, b)
        }
        (DataType::Map(a, x), DataType::Map(b, y)) => x == y && same_field(a, b),
        (a, b) => a == b,
    };
    types && a.name() == b.name() && a.is_nullable() == b.is_nullable()
}

fn fields_in_words(fields: &Fields) -> String {
    let one = |field: &Arc<Field>| {
        let null = if field.is_nullable() { "" } else { " not null" };
        format!("{} {}{null}", field.name(), field.data_type())
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use arrow_array::{Decimal128Array, Int64Array, ListArray, StructArray};
    use arrow_buffer::OffsetBuffer;
    use arrow_schema::Schema;
    use stitchwork_core::{ErrorKind, with_field_id};

    use super::*;

    #[test]
    fn metadata_is_adapted_and_all_else_refused() {
        let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let column: ArrayRef = Arc::new(StructArray::new(inner, vec![column], None));
        let batch = RecordBatch::try_from_iter([("s", column)]).unwrap();
        let with_ids = Fields::from(vec![with_field_id(Field::new("x", DataType::Int64, true), 7)]);
        let nullable = batch.schema().field(0).is_nullable();
        let schema = |fields, name, null| {
            Arc::new(Schema::new(vec![Field::new(name, DataType::Struct(fields), null)]))
        };
        let wanted = schema(with_ids.clone(), "s", nullable);
        assert_eq!(conform(&batch, &wanted).unwrap().schema(), wanted);
        let other = Fields::from(vec![Field::new("x", DataType::Int32, true)]);
        for wanted in [
            schema(with_ids.clone(), "t", nullable),
            schema(with_ids, "s", !nullable),
            schema(other, "s", nullable),
        ] {
            assert_eq!(conform(&batch, &wanted).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn decimals_have_the_digits_of_their_type() {
        let long = |values: Vec<Option<i128>>| -> ArrayRef {
            Arc::new(Decimal128Array::from(values).with_data_type(DataType::Decimal128(4, 2)))
        };
        let checked = |column: ArrayRef| {
            let batch = RecordBatch::try_from_iter_with_nullable([("d", column, true)]).unwrap();
            conform(&batch, &batch.schema()).map_err(|e| {
                assert_eq!(e.kind(), ErrorKind::InvalidInput);
                e.context("column").unwrap().to_owned()
            })
        };
        checked(long(vec![Some(9999), None, Some(-9999)])).unwrap();
        assert_eq!(checked(long(vec![Some(1), Some(10_000)])).unwrap_err(), "d");
        assert_eq!(checked(long(vec![Some(-10_000)])).unwrap_err(), "d");

        let inner = Fields::from(vec![Field::new("x", DataType::Decimal128(4, 2), true)]);
        let in_struct = |nulls: Vec<bool>| -> ArrayRef {
            let column = long(vec![Some(1), Some(10_000)]);
            Arc::new(StructArray::new(inner.clone(), vec![column], Some(nulls.into())))
        };
        assert_eq!(checked(in_struct(vec![true, true])).unwrap_err(), "d.x");
        checked(in_struct(vec![true, false])).unwrap();

        let element = Arc::new(Field::new_list_field(DataType::Decimal128(4, 2), true));
        let offsets = OffsetBuffer::from_lengths([1, 1]);
        let list = ListArray::new(element, offsets, long(vec![Some(10_000), Some(1)]), None);
        assert_eq!(checked(Arc::new(list.clone())).unwrap_err(), "d.element");
        checked(Arc::new(list.slice(1, 1))).unwrap();
    }
}
