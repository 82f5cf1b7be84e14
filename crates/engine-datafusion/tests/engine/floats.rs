//! One NaN, which is above all numbers, and one zero, as in DuckDB and PostgreSQL, whatever bits they have.

use std::sync::Arc;

use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, ListArray, RecordBatch};
use arrow_schema::{DataType, Field};
use stitchwork_core::{ColumnStats, Engine, ErrorKind, FileStats, QueryArgs, Scalar, col};
use stitchwork_engine_datafusion::DataFusionEngine;

use crate::files::{batch, ints};
use crate::support::{Files, Memory, column, engine, engines, query_error, register, rows};

/// NaN with and without a sign, the two zeros, numbers and null.
fn values() -> [Option<f64>; 9] {
    let odd = f64::from_bits(f64::NAN.to_bits() | 1);
    [
        Some(f64::NAN),
        Some(-f64::NAN),
        Some(odd),
        Some(-0.0),
        Some(0.0),
        Some(1.5),
        Some(-1.5),
        None,
        Some(f64::INFINITY),
    ]
}

fn data() -> RecordBatch {
    let floats = Float64Array::from(values().to_vec());
    #[expect(clippy::cast_possible_truncation, reason = "each has its equal")]
    let singles = Float32Array::from(values().map(|value| value.map(|value| value as f32)).to_vec());
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(values().map(|value| Some([value])));
    let lists_of = lists.data_type().clone();
    batch(vec![
        ints("n", 1..10),
        (Field::new("f", DataType::Float64, true), Arc::new(floats) as ArrayRef),
        (Field::new("s", DataType::Float32, true), Arc::new(singles)),
        (Field::new("l", lists_of, true), Arc::new(lists)),
    ])
}

/// Engines with the rows as a relation's scan, and as a Parquet file, with known bounds and without.
async fn tables() -> Vec<(DataFusionEngine, &'static str)> {
    let relation = engine();
    register(&relation, "t", &Memory::new(vec![data()])).await;
    let mut tables = vec![(relation, "relation")];
    let files = engines().into_iter().map(|engine| (engine, "files"));
    for (engine, of) in files.chain([(engine(), "known files")]) {
        let mut files = Files::new(data().schema());
        let file = files.write("memory:a", &data()).await;
        if of == "known files" {
            let bounds = ColumnStats {
                min: Some((-1.5).into()),
                max: Some(f64::INFINITY.into()),
                nulls: Some(1),
                nans: Some(3),
                exact: true,
                ..ColumnStats::default()
            };
            let columns = [(column("f"), bounds)].into();
            file.file.stats = Some(Arc::new(FileStats { rows: Some(9), columns }));
        }
        register(&engine, "t", &Arc::new(files)).await;
        tables.push((engine, of));
    }
    tables
}

#[tokio::test]
async fn filters_know_one_nan_and_one_zero() {
    for (engine, of) in tables().await {
        for (filter, expected) in [
            ("f > 5", "1,2,3,9"),
            ("f >= 1.5", "1,2,3,6,9"),
            ("f < 1", "4,5,7"),
            ("f <= 1.5", "4,5,6,7"),
            ("1 > f", "4,5,7"),
            ("f > 0", "1,2,3,6,9"),
            ("f >= 0", "1,2,3,4,5,6,9"),
            ("f < 0", "7"),
            ("f <= 0", "4,5,7"),
            ("f = 0", "4,5"),
            ("f <> 0", "1,2,3,6,7,9"),
            ("f = -0.0", "4,5"),
            ("f = 1.5", "6"),
            ("f <> 1.5", "1,2,3,4,5,7,9"),
            ("not f < 1", "1,2,3,6,9"),
            ("f between -0.0 and 2", "4,5,6"),
            ("f not between -0.0 and 2", "1,2,3,7,9"),
            ("f between 1 and 'nan'", "1,2,3,6,9"),
            ("f in (0, 1.5)", "4,5,6"),
            ("f in ('nan'::double, 1.5)", "1,2,3,6"),
            ("f not in (0.0, 1.5)", "1,2,3,7,9"),
            ("f = 'nan'", "1,2,3"),
            ("f = 'nan'::double", "1,2,3"),
            ("f = 0.0::double / 0.0", "1,2,3"),
            ("f < 'nan'", "4,5,6,7,9"),
            ("f >= 'nan'", "1,2,3"),
            ("f is distinct from 'nan'", "4,5,6,7,8,9"),
            ("f is not distinct from 0.0", "4,5"),
            ("-f = f", "1,2,3,4,5"),
            ("-f > 5", "1,2,3"),
            ("s > 5", "1,2,3,9"),
            ("s <= 0.0", "4,5,7"),
            ("s = f", "1,2,3,4,5,6,7,9"),
            ("f < 1 or f > 100", "1,2,3,4,5,7,9"),
            ("f < 1 and n > 4", "5,7"),
            ("case f when 'nan' then true when 0 then true else false end", "1,2,3,4,5"),
            ("nullif(f, 'nan') is null", "1,2,3,8"),
            ("greatest(f, 2.0) = 'nan'", "1,2,3"),
            ("f > all (select x from (values (0.0), (1.0)) v(x))", "1,2,3,6,9"),
            ("f in (select -x.f from t x)", "1,2,3,4,5,6,7"),
            ("exists (select 1 from t x where x.f = -t.f and x.n <> t.n)", "1,2,3,4,5,6,7"),
            ("f = (select max(x.f) from t x)", "1,2,3"),
            ("l = [0.0::double]", "4,5"),
            ("array_has(l, 'nan'::double)", "1,2,3"),
        ] {
            let sql = format!("select string_agg(n, ',' order by n) from t where {filter}");
            assert_eq!(rows(&engine, &sql).await, [expected], "{filter} of {of}");
        }
    }
}

