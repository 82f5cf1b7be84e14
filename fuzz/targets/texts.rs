//! JSON to tables, the project file, URLs, options and values.

use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Format, Options, Scalar, Stores, parse_hive_folder};
use stitchwork_format_csv::Csv;
use stitchwork_format_json::Json;
use stitchwork_project::{Known, LoadArgs, Project};
use stitchwork_shred::{ShredOptions, Shredder, TableNamer};

use crate::kept;

#[test]
fn json_to_tables() {
    let rows = |bytes: &[u8]| {
        let namer = TableNamer::parse("t_{type}").unwrap();
        let mut shredder =
            Shredder::new(ShredOptions::new("events", namer, 1).with_primary_key(["id"])).unwrap();
        shredder.push(bytes).is_ok().then(|| {
            let (batches, _) = shredder.finish().unwrap();
            batches.iter().map(|batch| batch.batch.num_rows()).sum::<usize>()
        })
    };
    let seeds = kept("json");
    assert!(seeds.iter().any(|seed| rows(seed) > Some(0)), "a seed has rows");
    stitchwork_fuzz::run(&seeds, |_, bytes| {
        if let Some(rows) = rows(bytes) {
            assert!(rows <= bytes.len(), "{rows} rows of {} bytes", bytes.len());
        }
    });
}

#[test]
fn project_file() {
    // With names of every role, so that those that are wrong are looked up and likened.
    let roles = [
        ("log", "delta"),
        ("log", "files"),
        ("format", "parquet"),
        ("catalog", "sqlite"),
        ("engine", "duckdb"),
        ("source", "rest"),
        ("store", "s3"),
    ];
    let known = roles.into_iter().fold(Known::default(), |known, (role, name)| known.with(role, [name]));
    let known = known.with_options("parquet", ["compression"]);
    let load = |text: &[u8]| Project::load(LoadArgs { file: "s.yaml", text, profile: None, known: &known });
    let seeds = kept("project");
    assert!(seeds.iter().any(|seed| load(seed).is_ok()), "a seed has no mistakes");
    stitchwork_fuzz::run(&seeds, |_, bytes| {
        if let Err(mistakes) = load(bytes) {
            assert!(!mistakes.is_empty() && !mistakes.to_string().is_empty());
        }
    });
}

#[test]
fn urls_and_options() {
    let mut registry = stitchwork_core::Registry::new();
    stitchwork_stores::register(&mut registry).unwrap();
    let (csv, json) = (Csv::new(), Json::new());
    stitchwork_fuzz::run(&kept("url"), |_, bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (url, query) = text.split_once('\n').unwrap_or((&text, ""));
        let options: Options = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let stores: Stores = registry.stores().clone();
        stores.set_options(options.clone());
        if let Ok(object) = stores.resolve(url) {
            assert!(!object.location().is_empty());
        }
        for format in [&csv as &dyn Format, &json] {
            if let Ok(ending) = format.file_extension(&options) {
                assert!(ending.is_ascii());
            }
        }
    });
}

#[test]
fn values() {
    let types = [
        DataType::Int8,
        DataType::UInt64,
        DataType::Float32,
        DataType::Boolean,
        DataType::Date32,
        DataType::Decimal128(38, 10),
        DataType::Decimal256(76, -3),
        DataType::Binary,
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Utf8,
    ];
    stitchwork_fuzz::run(&kept("value"), |_, bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = parse_hive_folder(&text);
        for data_type in &types {
            if let Ok(value) = Scalar::parse(&text, data_type) {
                // What is shown is read again as the same value.
                let shown = value.to_string();
                let again = Scalar::parse(&shown, data_type).unwrap();
                assert_eq!(again.to_string(), shown, "{data_type}");
            }
        }
    });
}
