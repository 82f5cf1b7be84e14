//! Decimals beside numbers with a point, and whole numbers at the end of their type.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use stitchwork_core::{ErrorKind, QueryArgs};
use stitchwork_engine_datafusion::DataFusionEngine;

use crate::changeable::Changeable;
use crate::support::{Files, Memory, engine, query_error, register, rows, try_rows};

/// A table of one decimal, whose values come as their text.
async fn decimals(engine: &DataFusionEngine, precision: u8, scale: i8, values: &[i128]) -> Vec<String> {
    let column = Decimal128Array::from_iter_values(values.iter().copied())
        .with_precision_and_scale(precision, scale)
        .unwrap();
    let texts = (0..column.len()).map(|row| column.value_as_string(row)).collect();
    let schema = Schema::new(vec![Field::new("d", column.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column) as ArrayRef]).unwrap();
    register(engine, "t", &Memory::new(vec![batch])).await;
    texts
}

#[tokio::test]
async fn a_decimal_is_found_by_its_own_text() {
    for (precision, scale) in
        [(5, 2), (10, 2), (12, 2), (18, 4), (20, 6), (38, 2), (38, 10), (38, 20), (19, 0)]
    {
        let engine = engine();
        // Numbers of every length, whose digits are all kinds of them.
        let values: Vec<i128> = (1..u32::from(precision))
            .map(|digits| 66_637_777_912_345_678_901_234_567_898_765_432_109_i128 / 10_i128.pow(38 - digits))
            .flat_map(|value| [value, -value - 1])
            .collect();
        for text in decimals(&engine, precision, scale, &values).await {
            let same = format!("cast(d as varchar) = '{text}'");
            let filters = [
                format!("d = {text}"),
                format!("{text} = d"),
                format!("d in ({text}, 0.5)"),
                format!("d between {text} and {text}"),
                format!("d >= {text} and not d > {text}"),
                format!("d <= {text} and not d < {text}"),
                format!("not d <> {text}"),
                format!("d is not distinct from {text}"),
                format!("case d when {text} then true else false end"),
            ];
            // How many rows have another answer than the text of the number.
            let others =
                filters.iter().map(|filter| format!("count(*) filter (where ({filter}) <> ({same}))"));
            let sql = format!("select {} from t", others.collect::<Vec<_>>().join(", "));
            assert_eq!(rows(&engine, &sql).await, ["0|0|0|0|0|0|0|0|0"], "{text} in ({precision}, {scale})");
            let found = rows(&engine, &format!("select d from t where d = {text}")).await;
            assert!(!found.is_empty() && found.iter().all(|found| *found == text), "{text}: {found:?}");
        }
    }
}

