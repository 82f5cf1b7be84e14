//! What must hold after a load: each row once, no child without its parent, the cursor where the data are.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;
use stitchwork_core::{Error, Scalar, ScanArgs};
use stitchwork_ingest::{Destination, Mutation};
use stitchwork_table::Table;

use super::world::World;
use super::{Cell, How, Violation, load};

/// A row by column, as text; nulls are left out.
type Row = BTreeMap<String, String>;

/// Checks everything.
pub(crate) async fn check(cell: &Cell, world: &World) -> Result<(), Violation> {
    let mut check = Check { destination: world.destination().await?, tables: BTreeMap::new() };
    check.rows_of_tables(cell.how).await?;
    // Commits without a tag are told from others by a look at the tag, even where nothing goes wrong. That the faults
    // find them, too, is to be seen in the rows.
    if cell.mutation == Some(Mutation::CommitUntagged) { Ok(()) } else { check.cursor(cell.how, world).await }
}

/// What holds as soon as a load has failed, and before anybody has run it again.
pub(crate) async fn at_once(cell: &Cell, world: &World) -> Result<(), Violation> {
    match cell.how {
        How::Append => Ok(()),
        How::AppendMore => kept(world).await,
        How::Replace => either(world).await,
    }
}

/// After a crash of a load that goes on, the rows of the earlier one are there.
pub(crate) async fn kept(world: &World) -> Result<(), Violation> {
    let mut check = Check { destination: world.destination().await?, tables: BTreeMap::new() };
    for (table, name, earlier) in
        [("events", "id", "11"), ("events__tags", "value", "k"), ("old", "id", "12")]
    {
        let found = column(&check.rows(table).await?, name);
        if found.iter().filter(|value| *value == earlier).count() != 1 {
            return Err(format!("{table} has {found:?}, not {earlier} once"));
        }
    }
    Ok(())
}

/// After a crash of a replacement each table has its old rows or its new ones, nothing in between.
pub(crate) async fn either(world: &World) -> Result<(), Violation> {
    let mut check = Check { destination: world.destination().await?, tables: BTreeMap::new() };
    for (table, name, old, new) in [
        ("events", "id", &["11"][..], &["1", "2", "3"][..]),
        ("events__tags", "value", &["k"], &["a", "b", "c"]),
        ("old", "id", &["12"], &[]),
    ] {
        let found = column(&check.rows(table).await?, name);
        if found != old && found != new {
            return Err(format!("{table} has {found:?}, neither {old:?} nor {new:?}"));
        }
    }
    Ok(())
}

struct Check {
    destination: Destination,
    /// Tables that have been opened.
    tables: BTreeMap<String, Table>,
}

