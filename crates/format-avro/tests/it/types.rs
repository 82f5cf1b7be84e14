//! Types and values that Avro has not: kept in the closest type, or refused by name with what to do.

use std::sync::Arc;

use arrow_array::types::{Int32Type, IntervalDayTime, IntervalMonthDayNano};
use arrow_array::{
    Array, ArrayRef, Date64Array, DurationNanosecondArray, DurationSecondArray, FixedSizeListArray,
    Int8Array, Int32Array, IntervalDayTimeArray, IntervalMonthDayNanoArray, IntervalYearMonthArray,
    RecordBatch, RunArray, StringArray, StructArray, TimestampSecondArray, UInt64Array,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, TimeUnit, UnionFields, UnionMode};
use stitchwork_core::{Error, ErrorKind, Format, ReadArgs, WriteArgs};
use stitchwork_format_avro::{Avro, Compression};
use stitchwork_testkit::files::{object, schema};

use crate::{read, with, write};

fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, true))
}

/// A column of each type that Avro has not and that is written all the same, and the type that others see.
fn kept() -> Vec<(ArrayRef, DataType)> {
    use DataType as T;
    let wide = [Some("12345678901234567890123456789012345678901234567890.1234567891"), None, Some("-1")];
    let wide = cast(&StringArray::from(wide.to_vec()), &T::Decimal256(76, 10)).unwrap();
    let small = Int8Array::from(vec![Some(1), None, Some(3), Some(4), None, Some(6)]);
    let fixed =
        FixedSizeListArray::new(item(T::Int8), 2, Arc::new(small), Some(vec![true, false, true].into()));
    let view = cast(&fixed, &T::ListView(item(T::Int8))).unwrap();
    let runs = RunArray::<Int32Type>::try_new(
        &Int32Array::from(vec![2, 3]),
        &StringArray::from(vec![Some("a"), None]),
    );
    let spans =
        vec![Some(IntervalMonthDayNano::new(1, 2, 3_000_000)), None, Some(IntervalMonthDayNano::ZERO)];
    let span = T::Interval(arrow_schema::IntervalUnit::MonthDayNano);
    // A time of day among them, which `date` would lose.
    let dates = vec![Some(1_709_164_800_000), None, Some(1_709_209_801_123)];
    vec![
        (Arc::new(Date64Array::from(dates)), T::Timestamp(TimeUnit::Millisecond, None)),
        (wide, T::Decimal256(76, 10)),
        (Arc::new(DurationSecondArray::from(vec![Some(-5), None, Some(i64::MAX)])), T::Int64),
        (Arc::new(DurationNanosecondArray::from(vec![Some(-5), None, Some(i64::MIN)])), T::Int64),
        (Arc::new(IntervalYearMonthArray::from(vec![Some(14), None, Some(0)])), span.clone()),
        (
            Arc::new(IntervalDayTimeArray::from(vec![Some(IntervalDayTime::new(3, 4_500)), None, None])),
            span.clone(),
        ),
        (Arc::new(IntervalMonthDayNanoArray::from(spans)), span),
        (Arc::new(fixed), T::List(item(T::Int32))),
        (view, T::List(item(T::Int32))),
        (Arc::new(runs.unwrap()), T::Utf8),
    ]
}

#[tokio::test]
async fn what_avro_has_not_comes_back_in_the_type_that_is_asked_for() {
    for (column, seen) in kept() {
        let fields = vec![Field::new("c", column.data_type().clone(), true)];
        let batch = RecordBatch::try_new(schema(fields), vec![column.clone()]).unwrap();
        let object = object("x.avro");
        write(&Avro::new(), &object, std::slice::from_ref(&batch)).await.unwrap();
        let found = Avro::new().infer_schema(&object).await.unwrap();
        assert!(found.field(0).data_type().equals_datatype(&seen), "{}: {found}", column.data_type());
        let args = ReadArgs { schema: Some(batch.schema()), ..ReadArgs::default() };
        let found = read(&object, args).await.unwrap_or_else(|e| panic!("{}: {e:?}", column.data_type()));
        assert_eq!(found.column(0), &column);
    }
}

/// Says what to do, and nothing that only its own programmers could.
fn helps(error: &Error, column: &str, data_type: &DataType) {
    let text = format!("{error:?}");
    assert_eq!(error.context("column"), Some(column), "{text}");
    assert_eq!(error.context("type"), Some(data_type.to_string().as_str()), "{text}");
    assert!(!text.contains("avro_custom_types") && !text.contains("feature"), "{text}");
    assert!(["cast", "write the parts", "leave", "split"].iter().any(|todo| text.contains(todo)), "{text}");
}

