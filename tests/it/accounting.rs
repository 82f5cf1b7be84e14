//! Every value of 100 real events, found again in the tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use stitchwork::core::{ScanArgs, collect};
use stitchwork::ingest::{normalize, pipeline};
use stitchwork::rest;
use stitchwork_events_server::EventsServer;
use stitchwork_tests::layers::Place;

/// The columns that loading adds.
const OWN: [&str; 5] = ["_row_id", "_parent_id", "_root_id", "_list_index", "_load_id"];

type Row = BTreeMap<String, String>;

/// The shared data beside the checkout, where they are.
fn shared_data() -> Option<PathBuf> {
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|parent| parent.join("shared/data"));
    let named = std::env::var_os("STITCHWORK_SHARED").map(|shared| PathBuf::from(shared).join("data"));
    named.or(beside).filter(|path| path.is_dir())
}

/// The tables, each as rows of the values that are not null.
async fn tables(place: &Place) -> BTreeMap<String, Vec<Row>> {
    let destination = place.destination();
    let mut tables = BTreeMap::new();
    for name in destination.tables().await.unwrap() {
        let table = destination.open(&name).await.unwrap();
        let mut rows = Vec::new();
        for batch in collect(table.scan(ScanArgs::default()).await.unwrap()).await.unwrap() {
            let options = FormatOptions::default();
            let formatters: Vec<_> =
                batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
            for row in 0..batch.num_rows() {
                let schema = batch.schema();
                let columns = schema.fields().iter().zip(batch.columns()).zip(&formatters);
                let set = columns.filter(|((_, column), _)| column.is_valid(row));
                rows.push(
                    set.map(|((field, _), text)| (field.name().clone(), text.value(row).to_string()))
                        .collect::<Row>(),
                );
            }
        }
        tables.insert(name, rows);
    }
    tables
}

/// Takes the leaves of a value out of the tables; what stays there afterwards was never in the input.
fn take(tables: &mut BTreeMap<String, Vec<Row>>, table: &str, id: &str, column: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = normalize(key);
                let column = if column.is_empty() { key } else { format!("{column}__{key}") };
                take(tables, table, id, &column, value);
            }
        }
        Value::Array(elements) => {
            let child = format!("{table}__{column}");
            for (index, element) in elements.iter().enumerate() {
                let rows = tables.get(&child).unwrap_or_else(|| panic!("there is no table {child}"));
                let row = rows
                    .iter()
                    .find(|row| row["_parent_id"] == id && row["_list_index"] == index.to_string());
                let child_id =
                    row.unwrap_or_else(|| panic!("{child} lacks element {index} of {id}"))["_row_id"].clone();
                let column = if element.is_object() { "" } else { "value" };
                take(tables, &child, &child_id, column, element);
            }
        }
        leaf => {
            let text = leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned);
            let rows = tables.get_mut(table).unwrap_or_else(|| panic!("there is no table {table}"));
            let row = rows
                .iter_mut()
                .find(|row| row["_row_id"] == id)
                .unwrap_or_else(|| panic!("{table} lacks row {id}"));
            let found = row.remove(column).unwrap_or_else(|| panic!("{table}.{column} of {id} lacks {text}"));
            assert_eq!(found, text, "{table}.{column} of {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_leaf_of_100_real_events_is_in_the_tables() {
    let Some(data) = shared_data() else {
        eprintln!(
            "skipped: every_leaf_of_100_real_events_is_in_the_tables needs the folder shared/data beside the checkout"
        );
        return;
    };
    let text = std::fs::read_to_string(data.join("github_events.json")).unwrap();
    let events: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(events.len(), 100);
    for log in ["delta", "iceberg"] {
        let server = EventsServer::builder().events_from_json(events.clone()).start().await.unwrap();
        let place = Place::new(log, "sqlite", "file").await.unwrap();
        let source = rest(server.url())
            .stream("events", "/repos/dlt-hub/dlt/events")
            .primary_key("id")
            .build()
            .unwrap();
        let report = pipeline("real").source(source).destination(place.destination()).run().await.unwrap();
        assert_eq!(report.rows(), 100, "{log}");

        let mut tables = tables(&place).await;
        let roots: BTreeMap<String, String> =
            tables["events"].iter().map(|row| (row["id"].clone(), row["_row_id"].clone())).collect();
        for event in &events {
            take(&mut tables, "events", &roots[&event["id"].to_string()], "", event);
        }
        for (table, rows) in &tables {
            for row in rows {
                let rest: Vec<&String> =
                    row.keys().filter(|column| !OWN.contains(&column.as_str())).collect();
                assert!(rest.is_empty(), "{log}: {table} has values that were not in the input: {rest:?}");
            }
        }
    }
}
