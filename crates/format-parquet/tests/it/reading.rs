//! Projections, adapted schemas, positions and byte ranges.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields};
use stitchwork_core::{
    ErrorKind, FieldMapping, Format, INITIAL_DEFAULT, MapBy, ReadArgs, RoaringTreemap, with_field_id,
};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::batches::rng;
use stitchwork_testkit::files::{object, options, schema};

use crate::data;

fn id(name: &str, data_type: DataType, id: i32) -> Field {
    with_field_id(Field::new(name, data_type, true), id)
}

#[tokio::test]
async fn columns_are_found_by_id_at_every_depth_and_absent_ones_are_filled() {
    let x: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let t: ArrayRef = Arc::new(StringArray::from(vec!["p", "q", "r"]));
    let inner = Fields::from(vec![id("x", DataType::Int32, 3), id("t", DataType::Utf8, 4)]);
    let s = StructArray::new(inner.clone(), vec![x.clone(), t.clone()], Some(vec![true, true, false].into()));
    let file = schema(vec![id("a", DataType::Int32, 1), id("s", DataType::Struct(inner), 2)]);
    let batch = RecordBatch::try_new(file, vec![x, Arc::new(s)]).unwrap();
    let object = object("ids.parquet");
    data::write(&object, &[batch], options(&[])).await;

    let default = |field: Field, text: &str| {
        let mut metadata = field.metadata().clone();
        metadata.insert(INITIAL_DEFAULT.to_owned(), text.to_owned());
        field.with_metadata(metadata)
    };
    let inner = Fields::from(vec![
        id("text", DataType::Utf8View, 4),
        id("wide", DataType::Int64, 3),
        default(id("d", DataType::Int32, 8), "7"),
    ]);
    let only_new = Fields::from(vec![id("never", DataType::Int32, 11)]);
    let wanted = schema(vec![
        id("a", DataType::Utf8, 20),
        id("renamed", DataType::Struct(inner), 2),
        default(id("since", DataType::Date32, 21), "2024-02-29"),
        id("b", DataType::Float64, 1),
        id("hollow", DataType::Struct(only_new), 2),
    ]);
    let args = ReadArgs {
        schema: Some(wanted.clone()),
        mapping: Some(Arc::new(FieldMapping::new(MapBy::FieldId))),
        ..ReadArgs::default()
    };
    let found = data::read(&object, args.clone()).await;
    assert_eq!(found.schema(), wanted);
    assert_eq!(found.column(0).null_count(), 3, "the name is another column's now");
    let s = found.column(1).as_struct();
    assert!(s.is_null(2));
    assert_eq!(s.column(0).as_string_view().value(1), "q");
    assert_eq!(s.column(1).as_ref(), &Int64Array::from(vec![Some(1), None, None]));
    assert_eq!(s.column(2).as_ref(), &Int32Array::from(vec![Some(7), Some(7), None]));
    assert_eq!(found.column(2).null_count(), 0);
    assert_eq!(found.column(4).nulls(), s.nulls());

    let args = ReadArgs { projection: Some(vec![3, 0]), row_number: Some("at".to_owned()), ..args };
    let found = data::read(&object, args.clone()).await;
    let names: Vec<_> = found.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["b", "a", "at"]);
    assert_eq!(found.column(2).as_ref(), &Int64Array::from(vec![0, 1, 2]));
    let args = ReadArgs { projection: Some(vec![9]), ..args };
    let error = Parquet::new().read(&object, args).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_empty_projection_counts_rows() {
    let batch = data::comparable(500, &mut rng(3));
    let object = object("count.parquet");
    data::write(&object, &[batch], data::small_pages()).await;
    let args = ReadArgs { projection: Some(vec![]), batch_rows: Some(100), ..ReadArgs::default() };
    let found = data::read(&object, args.clone()).await;
    assert_eq!((found.num_rows(), found.num_columns()), (500, 0));
    let rows: RoaringTreemap = [0, 63, 64, 499].into_iter().collect();
    let args = ReadArgs { rows: Some(Arc::new(rows)), row_number: Some("at".to_owned()), ..args };
    let found = data::read(&object, args).await;
    assert_eq!(found.column(0).as_ref(), &Int64Array::from(vec![0, 63, 64, 499]));
}

