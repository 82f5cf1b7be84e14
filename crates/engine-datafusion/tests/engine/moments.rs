//! Moments of every year, in columns of every unit.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Int32Array, RecordBatch, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Engine, QueryArgs};
use stitchwork_engine_datafusion::DataFusionEngine;

use crate::support::{Editable, Files, Memory, engine, engines, query_error, register, rows};

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
fn table() -> RecordBatch {
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
pub(crate) async fn tables() -> Vec<DataFusionEngine> {
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
    for (text, exact) in MOMENTS {
        for (column, step) in COLUMNS {
            let value = |row: usize| {
                let moment = MOMENTS.get(row).map(|(_, moment)| *moment);
                moment.and_then(|moment| count(column, step, moment)).map(|count| i128::from(count) * step)
            };
            let constants = constants(text, exact);
            let cases: Vec<Case> = constants
                .iter()
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
            for (sql, test) in cases.iter().skip(turn % 7).step_by(15) {
                let passing = (0..10).filter(|row| test(value(*row)) == Some(true));
                let passing: Vec<String> = passing.map(|row| row.to_string()).collect();
                let engine = &tables[turn % tables.len()];
                assert_eq!(rows(engine, &format!("select n from t where {sql}")).await, passing, "{sql}");
                turn += 1;
            }
        }
    }
}
