//! Moments of every year, in columns of every unit.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Int32Array, RecordBatch, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};
use stitchwork_core::ErrorKind;
use stitchwork_engine_datafusion::DataFusionEngine;

use crate::support::{Files, Memory, engine, engines, query_error, register, rows};

const SECOND: i128 = 1_000_000_000;

/// Moments in nanoseconds since 1970, and how SQL writes them.
const MOMENTS: [(&str, i128); 9] = [
    ("0001-01-01 00:00:00", -62_135_596_800 * SECOND),
    ("1500-06-01 12:00:00", -14_818_680_000 * SECOND),
    ("1677-09-21 00:12:43.145224192", i64::MIN as i128),
    ("1969-12-31 23:59:59.999999", -1_000),
    ("1970-01-01 00:00:00", 0),
    ("1970-01-01 00:00:00.000001500", 1_500),
    ("2024-02-29 06:30:00.123456", 1_709_188_200_123_456_000),
    ("2262-04-11 23:47:16.854775807", i64::MAX as i128),
    ("9999-12-31 23:59:59.999999", 253_402_300_799_999_999_000),
];

/// The columns of `t`, with the nanoseconds of their steps.
const COLUMNS: [(&str, i128); 6] =
    [("s", SECOND), ("ms", 1_000_000), ("us", 1_000), ("utc", 1_000), ("ns", 1), ("d", 86_400 * SECOND)];

/// The count of a moment in steps, where a column of nanoseconds has room for it.
fn count(column: &str, step: i128, moment: i128) -> Option<i64> {
    let count = i64::try_from(moment.div_euclid(step));
    if column == "ns" { count.ok() } else { Some(count.unwrap()) }
}

/// A row for each moment and one of nulls.
pub(crate) fn table() -> RecordBatch {
    let counts = |name: &str, step| -> Vec<Option<i64>> {
        MOMENTS.iter().map(|(_, moment)| count(name, step, *moment)).chain([None]).collect()
    };
    let columns = COLUMNS.map(|(name, step)| {
        let counts = counts(name, step);
        let array: ArrayRef = match name {
            "s" => Arc::new(TimestampSecondArray::from(counts)),
            "ms" => Arc::new(TimestampMillisecondArray::from(counts)),
            "us" => Arc::new(TimestampMicrosecondArray::from(counts)),
            "utc" => Arc::new(TimestampMicrosecondArray::from(counts).with_timezone("UTC")),
            "ns" => Arc::new(TimestampNanosecondArray::from(counts)),
            _ => {
                Arc::new(counts.iter().map(|c| c.map(|c| i32::try_from(c).unwrap())).collect::<Date32Array>())
            }
        };
        (name, array, true)
    });
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..=9));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().chain([("n", numbers, false)])).unwrap()
}

/// The table in memory and as files, the latter with every setting that changes how they are read. Parquet has no
/// timestamps of seconds.
async fn tables() -> Vec<DataFusionEngine> {
    let batch = table();
    let memory = engine();
    register(&memory, "t", &Memory::new(vec![batch.clone()])).await;
    let mut all = vec![memory];
    let mut files = Files::new(batch.schema());
    for (i, start) in [0, 3, 6].into_iter().enumerate() {
        files.write(&format!("memory:{i}"), &batch.slice(start, if i == 2 { 4 } else { 3 })).await;
    }
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        all.push(engine);
    }
    all
}

fn holds(op: &str, order: std::cmp::Ordering) -> bool {
    match op {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "=" | "is not distinct from" => order.is_eq(),
        _ => order.is_ne(),
    }
}

/// A comparison, and what it is on a row: of a value in nanoseconds, or of null.
type Case = (String, Box<dyn Fn(Option<i128>) -> Option<bool>>);

fn case(sql: String, test: impl Fn(i128) -> bool + 'static) -> Case {
    (sql, Box::new(move |value| value.map(&test)))
}