#[tokio::test]
async fn byte_ranges_cut_the_file_into_its_row_groups() {
    let batch = data::comparable(500, &mut rng(4));
    let object = object("split.parquet");
    let summary = data::write(&object, std::slice::from_ref(&batch), data::small_pages()).await;
    assert_eq!(summary.split_offsets.len(), 8);
    assert_eq!(summary.split_offsets.first(), Some(&4));
    for parts in [1, 3, 7, 100] {
        let step = summary.bytes.div_ceil(parts);
        let mut positions = Vec::new();
        for part in 0..parts {
            let args = ReadArgs {
                range: Some(part * step..(part + 1) * step),
                projection: Some(vec![0]),
                row_number: Some("at".to_owned()),
                ..ReadArgs::default()
            };
            let found = data::read(&object.clone().with_size(summary.bytes), args).await;
            positions.extend_from_slice(found.column(1).as_primitive::<Int64Type>().values());
        }
        assert_eq!(positions, (0..500).collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn any_rows_can_be_selected() {
    let batch = data::comparable(500, &mut rng(4));
    let object = object("rows.parquet");
    data::write(&object, std::slice::from_ref(&batch), data::small_pages()).await;
    let sets: [Vec<u64>; 4] = [
        vec![],
        vec![499],
        (0..500).step_by(3).collect(),
        (10..70).chain(128..192).chain([200, 1000]).collect(),
    ];
    for set in sets {
        let args = ReadArgs {
            rows: Some(Arc::new(set.iter().copied().collect())),
            row_number: Some("at".to_owned()),
            ..ReadArgs::default()
        };
        let found = data::read(&object, args).await;
        let there: Vec<_> = set.into_iter().filter(|row| *row < 500).collect();
        let places = arrow_array::UInt64Array::from(there);
        let expected = arrow_select::take::take_record_batch(&batch, &places).unwrap();
        assert_eq!(found.columns()[..7], *expected.columns());
        let at = found.column(7).as_primitive::<Int64Type>();
        assert!(at.values().iter().zip(places.values()).all(|(a, b)| *a as u64 == *b));
        assert_eq!(at.len(), places.len());
    }
}

#[tokio::test]
async fn a_file_without_rows_has_its_schema() {
    let batch = data::comparable(0, &mut rng(4));
    let object = object("empty.parquet");
    let summary = data::write(&object, std::slice::from_ref(&batch), options(&[])).await;
    assert_eq!(summary.rows, 0);
    assert_eq!(data::read(&object, ReadArgs::default()).await, batch);
    assert_eq!(Parquet::new().infer_schema(&object).await.unwrap(), batch.schema());
}

#[tokio::test]
async fn what_is_required_inside_of_what_is_null_has_its_nulls() {
    let required = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    let rows = 5;
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..5));
    let pair = FixedSizeListArray::new(
        Arc::new(required("item", DataType::Int32)),
        2,
        Arc::new(Int32Array::from_iter_values(0..10)),
        None,
    );
    let inner = StructArray::from(vec![
        (Arc::new(required("n", DataType::Int32)), numbers.clone()),
        (Arc::new(required("pair", pair.data_type().clone())), Arc::new(pair) as ArrayRef),
    ]);
    let outer = Fields::from(vec![required("inner", inner.data_type().clone())]);
    let nulls = Some(vec![true, false, true, false, false].into());
    let outer = StructArray::new(outer, vec![Arc::new(inner)], nulls);
    let lists = ListArray::new(
        Arc::new(Field::new("element", outer.data_type().clone(), true)),
        OffsetBuffer::from_lengths([2, 0, 1, 0, 2]),
        Arc::new(outer.clone()),
        None,
    );
    let fields = vec![
        required("id", DataType::Int32),
        Field::new("s", outer.data_type().clone(), true),
        Field::new("l", lists.data_type().clone(), true),
    ];
    let columns = vec![numbers, Arc::new(outer) as ArrayRef, Arc::new(lists)];
    let batch = RecordBatch::try_new(schema(fields), columns).unwrap();
    let object = object("required.parquet");
    data::write(&object, std::slice::from_ref(&batch), options(&[])).await;
    // Batches of two rows are made one again, as any operator does that sorts or joins.
    let args = ReadArgs { batch_rows: Some(2), ..ReadArgs::default() };
    assert_eq!(data::read(&object, args.clone()).await, batch);

    let wide = Fields::from(vec![required("n", DataType::Int64)]);
    let wide = Fields::from(vec![required("inner", DataType::Struct(wide))]);
    let wanted = schema(vec![Field::new("s", DataType::Struct(wide), true)]);
    let found = data::read(&object, ReadArgs { schema: Some(wanted), ..args }).await;
    let found = found.column(0).as_struct();
    assert_eq!((found.len(), found.null_count()), (rows, 3));
    let numbers = found.column(0).as_struct().column(0).as_primitive::<Int64Type>();
    assert_eq!((numbers.value(0), numbers.value(2)), (0, 2));
}
