//! A hundred real events as a REST API gave them.

use std::collections::HashMap;

use serde_json::Value;
use stitchwork_shred::{ShredOptions, TableNamer};
use stitchwork_testkit::needs;

use crate::reassemble::{canonical, flatten};
use crate::shred;

#[test]
fn every_value_of_the_real_events_is_in_the_tables() {
    let test = "every_value_of_the_real_events_is_in_the_tables";
    let Some(path) = needs::data(test, "github_events.json") else { return };
    let text = std::fs::read(path).unwrap();
    let events: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let namer = TableNamer::parse("github_{event}").unwrap();
    let options =
        ShredOptions::new("issues_events", namer, 7).with_primary_key(["id"]).with_batch_limits(10, 1 << 20);
    let shredded = shred(options, &HashMap::new(), &[&text]);

    let mut by_table: HashMap<String, Vec<Value>> = HashMap::new();
    for event in &events {
        let table = format!("github_{}", event["event"].as_str().unwrap());
        by_table.entry(stitchwork_shred::normalize(&table)).or_default().push(canonical(event));
    }
    assert!(by_table.len() > 3, "{:?}", by_table.keys());
    let mut leaves = 0;
    for (table, events) in &by_table {
        let back = shredded.tables.reassemble(table);
        assert_eq!(back.len(), events.len(), "{table}");
        for (event, back) in events.iter().zip(&back) {
            let back: HashMap<String, Value> = flatten(&canonical(back)).into_iter().collect();
            for (path, value) in flatten(event) {
                assert_eq!(back.get(&path), Some(&value), "{table} {path}");
                leaves += 1;
            }
            assert_eq!(back.len(), flatten(event).len(), "{table} has values that the event has not");
        }
    }
    assert!(leaves > 5_000, "only {leaves} values");
    assert!(shredded.tables.names().iter().any(|name| name.ends_with("__issue__labels")));
}
