//! Whether rows fit a table: every value keeps its meaning, or the error says which column does not.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, GenericListArray, MapArray, OffsetSizeTrait, RecordBatch, RecordBatchOptions,
    StructArray,
};
use stitchwork_core::{Error, FieldMapping, Result};

/// Refuses columns that the table lacks and types that would lose something on the way into it.
///
/// # Errors
/// `InvalidInput` that names the column and what to do.
pub(crate) fn check_fits(input: &SchemaRef, table: &SchemaRef) -> Result<()> {
    check_fields("", input.fields(), table.fields())
}

/// Refuses nulls in columns that must not be null, which only the rows themselves show.
///
/// # Errors
/// `InvalidInput` that names the column.
pub(crate) fn check_nulls(batch: &RecordBatch, table: &SchemaRef) -> Result<()> {
    let required = table.fields().iter().filter(|field| !field.is_nullable());
    for field in required {
        let column = batch.column_by_name(field.name());
        if column.is_some_and(|column| column.logical_null_count() > 0) {
            return Err(Error::invalid_input("the rows have a null in a column that must not be null")
                .with_context("column", field.name()));
        }
    }
    Ok(())
}

fn check_fields(prefix: &str, input: &Fields, table: &Fields) -> Result<()> {
    for (place, field) in input.iter().enumerate() {
        let path = format!("{prefix}{}", field.name());
        if input.iter().take(place).any(|before| before.name() == field.name()) {
            return Err(Error::invalid_input("the rows have a column twice").with_context("column", path));
        }
        let Some((_, target)) = table.find(field.name()) else {
            return Err(Error::invalid_input(
                "the table lacks a column of the rows; add it first, or append with `evolve`",
            )
            .with_context("column", path));
        };
        check_type(&path, field.data_type(), target.data_type())?;
    }
    for target in table {
        if !target.is_nullable() && input.find(target.name()).is_none() {
            return Err(Error::invalid_input("the rows lack a column that must not be null")
                .with_context("column", format!("{prefix}{}", target.name())));
        }
    }
    Ok(())
}

fn check_type(path: &str, from: &DataType, to: &DataType) -> Result<()> {
    use DataType as T;
    let fits = match (from, to) {
        _ if from == to => true,
        (T::Null, _) => true,
        (T::Struct(from), T::Struct(to)) => return check_fields(&format!("{path}."), from, to),
        (
            T::List(a) | T::LargeList(a) | T::FixedSizeList(a, _) | T::ListView(a) | T::LargeListView(a),
            T::List(b) | T::LargeList(b),
        ) => {
            return check_type(&format!("{path}.element"), a.data_type(), b.data_type());
        }
        (T::Map(a, _), T::Map(b, _)) => match (a.data_type(), b.data_type()) {
            (T::Struct(a), T::Struct(b)) if a.len() == 2 && b.len() == 2 => {
                check_type(&format!("{path}.key"), a[0].data_type(), b[0].data_type())?;
                return check_type(&format!("{path}.value"), a[1].data_type(), b[1].data_type());
            }
            _ => false,
        },
        (T::Dictionary(_, value), to) => return check_type(path, value, to),
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8 | T::LargeUtf8 | T::Utf8View) => true,
        (
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_),
            T::Binary | T::LargeBinary | T::BinaryView,
        ) => true,
        (T::Float16, T::Float32 | T::Float64) | (T::Float32, T::Float64) => true,
        (T::Date32, T::Timestamp(_, None)) | (T::Time32(_), T::Time64(_)) => true,
        (T::Time64(from), T::Time64(to)) => from <= to,
        (T::Timestamp(from, zone), T::Timestamp(to, target)) => {
            zone.is_some() == target.is_some() && from <= to
        }
        (T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s), T::Decimal128(q, t)) => {
            // Neither the digits after the point nor those before it become fewer.
            t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s)
        }
        (from, to) => integer_bits(from).is_some_and(|(signed, bits)| match (integer_bits(to), to) {
            (Some((to_signed, to_bits)), _) => match (signed, to_signed) {
                (true, true) | (false, false) => to_bits >= bits,
                (false, true) => to_bits > bits,
                (true, false) => false,
            },
            (None, T::Float64) => bits <= 32,
            (None, T::Float32) => bits <= 16,
            (None, T::Decimal128(p, s)) => {
                *s >= 0 && i32::from(*p) - i32::from(*s) >= if bits <= 32 { 10 } else { 20 }
            }
            _ => false,
        }),
    };
    if fits {
        return Ok(());
    }
    Err(Error::invalid_input("a column of the rows does not fit the table without loss")
        .with_context("column", path)
        .with_context("rows_type", from)
        .with_context("table_type", to))
}

