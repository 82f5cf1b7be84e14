//! What other databases calculate, in the words that they have for it.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch};
use arrow_schema::Field;
use stitchwork_core::{Engine, ErrorKind, OpenUrl, QueryArgs};
use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine};

use crate::changeable::Changeable;
use crate::files::{batch, ints};
use crate::support::{Files, Memory, engine, engines, query_error, register, rows};

fn data() -> RecordBatch {
    let decimals = Decimal128Array::from(vec![110, 250, -110, 0]).with_precision_and_scale(10, 2).unwrap();
    let column = |name, array: ArrayRef| (Field::new(name, array.data_type().clone(), true), array);
    batch(vec![
        column("a", Arc::new(Int64Array::from(vec![Some(-3), Some(2), Some(3), None]))),
        column("k", Arc::new(Int64Array::from(vec![1, -1, 2, 2]))),
        column("f", Arc::new(Float64Array::from(vec![1.5, -2.5, 0.0, f64::NAN]))),
        column("d", Arc::new(decimals)),
    ])
}

#[tokio::test]
async fn different_rows_are_sorted_by_what_is_selected() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![data()])).await;
    for (sql, expected) in [
        ("select distinct abs(a) from t order by abs(a)", vec!["", "2", "3"]),
        ("select distinct a + 1, a + 1 as b from t order by a + 1 desc limit 2", vec!["4|4", "|"]),
        ("select distinct k, abs(a) + k from t order by k, abs(a) + k desc limit 1", vec!["-1|1"]),
        ("select distinct coalesce(d, 0.1) from t order by coalesce(d, 0.1) limit 1", vec!["-1.10"]),
        ("select abs(k), count(*) from t group by abs(k) order by abs(k), 2", vec!["1|2", "2|2"]),
    ] {
        assert_eq!(rows(&engine, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn divisions_remainders_and_signs_have_their_words() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![data()])).await;
    for (sql, expected) in [
        ("select 7 // 2, -7 // 2, 7.5 // 2", vec!["3|-3|3.75"]),
        ("select a // 2 from t where a > 2", vec!["1"]),
        ("select mod(a + 1, 2) * 3 from t", vec!["", "0", "0", "3"]),
        ("select mod(d, 2), MOD(f, 1 + 1) from t where a = -3", vec!["1.10|1.5"]),
        ("select sign(a), sign(f), sign(d) from t where a = 2", vec!["1.0|-1.0|1.0"]),
        ("select interval '1 month 2 days' * 2, 3 * interval '1 hour'", vec!["2 mons 4 days|3 hours"]),
        (
            "select timestamp '2024-01-01' + interval '1 day' * k from t where k > 1",
            vec!["2024-01-03T00:00:00", "2024-01-03T00:00:00"],
        ),
        ("select count(*) from t where list_contains([d], 1.1)", vec!["1"]),
        ("select array_position([f], d), list_has([d, 0.5], 0.5) from t where a = 2", vec!["|true"]),
    ] {
        assert_eq!(rows(&engine, sql).await, expected, "{sql}");
    }
    let error = query_error(&engine, "select interval '2000000000 days' * 2").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn powers_are_doubles_and_bind_as_in_other_databases() {
    for dialect in ["generic", "postgresql", "duckdb", "databricks", "snowflake", "bigquery"] {
        let open = OpenUrl::new(format!("datafusion:?dialect={dialect}"));
        let engine = DataFusionEngine::new(DataFusionConfig::from_url(&open).unwrap()).unwrap();
        register(&engine, "t", &Memory::new(vec![data()])).await;
        for (sql, expected) in [
            (
                "select 2^3, 10^2, 2 ^ 0.5, 2**3, arrow_typeof(2^3)",
                "8.0|100.0|1.4142135623730951|8.0|Float64",
            ),
            ("select 2 * 3 ^ 2, 2 ^ 3 * 2, 2 + 1 ^ 2, 4 % 3 ^ 2, 1 - 2 ** 2", "18.0|16.0|3.0|4.0|-3.0"),
            ("select 2 ^ 3 ^ 2, 2 ** 3 ** 2, 2 ^ (3 ^ 2)", "64.0|64.0|512.0"),
            ("select -2 ^ 2, - 2 ** 2, +2 ^ 2, -(2 ^ 2), 3 - - 2 ^ 2, 2 ^ -1", "4.0|4.0|4.0|-4.0|-1.0|0.5"),
            (
                "select 2 ^ cast('3' as int), not 2 ^ 2 = 4, -a ^ 2, -a * 2 ^ 2 from t where a = 3",
                "8.0|false|9.0|-12.0",
            ),
            ("select a ^ k, f ^ 2, d ^ 2, null ^ 2, a ^ null from t where a = 2", "0.5|6.25|6.25||"),
            ("select count(*) from t where a ^ 2 = 9 and a is not null", "2"),
            ("select k ^ 2, count(*) from t group by k ^ 2 order by k ^ 2 desc limit 1", "4.0|2"),
            ("select a ^ 0 from t where a is null", ""),
        ] {
            assert_eq!(rows(&engine, sql).await, [expected], "{dialect}: {sql}");
        }
        for sql in ["select 0 ^ -1", "select timestamp '2024-01-01' ^ 2", "select 'a' ^ 2"] {
            let error = query_error(&engine, sql).await;
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{dialect}: {sql}: {error}");
        }
    }
}

#[tokio::test]
async fn a_number_becomes_the_decimal_that_is_nearest_to_what_is_written() {
    let engine = engine();
    for (sql, expected) in [
        (
            "select cast(1.005 as decimal(10, 2)), -1.005::decimal(10, 2), cast(1.015 as numeric(3, 2))",
            "1.01|-1.01|1.02",
        ),
        ("select try_cast(1.005 as decimal(10, 2)), try_cast(1.006 as decimal(2, 2))", "1.01|"),
        (
            "select cast(0.1 + 0.2 as decimal(38, 20)), cast(1e-3 as decimal(5, 3))",
            "0.30000000000000000000|0.001",
        ),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
    let table = Changeable::new(data());
    register(&engine, "t", &table).await;
    assert_eq!(rows(&engine, "update t set d = 0.1 + 0.2 where a = 2").await, ["1"]);
    assert_eq!(rows(&engine, "select d from t where a = 2").await, ["0.30"]);
}

#[tokio::test]
async fn a_query_may_be_asked_whether_it_has_rows_or_a_value() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![data()])).await;
    for (sql, expected) in [
        (
            "select a, exists (select 1 from t x where x.k = t.k + 1) from t",
            vec!["-3|true", "2|false", "3|false", "|false"],
        ),
        ("select not exists (select 1 from t where a > 100) as e", vec!["true"]),
        ("select a, a in (select k from t) from t", vec!["-3|false", "2|true", "3|false", "|"]),
        ("select a, a not in (select k from t) from t", vec!["-3|true", "2|false", "3|true", "|"]),
        ("select k, k in (select a from t) from t", vec!["-1|", "1|", "2|true", "2|true"]),
        (
            "select a, a in (select k from t where k > 100) from t",
            vec!["-3|false", "2|false", "3|false", "|false"],
        ),
        (
            "select k, k + 1 in (select a from t where a > 2) or k = 1 from t",
            vec!["-1|false", "1|true", "2|true", "2|true"],
        ),
        ("select case when f in (select -f from t) then a end from t", vec!["", "", "", "3"]),
    ] {
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(rows(&engine, sql).await, expected, "{sql}");
    }
    for sql in [
        "select sum(case when exists (select 1 from t x where x.k = t.k) then 1 else 0 end) from t",
        "select a in (select x.k from t x where x.f = t.f) from t",
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("join with it"), "{error}");
    }
}

