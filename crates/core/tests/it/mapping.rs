use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{IntervalDayTime, IntervalMonthDayNano};
use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, IntervalDayTimeArray, IntervalMonthDayNanoArray,
    IntervalYearMonthArray, RecordBatch, StringArray, StructArray,
};
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema};
use stitchwork_core::{FieldMapping, INITIAL_DEFAULT, MapBy, with_field_id};

fn id(name: &str, data_type: DataType, id: i32) -> Field {
    with_field_id(Field::new(name, data_type, true), id)
}

#[test]
fn fields_are_renamed_widened_and_defaulted_by_id_at_every_depth() {
    let inner = Fields::from(vec![id("x", DataType::Int32, 3)]);
    let file = Schema::new(vec![id("old", DataType::Int32, 1), id("s", DataType::Struct(inner.clone()), 2)]);
    let x: ArrayRef = Arc::new(Int32Array::from(vec![7, 8]));
    let s = StructArray::new(inner, vec![x.clone()], Some(vec![true, false].into()));
    let batch = RecordBatch::try_new(Arc::new(file), vec![x, Arc::new(s)]).unwrap();

    let default = HashMap::from([(INITIAL_DEFAULT.to_owned(), "dd".to_owned())]);
    let d = id("d", DataType::Utf8, 4);
    let metadata = d.metadata().clone().into_iter().chain(default).collect();
    let inner = Fields::from(vec![d.with_metadata(metadata), id("y", DataType::Int64, 3)]);
    let table = Schema::new(vec![
        id("s", DataType::Struct(inner), 2),
        id("new", DataType::Int64, 1),
        id("old", DataType::Int64, 9),
    ]);
    let out = FieldMapping::new(MapBy::FieldId).adapt(&batch, &Arc::new(table)).unwrap();
    assert_eq!(out.column(1).as_ref(), &Int64Array::from(vec![7, 8]));
    assert_eq!(out.column(2).null_count(), 2, "a name that is used again under a new id is another column");
    let s = out.column(0).as_struct();
    assert_eq!(s.column(0).as_ref(), &StringArray::from(vec![Some("dd"), None]));
    assert_eq!(s.column(1).as_ref(), &Int64Array::from(vec![7, 8]));
}

#[test]
fn fields_are_found_by_id_in_whatever_order_they_are() {
    let mapping = FieldMapping::new(MapBy::FieldId);
    for ids in [&[1, 2, 3, 5, 8][..], &[8, 1, 5, 3, 2], &[3, 2, 1], &[5], &[]] {
        let file: Fields = ids.iter().map(|n| id(&format!("f{n}"), DataType::Int32, *n)).collect();
        for n in 0..10 {
            let wanted = id("other", DataType::Int32, n);
            assert_eq!(mapping.find(&wanted, &file), ids.iter().position(|id| *id == n), "{n} in {ids:?}");
        }
    }
    // A field without an id among others is none of theirs.
    let file = Fields::from(vec![Field::new("a", DataType::Int32, true), id("b", DataType::Int32, 1)]);
    assert_eq!(mapping.find(&id("x", DataType::Int32, 1), &file), Some(1));
    assert_eq!(mapping.find(&id("a", DataType::Int32, 2), &file), None);
}

#[test]
fn a_column_that_fits_is_not_copied_and_one_that_does_not_is_named() {
    let a: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let batch = RecordBatch::try_from_iter(vec![("a", a.clone())]).unwrap();
    let same = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
    let out = FieldMapping::by_name().adapt(&batch, &same).unwrap();
    assert!(Arc::ptr_eq(out.column(0), &a));
    let number = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    let error = FieldMapping::by_name().adapt(&batch, &number).unwrap_err();
    assert_eq!(error.context("column"), Some("a"));
}

#[test]
fn intervals_become_ones_of_fewer_parts_where_nothing_is_lost() {
    let spans = |spans: &[(i32, i32, i64)]| -> ArrayRef {
        let spans =
            spans.iter().map(|(months, days, nanos)| IntervalMonthDayNano::new(*months, *days, *nanos));
        Arc::new(IntervalMonthDayNanoArray::from_iter_values(spans))
    };
    let adapt = |array: &ArrayRef, unit| {
        let field = Field::new("i", DataType::Interval(unit), true);
        FieldMapping::by_name().adapt_array(array, &Arc::new(field))
    };
    let months = adapt(&spans(&[(14, 0, 0), (-1, 0, 0)]), IntervalUnit::YearMonth).unwrap();
    assert_eq!(months.as_ref(), &IntervalYearMonthArray::from(vec![14, -1]));
    let days = adapt(&spans(&[(0, 3, 4_500_000_000)]), IntervalUnit::DayTime).unwrap();
    assert_eq!(days.as_ref(), &IntervalDayTimeArray::from(vec![IntervalDayTime::new(3, 4_500)]));
    for (span, unit) in [
        ((1, 1, 0), IntervalUnit::YearMonth),
        ((1, 0, 1), IntervalUnit::YearMonth),
        ((1, 0, 0), IntervalUnit::DayTime),
        ((0, 0, 1), IntervalUnit::DayTime),
        ((0, 0, i64::MAX / 1_000_000 * 1_000_000), IntervalUnit::DayTime),
    ] {
        let error = adapt(&spans(&[span]), unit).unwrap_err();
        assert_eq!(error.context("column"), Some("i"), "{span:?}");
    }
}
