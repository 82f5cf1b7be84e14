//! Columns of every type of arrow.

use std::sync::Arc;

use arrow_array::builder::{ListViewBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, Int32Array, IntervalDayTimeArray,
    IntervalMonthDayNanoArray, RecordBatch, RunArray, StringArray, StructArray, UnionArray,
};
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, NullBuffer, ScalarBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit, UnionFields};
use stitchwork_testkit::batches::{column, first_list, map_of, struct_of};

/// A column of each type that arrow has, of these numbers.
pub(crate) fn every_type(numbers: &[Option<i64>]) -> RecordBatch {
    let rows = numbers.len();
    let zone = |zone: &str| Some(zone.into());
    let flat = [
        DataType::Null,
        DataType::Boolean,
        DataType::Float32,
        DataType::Float16,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(8),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Interval(IntervalUnit::YearMonth),
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Decimal32(7, 2),
        DataType::Decimal64(15, 2),
        DataType::Decimal128(20, 3),
        DataType::Decimal256(50, 3),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, zone("Europe/Berlin")),
        DataType::Timestamp(TimeUnit::Microsecond, zone("UTC")),
        DataType::Timestamp(TimeUnit::Nanosecond, zone("+02:00")),
        DataType::Duration(TimeUnit::Second),
        DataType::Duration(TimeUnit::Millisecond),
        DataType::Duration(TimeUnit::Microsecond),
        DataType::Duration(TimeUnit::Nanosecond),
        DataType::Int64,
        DataType::Float64,
        DataType::Utf8,
        DataType::Binary,
    ];
    let mut found: Vec<_> = flat.iter().map(|data_type| column(data_type, numbers).unwrap()).collect();
    let day_times = numbers.iter().map(|n| n.map(|n| IntervalDayTime::new(n as i32, 7)));
    found.push(Arc::new(day_times.collect::<IntervalDayTimeArray>()));
    let month_nanos = numbers.iter().map(|n| n.map(|n| IntervalMonthDayNano::new(1, n as i32, n)));
    found.push(Arc::new(month_nanos.collect::<IntervalMonthDayNanoArray>()));
    let small = column(&DataType::Int16, numbers).unwrap();
    for (key, value) in [
        (DataType::Int8, DataType::Utf8),
        (DataType::UInt32, DataType::LargeUtf8),
        (DataType::Int64, DataType::Utf8View),
    ] {
        let few = cast(&cast(&small, &DataType::Utf8).unwrap(), &value).unwrap();
        found.push(cast(&few, &DataType::Dictionary(Box::new(key), Box::new(value))).unwrap());
    }
    let nulls: NullBuffer = numbers.iter().map(|n| n.is_none_or(|n| n % 3 != 0)).collect::<Vec<_>>().into();
    let objects: ArrayRef = Arc::new(struct_of(numbers, Some(nulls.clone())).unwrap());
    found.push(Arc::new(first_list(objects.clone(), Some(nulls.clone())).unwrap()));
    let list = first_list(objects.clone(), None).unwrap();
    let element = Arc::new(Field::new("element", objects.data_type().clone(), true));
    found.push(cast(&list, &DataType::LargeList(element)).unwrap());
    let mut views = ListViewBuilder::new(StringBuilder::new());
    for number in numbers {
        for n in 0..number.unwrap_or_default().rem_euclid(4) {
            views.values().append_value(format!("v{n}"));
        }
        views.append(number.is_some());
    }
    found.push(Arc::new(views.finish()));
    let two: ArrayRef = Arc::new(Int32Array::from_iter_values((0..rows * 2).map(|n| n as i32)));
    found.push(Arc::new(FixedSizeListArray::new(
        Arc::new(Field::new("item", DataType::Int32, true)),
        2,
        two,
        Some(nulls),
    )));
    found.push(Arc::new(map_of(numbers).unwrap()));
    if rows > 0 {
        let ends = Int32Array::from(vec![(rows as i32 + 1) / 2, rows as i32]);
        let ends = if rows == 1 { Int32Array::from(vec![1]) } else { ends };
        let values = StringArray::from(vec![Some("first"), None]);
        let values = values.slice(0, ends.len());
        found.push(Arc::new(RunArray::<Int32Type>::try_new(&ends, &values).unwrap()));
    } else {
        found.push(arrow_array::new_empty_array(&DataType::RunEndEncoded(
            Arc::new(Field::new("run_ends", DataType::Int32, false)),
            Arc::new(Field::new("values", DataType::Utf8, true)),
        )));
    }
    let members = UnionFields::try_new(
        [3, 7],
        [Field::new("n", DataType::Int64, true), Field::new("t", DataType::Utf8, true)],
    )
    .unwrap();
    let kinds: ScalarBuffer<i8> = (0..rows).map(|row| if row % 2 == 0 { 3 } else { 7 }).collect();
    let places: ScalarBuffer<i32> = (0..rows).map(|row| row as i32).collect();
    let child = |data_type| column(&data_type, numbers).unwrap();
    let children = || vec![child(DataType::Int64), child(DataType::Utf8)];
    found.push(Arc::new(UnionArray::try_new(members.clone(), kinds.clone(), None, children()).unwrap()));
    found.push(Arc::new(UnionArray::try_new(members, kinds, Some(places), children()).unwrap()));
    // A dictionary inside of a struct.
    let words = StringArray::from_iter_values((0..rows).map(|row| format!("w{}", row % 3)));
    let words: ArrayRef =
        cast(&words, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap();
    let holder = Fields::from(vec![Field::new("word", words.data_type().clone(), true)]);
    found.push(Arc::new(StructArray::new(holder, vec![words], None)));
    found.push(objects);
    let fields = found.iter().enumerate().map(|(i, column)| {
        let field = Field::new(format!("c{i}"), column.data_type().clone(), true);
        field.with_metadata([("note".to_owned(), i.to_string())].into())
    });
    let schema =
        Schema::new_with_metadata(fields.collect::<Fields>(), [("of".to_owned(), "ours".to_owned())].into());
    RecordBatch::try_new(Arc::new(schema), found).unwrap()
}

/// A column of words, each batch with its own dictionary.
pub(crate) fn words(dictionary: &[&str], keys: &[Option<i32>]) -> RecordBatch {
    let values: ArrayRef = Arc::new(StringArray::from(dictionary.to_vec()));
    let column: ArrayRef =
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(keys.to_vec()), values));
    RecordBatch::try_from_iter_with_nullable([("word", column, true)]).unwrap()
}
