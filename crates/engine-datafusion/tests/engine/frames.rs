//! Aggregates over frames that slide.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use stitchwork_core::ErrorKind;

use crate::support::{Memory, engine, query_error, register, rows};

#[tokio::test]
async fn what_has_left_a_frame_leaves_no_trace() {
    let engine = engine();
    let window = |aggregate: &str, frame: &str, values: &str| {
        format!("select id, {aggregate} over (order by id {frame}) from (values {values}) t(id, f)")
    };
    let one = "rows between 1 preceding and current row";
    let infinite = "(1, cast('inf' as double)), (2, 1.0), (3, 5.0), (4, null)";
    let none = "(1, cast('nan' as double)), (2, 1.0), (3, 5.0), (4, 7.0)";
    let large = "(1, 1000000000.1), (2, 1), (3, 1), (4, 1), (5, 1)";
    for (aggregate, frame, values, expected) in [
        ("sum(f)", one, infinite, &["1|inf", "2|inf", "3|6.0", "4|5.0"][..]),
        ("avg(f)", one, infinite, &["1|inf", "2|inf", "3|3.0", "4|5.0"]),
        ("sum(f)", one, none, &["1|NaN", "2|NaN", "3|6.0", "4|12.0"]),
        ("sum(f)", "range between 1 preceding and current row", none, &["1|NaN", "2|NaN", "3|6.0", "4|12.0"]),
        (
            "sum(f)",
            "groups between 1 preceding and current row",
            none,
            &["1|NaN", "2|NaN", "3|6.0", "4|12.0"],
        ),
        (
            "sum(f)",
            "desc rows between current row and 1 following",
            none,
            &["1|NaN", "2|NaN", "3|6.0", "4|12.0"],
        ),
        (
            "sum(f)",
            "rows between current row and unbounded following",
            none,
            &["1|NaN", "2|13.0", "3|12.0", "4|7.0"],
        ),
        ("sum(f) filter (where id <> 2)", one, none, &["1|NaN", "2|NaN", "3|5.0", "4|12.0"]),
        ("sum(distinct f)", one, none, &["1|NaN", "2|NaN", "3|6.0", "4|12.0"]),
        ("max(f)", one, none, &["1|NaN", "2|NaN", "3|5.0", "4|7.0"]),
        ("covar_pop(f, f)", one, none, &["1|NaN", "2|NaN", "3|4.0", "4|1.0"]),
        (
            "sum(f)",
            "rows 2 preceding",
            large,
            &["1|1000000000.1", "2|1000000001.1", "3|1000000002.1", "4|3.0", "5|3.0"],
        ),
        ("var_samp(id)", one, large, &["1|", "2|0.5", "3|0.5", "4|0.5", "5|0.5"]),
        ("stddev_pop(id)", one, large, &["1|0.0", "2|0.5", "3|0.5", "4|0.5", "5|0.5"]),
        // Exact numbers are taken away again.
        ("sum(id)", one, large, &["1|1", "2|3", "3|5", "4|7", "5|9"]),
        // These do not know how to take anything away.
        ("bool_or(f = 5)", one, none, &["1|false", "2|false", "3|true", "4|true"]),
        ("bit_or(id)", one, none, &["1|1", "2|3", "3|3", "4|7"]),
        (
            "string_agg(id::varchar, ',')",
            "rows between 1 preceding and 1 following",
            none,
            &["1|1,2", "2|1,2,3", "3|2,3,4", "4|3,4"],
        ),
    ] {
        let sql = window(aggregate, frame, values);
        assert_eq!(rows(&engine, &sql).await, expected, "{sql}");
    }
    for aggregate in ["var_pop(f)", "stddev_pop(f)", "regr_syy(f, f)"] {
        let answer = rows(&engine, &window(aggregate, "rows 2 preceding", large)).await;
        assert_eq!(answer[3..], ["4|0.0", "5|0.0"], "{aggregate}");
    }
}

#[tokio::test]
async fn a_frame_of_many_rows_is_what_its_rows_are_alone() {
    let engine = engine();
    let count = 900_i64;
    let f = |id: i64| match id {
        50 => Some(f64::NAN),
        60 => Some(f64::INFINITY),
        id if id % 7 == 0 => None,
        id => Some(f64::from(i32::try_from(id * id % 101).unwrap())),
    };
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let floats: ArrayRef = Arc::new((0..count).map(f).collect::<Float64Array>());
    let batch = RecordBatch::try_from_iter(vec![("id", ids), ("f", floats)]).unwrap();
    register(&engine, "t", &Memory::new(vec![batch.slice(0, 333), batch.slice(333, 567)])).await;
    for (before, after) in [(0, 0), (3, 2), (300, 0), (10, 280), (299, 300)] {
        // The numbers are whole, so that sums are the same in every order.
        let sql = format!(
            "select count(*), sum(w.s), max(w.id) from
             (select id, sum(f) over w as s, avg(f) over w as a, var_samp(f) over w as v, covar_pop(nullif(f, 'inf'::double), id) over w as c, min(f) over w as m
              from t window w as (order by id rows between {before} preceding and {after} following)) w
             join (select a.id, sum(b.f) as s, avg(b.f) as a, var_samp(b.f) as v, covar_pop(nullif(b.f, 'inf'::double), b.id) as c, min(b.f) as m
                   from t a join t b on b.id between a.id - {before} and a.id + {after} group by a.id) g using (id)
             where w.s is not distinct from g.s and w.a is not distinct from g.a and w.m is not distinct from g.m
               and (w.v is not distinct from g.v or abs(w.v - g.v) < 1e-6)
               and (w.c is not distinct from g.c or abs(w.c - g.c) < 1e-6)"
        );
        let same = rows(&engine, &sql).await;
        assert_eq!(same[0].split('|').next(), Some("900"), "{before} {after}: {same:?}");
    }
}

#[tokio::test]
async fn months_are_no_distance_between_moments() {
    let engine = engine();
    let query = |order: &str, span: &str| {
        format!(
            "select n, count(*) over (order by {order} range between interval '{span}' preceding and current row)
             from (values (1, timestamp '2021-03-28 06:00:00'), (2, timestamp '2021-03-29 12:00:00'), \
             (3, timestamp '2021-03-31 06:00:00'), (4, timestamp '2021-02-28 07:00:00')) t(n, ts)"
        )
    };
    for span in ["1 month", "1 month 2 days", "1 year"] {
        let error = query_error(&engine, &query("ts", span)).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{span}: {error}");
        assert!(error.to_string().contains("say it in days"), "{error}");
    }
    assert_eq!(rows(&engine, &query("ts", "31 days")).await, ["1|2", "2|3", "3|4", "4|1"]);
    assert_eq!(rows(&engine, &query("ts::date", "1 month")).await, ["1|2", "2|3", "3|4", "4|1"]);
}
