//! Predicates leave out work, and never a row that passes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Field};
use proptest::prelude::*;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use stitchwork_core::{
    Column, Comparison, FieldMapping, Format, Predicate, ReadArgs, RoaringTreemap, Scalar, col, count_rows,
};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::batches::rng;
use stitchwork_testkit::files::{object, schema};

use crate::data;

fn predicate(depth: usize, rng: &mut StdRng) -> Predicate {
    if depth > 0 && rng.random_bool(0.6) {
        let parts = (0..rng.random_range(1..4)).map(|_| predicate(depth - 1, rng)).collect();
        return match rng.random_range(0..3) {
            0 => Predicate::And(parts),
            1 => Predicate::Or(parts),
            _ => predicate(depth - 1, rng).negate(),
        };
    }
    let number = rng.random_range(-22..22_i64);
    let (column, value): (Column, Scalar) = match rng.random_range(0..7) {
        0 => (col("i"), number.into()),
        1 => (col("n"), number.into()),
        2 => (col("f"), (number as f64 / 2.0).into()),
        3 => (col("p"), number.into()),
        4 => (col("t"), format!("{}{:02}", "x".repeat(70), number + 22).into()),
        5 => (col("u"), format!("{:02}", number + 22).into()),
        _ => (col("s").field("x"), number.into()),
    };
    use Comparison::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    match rng.random_range(0..8) {
        0 => Predicate::IsNull(column),
        1 => Predicate::In { column, values: vec![value.clone(), value] },
        2 => col("u").like(format!("{}%", rng.random_range(0..4))),
        _ => Predicate::Compare { column, op: *[Eq, NotEq, Lt, LtEq, Gt, GtEq].choose(rng).unwrap(), value },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_row_that_passes_is_left_out(seed: u64) {
        let mut rng = rng(seed);
        let batch = data::comparable(400, &mut rng);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let object = object("pruned.parquet");
            let mut file_options = data::small_pages();
            file_options.insert("page_index".to_owned(), (seed % 4 != 0).to_string());
            data::write(&object, std::slice::from_ref(&batch), file_options).await;
            for _ in 0..12 {
                let predicate = predicate(3, &mut rng);
                let rows: RoaringTreemap = (0..400).filter(|_| rng.random_bool(0.7)).collect();
                let rows = rng.random_bool(0.5).then(|| Arc::new(rows));
                let args = ReadArgs {
                    predicate: Some(predicate.clone()),
                    rows: rows.clone(),
                    row_number: Some("at".to_owned()),
                    batch_rows: Some(37),
                    ..ReadArgs::default()
                };
                let found = data::read(&object, args).await;
                let at = found.column(found.num_columns() - 1).as_primitive::<Int64Type>();
                let passes = |batch| predicate.passes(batch).unwrap();
                let passing = passes(&batch);
                let wanted = passing.iter().enumerate().filter(|(row, passes)| {
                    *passes == Some(true) && rows.as_ref().is_none_or(|rows| rows.contains(*row as u64))
                });
                let wanted: Vec<i64> = wanted.map(|(row, _)| row as i64).collect();
                let kept = passes(&found);
                let kept: Vec<i64> =
                    at.values().iter().zip(kept.iter()).filter(|(_, p)| *p == Some(true)).map(|(a, _)| *a).collect();
                assert_eq!(kept, wanted, "{predicate}");
                let places = arrow_array::UInt64Array::from_iter_values(at.values().iter().map(|at| *at as u64));
                let expected = arrow_select::take::take_record_batch(&batch, &places).unwrap();
                assert_eq!(found.columns()[..batch.num_columns()], *expected.columns());
            }
        });
    }
}