/// Whether an integer has a sign, and its bits.
fn integer_bits(data_type: &DataType) -> Option<(bool, usize)> {
    let bytes = data_type.primitive_width().filter(|_| data_type.is_integer())?;
    Some((data_type.is_signed_integer(), 8 * bytes))
}

/// Rows of a table as its data files have them: names there, and without columns that the log keeps itself.
///
/// # Errors
/// `Unexpected` when the log's file schema does not belong to its schema.
pub(crate) fn to_file(batch: &RecordBatch, file: &SchemaRef, mapping: &FieldMapping) -> Result<RecordBatch> {
    let table = batch.schema();
    let columns = file
        .fields()
        .iter()
        .map(|field| {
            let place = table.fields().iter().position(|f| mapping.physical_name(f) == field.name());
            let column = place.map(|place| batch.column(place)).ok_or_else(|| {
                Error::unexpected("the file schema has a column that the table lacks")
                    .with_context("column", field.name())
            })?;
            relabel(column, field)
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(file.clone(), columns, &options)?)
}

/// The same values under the names and metadata of `field`, place by place, at every depth.
fn relabel(array: &ArrayRef, field: &FieldRef) -> Result<ArrayRef> {
    if array.data_type() == field.data_type() {
        return Ok(array.clone());
    }
    Ok(match (array.data_type(), field.data_type()) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let parts = array.as_struct();
            let columns =
                parts.columns().iter().zip(fields).map(|(c, f)| relabel(c, f)).collect::<Result<_>>()?;
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns,
                parts.nulls().cloned(),
                parts.len(),
            )?)
        }
        (DataType::List(_), DataType::List(element)) => relabel_list::<i32>(array, element)?,
        (DataType::LargeList(_), DataType::LargeList(element)) => relabel_list::<i64>(array, element)?,
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let (_, offsets, inner, nulls, _) = array.as_map().clone().into_parts();
            let inner = relabel(&(Arc::new(inner) as ArrayRef), entries)?;
            Arc::new(MapArray::try_new(entries.clone(), offsets, inner.as_struct().clone(), nulls, *sorted)?)
        }
        _ => FieldMapping::by_name().adapt_array(array, field)?,
    })
}

fn relabel_list<O: OffsetSizeTrait>(array: &ArrayRef, element: &FieldRef) -> Result<ArrayRef> {
    let (_, offsets, values, nulls) = array.as_list::<O>().clone().into_parts();
    let values = relabel(&values, element)?;
    Ok(Arc::new(GenericListArray::<O>::try_new(element.clone(), offsets, values, nulls)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_where_no_digit_is_lost_on_either_side_of_the_point() {
        let fits = |from: (u8, i8), to: (u8, i8)| {
            check_type("c", &DataType::Decimal128(from.0, from.1), &DataType::Decimal128(to.0, to.1)).is_ok()
        };
        assert!(fits((10, 2), (12, 4)) && fits((10, 2), (38, 2)) && fits((10, -2), (12, 0)));
        assert!(!fits((38, 0), (10, 0)) && !fits((10, 2), (10, 4)) && !fits((10, 4), (12, 2)));
    }
}
