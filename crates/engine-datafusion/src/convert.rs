//! Types, values and batches on the border between relations and the engine.

mod plain;

use std::sync::Arc;

use arrow::array::{ArrayData, make_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, SchemaRef,
};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF};
use futures::StreamExt;
use stitchwork_core::{BatchStream, BatchStreamAdapter, Error, Result, Scalar};

/// How many bytes the values of a plain array can have.
const MOST_BYTES: usize = i32::MAX as usize;

/// The zone that moments have in the engine.
const UTC: &str = "UTC";

/// The schema that the engine sees: without metadata, which is about files and would stray into results;
/// with views in place of texts and bytes at the top if `views`. Moments are those of UTC's clocks, whose zone all
/// other moments of a query have.
pub(crate) fn engine_schema(schema: &Schema, views: bool) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8 if views => DataType::Utf8View,
            DataType::Binary if views => DataType::BinaryView,
            other => map_type(other, &|leaf| in_utc(&in_ones(leaf))),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// The type for decimals that count tens or thousands: they count ones in the engine, as DataFusion reckons with no others. What
/// has no room for that stays as it is.
fn in_ones(leaf: &DataType) -> DataType {
    let Some((precision, scale)) = coarse(leaf) else { return leaf.clone() };
    match precision.saturating_add(scale.unsigned_abs()) {
        digits @ ..=DECIMAL128_MAX_PRECISION => DataType::Decimal128(digits, 0),
        digits @ ..=DECIMAL256_MAX_PRECISION => DataType::Decimal256(digits, 0),
        _ => leaf.clone(),
    }
}

/// Precision and scale of decimals that do not count ones, or parts of them.
pub(crate) const fn coarse(data_type: &DataType) -> Option<(u8, i8)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale)
            if *scale < 0 =>
        {
            Some((*precision, *scale))
        }
        _ => None,
    }
}

/// The type for moments that have a zone: DataFusion takes a day or an hour of a moment by the clocks of its zone, and
/// would have others than DuckDB has, and than a cast to `timestamp` leaves.
fn in_utc(leaf: &DataType) -> DataType {
    match leaf {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(UTC.into())),
        other => other.clone(),
    }
}

/// The schema of a result: views are texts and bytes again, at every depth, so that results have the same
/// types whatever engine they come from.
pub(crate) fn declared_schema(schema: &Schema) -> SchemaRef {
    with_types(schema, declared_type)
}

/// The schema of a result that keeps its views.
pub(crate) fn without_metadata(schema: &Schema) -> SchemaRef {
    with_types(schema, |data_type| map_type(data_type, &DataType::clone))
}

fn with_types(schema: &Schema, of: impl Fn(&DataType) -> DataType) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| Field::new(f.name(), of(f.data_type()), f.is_nullable()));
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// The type that a column of a result has.
pub(crate) fn declared_type(data_type: &DataType) -> DataType {
    map_type(data_type, &|leaf| match leaf {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    })
}

/// The type with its leaves changed and the metadata of its fields left out.
pub(crate) fn map_type(data_type: &DataType, leaf: &dyn Fn(&DataType) -> DataType) -> DataType {
    let field = |field: &FieldRef| {
        Arc::new(Field::new(field.name(), map_type(field.data_type(), leaf), field.is_nullable()))
    };
    match data_type {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::List(element) => DataType::List(field(element)),
        DataType::LargeList(element) => DataType::LargeList(field(element)),
        DataType::ListView(element) => DataType::ListView(field(element)),
        DataType::LargeListView(element) => DataType::LargeListView(field(element)),
        DataType::FixedSizeList(element, size) => DataType::FixedSizeList(field(element), *size),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        DataType::Dictionary(key, value) => {
            DataType::Dictionary(key.clone(), Box::new(map_type(value, leaf)))
        }
        other => leaf(other),
    }
}

/// The array in another type of the same values.
///
/// # Errors
/// `InvalidData` when a value does not fit; `InvalidInput` when it is between the steps of a decimal.
pub(crate) fn conform(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), data_type) {
        (own, wanted) if own == wanted => return Ok(array.clone()),
        (DataType::Utf8View, DataType::Utf8) => return plain::texts(array.as_string_view()),
        (DataType::BinaryView, DataType::Binary) => return plain::bytes(array.as_binary_view()),
        _ => {}
    }
    // A moment counts the same in every zone.
    if map_type(array.data_type(), &in_utc) == map_type(data_type, &in_utc) {
        return Ok(make_array(retype(array.to_data(), data_type)?));
    }
    let cast = |array: &ArrayRef, data_type: &DataType| {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, data_type, &options).map_err(|e| {
            Error::invalid_data("a column does not have the type that was announced")
                .with_context("type", array.data_type())
                .with_context("announced", data_type)
                .with_source(e)
        })
    };
    let done = cast(array, data_type)?;
    // Arrow rounds to what such a type counts.
    if coarse(data_type).is_some() && cast(&done, array.data_type())?.as_ref() != array.as_ref() {
        return Err(Error::invalid_input("a value is none of those that its column counts in; round it")
            .with_context("type", data_type));
    }
    Ok(done)
}

