//! What relations and files are asked about moments, in their own units.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Date32Array, RecordBatch, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use stitchwork_core::{Scalar, col};

use crate::moments::table;
use crate::support::{Editable, Files, Memory, engine, engines, register, rows};

/// Relations are told of moments in their own unit, and what they leave out by it is no row that passes.
#[tokio::test]
async fn relations_are_told_in_their_own_unit() {
    let memory = Memory::new(vec![table()]);
    let engine = engine();
    register(&engine, "t", &memory).await;
    let us = |count: i64| scalar(&TimestampMicrosecondArray::from(vec![count]));
    let utc = |count: i64| scalar(&TimestampMicrosecondArray::from(vec![count]).with_timezone("UTC"));
    let ns = |count: i64| scalar(&TimestampNanosecondArray::from(vec![count]));
    let year = -14_831_769_600_000_000;
    for (filter, told) in [
        ("us >= timestamp '1500-01-01'", col("us").gt_eq(us(year))),
        ("'1500-01-01' > us", col("us").lt(us(year))),
        ("utc = date '1500-01-01'", col("utc").eq(utc(year))),
        ("us < '1970-01-01 00:00:00.0000015'", col("us").lt(us(2))),
        ("us in ('1500-01-01', '1970-01-01 00:00:00.0000015')", col("us").eq(us(year))),
        ("ns > timestamp '1500-01-01'", col("ns").gt_eq(ns(i64::MIN))),
        ("ns > timestamp '9999-01-01'", col("ns").lt(ns(i64::MIN))),
        ("ns = '1970-01-01 00:00:00.0000015'", col("ns").eq(ns(1_500))),
        ("d > timestamp '1970-01-02 12:00:00'", col("d").gt(scalar(&Date32Array::from(vec![1])))),
    ] {
        memory.seen.lock().unwrap().clear();
        rows(&engine, &format!("select n from t where {filter}")).await;
        let seen = memory.seen.lock().unwrap()[0].predicate.clone();
        assert_eq!(seen, Some(told), "{filter}");
    }
}

fn scalar(array: &dyn Array) -> Scalar {
    Scalar::from_array(array, 0).unwrap()
}

#[tokio::test]
async fn rows_are_deleted_by_moments_of_every_year() {
    let mut memory = Memory::bare(vec![table()]);
    memory.editable = true;
    let memory = Arc::new(memory);
    let engine = engine();
    register(&engine, "t", &Arc::new(Editable(memory.clone()))).await;
    for (filter, left) in [
        ("us < '0002-01-01'", "9"),
        ("ns between timestamp '0001-01-01' and timestamp '1700-01-01'", "8"),
        ("s = date '1500-06-01' or utc >= timestamp '9999-01-01'", "7"),
        ("ms in ('1969-12-31 23:59:59.999', now())", "6"),
        ("ns > timestamp '9999-12-31'", "6"),
    ] {
        rows(&engine, &format!("delete from t where {filter}")).await;
        assert_eq!(rows(&engine, "select count(*) from t").await, [left], "{filter}");
    }
    rows(&engine, "insert into t (us, s, d, n) values ('0001-01-01', timestamp '9999-12-31 23:59:59', timestamp '1500-01-01', 10)").await;
    let row = rows(&engine, "select us, s, d from t where n = 10").await;
    assert_eq!(row, ["0001-01-01T00:00:00|9999-12-31T23:59:59|1500-01-01"]);
}

/// Files that count in another unit than their table, as a table's type or its writer was changed.
#[tokio::test]
async fn files_count_in_units_of_their_own() {
    let ms: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![-2, -1, 0, 1, 2]));
    let us: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-1_500, -1_000, 0, 500, 1_500]));
    let ns: ArrayRef =
        Arc::new(TimestampNanosecondArray::from(vec![-1_500_000, -1_000_000, 0, 400, 500_001]));
    for (unit, arrays) in [
        (TimeUnit::Microsecond, [&ms, &ns]),
        (TimeUnit::Nanosecond, [&ms, &us]),
        (TimeUnit::Millisecond, [&us, &ns]),
    ] {
        let field = Field::new("x", DataType::Timestamp(unit, None), true);
        let mut files = Files::new(Arc::new(Schema::new(vec![field])));
        for (i, array) in arrays.into_iter().enumerate() {
            let batch = RecordBatch::try_from_iter_with_nullable(vec![("x", array.clone(), true)]).unwrap();
            files.write(&format!("memory:{i}"), &batch).await;
        }
        let files = Arc::new(files);
        for engine in engines().iter().take(1) {
            register(engine, "t", &files).await;
            for moment in ["1970-01-01 00:00:00.0005", "1969-12-31 23:59:59.9985"] {
                for filter in [
                    format!("x >= '{moment}'"),
                    format!("x = '{moment}'"),
                    format!("x in ('{moment}', '{moment}1')"),
                ] {
                    let read = rows(engine, &format!("select x from t where {filter}")).await;
                    let above = format!("select x from (select * from t limit 1000) where {filter}");
                    assert_eq!(read, rows(engine, &above).await, "{unit:?}: {filter}");
                }
            }
        }
    }
}
