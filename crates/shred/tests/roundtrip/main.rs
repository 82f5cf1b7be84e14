//! Every value of the input is in the tables: what goes in is put together again and compared.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stand outside of the test functions"
)]

mod arbitrary;
mod events;
mod reassemble;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde_json::Value;
use stitchwork_shred::{SchemaChange, ShredOptions, Shredder, TableBatch, TableNamer};

use reassemble::Tables;

fn options() -> ShredOptions {
    ShredOptions::new("stream", TableNamer::fixed("t"), 1)
}

/// What a shredder has made.
struct Shredded {
    tables: Tables,
    batches: Vec<TableBatch>,
    changes: Vec<SchemaChange>,
    schemas: HashMap<Arc<str>, SchemaRef>,
    owners: Owners,
}

/// Whose the columns of each table are.
type Owners = BTreeMap<String, BTreeMap<String, String>>;

/// Pushes the texts one after the other.
fn shred(options: ShredOptions, known: &HashMap<Arc<str>, SchemaRef>, texts: &[&[u8]]) -> Shredded {
    shred_owned(options, known, &Owners::new(), texts)
}

/// As [`shred`], with what an earlier load told of the owners.
fn shred_owned(
    options: ShredOptions,
    known: &HashMap<Arc<str>, SchemaRef>,
    owners: &Owners,
    texts: &[&[u8]],
) -> Shredded {
    let mut shredder = Shredder::new(options).unwrap();
    for (table, schema) in known {
        shredder.add_schema(table, Arc::clone(schema)).unwrap();
        if let Some(owners) = owners.get(&**table) {
            shredder.add_owners(table, owners.clone());
        }
    }
    let mut batches = vec![];
    for text in texts {
        shredder.push(text).unwrap();
        batches.extend(shredder.take_full());
    }
    let mut changes = shredder.take_changes();
    // The columns are told before the end; the fields that get theirs only by `finish` have no values.
    let infos = shredder.tables();
    let owners = shredder.owners();
    let (last, more) = shredder.finish().unwrap();
    batches.extend(last);
    changes.extend(more);
    let schemas = check_growth(known, &batches, &changes);
    let mut tables = Tables::default();
    tables.add(&infos, &batches);
    Shredded { tables, batches, changes, schemas, owners }
}

/// Columns only come after others, keep their types, and are reported: the changes add up to the batches.
fn check_growth(
    known: &HashMap<Arc<str>, SchemaRef>,
    batches: &[TableBatch],
    changes: &[SchemaChange],
) -> HashMap<Arc<str>, SchemaRef> {
    let mut schemas = known.clone();
    for TableBatch { table, batch, .. } in batches {
        if let Some(before) = schemas.get(table) {
            assert_eq!(batch.schema().fields()[..before.fields().len()], before.fields()[..]);
        }
        schemas.insert(Arc::clone(table), batch.schema());
    }
    let mut reported: HashMap<Arc<str>, Vec<_>> =
        known.iter().map(|(table, schema)| (Arc::clone(table), schema.fields().to_vec())).collect();
    for change in changes {
        match change {
            SchemaChange::NewTable { table, schema, .. } => {
                assert!(reported.insert(Arc::clone(table), schema.fields().to_vec()).is_none());
            }
            SchemaChange::NewColumn { table, field } => {
                reported.get_mut(table).expect("the table comes before its columns").push(Arc::clone(field));
            }
            other => panic!("{other:?}"),
        }
    }
    for (table, schema) in &schemas {
        assert_eq!(reported[table], schema.fields().to_vec(), "{table}");
    }
    schemas
}

/// Rows as one array, since a list on a line of its own would be an array of rows itself.
fn array(rows: &[Value]) -> Vec<u8> {
    Value::from(rows.to_vec()).to_string().into_bytes()
}