#[tokio::test]
async fn groups_sorts_and_joins_know_one_nan_and_one_zero() {
    for (engine, of) in tables().await {
        for (sql, expected) in [
            ("select string_agg(n, ',' order by f, n) from t", vec!["7,4,5,6,9,1,2,3,8"]),
            ("select string_agg(n, ',' order by f desc nulls last, n) from t", vec!["1,2,3,9,6,4,5,7,8"]),
            ("select n from t order by f desc nulls last, n limit 3", vec!["1", "2", "3"]),
            ("select n from t order by f, n desc limit 3", vec!["4", "5", "7"]),
            (
                "select f, count(*) from t group by f",
                vec!["-1.5|1", "0.0|2", "1.5|1", "NaN|3", "inf|1", "|1"],
            ),
            (
                "select t.f, count(*), count(distinct s) from t group by t.f having f > 1",
                vec!["1.5|1|1", "NaN|3|1", "inf|1|1"],
            ),
            ("select f + 0.0::double, count(*) from t where f > 2 group by 1", vec!["NaN|3", "inf|1"]),
            ("select l, count(*) from t where n < 5 group by l", vec!["[0.0]|1", "[NaN]|3"]),
            ("select f, count(*) from t where f < 1 group by rollup(f)", vec!["-1.5|1", "0.0|2", "|3"]),
            (
                "select f, grouping(f), count(*) from t where n < 6 group by grouping sets ((f), ())",
                vec!["0.0|0|2", "NaN|0|3", "|1|5"],
            ),
            ("select distinct f from t", vec!["", "-1.5", "0.0", "1.5", "NaN", "inf"]),
            ("select distinct on (f) n from t order by f, n", vec!["1", "4", "6", "7", "8", "9"]),
            ("select f from t union select -f from t", vec!["", "-1.5", "-inf", "0.0", "1.5", "NaN", "inf"]),
            ("select f from t intersect select -f from t", vec!["", "-1.5", "0.0", "1.5", "NaN"]),
            ("select f from t except select -f from t", vec!["inf"]),
            ("select count(distinct f), count(distinct s) from t", vec!["5|5"]),
            ("select count(*) from t a join t b on a.f = b.f", vec!["16"]),
            ("select count(*) from t a join t b using (f)", vec!["16"]),
            ("select count(*) from t a, t b where a.f = b.s", vec!["16"]),
            ("select count(*) from t a join t b on a.f < b.f", vec!["24"]),
            ("select min(f), max(f), min(s), max(s) from t", vec!["-1.5|NaN|-1.5|NaN"]),
            ("select max(f) from t where n < 8 and n <> 1 and n <> 3", vec!["NaN"]),
            (
                "select n % 2, min(f), max(f), min(s) from t group by 1",
                vec!["0|0.0|NaN|0.0", "1|-1.5|NaN|-1.5"],
            ),
            ("select min(f) from t where n < 4", vec!["NaN"]),
            (
                "select n, count(*) over (partition by f), rank() over (order by f) from t where n < 6",
                vec!["1|3|3", "2|3|3", "3|3|3", "4|2|1", "5|2|1"],
            ),
            (
                "select n, max(f) over (order by n rows between 1 preceding and current row) from t where n > 1",
                vec!["2|NaN", "3|NaN", "4|NaN", "5|0.0", "6|1.5", "7|1.5", "8|-1.5", "9|inf"],
            ),
            (
                "select \"t.f > Int64(5)\", \"count(DISTINCT t.f)\" from (select f > 5, count(distinct f) from t group by f > 5)",
                vec!["false|3", "true|2", "|0"],
            ),
            (
                "select a.n from t a where a.f > (select min(b.f) from t b where b.f = a.f - 0.0 and b.n < 3)",
                vec![],
            ),
            (
                "select a.n, (select count(*) from t b where b.f = -a.f) from t a where n > 2",
                vec!["3|3", "4|2", "5|2", "6|1", "7|1", "8|0", "9|0"],
            ),
            // What is not compared is shown as it is.
            ("select f from t where n = 4", vec!["-0.0"]),
        ] {
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(rows(&engine, sql).await, expected, "{sql} of {of}");
        }
    }
}