/// The data under a type that differs in the metadata of its fields and the zones of its moments alone.
fn retype(data: ArrayData, data_type: &DataType) -> Result<ArrayData> {
    let children: Vec<&DataType> = match data_type {
        DataType::Struct(fields) => fields.iter().map(|f| f.data_type()).collect(),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _)
        | DataType::Map(element, _) => vec![element.data_type()],
        DataType::Dictionary(_, value) => vec![value],
        _ => vec![],
    };
    let inner = data
        .child_data()
        .iter()
        .zip(children)
        .map(|(child, data_type)| retype(child.clone(), data_type))
        .collect::<Result<Vec<_>>>()?;
    let builder = data.into_builder().data_type(data_type.clone());
    Ok(if inner.is_empty() { builder.build()? } else { builder.child_data(inner).build()? })
}

/// The batch with the types of `schema`, column by column.
///
/// # Errors
/// `InvalidData` when a value does not fit, or the number of columns differs.
pub(crate) fn conform_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() != schema.fields().len() {
        return Err(Error::invalid_data("a batch does not have the columns that were announced")
            .with_context("columns", batch.num_columns())
            .with_context("announced", schema.fields().len()));
    }
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            conform(column, field.data_type()).map_err(|e| e.with_context("column", field.name()))
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// The stream with the types of `schema`, cut off after `limit` rows.
pub(crate) fn conform_stream<S>(stream: S, schema: SchemaRef, limit: Option<usize>) -> BatchStream
where
    S: futures::Stream<Item = Result<RecordBatch>> + Send + 'static,
{
    let target = schema.clone();
    let stream = stream.flat_map(|batch| {
        futures::stream::iter(match batch {
            Ok(batch) => split(batch, MOST_BYTES),
            Err(error) => vec![Err(error)],
        })
    });
    let rest = limit.unwrap_or(usize::MAX);
    let stream = futures::stream::try_unfold((Box::pin(stream), rest), move |(mut stream, rest)| {
        let target = target.clone();
        async move {
            if rest == 0 {
                return Ok(None);
            }
            match stream.next().await {
                None => Ok(None),
                Some(Err(error)) => Err(error),
                Some(Ok(batch)) => {
                    let batch = batch.slice(0, batch.num_rows().min(rest));
                    let batch = conform_batch(&batch, &target)?;
                    let rest = rest - batch.num_rows();
                    Ok(Some((batch, (stream, rest))))
                }
            }
        }
    });
    BatchStreamAdapter::new(schema, stream)
}

/// The batch in parts whose texts and bytes each fit into plain arrays, which reach less far than views.
fn split(batch: RecordBatch, most: usize) -> Vec<Result<RecordBatch>> {
    if batch.columns().iter().map(view_lengths).all(|bytes| bytes <= most) {
        return vec![Ok(batch)];
    }
    let rows = batch.num_rows();
    let top = batch.columns().iter().filter(|column| !column.data_type().is_nested()).map(view_bytes).max();
    if top.unwrap_or_default() > most && rows > 1 {
        let half = rows / 2;
        let mut parts = split(batch.slice(0, half), most);
        parts.extend(split(batch.slice(half, rows - half), most));
        return parts;
    }
    match batch.columns().iter().map(view_bytes).max() {
        Some(bytes) if bytes > most => {
            vec![Err(Error::invalid_input("a value of the result is too large; take a part of it")
                .with_context("bytes", bytes)
                .with_context("most", most))]
        }
        _ => vec![Ok(batch)],
    }
}

/// At least the bytes that the views in an array show, at every depth. Each view begins with its length, which is summed up
/// without a look at the value; that of a null may be anything.
fn view_lengths(array: &ArrayRef) -> usize {
    let sum = |views: &[u128]| views.iter().map(|view| plain::length(*view)).sum();
    match array.data_type() {
        DataType::Utf8View => sum(array.as_string_view().views()),
        DataType::BinaryView => sum(array.as_binary_view().views()),
        _ => view_bytes(array),
    }
}

/// The bytes that the views in an array show, at every depth.
fn view_bytes(array: &ArrayRef) -> usize {
    fn sum<'a, V: AsRef<[u8]> + ?Sized + 'a>(values: impl Iterator<Item = Option<&'a V>>) -> usize {
        values.flatten().map(|value| value.as_ref().len()).sum()
    }
    match array.data_type() {
        DataType::Utf8View => sum(array.as_string_view().iter()),
        DataType::BinaryView => sum(array.as_binary_view().iter()),
        data_type if data_type.is_nested() => {
            array.to_data().child_data().iter().map(|child| view_bytes(&make_array(child.clone()))).sum()
        }
        _ => 0,
    }
}