#[tokio::test]
async fn types_that_avro_cannot_hold_are_refused_with_what_to_do() {
    use DataType as T;
    let entries = Fields::from(vec![Field::new("key", T::Int32, false), Field::new("value", T::Int32, true)]);
    let two = [Field::new("a", T::Int32, true), Field::new("b", T::Utf8, true)];
    let two = UnionFields::try_new([0, 1], two).unwrap();
    let record = |t: T| T::Struct(Fields::from(vec![Field::new("x", t, true)]));
    for data_type in [
        T::Time64(TimeUnit::Nanosecond),
        T::Decimal32(5, -2),
        T::Decimal128(5, -2),
        T::Decimal256(20, -3),
        T::Map(Arc::new(Field::new("entries", T::Struct(entries), false)), false),
        T::Union(two.clone(), UnionMode::Dense),
        T::Union(two, UnionMode::Sparse),
        T::Struct(Fields::empty()),
    ] {
        for (data_type, leaf) in [
            (data_type.clone(), data_type.clone()),
            (record(data_type.clone()), data_type.clone()),
            (T::List(item(data_type.clone())), data_type),
        ] {
            let fields = vec![Field::new("good", T::Int32, true), Field::new("bad", data_type.clone(), true)];
            let written = Avro::new().write(&object("x.avro"), WriteArgs::new(schema(fields))).await;
            let error = written.map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
            // Either the type of the column or of the part that is to blame.
            let found = error.context("type").map(str::to_owned);
            let of_leaf = found == Some(leaf.to_string());
            helps(&error, "bad", if of_leaf { &leaf } else { &data_type });
        }
    }
}

#[tokio::test]
async fn values_that_avro_cannot_hold_are_named_with_column_type_and_row() {
    use DataType as T;
    let large: ArrayRef =
        Arc::new(UInt64Array::from(vec![Some(1), None, Some(i64::MAX as u64), Some(u64::MAX)]));
    let months = |n| Some(IntervalMonthDayNano::new(n, 0, 0));
    let spans = vec![months(1), None, months(0), months(-1)];
    let fine = vec![months(1), None, months(0), Some(IntervalMonthDayNano::new(0, 0, 1))];
    let seconds: ArrayRef =
        Arc::new(TimestampSecondArray::from(vec![Some(1), None, Some(-1), Some(i64::MAX)]));
    let days = vec![None, None, None, Some(IntervalDayTime::new(-1, 0))];
    let nested = |inner: &ArrayRef| -> [(ArrayRef, &str); 2] {
        let fields = Fields::from(vec![
            Field::new("y", T::Int8, true),
            Field::new("x", inner.data_type().clone(), true),
        ]);
        let y: ArrayRef = Arc::new(Int8Array::from(vec![1; 4]));
        let record = StructArray::new(fields, vec![y, inner.clone()], None);
        let list =
            FixedSizeListArray::new(item(record.data_type().clone()), 1, Arc::new(record.clone()), None);
        let list = cast(&list, &T::List(item(record.data_type().clone()))).unwrap();
        [(Arc::new(record), "bad.x"), (list, "bad.element.x")]
    };
    for values in [
        large,
        Arc::new(IntervalMonthDayNanoArray::from(spans)) as ArrayRef,
        Arc::new(IntervalMonthDayNanoArray::from(fine)),
        Arc::new(IntervalYearMonthArray::from(vec![Some(1), None, Some(0), Some(-1)])),
        Arc::new(IntervalDayTimeArray::from(days)),
        seconds,
    ] {
        for (column, path) in [(values.clone(), "bad")].into_iter().chain(nested(&values)) {
            let good: ArrayRef = Arc::new(Int32Array::from(vec![1; 4]));
            let batch =
                RecordBatch::try_from_iter_with_nullable([("good", good, false), ("bad", column, true)]);
            let batch = batch.unwrap();
            // Rows are counted from the first of the object, whatever the blocks and batches.
            let head = batch.slice(0, 3);
            for block_rows in [1, 2, 100] {
                let avro = with(Compression::Uncompressed, block_rows);
                let written = write(&avro, &object("x.avro"), &[head.clone(), batch.clone()]).await;
                let error = written.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
                assert_eq!(error.context("row"), Some("6"), "{error:?}");
                assert_eq!(error.context("location"), Some("memory:///x.avro"));
                helps(&error, path, values.data_type());
            }
        }
    }
}