/// Every comparison of a column with a moment, as SQL writes it in `constant`.
fn cases(column: &str, constant: &str, moment: i128) -> Vec<Case> {
    let mut cases = vec![];
    for op in ["<", "<=", ">", ">=", "=", "<>"] {
        cases.push(case(format!("{column} {op} {constant}"), move |value| holds(op, value.cmp(&moment))));
    }
    for (op, same) in [("is distinct from", false), ("is not distinct from", true)] {
        let test = move |value: Option<i128>| Some((value == Some(moment)) == same);
        cases.push((format!("{column} {op} {constant}"), Box::new(test)));
    }
    let zero = "timestamp '1970-01-01'";
    let (from, to) = (moment.min(0), moment.max(0));
    let (low, high) = if moment < 0 { (constant, zero) } else { (zero, constant) };
    cases.extend([
        case(format!("{constant} < {column}"), move |value| moment < value),
        case(format!("not ({column} <= {constant})"), move |value| value > moment),
        case(format!("{column} in ({constant}, {zero})"), move |value| value == moment || value == 0),
        case(format!("{column} not in ({constant})"), move |value| value != moment),
        case(format!("{column} between {low} and {high}"), move |value| (from..=to).contains(&value)),
        case(format!("{column} not between {low} and {high}"), move |value| !(from..=to).contains(&value)),
        case(format!("case {column} when {constant} then true else false end"), move |value| value == moment),
    ]);
    cases
}

/// How SQL writes a moment, and the moment that this is.
fn constants(text: &str, exact: i128) -> [(String, i128); 4] {
    let (day, floor) = (86_400 * SECOND, |step: i128| exact.div_euclid(step) * step);
    [
        (format!("'{text}'"), exact),
        // SQL's timestamp is one of microseconds, and leaves out what is finer.
        (format!("timestamp '{text}'"), floor(1_000)),
        (format!("cast('{text}' as timestamp(0))"), floor(SECOND)),
        (format!("date '{}'", &text[..10]), floor(day)),
    ]
}

#[tokio::test]
async fn every_moment_compares_with_every_column() {
    let tables = tables().await;
    let mut turn = 0;
    for (m, (text, exact)) in MOMENTS.into_iter().enumerate() {
        for (c, (column, step)) in COLUMNS.into_iter().enumerate() {
            let value = |row: usize| {
                let moment = MOMENTS.get(row).map(|(_, moment)| *moment);
                moment.and_then(|moment| count(column, step, moment)).map(|count| i128::from(count) * step)
            };
            let constants = constants(text, exact);
            let cases: Vec<Case> = constants
                .iter()
                // Half of the spellings each, so that the test stays fast; every column meets them all.
                .skip((m + c) % 2)
                .step_by(2)
                // A text beside a day is read as a day.
                .filter(|(constant, _)| column != "d" || !constant.starts_with('\''))
                .flat_map(|(constant, moment)| cases(column, constant, *moment))
                .collect();
            // As values, all at once: a row is the nulls, trues and falses of all cases.
            let list = cases.iter().enumerate().map(|(i, (sql, _))| format!("{sql} as c{i}"));
            let list: Vec<String> = list.collect();
            let answer = rows(&tables[0], &format!("select n, {} from t", list.join(", "))).await;
            for (row, answer) in answer.iter().enumerate() {
                for (cell, (sql, test)) in answer.split('|').skip(1).zip(&cases) {
                    let is_case = sql.starts_with("case");
                    let expected = test(value(row)).or(is_case.then_some(false));
                    let expected = expected.map(|b| b.to_string()).unwrap_or_default();
                    assert_eq!(cell, expected, "row {row}: {sql}");
                }
            }
            // As filters, each in turn over another kind of table.
            for (sql, test) in cases.iter().skip(turn % 11).step_by(25) {
                let passing = (0..10).filter(|row| test(value(*row)) == Some(true));
                let passing: Vec<String> = passing.map(|row| row.to_string()).collect();
                let engine = &tables[turn % tables.len()];
                assert_eq!(rows(engine, &format!("select n from t where {sql}")).await, passing, "{sql}");
                turn += 1;
            }
        }
    }
}