#[tokio::test]
async fn pages_and_row_groups_are_left_out() {
    let rows = 640_i64;
    let ids: arrow_array::ArrayRef = Arc::new(arrow_array::Int64Array::from_iter_values(0..rows));
    let halves = (0..rows).map(|id| id as f64 / 2.0);
    let halves: arrow_array::ArrayRef = Arc::new(arrow_array::Float64Array::from_iter_values(halves));
    let inner = vec![Field::new("x", DataType::Int64, true)];
    let inner = arrow_array::StructArray::new(inner.into(), vec![ids.clone()], None);
    let batch =
        arrow_array::RecordBatch::try_from_iter([("id", ids), ("half", halves), ("s", Arc::new(inner) as _)]);
    let object = object("sorted.parquet");
    data::write(&object, &[batch.unwrap()], data::small_pages()).await;
    let count = |predicate: Predicate| {
        let object = object.clone();
        async move {
            let args = ReadArgs { predicate: Some(predicate), ..ReadArgs::default() };
            count_rows(Parquet::new().read(&object, args).await.unwrap()).await.unwrap()
        }
    };
    assert_eq!(count(col("id").eq(100_i64)).await, 16, "one page of 16 rows");
    assert_eq!(count(col("s").field("x").eq(100_i64)).await, 16);
    assert_eq!(count(col("id").gt(630_i64)).await, 16);
    assert_eq!(count(col("id").lt(64_i64)).await, 64, "one row group");
    assert_eq!(count(col("id").gt_eq(rows)).await, 0);
    assert_eq!(count(col("id").is_in([0_i64, 639])).await, 32);
    assert_eq!(count(col("half").gt(319.0)).await, 16, "there is no NaN, and the file says so");
    assert_eq!(count(col("id").lt(10_i64).or(col("half").gt(318.0))).await, 32);
    assert_eq!(count(col("id").is_null()).await, 0);
}

#[tokio::test]
async fn predicates_are_in_the_names_and_types_of_the_wanted_schema() {
    let ids: arrow_array::ArrayRef = Arc::new(arrow_array::Int32Array::from_iter_values(0..640));
    let texts = (0..640).map(|i| (i + 1000).to_string()).collect::<Vec<_>>();
    let texts: arrow_array::ArrayRef = Arc::new(arrow_array::StringArray::from(texts));
    let batch = arrow_array::RecordBatch::try_from_iter([("c1", ids), ("c2", texts)]).unwrap();
    let object = object("physical.parquet");
    data::write(&object, &[batch], data::small_pages()).await;
    let physical = |field: Field, name: &str| {
        field.with_metadata([(stitchwork_core::PHYSICAL_NAME.to_owned(), name.to_owned())].into())
    };
    let default = [(stitchwork_core::INITIAL_DEFAULT.to_owned(), "5".to_owned())].into();
    let wanted = schema(vec![
        physical(Field::new("c2", DataType::Int64, true), "c1"),
        physical(Field::new("number", DataType::Int64, true), "c2"),
        Field::new("absent", DataType::Utf8, true),
        Field::new("older", DataType::Int32, false).with_metadata(default),
    ]);
    let rows = |predicate: Predicate| {
        let args = ReadArgs {
            schema: Some(wanted.clone()),
            mapping: Some(Arc::new(FieldMapping::new(stitchwork_core::MapBy::PhysicalName))),
            predicate: Some(predicate),
            projection: Some(vec![0]),
            ..ReadArgs::default()
        };
        let object = object.clone();
        async move { data::read(&object, args).await.num_rows() }
    };
    assert_eq!(rows(col("c2").eq(100_i64)).await, 16);
    // The order of texts is not that of the numbers that they are read as.
    assert_eq!(rows(col("number").eq(1100_i64)).await, 640);
    assert_eq!(rows(col("absent").is_not_null()).await, 0);
    assert_eq!(rows(col("absent").eq("x")).await, 0);
    assert_eq!(rows(col("absent").is_null()).await, 640);
    assert_eq!(rows(col("older").eq(5_i32)).await, 640);
    assert_eq!(rows(col("older").gt(5_i32)).await, 0);
}