#[tokio::test]
async fn a_sum_beyond_its_type_is_an_error() {
    let engine = engine();
    let most = i64::MAX;
    let values = format!("(1, {most}, 18446744073709551615), (2, 1, 1), (2, null, null), (1, -5, 0)");
    let from =
        format!("from (select g, n, cast(u as bigint unsigned) u from (values {values}) v(g, n, u)) t");
    for sql in [
        format!("select sum(n) {from} where n > 0"),
        format!("select sum(u) {from}"),
        format!("select sum(n) {from} where n > 0 group by g % 1"),
        format!("select sum(u) {from} group by g % 1"),
        format!("select sum(n) over (order by g) {from} where n > 0"),
        format!("select sum(n), count(distinct g) {from} where n > 0"),
    ] {
        let error = query_error(&engine, &sql).await;
        assert!(error.to_string().starts_with("invalid input: a sum is beyond its type"), "{sql}: {error}");
    }
    for (sql, expected) in [
        // What is beyond on the way is not in the end, without groups.
        (format!("select sum(n) {from}"), vec!["9223372036854775803"]),
        (format!("select g, sum(n), sum(n) filter (where n < 0) {from} group by g"), vec![
            "1|9223372036854775802|-5",
            "2|1|",
        ]),
        (format!("select sum(u) {from} where g = 1"), vec!["18446744073709551615"]),
        (format!("select sum(n) {from} where n is null"), vec![""]),
        (format!("select sum(n - 2) over (order by n rows between 1 preceding and current row) {from} where n is not null"), vec![
            "-7", "-8", "9223372036854775804",
        ]),
        ("select sum(n), sum(n - 600), sum(cast(m as int unsigned)) from (select n, n as m from range(0, 1000) t(n))".to_owned(), vec![
            "499500|-100500|499500",
        ]),
        ("select sum(n) from (select sum(x) n, x % 3 as g from range(0, 100) t(x) group by x % 3)".to_owned(), vec!["4950"]),
        (format!("select sum(cast(n as decimal(38, 0))) {from} where n > 0"), vec!["9223372036854775808"]),
    ] {
        assert_eq!(rows(&engine, &sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn an_overflow_says_the_same_wherever_it_is_met() {
    let data = batch(vec![ints("a", 0..300)]);
    let mut files = Files::new(data.schema());
    files.write("memory:a", &data).await;
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        let most = i64::MAX - 299;
        for sql in [
            format!("select a + 1 + {most} from t"),
            format!("select a from t where a + 1 + {most} > 7"),
            format!("select max(a) from t where a > 5 and a + 1 + {most} > 7 group by a % 2"),
        ] {
            let error = query_error(&engine, &sql).await;
            assert_eq!(error.context("operator"), Some("+"), "{sql}: {error}");
            let said = error.to_string();
            assert!(said.starts_with("invalid input: the result of a calculation"), "{sql}: {said}");
        }
    }
}

#[tokio::test]
async fn columns_that_would_have_one_name_are_named_apart() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![data()])).await;
    for (sql, names, first) in [
        ("select a, a::double from t where a = 2", "a, a::DOUBLE", "2|2.0"),
        ("select cast(a as int), A, t.a from t where a = 2", "CAST(a AS INT), a, a_1", "2|2|2"),
        ("select *, d::double from t where a = 2", "a, k, f, d, d::DOUBLE", "2|-1|-2.5|2.50|2.5"),
        ("select t.*, a from t where a = 2", "a, k, f, d, a_1", "2|-1|-2.5|2.50|2"),
        ("select k as a_1, *, a from t where a = 2", "a_1, a, k, f, d, a_2", "-1|2|-1|-2.5|2.50|2"),
        (
            "select x.*, y.k from t x join t y on x.k = y.k where x.a = 2",
            "a, k, f, d, k",
            "2|-1|-2.5|2.50|-1",
        ),
        (
            "select x.*, x.k, y.a from t x join t y on x.k = y.k where x.a = 2",
            "a, k, f, d, k_1, a",
            "2|-1|-2.5|2.50|-1|2",
        ),
        ("select a + 1 as a, t.a, k as a_1 from t where a = 2", "a, a_2, a_1", "3|2|-1"),
        ("select a + 1, a::int + 1 from t where a = 2", "t.a + Int64(1), a::INT + 1", "3|3"),
        ("select q.a, q.\"a::INT\" from (select a, a::int from t) q where a = 2", "a, a::INT", "2|2"),
        ("select a, a::int from t union all select 1, 1 order by 1 limit 1", "a, a::INT", "-3|-3"),
        (
            "select a::int, count(*), count(*) from t where a = 2 group by a::int",
            "t.a, count(*), count(*)_1",
            "2|1|1",
        ),
        // Alone, it keeps the name that it has always had.
        ("select a::int, k from t where a = 2", "t.a, k", "2|-1"),
    ] {
        let schema =
            engine.query(QueryArgs::new(sql)).await.unwrap_or_else(|e| panic!("{sql}: {e}")).schema();
        let found: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(found.join(", "), names, "{sql}");
        assert_eq!(rows(&engine, sql).await.first().map(String::as_str), Some(first), "{sql}");
    }
}