/// What a query gives on each kind of table.
async fn check(tables: &[DataFusionEngine], sql: &str, expected: &[&str]) {
    for engine in tables {
        assert_eq!(rows(engine, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn moments_meet_in_every_place() {
    let tables = tables().await;
    let two = &tables[..2];
    for (sql, expected) in [
        (
            "select min(us), max(us), max(s) from t",
            &["0001-01-01T00:00:00|9999-12-31T23:59:59.999999|9999-12-31T23:59:59"][..],
        ),
        ("select us from t order by us desc nulls last limit 1", &["9999-12-31T23:59:59.999999"]),
        (
            "select n from t where us < now() - interval '1 day' and s > now() - interval '600 years'",
            &["1", "2", "3", "4", "5", "6"],
        ),
        ("select n from t where current_timestamp > utc and ns < now()", &["2", "3", "4", "5", "6"]),
        // Joins of units that have no type of 64 bits in common.
        ("select a.n, b.n from t a join t b on a.us = b.ns", &["3|3", "4|4", "6|6"]),
        ("select a.n, b.n from t a join t b on a.ns = b.s", &["4|4", "4|5"]),
        ("select a.n, b.n from t a join t b on a.utc = b.d", &["0|0", "4|4", "4|5"]),
        (
            "select a.n, count(b.n) from t a left join t b on a.us > b.ns where a.n in (0, 4, 8) group by a.n",
            &["0|0", "4|2", "8|6"],
        ),
        ("select a.n from t a join t b using (us)", &["0", "1", "2", "3", "4", "5", "6", "7", "8"]),
        ("select a.n from t a join (values (timestamp '0001-01-01')) v(x) on us = x", &["0"]),
        ("select n from t where us in (select ns from t)", &["3", "4", "6"]),
        ("select n from t where ns not in (select us from t where us is not null)", &["2", "5", "7"]),
        ("select n from t where us > all (select ns from t where ns is not null)", &["8"]),
        ("select n from t where us in (select '0001-01-01')", &["0"]),
        ("select n from t x where x.us < (select min(ns) from t)", &["0", "1", "2"]),
        ("select n from t where us >= ns and not (us = ns)", &[]),
        (
            "select us from t where n < 3 except select ns from t",
            &["0001-01-01T00:00:00", "1500-06-01T12:00:00", "1677-09-21T00:12:43.145224"],
        ),
        // The README tells of this one.
        ("select interval '2 days' > interval '72 hours'", &["true"]),
        // One column of moments, days and texts.
        ("select coalesce(us, date '0001-01-01') from t where n in (0, 9)", &["0001-01-01T00:00:00"; 2]),
        (
            "select case when n = 0 then us else '1500-01-01' end from t where n < 2",
            &["0001-01-01T00:00:00", "1500-01-01T00:00:00"],
        ),
        (
            "select d from t where n = 0 union select utc from t where n = 1",
            &["0001-01-01T00:00:00Z", "1500-06-01T12:00:00Z"],
        ),
        ("select us - date '0001-01-01' < interval '1 month' from t where n < 2", &["false", "true"]),
        ("select n from t where now() - us > interval '6000 months'", &["0", "1"]),
        ("select us at time zone 'UTC' from t where n = 0", &["0001-01-01T00:00:00Z"]),
        ("select us > '1600-01-01', count(*) from t group by 1", &["false|2", "true|7", "|1"]),
        (
            "select grouping(n), count(*) from t where n < 2 and us < '1600-01-01' group by rollup(n)",
            &["0|1", "0|1", "1|2"],
        ),
        // What a filter is pushed into has its literals cut to no coarser unit.
        (
            "select x from (select s as x from t where n < 6 union all select us from t where n < 6) where x > timestamp '1969-12-31 23:59:59.5' and x <> timestamp '1970-01-01'",
            &["1969-12-31T23:59:59.999999", "1970-01-01T00:00:00.000001"],
        ),
        ("select n from t where n < 6 and cast(s as timestamp) >= timestamp '1970-01-01 00:00:00.5'", &[]),
        ("select n from t, (select timestamp '1970-01-01 00:00:00.5' as a) where n < 6 and s >= a", &[]),
        ("select n from t where cast(us as timestamp(9)) > timestamp '2000-01-01'", &["6", "7", "8"]),
    ] {
        check(two, sql, expected).await;
    }
}

#[tokio::test]
async fn functions_know_every_year() {
    let tables = tables().await;
    for (sql, expected) in [
        (
            "select date_trunc('month', us), date_trunc('week', ms), date_trunc('year', s), date_trunc('quarter', utc), date_trunc('second', us) from t where n = 1",
            &[
                "1500-06-01T00:00:00|1500-05-28T00:00:00|1500-01-01T00:00:00|1500-04-01T00:00:00Z|1500-06-01T12:00:00",
            ][..],
        ),
        (
            "select date_trunc('month', us), date_trunc('day', ms), date_trunc('hour', ns) from t where n = 3",
            &["1969-12-01T00:00:00|1969-12-31T00:00:00|1969-12-31T23:00:00"],
        ),
        (
            "select date_trunc('month', d), date_trunc('month', '1500-06-07'), date_trunc('year', null) from t where n = 1",
            &["1500-06-01T00:00:00|1500-06-01T00:00:00|"],
        ),
        (
            "select extract(year from us), to_char(us, '%Y') from t where n in (0, 8)",
            &["1|0001", "9999|9999"],
        ),
        (
            "select to_timestamp('0001-01-01'), to_timestamp(-62135596800), to_timestamp(1.5), to_timestamp('02.01.2003', '%d.%m.%Y')",
            &["0001-01-01T00:00:00|0001-01-01T00:00:00|1970-01-01T00:00:01.500|2003-01-02T00:00:00"],
        ),
        (
            "select to_timestamp(cast(1.25 as decimal(10, 2))) as a, to_timestamp(-3e10) as b",
            &["1970-01-01T00:00:01.250|1019-05-04T18:40:00"],
        ),
        // A number is one of seconds, as before, unless a precision says otherwise.
        (
            "select cast(5 as timestamp) as a, cast(cast(5 as int) as timestamp) as b, try_cast(5 as timestamp) as c, cast(5.5 as timestamp) as d, cast(5 as timestamp(3)) as e",
            &[
                "1970-01-01T00:00:05|1970-01-01T00:00:05|1970-01-01T00:00:05|1970-01-01T00:00:05.500|1970-01-01T00:00:00.005",
            ],
        ),
        ("select cast('2020-01-01 00:00:00.123456789' as timestamp(9))", &["2020-01-01T00:00:00.123456789"]),
        (
            "select value from generate_series(timestamp '2020-01-01', timestamp '2020-01-02', interval '1 day')",
            &["2020-01-01T00:00:00", "2020-01-02T00:00:00"],
        ),
        (
            "select date_bin(interval '1 hour', us, timestamp '2000-01-01 00:30:00'), date_bin(interval '1 month', d) from t where n in (6, 9)",
            &["2024-02-29T06:30:00|2024-02-01T00:00:00", "|"],
        ),
        (
            "select range(1, 3), range(null, 3), generate_series(timestamp '2020-01-01', us, interval '5 years') from t where n in (6, 9)",
            &["[1, 2]||", "[1, 2]||[2020-01-01T00:00:00]"],
        ),
    ] {
        check(&tables[..2], sql, expected).await;
    }
    let engine = &tables[0];
    for (sql, told) in [
        ("select cast(us as timestamp(9)) from t", "`timestamp`, which is one of microseconds"),
        ("select us - ns from t", "`timestamp`, which is one of microseconds"),
        ("select to_timestamp_nanos('0001-01-01')", "`timestamp`, which is one of microseconds"),
        ("select date_bin(interval '1 day', us) from t", "date_bin reckons in nanoseconds"),
        (
            "select date_trunc('day', us at time zone 'Europe/Berlin') from t",
            "date_trunc reckons in nanoseconds in zones that are not UTC",
        ),
        ("select range(timestamp '1500-01-01', timestamp '1500-01-03', interval '1 day')", "use date_trunc"),
        (
            "select * from range(timestamp '1500-01-01', timestamp '1500-01-03', interval '1 day')",
            "1677 to 2262",
        ),
        ("select to_timestamp(1e300)", "too many seconds"),
        ("select n from t where us = 'soon'", "parsing timestamp from 'soon'"),
    ] {
        let error = query_error(engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error}");
        assert!(error.to_string().contains(told), "{sql}: {error}");
    }
}