#[tokio::test]
async fn a_number_between_two_decimals_is_none_of_them() {
    let engine = engine();
    decimals(&engine, 5, 2, &[-101, -100, 99, 100, 101]).await;
    for (filter, expected) in [
        ("d = 1.005", vec![]),
        ("d <> 1.005", vec!["-1.00", "-1.01", "0.99", "1.00", "1.01"]),
        ("d < 1.005", vec!["-1.00", "-1.01", "0.99", "1.00"]),
        ("d > 1.005", vec!["1.01"]),
        ("d >= 1.001", vec!["1.01"]),
        ("d <= -1.005", vec!["-1.01"]),
        ("d > -1.005", vec!["-1.00", "0.99", "1.00", "1.01"]),
        ("d in (1.005, 1.01)", vec!["1.01"]),
        ("d in (1.005)", vec![]),
        ("d not in (1.005, 1.01)", vec!["-1.00", "-1.01", "0.99", "1.00"]),
        ("d is distinct from 1.005 and d > 1", vec!["1.01"]),
        ("d < 12345678901234567890.5", vec!["-1.00", "-1.01", "0.99", "1.00", "1.01"]),
        ("d > 12345678901234567890123456789012345678", vec![]),
        ("d > -1234567890123.4567890", vec!["-1.00", "-1.01", "0.99", "1.00", "1.01"]),
        ("d < 0.7 * 2 and d > 0.5 + 0.5", vec!["1.01"]),
        ("d = 1", vec!["1.00"]),
    ] {
        assert_eq!(rows(&engine, &format!("select d from t where {filter}")).await, expected, "{filter}");
    }
    for (sql, expected) in [
        ("select max(d * 1.1), max(d + 0.001), min(d - 1.5) from t", "1.111|1.011|-2.51"),
        ("select coalesce(max(d), 0.25), max(case when d > 5 then d else 0.125 end) from t", "1.01|0.125"),
        ("select cast('100000.01' as decimal(10, 2)) = 100000.01", "true"),
        ("select 12345678901234.5678, 0.5", "12345678901234.5678|0.5"),
        ("select 12345678901234567890123", "12345678901234567890123"),
        ("select arrow_typeof(0.5), arrow_typeof(0.5 * 3)", "Float64|Float64"),
        ("select max(1.0 / d) from t where d > 1", "0.9900990099009900990"),
        ("select max(d) / 3::double, arrow_typeof(max(d) * 3::double) from t", "0.33666666666666667|Float64"),
        (
            "select count(*) from (select case cast(floor(random() * 3) as decimal(4, 2)) when 0.0 then 0 when 1.0 then 1 \
             when 2.0 then 2 else 3 end as x from generate_series(1, 3000)) where x = 3",
            "0",
        ),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
}

#[tokio::test]
async fn a_number_beside_what_floats_floats() {
    let engine = engine();
    let values = vec![0.123_456_789_012_345_68, 1e30, 0.1];
    let floats: ArrayRef = Arc::new(Float64Array::from(values));
    let decimal = Decimal128Array::from(vec![12, 50, 10]).with_precision_and_scale(38, 2).unwrap();
    let schema = Schema::new(vec![
        Field::new("f", DataType::Float64, true),
        Field::new("d", decimal.data_type().clone(), true),
    ]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![floats, Arc::new(decimal)]).unwrap();
    register(&engine, "t", &Memory::new(vec![batch])).await;
    for (filter, expected) in [
        ("f = 0.12345678901234568", "0.12"),
        ("f = 0.123456789012345678", "0.12"),
        ("f = 1e30", "0.50"),
        ("f > d and f > 1", "0.50"),
        ("f = d", "0.10"),
        ("f * d > 1", "0.50"),
        ("d in (f)", "0.10"),
        ("d in (select f from t)", "0.10"),
        ("f in (select d from t)", "0.10"),
        ("case d when f then true else false end", "0.10"),
        ("nullif(d, f) is null", "0.10"),
        ("d between f and f", "0.10"),
        ("1 between d and f", "0.50"),
        ("coalesce(f, d) = 1e30", "0.50"),
        ("greatest(d, f) = 1e30", "0.50"),
        ("case when f > 1 then f else d end = 1e30", "0.50"),
        ("case when f > 1 then f else 0.1234567890123456789 end > 1", "0.50"),
    ] {
        assert_eq!(rows(&engine, &format!("select d from t where {filter}")).await, [expected], "{filter}");
    }
    // Above all numbers is what is none.
    assert_eq!(rows(&engine, "select count(*) from t where 1 between d and (f - f) / (f - f)").await, ["3"]);
    assert_eq!(rows(&engine, "select count(*) from t where 1 in (d, (f - f) / (f - f))").await, ["0"]);
    for (sql, expected) in [
        ("select max(x) from (select f as x from t union all select d from t)", "1e30"),
        ("select max(x) from (select d as x from t union select f from t)", "1e30"),
        ("select count(*) from t a join t b on a.d = b.f", "1"),
        ("select count(*) from t a join (select f as d from t) b using (d)", "1"),
        ("select count(*) from (select f from t intersect select d from t)", "1"),
        ("select count(*) from (select d from t except select f from t)", "2"),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
}

#[tokio::test]
async fn what_is_stored_is_what_was_written() {
    let engine = engine();
    let column = |precision, scale| {
        let column = Decimal128Array::from(vec![1_i128]);
        Arc::new(column.with_precision_and_scale(precision, scale).unwrap()) as ArrayRef
    };
    let columns = [
        ("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("d", column(18, 4)),
        ("w", column(38, 10)),
    ];
    let columns = columns.map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    register(&engine, "t", &Changeable::new(batch)).await;
    let stored = async |sql: &str| {
        rows(&engine, sql).await;
        rows(&engine, "select d, w from t where id = 1").await
    };
    for (sql, expected) in [
        ("update t set d = 12345678901234.5678", "12345678901234.5678|0.0000000001"),
        ("update t set w = 98765432109876543.21", "12345678901234.5678|98765432109876543.2100000000"),
        ("update t set w = w + 0.1", "12345678901234.5678|98765432109876543.3100000000"),
        ("update t set d = -d", "-12345678901234.5678|98765432109876543.3100000000"),
    ] {
        assert_eq!(stored(sql).await, [expected], "{sql}");
    }
    for (id, value) in [(2, "12345678901234567890.1234567891"), (3, "-0.0000000001"), (4, "66.63")] {
        for sql in [
            format!("insert into t values ({id}, null, {value})"),
            format!("insert into t (id, w) select {id}, {value}"),
        ] {
            rows(&engine, &sql).await;
        }
        let found = rows(&engine, &format!("select count(*) from t where id = {id} and w = {value}")).await;
        assert_eq!(found, ["2"], "{value}");
        assert_eq!(rows(&engine, &format!("delete from t where w = {value}")).await, ["2"], "{value}");
    }
    let error = query_error(&engine, "update t set d = 0.00001").await;
    assert!(error.to_string().contains("does not fit the type of its column exactly"), "{error}");
}

#[tokio::test]
async fn whole_numbers_do_not_begin_again_at_their_other_end() {
    let engine = engine();
    let columns = [("l", Arc::new(Int64Array::from(vec![i64::MAX, 1])) as ArrayRef)];
    register(&engine, "t", &Changeable::new(RecordBatch::try_from_iter(columns).unwrap())).await;
    for beyond in [
        "l + 1",
        "l * 2",
        "-(-l - 2)",
        "-l - 2",
        "cast(l as decimal(38, 0)) * 0 + 9223372036854775807 + l",
        "9223372036854775807 + 1",
        "cast(2147483647 as int) + cast(l % 2 + 1 as int)",
    ] {
        let sql = format!("select {beyond} from t");
        match try_rows(&engine, QueryArgs::new(sql.clone())).await {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error}");
                assert!(error.to_string().contains("beyond its type"), "{sql}: {error}");
            }
            Ok(_) => assert!(beyond.contains("decimal"), "{sql}"),
        }
    }
    let error = query_error(&engine, "update t set l = l + 1").await;
    assert!(error.to_string().contains("beyond its type"), "{error}");
    for (sql, expected) in [
        (
            "select max(l - 1), min(-l), max(cast(l as decimal(38, 0)) + 1) from t",
            "9223372036854775806|-9223372036854775807|9223372036854775808",
        ),
        ("select -9223372036854775808, 2 + 3 * 4 - -1", "-9223372036854775808|15"),
        ("select l + null from t where l = 1", ""),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
    let plan = engine_columns(&engine, "select l + 1, - l from t where l < 5").await;
    assert_eq!(plan, ["t.l + Int64(1)", "(- t.l)"]);
}

/// The names of a query's columns.
async fn engine_columns(engine: &DataFusionEngine, sql: &str) -> Vec<String> {
    use stitchwork_core::Engine;
    let stream = engine.query(QueryArgs::new(sql)).await.unwrap();
    stream.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[tokio::test]
async fn decimals_that_count_hundreds_count_ones() {
    let engine = engine();
    // 12300, -500 and 0 in hundreds.
    assert_eq!(decimals(&engine, 5, -2, &[123, -5, 0]).await, ["12300", "-500", "000"]);
    for (filter, expected) in [
        ("d = 12300", vec!["12300"]),
        ("d = 12345", vec![]),
        ("d > 12299.5", vec!["12300"]),
        ("d < 0.5", vec!["-500", "0"]),
        ("d <> 0", vec!["-500", "12300"]),
        ("d in (0, 12300, 1)", vec!["0", "12300"]),
        ("d between -500 and 0.1", vec!["-500", "0"]),
        ("d between 12299 and 12301", vec!["12300"]),
        ("d = cast(12300 as bigint)", vec!["12300"]),
        ("d = cast(12300.00 as decimal(10, 2))", vec!["12300"]),
        ("d > 1e4::double", vec!["12300"]),
        ("d = '12300'", vec!["12300"]),
        ("d is not distinct from 0", vec!["0"]),
        ("d in (select max(d) from t)", vec!["12300"]),
    ] {
        let sql = format!("select d from t where {filter}");
        assert_eq!(rows(&engine, &sql).await, expected, "{filter}");
    }
    for (sql, expected) in [
        ("select sum(d), min(d), max(d), avg(d), count(distinct d) from t", "11800|-500|12300|3933.3333|3"),
        (
            "select max(d + 1), max(d - 0.5), max(d * 2), max(d / 7), max(d % 7) from t",
            "12301|12299.5|24600|1757.1428|1",
        ),
        ("select max(round(d)), max(round(d / 7, 1)), max(abs(d)), max(-d) from t", "12300|1757.1|12300|500"),
        (
            "select cast(max(d) as varchar), cast(min(d) as bigint), sum(d)::double from t",
            "12300|-500|11800.0",
        ),
        ("select count(*) from t a join t b on a.d = b.d", "3"),
        ("select max(x) from (select d as x from t union all select 12300.5)", "12300.5"),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
    for sql in ["select cast(1 as decimal(5, -2))", "select cast(1 as numeric(5, -2)) > 3"] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error}");
    }

    // There is room for 76 digits, not for more.
    assert_eq!(decimals(&engine, 38, -10, &[15]).await, ["150000000000"]);
    for (sql, expected) in [
        ("select d, d + 1, d = 150000000000 from t", "150000000000|150000000001|true"),
        ("select sum(d), avg(d), max(d) from t where d > 1.5", "150000000000|150000000000.0000|150000000000"),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
    decimals(&engine, 38, -50, &[15]).await;
    assert_eq!(rows(&engine, "select count(*) from t").await, ["1"]);
    let error = query_error(&engine, "select d from t where d > 5").await;
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("d")));
}

#[tokio::test]
async fn what_is_rounded_is_of_one_type() {
    let engine = engine();
    decimals(&engine, 10, 2, &[750, 746, 1234, -5]).await;
    for (filter, expected) in [
        ("round(d, 1) = 7.5", vec!["7.46", "7.50"]),
        ("round(d, 1) > 12", vec!["12.34"]),
        ("round(d, 1) in (12.3, 91)", vec!["12.34"]),
        ("round(d, 1) not in (12.3, 7.5)", vec!["-0.05"]),
        ("greatest(round(d, 0), d) = d and d > 10", vec!["12.34"]),
        ("coalesce(round(nullif(d, 7.46), 1), d) = 7.46", vec!["7.46"]),
        ("case when d > 10 then round(d, 1) else d end = 12.3", vec!["12.34"]),
        ("trunc(d, 1) = 7.4", vec!["7.46"]),
    ] {
        let found = rows(&engine, &format!("select d from t where {filter}")).await;
        assert_eq!(found, expected, "{filter}");
    }
    let sql =
        "select round(d, 1), count(*) from t group by round(d, 1) having round(avg(d), 1) > 7.4 order by 1";
    assert_eq!(rows(&engine, sql).await, ["12.3|1", "7.5|2"]);
    let sql = "select count(*) from t a join t b on round(a.d, 1) = b.d";
    assert_eq!(rows(&engine, sql).await, ["2"]);
}

#[tokio::test]
async fn a_sum_of_decimals_beyond_their_digits_is_refused() {
    let engine = engine();
    let decimal = Decimal128Array::from(vec![90_000_000_000_000_000_000_000_000_000_000_000_000_i128; 4]);
    let decimal: ArrayRef = Arc::new(decimal.with_precision_and_scale(38, 0).unwrap());
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let batch = RecordBatch::try_from_iter(vec![("id", ids), ("d", decimal)]).unwrap();
    let mut files = Files::new(batch.schema());
    for (i, name) in ["memory:0", "memory:1"].into_iter().enumerate() {
        files.write(name, &batch.slice(2 * i, 2)).await;
    }
    register(&engine, "f", &Arc::new(files)).await;
    register(&engine, "t", &Memory::new(vec![batch.clone()])).await;
    // Of 38 digits and more, but in 128 bits.
    register(&engine, "two", &Memory::new(vec![batch.slice(0, 2)])).await;
    for sql in [
        "select sum(d) from t",
        "select sum(d) from f",
        "select sum(d) from two",
        "select sum(-d) from two",
        "select id % 2, sum(d) from f group by id % 2",
        "select sum(d) over () from two",
        "select sum(d) over (order by id) from two",
        "select sum(d) over (order by id rows between 1 preceding and current row) from t",
        "select sum(cast(40000000000000000000000000000000000000 as decimal(76, 0)) * cast(1e37 as decimal(38, 0))) from range(300)",
        "select sum(arrow_cast(300000000, 'Decimal32(9, 0)')) from range(4)",
        "select sum(arrow_cast(300000000000000000, 'Decimal64(18, 0)')) from range(4) group by 1 = 1",
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error}");
        assert!(error.to_string().contains("a sum is beyond its type"), "{sql}: {error}");
    }
    let one = "90000000000000000000000000000000000000";
    for (sql, expected) in [
        ("select sum(cast(d as decimal(76, 0))) from t", "360000000000000000000000000000000000000"),
        ("select sum(case when id < 3 then d else -d end) from t where id in (1, 3, 4) or id = 2", "0"),
        ("select sum(d) from t where id = 1", one),
        (
            "select min(s) from (select sum(d) over (order by id rows between current row and current row) s from t)",
            one,
        ),
        ("select sum(d) from t where id > 5", ""),
        ("select sum(arrow_cast(3.25, 'Decimal64(18, 2)')) from range(4)", "13.00"),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
}
