//! The swap matrix: every format × log × catalog × store × engine, from lists that name each implementation once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use stitchwork::Result;

/// The storage formats.
pub const FORMATS: [&str; 5] = ["parquet", "avro", "csv", "ipc", "json"];
/// The table formats.
pub const LOGS: [&str; 3] = ["delta", "iceberg", "files"];
/// The catalogs; `none` is a table that is found by its location alone.
pub const CATALOGS: [&str; 4] = ["none", "memory", "sqlite", "postgres"];
/// The stores; the last two are S3 as real servers speak it.
pub const STORES: [&str; 4] = ["file", "memory", "versitygw", "minio"];
/// The engines.
pub const ENGINES: [&str; 2] = ["datafusion", "duckdb"];

/// The same twelve questions to every cell, over a table that is written `{t}`.
pub const QUERIES: [&str; 12] = [
    "select * from {t}",
    "select count(*) as n from {t}",
    "select id, text from {t} where id > 250 and text is not null",
    "select flag, count(*) as n, min(number) as low, max(moment) as late from {t} group by flag",
    "select id from {t} where text = 'plain' or text like 'row 1%'",
    "select sum(price) as price, min(day) as first, max(day) as last from {t}",
    "select a.id, b.text from {t} a join {t} b on a.id = b.small where a.flag",
    "select id, price from {t} where id in (1, 3, 299, 1299)",
    "select id, small, number from {t} where not flag order by id limit 20",
    "with d as (select id, day from {t} where day >= date '1990-01-01') select count(*) as n, min(id) as low from d",
    "select distinct small % 3 as rest from {t} where small is not null",
    "select moment, price from {t} where price > 100.00 and moment is not null",
];

/// The columns of the matrix' table.
#[must_use]
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("small", DataType::Int32, true),
        Field::new("number", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("flag", DataType::Boolean, true),
        Field::new("day", DataType::Date32, true),
        Field::new("price", DataType::Decimal128(12, 2), true),
        Field::new("moment", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]))
}

/// `rows` rows of it whose ids begin at `first`, every seventh value of a column null.
///
/// # Errors
/// None in practice: arrow refuses columns that do not fit their schema.
pub fn rows(first: i64, rows: i64) -> Result<RecordBatch> {
    let ids = || first..first + rows;
    let some = |shift: i64, id: i64| (id + shift) % 7 != 0;
    let texts = ["plain", "", "it's \"quoted\"", "line\nbreak, tab\t", "日本語", "null"];
    let text = |id: i64| match id % 8 {
        n @ 0..=5 => texts.get(usize::try_from(n).unwrap_or_default()).map(ToString::to_string),
        _ => Some(format!("row {id}")),
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids().collect::<Int64Array>()),
        Arc::new(
            ids().map(|i| some(1, i).then_some(i32::try_from(i % 300).unwrap_or(0))).collect::<Int32Array>(),
        ),
        // Quarters, so that sums do not depend on their order.
        Arc::new(
            ids()
                .map(|i| some(2, i).then_some(f64::from(i32::try_from(i).unwrap_or(0)) / 4.0))
                .collect::<Float64Array>(),
        ),
        Arc::new(ids().map(|i| text(i).filter(|_| some(3, i))).collect::<StringArray>()),
        Arc::new(ids().map(|i| some(4, i).then_some(i % 3 == 0)).collect::<BooleanArray>()),
        Arc::new(
            ids()
                .map(|i| some(5, i).then_some(i32::try_from(i * 37 % 20_000).unwrap_or(0)))
                .collect::<Date32Array>(),
        ),
        Arc::new(
            ids()
                .map(|i| some(6, i).then_some(i128::from(i) * 101))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(12, 2)?,
        ),
        Arc::new(
            ids()
                .map(|i| some(0, i).then_some(i * 1_234_567_891))
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

/// One combination of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each field is the layer of its name")]
pub struct Cell {
    pub format: &'static str,
    pub log: &'static str,
    pub catalog: &'static str,
    pub store: &'static str,
    pub engine: &'static str,
}

impl Cell {
    /// The cell of another engine over the same table.
    #[must_use]
    pub fn with_engine(self, engine: &'static str) -> Self {
        Self { engine, ..self }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, log, catalog, store, engine } = self;
        write!(f, "{format} × {log} × {catalog} × {store} × {engine}")
    }
}

/// Every combination of the layers below an engine, of these catalogs and stores.
#[must_use]
pub fn tables(catalogs: &[&'static str], stores: &[&'static str]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for format in FORMATS {
        for log in LOGS {
            for catalog in catalogs {
                for store in stores {
                    cells.push(Cell { format, log, catalog, store, engine: ENGINES[0] });
                }
            }
        }
    }
    cells
}

/// The page of the matrix: which cells answer, which refuse and why.
#[must_use]
pub fn page(
    refused: &BTreeMap<Cell, String>,
    engines: &[&str],
    catalogs: &[&str],
    stores: &[&str],
) -> String {
    let mut text = String::from(
        "# The swap matrix\n\n\
         Made by the test `matrix` in `tests/it/matrix.rs`: every format × log × catalog × store × engine. A table of\n\
         four commits (two appends, a delete, a new column) is made in each cell, and twelve queries over it give the same\n\
         rows everywhere; where layers do not fit, making the table is refused as `Unsupported`, with the reason.\n\n\
         SQLite and PostgreSQL are engines too, and answer in types of their own: a decimal is a text from PostgreSQL's driver and\n\
         refused by SQLite, where a moment is a text. Another test asks them over the types that they have. GCS and Azure are\n\
         stores too, whose servers our tests do not have; web servers are read only, and no place for tables.\n\n",
    );
    for (layer, names) in [
        ("Formats", &FORMATS[..]),
        ("Logs", &LOGS),
        ("Catalogs", catalogs),
        ("Stores", stores),
        ("Engines", engines),
    ] {
        text.push_str(&format!("* {layer}: {}.\n", names.join(", ")));
    }
    text.push_str("\n| Format | Log | Over every catalog, store and engine |\n|---|---|---|\n");
    for format in FORMATS {
        for log in LOGS {
            let cells: Vec<_> =
                refused.iter().filter(|(cell, _)| cell.format == format && cell.log == log).collect();
            let all = catalogs.len() * stores.len() * engines.len();
            let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
            for (_, reason) in &cells {
                *reasons.entry(reason).or_default() += 1;
            }
            let said = match reasons.len() {
                0 => "the same rows".to_owned(),
                _ => reasons
                    .iter()
                    .map(|(reason, count)| match *count == all {
                        true => format!("refused: {reason}"),
                        false => format!("{count} of {all} refused: {reason}"),
                    })
                    .collect::<Vec<_>>()
                    .join("; "),
            };
            text.push_str(&format!("| {format} | {log} | {said} |\n"));
        }
    }
    text
}