impl Check {
    async fn rows_of_tables(&mut self, how: How) -> Result<(), Violation> {
        let more = how == How::AppendMore;
        let with = |earlier: &'static str, new: &[&'static str]| {
            let mut all: Vec<_> = new.iter().copied().chain(more.then_some(earlier)).collect();
            all.sort_unstable();
            all
        };
        let (events, tags) = (self.rows("events").await?, self.rows("events__tags").await?);
        equal("events", &column(&events, "id"), &with("11", &["1", "2", "3"]))?;
        equal("sizes", &column(&events, "size"), &with("", &["", "", "1.5"]))?;
        equal("sizes of another type", &column(&events, "size__v_text"), &with("", &["", "", "large"]))?;
        equal("tags", &column(&tags, "value"), &with("k", &["a", "b", "c"]))?;
        equal("users", &column(&self.rows("users").await?, "name"), &["x", "y"])?;
        if how != How::Append {
            equal("old", &column(&self.rows("old").await?, "id"), &with("12", &[]))?;
        }
        let ids: BTreeSet<_> = events.iter().filter_map(|row| row.get("_row_id")).collect();
        if ids.len() != events.len() {
            return Err("two rows have one id".to_owned());
        }
        for tag in &tags {
            let parent = events.iter().find(|event| event.get("_row_id") == tag.get("_parent_id"));
            let expected = match tag.get("value").map(String::as_str) {
                Some("c") => "3",
                Some("k") => "11",
                _ => "1",
            };
            match parent.and_then(|parent| parent.get("id")) {
                None => return Err(format!("a child row is an orphan: {tag:?}")),
                Some(id) if id != expected => {
                    return Err(format!("a child row has the parent {id}: {tag:?}"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn table(&mut self, name: &str) -> Result<Table, Error> {
        if let Some(table) = self.tables.get(name) {
            return Ok(table.clone());
        }
        let table = self.destination.open(name).await?;
        self.tables.insert(name.to_owned(), table.clone());
        Ok(table)
    }

    async fn rows(&mut self, name: &str) -> Result<Vec<Row>, Violation> {
        let failed = |e| format!("{name} cannot be read: {e:?}");
        let table = self.table(name).await.map_err(failed)?;
        let mut batches = table.scan(ScanArgs::default()).await.map_err(failed)?;
        let mut rows = vec![];
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let schema = batch.schema();
            for row in 0..batch.num_rows() {
                let mut values = Row::new();
                for (field, column) in schema.fields().iter().zip(batch.columns()) {
                    let value = Scalar::try_new(column.slice(row, 1)).map_err(failed)?;
                    if !value.is_null() {
                        values.insert(field.name().clone(), value.to_string());
                    }
                }
                rows.push(values);
            }
        }
        Ok(rows)
    }

    /// The newest manifest is finished and has the source's last cursor, and so have the commits of its tables.
    async fn cursor(&mut self, how: How, world: &World) -> Result<(), Violation> {
        let state = format!("{}/_stitchwork/script", self.destination.location);
        let folder = self.destination.registry.stores().resolve(&state).map_err(|e| format!("{e:?}"))?.path;
        let failed = |e| format!("the state cannot be read: {e}");
        let objects: Vec<_> = world.store.list(Some(&folder)).try_collect().await.map_err(failed)?;
        let paths: BTreeSet<_> = objects.iter().map(|object| object.location.to_string()).collect();
        let newest = paths.iter().rfind(|path| path.ends_with(".json")).ok_or("there is no load manifest")?;
        if !paths.contains(&newest.replace(".json", ".done")) {
            return Err(format!("{newest} has no mark"));
        }
        let found = world.store.get(&Path::from(newest.as_str())).await.map_err(failed)?;
        let bytes = found.bytes().await.map_err(failed)?;
        let manifest: Value = serde_json::from_slice(&bytes).map_err(|e| format!("{newest}: {e}"))?;
        let cursor = load::script(how).end().0;
        if manifest.get("cursor") != Some(&cursor) {
            return Err(format!("the manifest has the cursor {:?}", manifest.get("cursor")));
        }
        let tables = manifest.get("tables").and_then(Value::as_array).cloned().unwrap_or_default();
        for name in tables.iter().filter_map(|table| table.get("name")?.as_str()) {
            let failed = |e| format!("{name} cannot be read: {e:?}");
            let table = self.table(name).await.map_err(failed)?;
            let snapshot = table.snapshot().await.map_err(failed)?;
            let tag = snapshot.tag("stitchwork/script").await.map_err(failed)?;
            let tag = tag.ok_or_else(|| format!("{name} has no tag"))?;
            if Some(tag.id) != manifest.get("load").and_then(Value::as_i64) {
                return Err(format!("{name} has load {}, the manifest {:?}", tag.id, manifest.get("load")));
            }
            let told = tag.payload.as_ref().and_then(|payload| payload.get("cursor"));
            if told != Some(&cursor) {
                return Err(format!("the commit of {name} has the cursor {told:?}"));
            }
        }
        Ok(())
    }
}

fn column(rows: &[Row], name: &str) -> Vec<String> {
    let mut values: Vec<_> = rows.iter().map(|row| row.get(name).cloned().unwrap_or_default()).collect();
    values.sort();
    values
}

fn equal(what: &str, found: &[String], expected: &[&str]) -> Result<(), Violation> {
    if found == expected { Ok(()) } else { Err(format!("{what} are {found:?}, expected {expected:?}")) }
}