/// What a function makes of an operand: a single value is an array of one row, and becomes a single value again.
///
/// # Errors
/// What the function says.
pub(crate) fn operand(
    value: &ColumnarValue,
    of_array: impl Fn(&ArrayRef) -> Result<ArrayRef, DataFusionError>,
) -> Result<ColumnarValue, DataFusionError> {
    Ok(match value {
        ColumnarValue::Array(array) => ColumnarValue::Array(of_array(array)?),
        ColumnarValue::Scalar(value) => {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&of_array(&value.to_array()?)?, 0)?)
        }
    })
}

/// The types to which a function brings arguments of these types.
///
/// # Errors
/// What the function says.
pub(crate) fn coerced(types: Vec<DataType>, function: &ScalarUDF) -> Result<Vec<DataType>, DataFusionError> {
    let fields = types.into_iter().map(|own| Arc::new(Field::new("", own, true)));
    let coerced = fields_with_udf(&fields.collect::<Vec<FieldRef>>(), function)?;
    Ok(coerced.iter().map(|field| field.data_type().clone()).collect())
}

/// A value of ours as one of DataFusion's, in the type of a column.
///
/// # Errors
/// `InvalidInput` when the value does not fit.
pub(crate) fn to_scalar_value(value: &Scalar, data_type: &DataType) -> Result<ScalarValue> {
    if value.is_null() {
        return ScalarValue::try_new_null(data_type).map_err(super::error::from_datafusion);
    }
    let array = conform(value.array(), data_type)?;
    ScalarValue::try_from_array(&array, 0).map_err(super::error::from_datafusion)
}

/// A value of DataFusion's in the type of a column, if that changes nothing about it.
pub(crate) fn to_scalar(value: &ScalarValue, data_type: &DataType) -> Option<Scalar> {
    let array = value.to_array().ok()?;
    let scalar = Scalar::try_new(array).ok()?;
    if scalar.is_null() {
        return Some(Scalar::null(data_type));
    }
    // What has no zone is meant in UTC here, whatever the zone of the relation's column.
    let cast = scalar.cast(&in_utc(data_type)).and_then(|value| value.cast(data_type)).ok()?;
    cast.cast(scalar.data_type()).ok().filter(|back| *back == scalar)?;
    Some(cast)
}

/// An error of DataFusion's for a broken promise inside of this crate.
pub(crate) fn internal(message: &str) -> DataFusionError {
    super::error::to_datafusion(Error::unexpected(message))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow_array::{Array, StringArray, StringViewArray, StructArray};

    use super::*;

    #[test]
    fn metadata_and_views_come_and_go() {
        let inner = Field::new("x", DataType::Utf8, true)
            .with_metadata(HashMap::from([("k".to_owned(), "v".to_owned())]));
        let fields = Fields::from(vec![inner]);
        let schema = Schema::new(vec![
            Field::new("t", DataType::Utf8, false),
            Field::new("s", DataType::Struct(fields.clone()), true),
        ]);
        let engine = engine_schema(&schema, true);
        assert_eq!(engine.field(0).data_type(), &DataType::Utf8View);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let s: ArrayRef =
            Arc::new(StructArray::new(fields, vec![texts.clone()], Some(vec![true, false].into())));
        let batch = RecordBatch::try_new(Arc::new(schema), vec![texts, s]).unwrap();
        let inside = conform_batch(&batch, &engine).unwrap();
        let back = conform_batch(&inside, &declared_schema(&engine)).unwrap();
        assert_eq!(back.column(0), batch.column(0));
        assert_eq!(back.column(1).as_struct().column(0), batch.column(1).as_struct().column(0));
        assert!(back.column(1).is_null(1));
    }

    #[test]
    fn batches_with_large_views_are_split() {
        let texts: ArrayRef =
            Arc::new(StringViewArray::from(vec![Some("abcd"), None, Some("ef"), Some("ghijkl")]));
        let batch = RecordBatch::try_from_iter(vec![("t", texts)]).unwrap();
        let parts = |most| -> Vec<Option<usize>> {
            split(batch.clone(), most).into_iter().map(|part| part.ok().map(|part| part.num_rows())).collect()
        };
        assert_eq!(parts(12), [Some(4)]);
        assert_eq!(parts(8), [Some(2), Some(2)]);
        assert_eq!(parts(5), [Some(2), Some(1), None]);
    }

    #[test]
    fn only_values_that_fit_are_translated() {
        assert!(to_scalar(&ScalarValue::from(5_i64), &DataType::Int32).is_some());
        assert!(to_scalar(&ScalarValue::from(1_i64 << 40), &DataType::Int32).is_none());
        assert!(to_scalar(&ScalarValue::from(1.5), &DataType::Int32).is_none());
        let text = ScalarValue::Utf8View(Some("2024-01-31".to_owned()));
        assert_eq!(to_scalar(&text, &DataType::Date32).unwrap().to_string(), "2024-01-31");
    }
}