#[tokio::test]
async fn bounds_do_not_depend_on_the_order_of_rows() {
    let engine = engine();
    for values in [
        "(1, 'NaN'::double), (1, 2.0), (1, 3.0)",
        "(1, 2.0), (1, 'NaN'::double), (1, 3.0)",
        "(1, 2.0), (1, 3.0), (1, 'NaN'::double)",
        "(1, 2.0), (1, 3.0), (1, -'NaN'::double)",
    ] {
        let whole = format!("select min(f), max(f) from (values {values}) t(g, f)");
        let apart = format!(
            "select distinct min(f) over w, max(f) over w from (values {values}) t(g, f) window w as (partition by g)"
        );
        for sql in [format!("{whole} group by g"), whole, apart] {
            assert_eq!(rows(&engine, &sql).await, ["2.0|NaN"], "{sql}");
        }
    }
}

#[tokio::test]
async fn filters_reach_relations_and_files() {
    let engine = engine();
    let memory = Memory::new(vec![data()]);
    register(&engine, "m", &memory).await;
    rows(&engine, "select n from m where f >= 0 and s < 1.5 and f <> 'nan'").await;
    let single = Scalar::from(1.5).cast(&DataType::Float32).unwrap();
    let expected = col("f").gt_eq(0.0).and(col("s").lt(single)).and(col("f").not_eq(f64::NAN)).to_string();
    let seen = memory.seen.lock().unwrap()[0].predicate.as_ref().unwrap().to_string();
    assert_eq!(seen, expected);

    let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values((0..400).map(f64::from)));
    let data = batch(vec![(Field::new("f", DataType::Float64, true), numbers)]);
    let mut files = Files::new(data.schema());
    files.write("memory:a", &data).await;
    register(&engine, "t", &Arc::new(files)).await;
    for (filter, pruned, count) in [
        ("f < 50", "f_min@0 < 50", 50),
        ("f <= 0", "f_min@0 <= 0", 1),
        ("f = 7", "f_min@0 <= 7 AND 7 <= f_max@1", 1),
        ("f = 0", "f_max@0 >= -0", 1),
        ("f > 390", "", 9),
        ("f > 10 and f < 50", "f_min@0 < 50", 39),
        ("f between 10 and 50", "f_min@0 <= 50", 41),
    ] {
        let plan = engine.explain(QueryArgs::new(format!("select f from t where {filter}"))).await.unwrap();
        assert!(plan.plan.contains(pruned), "{filter}: {}", plan.plan);
        let sql = format!("select count(*) from t where {filter}");
        assert_eq!(rows(&engine, &sql).await, [count.to_string()], "{filter}");
    }
}

#[tokio::test]
async fn known_bounds_answer_without_reading() {
    let mut files = Files::new(data().schema());
    let file = files.write("memory:a", &data()).await;
    let bounds = |nans| {
        let known = ColumnStats {
            min: Some((-1.5).into()),
            max: Some(2.5.into()),
            nulls: Some(0),
            nans,
            exact: true,
            ..ColumnStats::default()
        };
        Some(Arc::new(FileStats { rows: Some(9), columns: [(column("f"), known)].into() }))
    };
    file.file.stats = bounds(Some(0));
    files.stores = stitchwork_core::Stores::new();
    let engine = engine();
    register(&engine, "t", &Arc::new(files.clone())).await;
    assert_eq!(rows(&engine, "select min(f), max(f) from t").await, ["-1.5|2.5"]);
    // Where there may be a NaN, the file is read, which is not there.
    files.files[0].file.stats = bounds(None);
    register(&engine, "u", &Arc::new(files)).await;
    assert_eq!(query_error(&engine, "select max(f) from u").await.kind(), ErrorKind::NotFound);
}
