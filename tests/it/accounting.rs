//! Every value of 100 events, real ones and those of the local API, found again in the tables.

use std::collections::BTreeMap;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use stitchwork::core::{ScanArgs, collect};
use stitchwork::ingest::{normalize, pipeline};
use stitchwork::rest;
use stitchwork_events_server::EventsServer;
use stitchwork_testkit::needs;
use stitchwork_tests::layers::Place;

/// The columns that loading adds.
const OWN: [&str; 5] = ["_row_id", "_parent_id", "_root_id", "_list_index", "_load_id"];

type Row = BTreeMap<String, String>;

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

/// A leaf as the tables show it.
fn text(leaf: &Value) -> String {
    leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)
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
            let text = text(leaf);
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

/// Loads events, takes every leaf of them out of the tables, and finds nothing left there.
async fn account(log: &str, events: &[Value], server: &EventsServer, template: Option<&str>) {
    let place = Place::new(log, "sqlite", "file").await.unwrap();
    let source =
        rest(server.url()).stream("events", "/repos/dlt-hub/dlt/events").primary_key("id").build().unwrap();
    let mut load = pipeline("accounting").source(source).destination(place.destination());
    if let Some(template) = template {
        load = load.table_name("events", template);
    }
    let report = load.run().await.unwrap();
    assert_eq!((report.rows(), events.len()), (100, 100), "{log}");

    let mut tables = tables(&place).await;
    for event in events {
        let table = template.map_or_else(|| "events".to_owned(), |_| normalize(&text(&event["type"])));
        let row = tables[&table].iter().find(|row| row.get("id") == Some(&text(&event["id"])));
        let id = row.unwrap_or_else(|| panic!("{table} lacks {}", event["id"]))["_row_id"].clone();
        take(&mut tables, &table, &id, "", event);
    }
    for (table, rows) in &tables {
        for row in rows {
            let rest: Vec<&String> = row.keys().filter(|column| !OWN.contains(&column.as_str())).collect();
            assert!(rest.is_empty(), "{log}: {table} has values that were not in the input: {rest:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_leaf_of_100_real_events_is_in_the_tables() {
    let test = "every_leaf_of_100_real_events_is_in_the_tables";
    let Some(file) = needs::data(test, "github_events.json") else { return };
    let events: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for log in ["delta", "iceberg"] {
        let server = EventsServer::builder().events_from_json(events.clone()).start().await.unwrap();
        account(log, &events, &server, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_leaf_of_100_events_of_the_local_api_is_in_the_table_of_its_type() {
    let server = EventsServer::builder().events(100).start().await.unwrap();
    let events: Vec<Value> = server.events().collect();
    for log in ["delta", "iceberg"] {
        account(log, &events, &server, Some("{type}")).await;
    }
}
